-- Shops that came in from elsewhere: how far an import has come, which row became which, and what stayed behind.

-- One row for each way by which a shop comes in. The source is the organization's id where it comes from.
CREATE TABLE imports (
    organization_id uuid NOT NULL,
    source_id uuid NOT NULL,
    -- `file`, or the address of the server.
    way text NOT NULL,
    -- Where the next run goes on; null after a run that came to its end.
    position json,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL,
    CONSTRAINT imports_pkey PRIMARY KEY (organization_id, source_id, way),
    CONSTRAINT imports_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX imports_source_id_idx ON imports (source_id);

-- Rows that came in. One that is named here is never taken again, even if the seller has deleted it since.
CREATE TABLE imported_rows (
    organization_id uuid NOT NULL,
    source_id uuid NOT NULL,
    kind text NOT NULL,
    -- The row's id there and here, mostly the same.
    row_id uuid NOT NULL,
    id uuid NOT NULL,
    CONSTRAINT imported_rows_pkey PRIMARY KEY (organization_id, source_id, row_id, kind),
    CONSTRAINT imported_rows_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

-- What stayed behind, as a whole or in part, and why.
CREATE TABLE import_remarks (
    organization_id uuid NOT NULL,
    source_id uuid NOT NULL,
    kind text NOT NULL,
    row_id uuid NOT NULL,
    remark text NOT NULL,
    -- What tells one thing that stayed behind from others with the same remark.
    subject text NOT NULL,
    CONSTRAINT import_remarks_pkey PRIMARY KEY (organization_id, source_id, row_id, kind, remark),
    CONSTRAINT import_remarks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
