-- Questions that an organization asks at its checkouts.

CREATE TABLE custom_fields (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    type text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    properties json NOT NULL,
    metadata json NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT custom_fields_pkey PRIMARY KEY (id),
    CONSTRAINT custom_fields_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT custom_fields_type_check CHECK (type IN ('text', 'number', 'date', 'checkbox', 'select'))
);
-- The slug of a deleted field can be used again.
CREATE UNIQUE INDEX custom_fields_organization_id_slug_key ON custom_fields (organization_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX custom_fields_slug_idx ON custom_fields (organization_id, slug, id) WHERE deleted_at IS NULL;
CREATE INDEX custom_fields_created_at_idx ON custom_fields (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX custom_fields_name_idx ON custom_fields (organization_id, lower(name), id) WHERE deleted_at IS NULL;
-- With the condition's column at the end SQLite counts in the index alone; PostgreSQL does so anyway.
CREATE INDEX custom_fields_type_idx ON custom_fields (organization_id, type, id, deleted_at) WHERE deleted_at IS NULL;
