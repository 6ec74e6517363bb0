-- How many checkouts there are of each product, for the totals of their lists.

CREATE TABLE checkout_counts (
    product_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    checkouts bigint NOT NULL,
    CONSTRAINT checkout_counts_pkey PRIMARY KEY (product_id),
    CONSTRAINT checkout_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT checkout_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT checkout_counts_checkouts_check CHECK (checkouts >= 0)
);
CREATE INDEX checkout_counts_organization_id_idx ON checkout_counts (organization_id, checkouts);
