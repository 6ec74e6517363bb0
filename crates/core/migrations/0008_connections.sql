-- Accounts at other services: of sellers, who sell access to them, and of customers, who get it.

-- An account that a user who sells has connected. Tokens are sealed with a key of the instance secret.
CREATE TABLE user_oauth_accounts (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    platform text NOT NULL,
    account_id text NOT NULL,
    account_username text NOT NULL,
    sealed_access_token text NOT NULL,
    sealed_refresh_token text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT user_oauth_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT user_oauth_accounts_user_id_platform_key UNIQUE (user_id, platform),
    CONSTRAINT user_oauth_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT user_oauth_accounts_platform_check CHECK (platform IN ('github', 'discord'))
);

-- An account that a customer has connected in the portal.
CREATE TABLE customer_oauth_accounts (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    platform text NOT NULL,
    account_id text NOT NULL,
    account_username text NOT NULL,
    sealed_access_token text NOT NULL,
    sealed_refresh_token text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT customer_oauth_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT customer_oauth_accounts_customer_id_platform_account_id_key UNIQUE (customer_id, platform, account_id),
    CONSTRAINT customer_oauth_accounts_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT customer_oauth_accounts_platform_check CHECK (platform IN ('github', 'discord'))
);

-- What an account outside has, or may have, because of a grant: a role on a server, access to a repository. The row is
-- written before the service is asked to give and removed after it has taken back, so that nothing given is forgotten.
CREATE TABLE benefit_grant_accesses (
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    platform text NOT NULL,
    account_id text NOT NULL,
    -- The server, or the owner of the repository.
    container text NOT NULL,
    -- The role, or the name of the repository.
    target text NOT NULL,
    -- What the account may do with the repository.
    permission text,
    -- Since when the service is known to have given it; null while it is asked.
    given_at timestamptz,
    -- Since when the service may have taken it back; null unless it was asked to.
    asked_back_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT benefit_grant_accesses_pkey PRIMARY KEY (id),
    CONSTRAINT benefit_grant_accesses_place_key UNIQUE (grant_id, platform, account_id, container, target),
    CONSTRAINT benefit_grant_accesses_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES benefit_grants (id),
    CONSTRAINT benefit_grant_accesses_platform_check CHECK (platform IN ('github', 'discord'))
);
CREATE INDEX benefit_grant_accesses_account_id_idx ON benefit_grant_accesses (account_id, platform);

-- How often a job failed since it was asked for. Being told to wait is no failure; each claim counts in "attempts".
ALTER TABLE jobs ADD COLUMN failures bigint NOT NULL DEFAULT 0;
-- Whether it calls the outside: a slow service must not hold up the others.
ALTER TABLE jobs ADD COLUMN is_flow boolean NOT NULL DEFAULT false;
CREATE INDEX jobs_due_unit_idx ON jobs (due_at, id) WHERE failed_at IS NULL AND NOT is_flow;
CREATE INDEX jobs_failed_idx ON jobs (failed_at, id) WHERE failed_at IS NOT NULL;
