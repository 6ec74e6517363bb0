-- Files that organizations upload: to be downloaded by buyers, or to be shown to everybody.

CREATE TABLE files (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    service text NOT NULL,
    name text NOT NULL,
    -- Where the bytes are in the storage. It never changes, whatever the file is called.
    path text NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    version text,
    checksum_sha256_base64 text,
    checksum_sha256_hex text,
    checksum_etag text,
    storage_version text,
    last_modified_at timestamptz,
    -- The storage's name of the upload, and the parts that were announced.
    upload_id text NOT NULL,
    upload_parts json NOT NULL,
    is_uploaded boolean NOT NULL,
    -- False hides a file that the operator blocked.
    is_enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT files_pkey PRIMARY KEY (id),
    CONSTRAINT files_path_key UNIQUE (path),
    CONSTRAINT files_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT files_service_check CHECK (service IN ('downloadable', 'product_media', 'organization_avatar')),
    CONSTRAINT files_size_check CHECK (size >= 0)
);
CREATE INDEX files_created_at_idx ON files (organization_id, created_at, id) WHERE is_uploaded AND deleted_at IS NULL;
CREATE INDEX files_unfinished_idx ON files (created_at, id) WHERE NOT is_uploaded AND deleted_at IS NULL;

-- How many finished files an organization has, for the total of their list.
CREATE TABLE file_counts (
    organization_id uuid NOT NULL,
    files bigint NOT NULL,
    CONSTRAINT file_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT file_counts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT file_counts_files_check CHECK (files >= 0)
);

-- What a grant of downloads lets a customer fetch. Never taken away by archiving, only by revoking or deleting.
CREATE TABLE downloadables (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    file_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    status text NOT NULL,
    downloaded bigint NOT NULL,
    last_downloaded_at timestamptz,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    CONSTRAINT downloadables_pkey PRIMARY KEY (id),
    CONSTRAINT downloadables_customer_id_file_id_benefit_id_key UNIQUE (customer_id, file_id, benefit_id),
    CONSTRAINT downloadables_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT downloadables_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id),
    CONSTRAINT downloadables_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT downloadables_status_check CHECK (status IN ('granted', 'revoked')),
    CONSTRAINT downloadables_downloaded_check CHECK (downloaded >= 0)
);
CREATE INDEX downloadables_customer_id_idx ON downloadables (customer_id, created_at, id);
CREATE INDEX downloadables_file_id_idx ON downloadables (file_id);
CREATE INDEX downloadables_benefit_id_idx ON downloadables (benefit_id, customer_id);
