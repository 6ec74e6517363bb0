-- The foundation: who runs shops, what they sell as rights, who holds them, and the keys that prove it.
-- One text for both engines; merak-store maps the type words for SQLite.

-- One row: what every node of this installation must agree on.
CREATE TABLE instance (
    id bigint NOT NULL,
    secret_fingerprint text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT instance_pkey PRIMARY KEY (id),
    CONSTRAINT instance_id_check CHECK (id = 1)
);

CREATE TABLE users (
    id uuid NOT NULL,
    email text NOT NULL,
    email_verified boolean NOT NULL,
    blocked_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE organizations (
    id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    avatar_url text,
    bio text,
    company text,
    blog text,
    location text,
    email text,
    twitter_username text,
    pledge_minimum_amount bigint NOT NULL,
    pledge_badge_show_amount boolean NOT NULL,
    default_upfront_split_to_contributors bigint,
    profile_settings json NOT NULL,
    feature_settings json NOT NULL,
    billing_email text,
    default_badge_custom_content text,
    total_monthly_spending_limit bigint,
    per_user_monthly_spending_limit bigint,
    onboarded_at timestamptz,
    blocked_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    -- Deleted organizations keep their slug: addresses that were printed must not lead to somebody else.
    CONSTRAINT organizations_slug_key UNIQUE (slug),
    CONSTRAINT organizations_slug_check CHECK (slug = lower(slug)),
    CONSTRAINT organizations_split_check CHECK (default_upfront_split_to_contributors BETWEEN 0 AND 100)
);

CREATE TABLE organization_members (
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT organization_members_pkey PRIMARY KEY (user_id, organization_id),
    CONSTRAINT organization_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT organization_members_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX organization_members_organization_id_idx ON organization_members (organization_id, user_id);

CREATE TABLE personal_access_tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash text NOT NULL,
    scopes text NOT NULL,
    comment text NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT personal_access_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT personal_access_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT personal_access_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX personal_access_tokens_user_id_idx ON personal_access_tokens (user_id, created_at, id);

CREATE TABLE oauth2_access_tokens (
    id uuid NOT NULL,
    client_id text NOT NULL,
    token_hash text NOT NULL,
    scopes text NOT NULL,
    user_id uuid,
    organization_id uuid,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT oauth2_access_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT oauth2_access_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT oauth2_access_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT oauth2_access_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT oauth2_access_tokens_subject_check CHECK ((user_id IS NULL) <> (organization_id IS NULL))
);
CREATE INDEX oauth2_access_tokens_user_id_idx ON oauth2_access_tokens (user_id);
CREATE INDEX oauth2_access_tokens_organization_id_idx ON oauth2_access_tokens (organization_id);
CREATE INDEX oauth2_access_tokens_expires_at_idx ON oauth2_access_tokens (expires_at);

CREATE TABLE customers (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid,
    email text NOT NULL,
    email_verified boolean NOT NULL,
    name text,
    billing_address json,
    tax_id json,
    metadata json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT customers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
-- An address can be used again after its customer was deleted.
CREATE UNIQUE INDEX customers_organization_id_email_key ON customers (organization_id, lower(email)) WHERE deleted_at IS NULL;
CREATE INDEX customers_created_at_idx ON customers (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX customers_email_idx ON customers (organization_id, lower(email), id) WHERE deleted_at IS NULL;
CREATE INDEX customers_name_idx ON customers (organization_id, lower(name), id) WHERE deleted_at IS NULL;
CREATE INDEX customers_user_id_idx ON customers (user_id);

-- How many live customers an organization has, so that a list's total costs the same for ten and for a million.
CREATE TABLE customer_counts (
    organization_id uuid NOT NULL,
    customers bigint NOT NULL,
    CONSTRAINT customer_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT customer_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT customer_counts_customers_check CHECK (customers >= 0)
);

CREATE TABLE customer_sessions (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    token_hash text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT customer_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT customer_sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT customer_sessions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE INDEX customer_sessions_customer_id_idx ON customer_sessions (customer_id);
CREATE INDEX customer_sessions_expires_at_idx ON customer_sessions (expires_at);

CREATE TABLE benefits (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    type text NOT NULL,
    description text NOT NULL,
    is_tax_applicable boolean NOT NULL,
    selectable boolean NOT NULL,
    deletable boolean NOT NULL,
    properties json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT benefits_pkey PRIMARY KEY (id),
    CONSTRAINT benefits_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT benefits_type_check CHECK (type IN ('custom', 'ads', 'discord', 'github_repository', 'downloadables', 'license_keys'))
);
-- With the condition's column at the end SQLite counts in the index alone; PostgreSQL does so anyway.
CREATE INDEX benefits_type_idx ON benefits (organization_id, type, created_at, id, deleted_at) WHERE deleted_at IS NULL;

-- How many grants and license keys a benefit has, for the totals of their lists.
CREATE TABLE benefit_counts (
    benefit_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    grants bigint NOT NULL,
    granted bigint NOT NULL,
    license_keys bigint NOT NULL,
    CONSTRAINT benefit_counts_pkey PRIMARY KEY (benefit_id),
    CONSTRAINT benefit_counts_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT benefit_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT benefit_counts_check CHECK (grants >= granted AND granted >= 0 AND license_keys >= 0)
);
CREATE INDEX benefit_counts_organization_id_idx ON benefit_counts (organization_id);

-- A benefit given to a customer for one purchase (subscription or order) or by hand (neither).
CREATE TABLE benefit_grants (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    subscription_id uuid,
    order_id uuid,
    granted_at timestamptz,
    revoked_at timestamptz,
    properties json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT benefit_grants_pkey PRIMARY KEY (id),
    CONSTRAINT benefit_grants_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT benefit_grants_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT benefit_grants_scope_check CHECK (subscription_id IS NULL OR order_id IS NULL),
    CONSTRAINT benefit_grants_state_check CHECK (granted_at IS NULL OR revoked_at IS NULL)
);
CREATE UNIQUE INDEX benefit_grants_subscription_key ON benefit_grants (customer_id, benefit_id, subscription_id) WHERE subscription_id IS NOT NULL;
CREATE UNIQUE INDEX benefit_grants_order_key ON benefit_grants (customer_id, benefit_id, order_id) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX benefit_grants_hand_key ON benefit_grants (customer_id, benefit_id) WHERE subscription_id IS NULL AND order_id IS NULL;
CREATE INDEX benefit_grants_benefit_id_idx ON benefit_grants (benefit_id, created_at, id);
CREATE INDEX benefit_grants_granted_idx ON benefit_grants (benefit_id, created_at, id) WHERE granted_at IS NOT NULL;
CREATE INDEX benefit_grants_not_granted_idx ON benefit_grants (benefit_id, created_at, id) WHERE granted_at IS NULL;
CREATE INDEX benefit_grants_live_idx ON benefit_grants (benefit_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX benefit_grants_customer_id_idx ON benefit_grants (customer_id, benefit_id);

CREATE TABLE license_keys (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    key text NOT NULL,
    status text NOT NULL,
    limit_activations bigint,
    limit_usage bigint,
    expires_at timestamptz,
    -- Set when a merchant changed the value of this key by hand: a later change of the benefit leaves it alone.
    has_own_limit_activations boolean NOT NULL,
    has_own_limit_usage boolean NOT NULL,
    has_own_expires_at boolean NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT license_keys_pkey PRIMARY KEY (id),
    CONSTRAINT license_keys_organization_id_key_key UNIQUE (organization_id, key),
    CONSTRAINT license_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT license_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT license_keys_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT license_keys_status_check CHECK (status IN ('granted', 'revoked', 'disabled')),
    CONSTRAINT license_keys_limit_activations_check CHECK (limit_activations > 0),
    CONSTRAINT license_keys_limit_usage_check CHECK (limit_usage > 0)
);
CREATE INDEX license_keys_created_at_idx ON license_keys (organization_id, created_at, id);
CREATE INDEX license_keys_benefit_id_idx ON license_keys (benefit_id, created_at, id);
CREATE INDEX license_keys_customer_id_idx ON license_keys (customer_id, created_at, id);

-- What validations and activations change, apart from the key itself: the row is narrow, so a million validations a day
-- write little, and an app that takes a seat meets only those who want one of the same key.
CREATE TABLE license_key_usage (
    license_key_id uuid NOT NULL,
    usage bigint NOT NULL,
    validations bigint NOT NULL,
    last_validated_at timestamptz,
    -- How many rows of license_key_activations are live.
    seats_taken bigint NOT NULL,
    CONSTRAINT license_key_usage_pkey PRIMARY KEY (license_key_id),
    CONSTRAINT license_key_usage_license_key_id_fkey FOREIGN KEY (license_key_id) REFERENCES license_keys (id),
    CONSTRAINT license_key_usage_seats_taken_check CHECK (seats_taken >= 0)
-- sqlite: ) WITHOUT ROWID, STRICT;
-- Room on the page, so that counting stays on it and touches no index.
-- postgres: ) WITH (fillfactor = 70);

CREATE TABLE license_key_activations (
    id uuid NOT NULL,
    license_key_id uuid NOT NULL,
    label text NOT NULL,
    conditions json NOT NULL,
    meta json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT license_key_activations_pkey PRIMARY KEY (id),
    CONSTRAINT license_key_activations_license_key_id_fkey FOREIGN KEY (license_key_id) REFERENCES license_keys (id)
);
CREATE INDEX license_key_activations_live_idx ON license_key_activations (license_key_id, created_at, id) WHERE deleted_at IS NULL;

-- Work to be done after the unit of work that asked for it.
CREATE TABLE jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    payload json NOT NULL,
    -- Jobs of one lane run one after the other.
    lane text,
    -- At most one waiting job of this name.
    dedupe_key text,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    attempts bigint NOT NULL,
    last_error text,
    failed_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_dedupe_key_key UNIQUE (dedupe_key)
);
CREATE INDEX jobs_due_idx ON jobs (due_at, id) WHERE failed_at IS NULL;
CREATE INDEX jobs_lane_idx ON jobs (lane, leased_until) WHERE lane IS NOT NULL;

-- Answers of writes that carried an Idempotency-Key, kept for a day. The body is encrypted: it may hold a secret shown once.
CREATE TABLE idempotent_answers (
    name_hash text NOT NULL,
    request_hash text NOT NULL,
    status bigint NOT NULL,
    sealed_body text NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotent_answers_pkey PRIMARY KEY (name_hash)
);
CREATE INDEX idempotent_answers_expires_at_idx ON idempotent_answers (expires_at);
