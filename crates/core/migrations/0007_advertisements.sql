-- What buyers of the benefit `ads` show in the room they bought.

CREATE TABLE advertisement_campaigns (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    image_url text NOT NULL,
    image_url_dark text,
    text text NOT NULL,
    link_url text NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT advertisement_campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT advertisement_campaigns_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE INDEX advertisement_campaigns_customer_id_idx ON advertisement_campaigns (customer_id, created_at, id);
-- Grants name their campaign by its text.
CREATE UNIQUE INDEX advertisement_campaigns_id_as_text_key ON advertisement_campaigns (CAST(id AS text));

-- How often a campaign was seen and followed, in a row so narrow that counting writes little, and in no index.
CREATE TABLE advertisement_counts (
    campaign_id uuid NOT NULL,
    views bigint NOT NULL,
    clicks bigint NOT NULL,
    CONSTRAINT advertisement_counts_pkey PRIMARY KEY (campaign_id),
    CONSTRAINT advertisement_counts_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES advertisement_campaigns (id),
    CONSTRAINT advertisement_counts_check CHECK (views >= 0 AND clicks >= 0)
-- sqlite: ) WITHOUT ROWID, STRICT;
-- Room on the page, so that counting stays on it.
-- postgres: ) WITH (fillfactor = 70);

-- The grants that show a campaign, the latest of which decides in which room it is shown.
CREATE INDEX benefit_grants_campaign_idx ON benefit_grants ((properties ->> 'advertisement_campaign_id'), granted_at, id) WHERE granted_at IS NOT NULL AND properties ->> 'advertisement_campaign_id' IS NOT NULL;
