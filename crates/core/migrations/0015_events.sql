-- What happened in a shop, and what browsers that listen are told of it.

-- Something that happened to something of an organization. Ids ascend in the order in which it happened.
CREATE TABLE events (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    type text NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT events_type_check CHECK (type IN (
        'checkout.created', 'checkout.updated', 'order.created', 'subscription.created', 'subscription.updated',
        'subscription.active', 'subscription.canceled', 'subscription.uncanceled', 'subscription.revoked',
        'product.created', 'product.updated', 'benefit.created', 'benefit.updated', 'benefit_grant.created',
        'benefit_grant.updated', 'benefit_grant.revoked', 'organization.updated', 'pledge.created', 'pledge.updated'
    ))
);
CREATE INDEX events_organization_id_idx ON events (organization_id, id);
CREATE INDEX events_created_at_idx ON events (created_at);

-- A message for those who listen to a channel now. It is kept only until every server has passed it on.
CREATE TABLE stream_messages (
    id uuid NOT NULL,
    channel text NOT NULL,
    key text NOT NULL,
    payload json NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT stream_messages_pkey PRIMARY KEY (id)
);
CREATE INDEX stream_messages_channel_idx ON stream_messages (channel, id);
CREATE INDEX stream_messages_created_at_idx ON stream_messages (created_at, id);

-- What is to be said of a grant once another service has answered; null when nothing is owed.
ALTER TABLE benefit_grants ADD COLUMN owed_event text;
