-- Whether whoever holds the session has shown to be the customer: by mail, or to the seller's program. At the end of a checkout
-- nobody has, because its secret is in links that are passed on.
ALTER TABLE customer_sessions ADD COLUMN is_owner_known boolean NOT NULL DEFAULT FALSE;

-- For the seller's list of disputed orders.
CREATE INDEX disputes_organization_id_idx ON disputes (organization_id, created_at, id);
