-- Accounts at other services: of sellers, who sell access to them, and of customers, who get it.

-- An account that a user who sells has connected. Tokens are sealed with the instance secret.
CREATE TABLE user_oauth_accounts (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    platform text NOT NULL,
    account_id text NOT NULL,
    account_username text,
    sealed_access_token text NOT NULL,
    sealed_refresh_token text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT user_oauth_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT user_oauth_accounts_user_id_platform_key UNIQUE (user_id, platform),
    CONSTRAINT user_oauth_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT user_oauth_accounts_platform_check CHECK (platform IN ('github', 'github_repository_benefit', 'discord'))
);

-- An account that a customer has connected in the portal.
CREATE TABLE customer_oauth_accounts (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    platform text NOT NULL,
    account_id text NOT NULL,
    account_username text,
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
