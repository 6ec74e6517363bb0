-- Whether whoever holds the session has shown to be the customer, by the code that was sent to their address. At the end of a
-- checkout nobody has, because its secret is in links that are passed on; nor by a link, for the same reason.
ALTER TABLE customer_sessions ADD COLUMN is_owner_known boolean NOT NULL DEFAULT FALSE;

-- Whether whoever asked for the payment had shown to be its customer.
ALTER TABLE payments ADD COLUMN is_owner_known boolean NOT NULL DEFAULT FALSE;

-- Whether the card pays something new, because its customer has given it themselves. Of older ones nobody knows.
ALTER TABLE payment_methods ADD COLUMN is_offered boolean NOT NULL DEFAULT FALSE;

-- For the seller's list of disputed orders.
CREATE INDEX disputes_organization_id_idx ON disputes (organization_id, created_at, id);
