-- What the sandbox for payments remembers: charges, set-ups and saved methods that move no money. The adapter alone knows
-- what its records say.
CREATE TABLE sandbox_records (
    id text NOT NULL,
    owner text,
    due_at timestamptz,
    version bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT sandbox_records_pkey PRIMARY KEY (id)
);
CREATE INDEX sandbox_records_owner_idx ON sandbox_records (owner, id);
CREATE INDEX sandbox_records_due_at_idx ON sandbox_records (due_at) WHERE due_at IS NOT NULL;
