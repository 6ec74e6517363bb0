-- Grace after a payment that failed.

-- Until when the customer of a subscription that is past due keeps what comes with it; null if they do not, or not any more.
ALTER TABLE subscriptions ADD COLUMN grace_ends_at timestamptz;

-- When what a mail tells of happened, by the clock of its organization, if that is another instant than `created_at`.
ALTER TABLE emails ADD COLUMN occurred_at timestamptz;
