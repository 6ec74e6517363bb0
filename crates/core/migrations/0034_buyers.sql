-- Since when a customer is a buyer: has an order.
ALTER TABLE customers ADD COLUMN bought_at timestamptz;
UPDATE customers SET bought_at = bought.first_at
FROM (SELECT customer_id, min(created_at) AS first_at FROM orders GROUP BY customer_id) AS bought WHERE bought.customer_id = customers.id;
CREATE INDEX customers_bought_at_idx ON customers (organization_id, bought_at, id) WHERE bought_at IS NOT NULL AND deleted_at IS NULL;

-- How many live customers of an organization are buyers; none if there is no row. Apart from their other total, which begins of
-- purchases change.
CREATE TABLE buyer_counts (
    organization_id uuid NOT NULL,
    buyers bigint NOT NULL,
    CONSTRAINT buyer_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT buyer_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT buyer_counts_buyers_check CHECK (buyers >= 0)
);
INSERT INTO buyer_counts (organization_id, buyers)
SELECT organization_id, count(*) FROM customers WHERE bought_at IS NOT NULL AND deleted_at IS NULL GROUP BY organization_id;
