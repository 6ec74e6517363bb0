-- Reductions that buyers get by a code, or that a checkout link brings along.

CREATE TABLE discounts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    amount bigint,
    currency text,
    basis_points bigint,
    duration text NOT NULL,
    duration_in_months bigint,
    code text,
    starts_at timestamptz,
    ends_at timestamptz,
    max_redemptions bigint,
    -- How many rows discount_redemptions has for it; counted in the unit that redeems, so that the limit holds.
    redemptions_count bigint NOT NULL,
    metadata json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT discounts_pkey PRIMARY KEY (id),
    CONSTRAINT discounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT discounts_type_check CHECK (type IN ('fixed', 'percentage')),
    CONSTRAINT discounts_duration_check CHECK (duration IN ('once', 'forever', 'repeating')),
    CONSTRAINT discounts_duration_in_months_check CHECK ((duration = 'repeating') = (duration_in_months IS NOT NULL)),
    CONSTRAINT discounts_amount_check CHECK ((type = 'fixed') = (amount IS NOT NULL) AND (type = 'fixed') = (currency IS NOT NULL)),
    CONSTRAINT discounts_basis_points_check CHECK ((type = 'percentage') = (basis_points IS NOT NULL)),
    CONSTRAINT discounts_redemptions_count_check CHECK (redemptions_count >= 0)
);
-- The code of a deleted discount can be used again.
CREATE UNIQUE INDEX discounts_organization_id_code_key ON discounts (organization_id, lower(code)) WHERE deleted_at IS NULL AND code IS NOT NULL;
CREATE INDEX discounts_created_at_idx ON discounts (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX discounts_name_idx ON discounts (organization_id, lower(name), id) WHERE deleted_at IS NULL;
-- What has no code is sorted by the last character there is, because the engines put nulls to different ends of an index.
CREATE INDEX discounts_code_idx ON discounts (organization_id, coalesce(code, '􏿿'), id) WHERE deleted_at IS NULL;
CREATE INDEX discounts_redemptions_count_idx ON discounts (organization_id, redemptions_count, id) WHERE deleted_at IS NULL;

-- How many live discounts an organization has, for the total of their list.
CREATE TABLE discount_counts (
    organization_id uuid NOT NULL,
    discounts bigint NOT NULL,
    CONSTRAINT discount_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT discount_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT discount_counts_discounts_check CHECK (discounts >= 0)
);

-- The products that a discount is for; none means all.
CREATE TABLE discount_products (
    discount_id uuid NOT NULL,
    product_id uuid NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT discount_products_pkey PRIMARY KEY (discount_id, product_id),
    CONSTRAINT discount_products_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id),
    CONSTRAINT discount_products_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id)
);
CREATE INDEX discount_products_product_id_idx ON discount_products (product_id);

-- One for each confirmed checkout.
CREATE TABLE discount_redemptions (
    id uuid NOT NULL,
    discount_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT discount_redemptions_pkey PRIMARY KEY (id),
    CONSTRAINT discount_redemptions_discount_id_checkout_id_key UNIQUE (discount_id, checkout_id),
    CONSTRAINT discount_redemptions_discount_id_fkey FOREIGN KEY (discount_id) REFERENCES discounts (id)
);
