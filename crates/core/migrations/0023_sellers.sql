-- Who sells, as invoices say it.

-- The name under which an organization does business, if that is another one than it shows.
ALTER TABLE organizations ADD COLUMN legal_name text;
ALTER TABLE organizations ADD COLUMN billing_address json;
-- As it is written on invoices; nobody checks it.
ALTER TABLE organizations ADD COLUMN tax_id text;

-- The seller as of the moment at which the invoice was made out: an object. Older invoices have none, and show the organization
-- as it is.
ALTER TABLE invoices ADD COLUMN seller json;
