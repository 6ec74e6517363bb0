-- Whoever confirms a checkout gets a session in the portal. These columns say how much of it.

-- The checkout at whose end the session was opened, if nobody had shown by then who they are.
ALTER TABLE customer_sessions ADD COLUMN checkout_id uuid;
-- The checkout that made the customer, for as long as nothing else is known or was done about it. Until then all that
-- the customer has came from there.
ALTER TABLE customers ADD COLUMN newcomer_checkout_id uuid;
-- Whether it is known who buys: the seller has named the customer, or the person was signed in.
ALTER TABLE checkouts ADD COLUMN is_buyer_known boolean NOT NULL DEFAULT FALSE;
-- Whether it was the seller who named the page that the checkout stands in, and not the visitor's address.
ALTER TABLE checkouts ADD COLUMN is_embedder_known boolean NOT NULL DEFAULT FALSE;

-- Checkouts whose time is up, for their removal.
CREATE INDEX checkouts_expired_idx ON checkouts (expires_at, id) WHERE status = 'expired';

-- How many wrong codes were typed for a customer while this one was good.
ALTER TABLE customer_session_codes ADD COLUMN tries bigint NOT NULL DEFAULT 0;

-- Wrong codes that were sent without saying whose they are meant to be.
CREATE TABLE customer_session_guesses (
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT customer_session_guesses_pkey PRIMARY KEY (id)
);
CREATE INDEX customer_session_guesses_created_at_idx ON customer_session_guesses (created_at);

-- What was typed of the buyer into the checkout that sold a key, if nobody had shown by then who they are. Apps that ask about
-- the key are told this of its holder, and not what else is known of the customer: an object.
ALTER TABLE license_keys ADD COLUMN sold_to json;
