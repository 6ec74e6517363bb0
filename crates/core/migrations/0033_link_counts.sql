-- How many live checkout links there are to each product, for the totals of their lists.

CREATE TABLE product_link_counts (
    product_id uuid NOT NULL,
    checkout_links bigint NOT NULL,
    CONSTRAINT product_link_counts_pkey PRIMARY KEY (product_id),
    CONSTRAINT product_link_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT product_link_counts_checkout_links_check CHECK (checkout_links >= 0)
);
INSERT INTO product_link_counts (product_id, checkout_links)
SELECT product_id, count(*) FROM checkout_links WHERE deleted_at IS NULL GROUP BY product_id;
