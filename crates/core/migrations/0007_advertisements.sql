-- What buyers of the benefit `ads` show in the room they bought.

CREATE TABLE advertisement_campaigns (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    image_url text NOT NULL,
    image_url_dark text,
    text text NOT NULL,
    link_url text NOT NULL,
    views bigint NOT NULL,
    clicks bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT advertisement_campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT advertisement_campaigns_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT advertisement_campaigns_counts_check CHECK (views >= 0 AND clicks >= 0)
);
CREATE INDEX advertisement_campaigns_customer_id_idx ON advertisement_campaigns (customer_id, created_at, id);
