-- Mail: what is to be sent and what was sent, and the codes with which customers sign in by mail.

-- One mail to one address. `payload` is what it says; `sealed_payload` the same of mails that let somebody in, sealed
-- with a key of the instance secret. Both go when the mail was sent; the row stays a while to show that it was.
CREATE TABLE emails (
    id uuid NOT NULL,
    organization_id uuid,
    recipient text NOT NULL,
    kind text NOT NULL,
    payload json,
    sealed_payload text,
    message_id text,
    last_error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    failed_at timestamptz,
    CONSTRAINT emails_pkey PRIMARY KEY (id),
    CONSTRAINT emails_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT emails_payload_check CHECK (payload IS NULL OR sealed_payload IS NULL)
);
CREATE INDEX emails_organization_id_idx ON emails (organization_id);
CREATE INDEX emails_created_at_idx ON emails (created_at);

-- A code that signs a customer in, once. Only its hash is here. `email` is where it went: using it shows that the
-- address is the customer's, if they still have it.
CREATE TABLE customer_session_codes (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    code_hash text NOT NULL,
    email text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT customer_session_codes_pkey PRIMARY KEY (id),
    CONSTRAINT customer_session_codes_code_hash_key UNIQUE (code_hash),
    CONSTRAINT customer_session_codes_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE INDEX customer_session_codes_customer_id_idx ON customer_session_codes (customer_id, created_at);
CREATE INDEX customer_session_codes_expires_at_idx ON customer_session_codes (expires_at);
