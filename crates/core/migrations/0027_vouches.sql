-- Who vouches that whoever holds the session is the customer: the seller, whose program has let them in, the customer, who has
-- typed the code that was sent to them, or nobody. What is dearer is charged to a card only as far as somebody does.
ALTER TABLE customer_sessions ADD COLUMN vouched_by text NOT NULL DEFAULT 'nobody';
-- The payment that whoever holds the session has made themselves, if their program was given it for that.
ALTER TABLE customer_sessions ADD COLUMN payment_id uuid;
