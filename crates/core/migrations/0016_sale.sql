-- The sale: checkouts, what is paid, and what is paid again and again.

-- How far the clock of an organization is ahead of the real one. Only organizations whose clock was moved have a row.
CREATE TABLE organization_clocks (
    organization_id uuid NOT NULL,
    ahead_us bigint NOT NULL,
    -- Where the clock is being moved to, while that is under way.
    target_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT organization_clocks_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organization_clocks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT organization_clocks_ahead_us_check CHECK (ahead_us >= 0)
);

CREATE TABLE subscriptions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    product_id uuid NOT NULL,
    price_id uuid NOT NULL,
    discount_id uuid,
    checkout_id uuid,
    status text NOT NULL,
    -- What a period costs by the price as it was agreed, and what the current one costs less discount; before tax.
    -- Null if it is free.
    base_amount bigint,
    amount bigint,
    currency text,
    recurring_interval text NOT NULL,
    current_period_start timestamptz NOT NULL,
    current_period_end timestamptz NOT NULL,
    cancel_at_period_end boolean NOT NULL,
    canceled_at timestamptz,
    started_at timestamptz,
    ends_at timestamptz,
    ended_at timestamptz,
    customer_cancellation_reason text,
    customer_cancellation_comment text,
    metadata json NOT NULL,
    custom_field_data json NOT NULL,
    payment_method_id uuid,
    -- Period n begins at anchor_at + (n - anchor_period) intervals of the calendar.
    anchor_at timestamptz NOT NULL,
    anchor_period bigint NOT NULL,
    -- The number of the current period, counted from zero over the whole life.
    period bigint NOT NULL,
    -- Since when the discount runs.
    discount_since timestamptz,
    -- When the billing engine has to look at it next: the end of the period, or the next try after a failed payment.
    due_at timestamptz,
    -- Since when the payment of the current period is owed, and how often it was tried again.
    past_due_since timestamptz,
    retries bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
    CONSTRAINT subscriptions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT subscriptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT subscriptions_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT subscriptions_price_id_fkey FOREIGN KEY (price_id) REFERENCES product_prices (id),
    CONSTRAINT subscriptions_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT subscriptions_status_check CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid')),
    CONSTRAINT subscriptions_recurring_interval_check CHECK (recurring_interval IN ('month', 'year')),
    CONSTRAINT subscriptions_currency_check CHECK ((amount IS NULL) = (currency IS NULL) AND (base_amount IS NULL) = (currency IS NULL)),
    CONSTRAINT subscriptions_period_check CHECK (period >= anchor_period AND anchor_period >= 0 AND current_period_start < current_period_end)
);
CREATE INDEX subscriptions_due_at_idx ON subscriptions (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX subscriptions_organization_due_at_idx ON subscriptions (organization_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX subscriptions_started_at_idx ON subscriptions (organization_id, started_at, id);
CREATE INDEX subscriptions_customer_id_idx ON subscriptions (customer_id, started_at, id);
CREATE INDEX subscriptions_product_id_idx ON subscriptions (product_id, started_at, id);
CREATE INDEX subscriptions_discount_id_idx ON subscriptions (discount_id, started_at, id) WHERE discount_id IS NOT NULL;
CREATE INDEX subscriptions_checkout_id_idx ON subscriptions (checkout_id) WHERE checkout_id IS NOT NULL;
CREATE INDEX subscriptions_created_at_idx ON subscriptions (organization_id, created_at, id);
CREATE INDEX subscriptions_product_walk_idx ON subscriptions (product_id, created_at, id);

CREATE TABLE checkouts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    client_secret text NOT NULL,
    status text NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The payment that a confirmation under way waits for; such a checkout still shows as open.
    confirming_payment_id uuid,
    success_url text,
    embed_origin text,
    product_id uuid NOT NULL,
    product_price_id uuid NOT NULL,
    -- All null if the price is free.
    amount bigint,
    currency text,
    discount_id uuid,
    discount_amount bigint NOT NULL,
    -- Null as long as it cannot be computed.
    tax_amount bigint,
    -- How the tax came about, for the invoice, and whether the amount holds it already.
    tax json,
    is_tax_inclusive boolean NOT NULL,
    allow_discount_codes boolean NOT NULL,
    customer_id uuid,
    customer_name text,
    customer_email text,
    customer_ip_address text,
    customer_billing_address json,
    customer_tax_id json,
    metadata json NOT NULL,
    customer_metadata json NOT NULL,
    custom_field_data json NOT NULL,
    -- The free subscription that it turns into a paid one.
    subscription_id uuid,
    -- What the browser needs of the processor.
    payment_processor_metadata json NOT NULL,
    is_legacy boolean NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT checkouts_pkey PRIMARY KEY (id),
    CONSTRAINT checkouts_client_secret_key UNIQUE (client_secret),
    CONSTRAINT checkouts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT checkouts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT checkouts_product_price_id_fkey FOREIGN KEY (product_price_id) REFERENCES product_prices (id),
    CONSTRAINT checkouts_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT checkouts_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT checkouts_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT checkouts_status_check CHECK (status IN ('open', 'expired', 'confirmed', 'succeeded', 'failed')),
    CONSTRAINT checkouts_currency_check CHECK (amount IS NULL OR currency IS NOT NULL),
    CONSTRAINT checkouts_discount_amount_check CHECK (discount_amount >= 0 AND discount_amount <= coalesce(amount, 0))
);
CREATE INDEX checkouts_created_at_idx ON checkouts (organization_id, created_at, id);
CREATE INDEX checkouts_expires_at_idx ON checkouts (organization_id, expires_at, id);
CREATE INDEX checkouts_product_created_at_idx ON checkouts (product_id, created_at, id);
CREATE INDEX checkouts_product_expires_at_idx ON checkouts (product_id, expires_at, id);
CREATE INDEX checkouts_open_idx ON checkouts (expires_at, id) WHERE status = 'open';
CREATE INDEX checkouts_customer_id_idx ON checkouts (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX checkouts_subscription_id_idx ON checkouts (subscription_id) WHERE subscription_id IS NOT NULL;

-- Who a customer is at a payment processor.
CREATE TABLE processor_customers (
    customer_id uuid NOT NULL,
    processor text NOT NULL,
    processor_customer_id text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT processor_customers_pkey PRIMARY KEY (customer_id, processor),
    CONSTRAINT processor_customers_processor_customer_id_key UNIQUE (processor, processor_customer_id),
    CONSTRAINT processor_customers_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE payment_methods (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    processor text NOT NULL,
    processor_method_id text NOT NULL,
    type text NOT NULL,
    brand text,
    last4 text,
    exp_month bigint,
    exp_year bigint,
    country text,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    -- When the customer removed it.
    detached_at timestamptz,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    CONSTRAINT payment_methods_processor_method_id_key UNIQUE (processor, processor_method_id),
    CONSTRAINT payment_methods_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT payment_methods_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE INDEX subscriptions_payment_method_id_idx ON subscriptions (payment_method_id) WHERE payment_method_id IS NOT NULL;
CREATE INDEX payment_methods_customer_id_idx ON payment_methods (customer_id, created_at, id) WHERE detached_at IS NULL;

-- What is to be paid, or was.
CREATE TABLE invoices (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    checkout_id uuid,
    subscription_id uuid,
    -- Of the subscription; one invoice a period.
    period bigint,
    period_start timestamptz,
    period_end timestamptz,
    billing_reason text NOT NULL,
    status text NOT NULL,
    product_id uuid NOT NULL,
    product_price_id uuid NOT NULL,
    discount_id uuid,
    currency text NOT NULL,
    -- The sum of the lines, less discount, is the subtotal; with tax it is the total; less credit it is what is due.
    -- A negative total is given as credit, and nothing is due.
    amount bigint NOT NULL,
    discount_amount bigint NOT NULL,
    tax_amount bigint NOT NULL,
    tax json,
    credit_applied bigint NOT NULL,
    -- As of the moment it was made out.
    customer_name text,
    customer_email text NOT NULL,
    customer_billing_address json,
    customer_tax_id json,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    settled_at timestamptz,
    CONSTRAINT invoices_pkey PRIMARY KEY (id),
    CONSTRAINT invoices_checkout_id_key UNIQUE (checkout_id),
    CONSTRAINT invoices_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT invoices_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT invoices_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES checkouts (id),
    CONSTRAINT invoices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT invoices_status_check CHECK (status IN ('open', 'paid', 'void', 'uncollectible')),
    CONSTRAINT invoices_billing_reason_check CHECK (billing_reason IN ('purchase', 'subscription_create', 'subscription_cycle', 'subscription_update')),
    CONSTRAINT invoices_period_check CHECK ((subscription_id IS NULL) = (period IS NULL)),
    CONSTRAINT invoices_credit_applied_check CHECK (credit_applied >= 0)
);
-- What was made out for a change that did not come about leaves its period free.
CREATE UNIQUE INDEX invoices_subscription_id_period_key ON invoices (subscription_id, period) WHERE status <> 'void';

-- The lines of invoices. Those without an invoice wait for the subscription's next one.
CREATE TABLE invoice_lines (
    id uuid NOT NULL,
    invoice_id uuid,
    subscription_id uuid,
    product_price_id uuid NOT NULL,
    description text NOT NULL,
    amount bigint NOT NULL,
    is_proration boolean NOT NULL,
    period_start timestamptz,
    period_end timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT invoice_lines_pkey PRIMARY KEY (id),
    CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id),
    CONSTRAINT invoice_lines_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT invoice_lines_product_price_id_fkey FOREIGN KEY (product_price_id) REFERENCES product_prices (id)
);
CREATE INDEX invoice_lines_invoice_id_idx ON invoice_lines (invoice_id, id) WHERE invoice_id IS NOT NULL;
CREATE INDEX invoice_lines_waiting_idx ON invoice_lines (subscription_id, id) WHERE invoice_id IS NULL;

-- Attempts to get money, or the leave to get it later. Written before the processor is asked.
CREATE TABLE payments (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    checkout_id uuid,
    invoice_id uuid,
    kind text NOT NULL,
    status text NOT NULL,
    processor text NOT NULL,
    -- What pays: a confirmation token of the browser, or the id of a saved method at the processor.
    source text NOT NULL,
    is_off_session boolean NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    processor_intent_id text,
    processor_charge_id text,
    payment_method_id uuid,
    fee_amount bigint,
    failure_code text,
    failure_message text,
    -- When the processor has to be asked what became of it, as long as that is not known; by the real clock.
    ask_at timestamptz,
    asked bigint NOT NULL,
    -- When it was written down by the real clock.
    planned_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    settled_at timestamptz,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT payments_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT payments_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES checkouts (id),
    CONSTRAINT payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id),
    CONSTRAINT payments_payment_method_id_fkey FOREIGN KEY (payment_method_id) REFERENCES payment_methods (id),
    CONSTRAINT payments_kind_check CHECK (kind IN ('charge', 'setup')),
    CONSTRAINT payments_status_check CHECK (status IN ('pending', 'requires_action', 'processing', 'succeeded', 'failed')),
    CONSTRAINT payments_amount_check CHECK (amount >= 0 AND (kind = 'setup') = (amount = 0))
);
CREATE INDEX payments_ask_at_idx ON payments (ask_at, id) WHERE ask_at IS NOT NULL;
CREATE INDEX payments_organization_ask_at_idx ON payments (organization_id, ask_at, id) WHERE ask_at IS NOT NULL;
CREATE INDEX payments_intent_idx ON payments (processor, processor_intent_id) WHERE processor_intent_id IS NOT NULL;
CREATE INDEX payments_checkout_id_idx ON payments (checkout_id, id) WHERE checkout_id IS NOT NULL;
CREATE INDEX payments_invoice_id_idx ON payments (invoice_id, id) WHERE invoice_id IS NOT NULL;
CREATE INDEX payments_customer_id_idx ON payments (customer_id, created_at, id);

-- Orders were only who bought what until now; what was given for nothing is one of no amount.
CREATE TABLE orders_before AS SELECT * FROM orders;
DROP TABLE orders;
CREATE TABLE orders (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    product_id uuid NOT NULL,
    -- Null for what a seller gave of a product that never had a price.
    product_price_id uuid,
    subscription_id uuid,
    checkout_id uuid,
    discount_id uuid,
    invoice_id uuid,
    -- Of the invoice: counted without gaps in each organization. What was given has none.
    invoice_number bigint,
    billing_reason text NOT NULL,
    -- Less discount, before tax.
    amount bigint NOT NULL,
    tax_amount bigint NOT NULL,
    currency text NOT NULL,
    billing_address json,
    metadata json NOT NULL,
    custom_field_data json NOT NULL,
    -- With tax.
    refunded_amount bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_invoice_id_key UNIQUE (invoice_id),
    CONSTRAINT orders_invoice_number_key UNIQUE (organization_id, invoice_number),
    CONSTRAINT orders_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT orders_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT orders_product_price_id_fkey FOREIGN KEY (product_price_id) REFERENCES product_prices (id),
    CONSTRAINT orders_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT orders_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id),
    CONSTRAINT orders_billing_reason_check CHECK (billing_reason IN ('purchase', 'subscription_create', 'subscription_cycle', 'subscription_update')),
    CONSTRAINT orders_refunded_amount_check CHECK (refunded_amount >= 0)
);
INSERT INTO orders (id, organization_id, customer_id, product_id, product_price_id, subscription_id, billing_reason,
    amount, tax_amount, currency, metadata, custom_field_data, refunded_amount, created_at, modified_at)
SELECT orders_before.id, products.organization_id, orders_before.customer_id, orders_before.product_id,
    (SELECT product_prices.id FROM product_prices WHERE product_prices.product_id = products.id ORDER BY position LIMIT 1),
    orders_before.subscription_id,
    CASE WHEN orders_before.subscription_id IS NULL THEN 'purchase' ELSE 'subscription_create' END,
    0, 0, 'usd', '{}', '{}', 0, orders_before.created_at, orders_before.modified_at
FROM orders_before JOIN products ON products.id = orders_before.product_id;
DROP TABLE orders_before;
-- The one-time purchases of a product, in the order in which a job walks over them.
CREATE INDEX orders_product_walk_idx ON orders (product_id, created_at, id) WHERE subscription_id IS NULL;
CREATE INDEX orders_created_at_idx ON orders (organization_id, created_at, id);
CREATE INDEX orders_amount_idx ON orders (organization_id, amount, id);
CREATE INDEX orders_product_id_idx ON orders (product_id, created_at, id);
CREATE INDEX orders_customer_id_idx ON orders (customer_id, created_at, id);
CREATE INDEX orders_discount_id_idx ON orders (discount_id, created_at, id) WHERE discount_id IS NOT NULL;
CREATE INDEX orders_subscription_id_idx ON orders (subscription_id, created_at, id) WHERE subscription_id IS NOT NULL;
CREATE INDEX orders_checkout_id_idx ON orders (checkout_id) WHERE checkout_id IS NOT NULL;

-- The last invoice number of an organization.
CREATE TABLE invoice_numbers (
    organization_id uuid NOT NULL,
    last_number bigint NOT NULL,
    CONSTRAINT invoice_numbers_pkey PRIMARY KEY (organization_id),
    CONSTRAINT invoice_numbers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

-- What a customer has as credit: the sum of these. Append-only.
CREATE TABLE credit_entries (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    -- Positive gives credit, negative uses it.
    amount bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT credit_entries_pkey PRIMARY KEY (id),
    CONSTRAINT credit_entries_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT credit_entries_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT credit_entries_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id)
);
CREATE INDEX credit_entries_customer_id_idx ON credit_entries (customer_id, currency);
CREATE INDEX credit_entries_invoice_id_idx ON credit_entries (invoice_id);

CREATE TABLE refunds (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    -- Null for money that came when nobody waited for it any more.
    order_id uuid,
    payment_id uuid NOT NULL,
    -- With tax.
    amount bigint NOT NULL,
    tax_amount bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    reason text,
    -- Whether what was bought is taken back once it succeeds.
    revokes_benefits boolean NOT NULL,
    processor_refund_id text,
    failure_message text,
    ask_at timestamptz,
    asked bigint NOT NULL,
    planned_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    settled_at timestamptz,
    CONSTRAINT refunds_pkey PRIMARY KEY (id),
    CONSTRAINT refunds_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT refunds_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT refunds_status_check CHECK (status IN ('pending', 'succeeded', 'failed')),
    CONSTRAINT refunds_amount_check CHECK (amount > 0)
);
CREATE INDEX refunds_order_id_idx ON refunds (order_id, id);
CREATE INDEX refunds_ask_at_idx ON refunds (ask_at, id) WHERE ask_at IS NOT NULL;
CREATE INDEX refunds_payment_id_idx ON refunds (payment_id, id);

CREATE TABLE disputes (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    processor_dispute_id text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    fee_amount bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT disputes_pkey PRIMARY KEY (id),
    CONSTRAINT disputes_processor_dispute_id_key UNIQUE (payment_id, processor_dispute_id),
    CONSTRAINT disputes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT disputes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT disputes_status_check CHECK (status IN ('open', 'won', 'lost'))
);

-- Messages of processors that were taken in, so that none counts twice.
CREATE TABLE processor_events (
    processor text NOT NULL,
    event_id text NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT processor_events_pkey PRIMARY KEY (processor, event_id)
);
CREATE INDEX processor_events_received_at_idx ON processor_events (received_at);

-- Answers to custom fields whose slug was changed, which are still being given the new one. The oldest of an organization
-- goes first.
CREATE TABLE custom_field_renames (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    custom_field_id uuid NOT NULL,
    from_slug text NOT NULL,
    to_slug text NOT NULL,
    -- How far that has come: in which table, and after which row.
    place text NOT NULL,
    after_created_at timestamptz,
    after_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT custom_field_renames_pkey PRIMARY KEY (id),
    CONSTRAINT custom_field_renames_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT custom_field_renames_custom_field_id_fkey FOREIGN KEY (custom_field_id) REFERENCES custom_fields (id),
    CONSTRAINT custom_field_renames_place_check CHECK (place IN ('checkouts', 'subscriptions', 'orders'))
);
CREATE INDEX custom_field_renames_organization_id_idx ON custom_field_renames (organization_id, id);
