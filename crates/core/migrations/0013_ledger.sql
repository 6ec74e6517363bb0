-- The double-entry ledger of each organization: entries are only ever added, and each holds the hash of the one before.

CREATE TABLE ledger_entries (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    -- 1, 2, 3, … within the organization, without gaps.
    sequence bigint NOT NULL,
    kind text NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    -- What the entry is about. The ledger outlives what it names, so nothing refers.
    customer_id uuid,
    order_id uuid,
    invoice_id uuid,
    payment_id uuid,
    refund_id uuid,
    dispute_id uuid,
    description text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    CONSTRAINT ledger_entries_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_entries_organization_id_sequence_key UNIQUE (organization_id, sequence),
    CONSTRAINT ledger_entries_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT ledger_entries_sequence_check CHECK (sequence > 0),
    CONSTRAINT ledger_entries_kind_check CHECK (kind IN ('invoice', 'payment', 'processor_fee', 'refund', 'dispute', 'dispute_reversal', 'credit', 'tax', 'adjustment')),
    CONSTRAINT ledger_entries_hash_check CHECK (length(hash) = 64 AND length(previous_hash) = 64)
);
CREATE INDEX ledger_entries_order_id_idx ON ledger_entries (order_id) WHERE order_id IS NOT NULL;

-- What an entry moves: above zero is debit, below zero is credit, and the lines of an entry sum to zero.
CREATE TABLE ledger_lines (
    organization_id uuid NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    account text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT ledger_lines_pkey PRIMARY KEY (organization_id, sequence, position),
    CONSTRAINT ledger_lines_organization_id_sequence_fkey FOREIGN KEY (organization_id, sequence) REFERENCES ledger_entries (organization_id, sequence),
    CONSTRAINT ledger_lines_position_check CHECK (position >= 0),
    CONSTRAINT ledger_lines_account_check CHECK (account IN ('processor_clearing', 'customer_receivable', 'processor_fees', 'refunds', 'disputes', 'dispute_losses', 'adjustments', 'revenue', 'tax_payable', 'customer_credit')),
    CONSTRAINT ledger_lines_amount_check CHECK (amount <> 0)
);

-- Where the chain of an organization ends. Whoever adds an entry changes this row first, so that two cannot get one number.
CREATE TABLE ledger_heads (
    organization_id uuid NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT ledger_heads_pkey PRIMARY KEY (organization_id),
    CONSTRAINT ledger_heads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT ledger_heads_sequence_check CHECK (sequence > 0)
);
