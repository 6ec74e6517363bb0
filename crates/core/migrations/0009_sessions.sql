-- How people sign in: sessions of browsers, and the links that open them.

-- A session of a person, which a browser keeps as a cookie. Only the hash of its token is here.
CREATE TABLE user_sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash text NOT NULL,
    user_agent text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT user_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT user_sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT user_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id);
CREATE INDEX user_sessions_expires_at_idx ON user_sessions (expires_at);

-- A link that signs somebody in, once. Its row goes when it is used.
CREATE TABLE login_links (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT login_links_pkey PRIMARY KEY (id),
    CONSTRAINT login_links_token_hash_key UNIQUE (token_hash),
    CONSTRAINT login_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX login_links_user_id_idx ON login_links (user_id);
CREATE INDEX login_links_expires_at_idx ON login_links (expires_at);
