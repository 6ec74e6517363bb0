-- What an organization sells, for how much, and what comes with it.

CREATE TABLE products (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    is_archived boolean NOT NULL,
    metadata json NOT NULL,
    -- Derived from the current prices by every change of them, so that an index filters and sorts lists. True if all
    -- current prices are recurring.
    is_recurring boolean NOT NULL,
    -- Of the oldest current price: 0 one_time, 1 recurring; 0 free, 1 custom, 2 fixed; and -2 if it is free, the least
    -- amount or -1 if it is custom, the amount if it is fixed. What has no price has the greatest number in all three.
    first_price_type bigint NOT NULL,
    first_price_amount_type bigint NOT NULL,
    first_price_amount bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
-- Lists are read from up to four stretches of one of these: archived or not, recurring or not.
CREATE INDEX products_created_at_idx ON products (organization_id, is_archived, is_recurring, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_name_idx ON products (organization_id, is_archived, is_recurring, lower(name), id) WHERE deleted_at IS NULL;
CREATE INDEX products_price_type_idx ON products (organization_id, is_archived, is_recurring, first_price_type, id) WHERE deleted_at IS NULL;
CREATE INDEX products_price_amount_type_idx ON products (organization_id, is_archived, is_recurring, first_price_amount_type, id) WHERE deleted_at IS NULL;
CREATE INDEX products_price_amount_idx ON products (organization_id, is_archived, is_recurring, first_price_amount, id) WHERE deleted_at IS NULL;

-- How many live products an organization has of each sort, for the totals of their list.
CREATE TABLE product_counts (
    organization_id uuid NOT NULL,
    is_archived boolean NOT NULL,
    is_recurring boolean NOT NULL,
    products bigint NOT NULL,
    CONSTRAINT product_counts_pkey PRIMARY KEY (organization_id, is_archived, is_recurring),
    CONSTRAINT product_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT product_counts_products_check CHECK (products >= 0)
);

CREATE TABLE product_prices (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    -- The place among the product's prices, the oldest first.
    position bigint NOT NULL,
    type text NOT NULL,
    amount_type text NOT NULL,
    recurring_interval text,
    price_currency text,
    price_amount bigint,
    minimum_amount bigint,
    maximum_amount bigint,
    preset_amount bigint,
    is_archived boolean NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT product_prices_pkey PRIMARY KEY (id),
    CONSTRAINT product_prices_product_id_position_key UNIQUE (product_id, position),
    CONSTRAINT product_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT product_prices_type_check CHECK (type IN ('recurring', 'one_time')),
    CONSTRAINT product_prices_amount_type_check CHECK (amount_type IN ('fixed', 'custom', 'free')),
    CONSTRAINT product_prices_recurring_interval_check CHECK (recurring_interval IN ('month', 'year')),
    CONSTRAINT product_prices_interval_of_recurring_check CHECK ((type = 'recurring') = (recurring_interval IS NOT NULL)),
    CONSTRAINT product_prices_amount_of_fixed_check CHECK ((amount_type = 'fixed') = (price_amount IS NOT NULL)),
    CONSTRAINT product_prices_currency_check CHECK ((amount_type = 'free') = (price_currency IS NULL))
);

CREATE TABLE product_benefits (
    product_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT product_benefits_pkey PRIMARY KEY (product_id, benefit_id),
    CONSTRAINT product_benefits_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT product_benefits_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id)
);
CREATE INDEX product_benefits_benefit_id_idx ON product_benefits (benefit_id, product_id);

-- On how many products a benefit is.
CREATE TABLE product_benefit_counts (
    benefit_id uuid NOT NULL,
    products bigint NOT NULL,
    CONSTRAINT product_benefit_counts_pkey PRIMARY KEY (benefit_id),
    CONSTRAINT product_benefit_counts_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT product_benefit_counts_products_check CHECK (products >= 0)
);

CREATE TABLE product_medias (
    product_id uuid NOT NULL,
    position bigint NOT NULL,
    file_id uuid NOT NULL,
    CONSTRAINT product_medias_pkey PRIMARY KEY (product_id, position),
    CONSTRAINT product_medias_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT product_medias_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id)
);
CREATE INDEX product_medias_file_id_idx ON product_medias (file_id);

CREATE TABLE product_custom_fields (
    product_id uuid NOT NULL,
    position bigint NOT NULL,
    custom_field_id uuid NOT NULL,
    required boolean NOT NULL,
    CONSTRAINT product_custom_fields_pkey PRIMARY KEY (product_id, position),
    CONSTRAINT product_custom_fields_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT product_custom_fields_custom_field_id_fkey FOREIGN KEY (custom_field_id) REFERENCES custom_fields (id)
);
CREATE INDEX product_custom_fields_custom_field_id_idx ON product_custom_fields (custom_field_id);

-- Who bought what: the scopes that benefits are granted in.
CREATE TABLE orders (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    product_id uuid NOT NULL,
    -- Set on the orders of a subscription, whose benefits are granted in the subscription's scope.
    subscription_id uuid,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT orders_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id)
);
-- The one-time purchases of a product, in the order in which a job walks over them.
CREATE INDEX orders_product_id_idx ON orders (product_id, created_at, id) WHERE subscription_id IS NULL;
CREATE INDEX orders_customer_id_idx ON orders (customer_id, created_at, id);
