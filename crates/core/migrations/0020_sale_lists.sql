-- What lists of subscriptions and orders need to cost the same for ten rows and for a million.

-- How many subscriptions that have begun a product has, by how they stand, for the totals of their lists.
CREATE TABLE subscription_counts (
    organization_id uuid NOT NULL,
    product_id uuid NOT NULL,
    active bigint NOT NULL,
    revoked bigint NOT NULL,
    other bigint NOT NULL,
    CONSTRAINT subscription_counts_pkey PRIMARY KEY (organization_id, product_id),
    CONSTRAINT subscription_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT subscription_counts_check CHECK (active >= 0 AND revoked >= 0 AND other >= 0)
);

-- How many orders a product has, by the type of their price. What was given without a price counts as paid once.
CREATE TABLE order_counts (
    organization_id uuid NOT NULL,
    product_id uuid NOT NULL,
    one_time bigint NOT NULL,
    recurring bigint NOT NULL,
    CONSTRAINT order_counts_pkey PRIMARY KEY (organization_id, product_id),
    CONSTRAINT order_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT order_counts_check CHECK (one_time >= 0 AND recurring >= 0)
);
INSERT INTO order_counts (organization_id, product_id, one_time, recurring)
SELECT orders.organization_id, orders.product_id,
    sum(CASE WHEN product_prices.type = 'recurring' THEN 0 ELSE 1 END),
    sum(CASE WHEN product_prices.type = 'recurring' THEN 1 ELSE 0 END)
FROM orders LEFT JOIN product_prices ON product_prices.id = orders.product_price_id
GROUP BY orders.organization_id, orders.product_id;

-- The same of those that have a discount, by discount.
CREATE TABLE subscription_discount_counts (
    organization_id uuid NOT NULL,
    discount_id uuid NOT NULL,
    product_id uuid NOT NULL,
    active bigint NOT NULL,
    revoked bigint NOT NULL,
    other bigint NOT NULL,
    CONSTRAINT subscription_discount_counts_pkey PRIMARY KEY (organization_id, discount_id, product_id),
    CONSTRAINT subscription_discount_counts_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT subscription_discount_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT subscription_discount_counts_check CHECK (active >= 0 AND revoked >= 0 AND other >= 0)
);
CREATE TABLE order_discount_counts (
    organization_id uuid NOT NULL,
    discount_id uuid NOT NULL,
    product_id uuid NOT NULL,
    one_time bigint NOT NULL,
    recurring bigint NOT NULL,
    CONSTRAINT order_discount_counts_pkey PRIMARY KEY (organization_id, discount_id, product_id),
    CONSTRAINT order_discount_counts_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT order_discount_counts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT order_discount_counts_check CHECK (one_time >= 0 AND recurring >= 0)
);

-- How a subscription stands, as lists order it: what is to end stands after what is not. Lists of those that run, or do
-- not, read a stretch of such an index for each way to stand.
CREATE INDEX subscriptions_status_idx ON subscriptions (organization_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), started_at, id);
CREATE INDEX subscriptions_product_status_idx ON subscriptions (product_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), started_at, id);
CREATE INDEX subscriptions_discount_status_idx ON subscriptions (discount_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), started_at, id) WHERE discount_id IS NOT NULL;
CREATE INDEX subscriptions_current_period_end_idx ON subscriptions (organization_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), current_period_end, id);
CREATE INDEX subscriptions_without_discount_idx ON subscriptions (organization_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), started_at, id) WHERE discount_id IS NULL;
CREATE INDEX subscriptions_customer_email_idx ON subscriptions (organization_id, customer_email, id);
-- What a year costs. What is free stands last in both directions, so each has its index.
CREATE INDEX subscriptions_amount_up_idx ON subscriptions (organization_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), coalesce(CASE recurring_interval WHEN 'year' THEN amount ELSE amount * 12 END, 9223372036854775807), id);
CREATE INDEX subscriptions_amount_down_idx ON subscriptions (organization_id, (CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3 WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END WHEN 'past_due' THEN 6 WHEN 'canceled' THEN 7 ELSE 8 END), coalesce(CASE recurring_interval WHEN 'year' THEN amount ELSE amount * 12 END, -1), id);
CREATE INDEX subscriptions_product_amount_up_idx ON subscriptions (product_id, coalesce(CASE recurring_interval WHEN 'year' THEN amount ELSE amount * 12 END, 9223372036854775807), id);
CREATE INDEX subscriptions_product_amount_down_idx ON subscriptions (product_id, coalesce(CASE recurring_interval WHEN 'year' THEN amount ELSE amount * 12 END, -1), id);
