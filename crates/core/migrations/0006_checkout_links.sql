-- Stored recipes of checkouts, to be put on a web page.

CREATE TABLE checkout_links (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    product_id uuid NOT NULL,
    product_price_id uuid,
    discount_id uuid,
    payment_processor text NOT NULL,
    client_secret text NOT NULL,
    label text,
    success_url text,
    allow_discount_codes boolean NOT NULL,
    metadata json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT checkout_links_payment_processor_check CHECK (payment_processor IN ('stripe')),
    CONSTRAINT checkout_links_pkey PRIMARY KEY (id),
    CONSTRAINT checkout_links_client_secret_key UNIQUE (client_secret),
    CONSTRAINT checkout_links_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT checkout_links_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT checkout_links_product_price_id_fkey FOREIGN KEY (product_price_id) REFERENCES product_prices (id),
    CONSTRAINT checkout_links_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id)
);
CREATE INDEX checkout_links_created_at_idx ON checkout_links (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX checkout_links_product_id_idx ON checkout_links (product_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX checkout_links_discount_id_idx ON checkout_links (discount_id);

-- How many live checkout links an organization has, for the total of their list.
CREATE TABLE checkout_link_counts (
    organization_id uuid NOT NULL,
    checkout_links bigint NOT NULL,
    CONSTRAINT checkout_link_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT checkout_link_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT checkout_link_counts_checkout_links_check CHECK (checkout_links >= 0)
);
