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
    -- In which room it is shown and since when, as the commands of grants keep it: that of the grant that was granted last
    -- among those that name it. Null while none does.
    benefit_id uuid,
    granted_at timestamptz,
    CONSTRAINT advertisement_campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT advertisement_campaigns_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT advertisement_campaigns_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT advertisement_campaigns_room_check CHECK ((benefit_id IS NULL) = (granted_at IS NULL))
);
CREATE INDEX advertisement_campaigns_customer_id_idx ON advertisement_campaigns (customer_id, created_at, id);
CREATE INDEX advertisement_campaigns_created_at_idx ON advertisement_campaigns (benefit_id, created_at, id) WHERE benefit_id IS NOT NULL;
CREATE INDEX advertisement_campaigns_granted_at_idx ON advertisement_campaigns (benefit_id, granted_at, id) WHERE benefit_id IS NOT NULL;

-- How often a campaign was seen and followed, in a row so narrow that counting writes little; with its room, whose list
-- is sorted by both.
CREATE TABLE advertisement_counts (
    campaign_id uuid NOT NULL,
    benefit_id uuid,
    views bigint NOT NULL,
    clicks bigint NOT NULL,
    CONSTRAINT advertisement_counts_pkey PRIMARY KEY (campaign_id),
    CONSTRAINT advertisement_counts_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES advertisement_campaigns (id),
    CONSTRAINT advertisement_counts_check CHECK (views >= 0 AND clicks >= 0)
-- sqlite: ) WITHOUT ROWID, STRICT;
-- postgres: );
CREATE INDEX advertisement_counts_views_idx ON advertisement_counts (benefit_id, views, campaign_id) WHERE benefit_id IS NOT NULL;
CREATE INDEX advertisement_counts_clicks_idx ON advertisement_counts (benefit_id, clicks, campaign_id) WHERE benefit_id IS NOT NULL;

-- How many campaigns are shown in a room.
CREATE TABLE advertisement_room_counts (
    benefit_id uuid NOT NULL,
    campaigns bigint NOT NULL,
    CONSTRAINT advertisement_room_counts_pkey PRIMARY KEY (benefit_id),
    CONSTRAINT advertisement_room_counts_benefit_id_fkey FOREIGN KEY (benefit_id) REFERENCES benefits (id),
    CONSTRAINT advertisement_room_counts_check CHECK (campaigns >= 0)
);

-- The grants that name a campaign, the latest of which decides in which room it is shown.
CREATE INDEX benefit_grants_campaign_idx ON benefit_grants ((properties ->> 'advertisement_campaign_id'), granted_at, id) WHERE granted_at IS NOT NULL AND properties ->> 'advertisement_campaign_id' IS NOT NULL;
