-- Grace after a payment that failed.

-- Until when the customer of a subscription that is past due keeps what comes with it; null if they do not, or not any more.
ALTER TABLE subscriptions ADD COLUMN grace_ends_at timestamptz;
