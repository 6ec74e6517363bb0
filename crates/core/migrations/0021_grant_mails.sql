-- Mails about what is ready for a customer.

-- Whether the customer is to be written to once they have the benefit: no mail about a purchase tells that they have it.
ALTER TABLE benefit_grants ADD COLUMN owes_mail boolean NOT NULL DEFAULT false;
UPDATE benefit_grants SET owes_mail = TRUE WHERE granted_at IS NULL AND revoked_at IS NULL;
