-- For the seller's list of disputed orders.
CREATE INDEX disputes_organization_id_idx ON disputes (organization_id, created_at, id);
