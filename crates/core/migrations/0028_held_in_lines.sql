-- The tax that was taken out of a line when it came onto an invoice, so that a line that waits again is whole. Invoices that
-- are open now do not know it: should one be given up, its lines wait without that tax, as before.
ALTER TABLE invoice_lines ADD COLUMN held_amount bigint NOT NULL DEFAULT 0;
