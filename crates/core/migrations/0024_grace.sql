-- Grace after a payment that failed.

-- Until when the customer of a subscription that is past due keeps what comes with it; null if they do not, or not any more.
ALTER TABLE subscriptions ADD COLUMN grace_ends_at timestamptz;

-- When what a mail tells of happened, by the clock of its organization, if that is another instant than `created_at`.
ALTER TABLE emails ADD COLUMN occurred_at timestamptz;

-- Who moves the clock on, and until when, by the real clock, nobody else does.
ALTER TABLE organization_clocks ADD COLUMN moved_by uuid;
ALTER TABLE organization_clocks ADD COLUMN moved_until timestamptz;

-- For the audit of what each customer paid, got back, and has as credit.
CREATE INDEX customers_organization_id_idx ON customers (organization_id, id);
-- With the organization in it, or SQLite would look for the customer of a user through all customers of an organization.
DROP INDEX customers_user_id_idx;
CREATE INDEX customers_user_id_idx ON customers (user_id, organization_id, id);
CREATE INDEX ledger_entries_customer_id_idx ON ledger_entries (customer_id) WHERE customer_id IS NOT NULL;
