-- Where a facility wants to be told that results are ready, and where its files go on unchanged. What proves the house
-- there lies sealed; rows are ended, never changed.
CREATE TABLE governance.connection (
    connection_id text        PRIMARY KEY CHECK (connection_id ~ '^[0-9a-f]{32}$'),
    kind          text        NOT NULL CHECK (kind IN ('webhook', 'forward')),
    facility_code text        NOT NULL CHECK (length(facility_code) BETWEEN 1 AND 40),
    url           text        NOT NULL CHECK (url LIKE 'https://%' AND length(url) <= 500),
    sealed        bytea       NOT NULL,
    from_seq      bigint      NOT NULL CHECK (from_seq >= 0),
    made_at       timestamptz NOT NULL,
    made_by       text        NOT NULL,
    ended_at      timestamptz,
    ended_by      text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
COMMENT ON TABLE governance.connection IS 'Outside addresses of facilities: notices of results, forwarded files';
CREATE INDEX connection_by_facility ON governance.connection (facility_code);
GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON governance.connection TO bienho_governance;

-- What is to be sent there, one row for a delivery and a connection. `body` holds counts only; what the other side said
-- lies sealed, for it may repeat a patient's name.
CREATE TABLE pipeline.outgoing (
    outgoing_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id text        NOT NULL,
    delivery_seq  bigint      NOT NULL,
    body          jsonb       NOT NULL DEFAULT '{}',
    state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused', 'dead')),
    attempts      integer     NOT NULL DEFAULT 0,
    asked_at      timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    tried_at      timestamptz,
    answer        text        NOT NULL DEFAULT '' CHECK (length(answer) <= 40),
    sealed        bytea,
    UNIQUE (connection_id, delivery_seq)
);
COMMENT ON TABLE pipeline.outgoing IS 'Notices and forwarded files: what waits, what was answered';
CREATE INDEX outgoing_due ON pipeline.outgoing (due_at) WHERE state = 'waiting';
CREATE TABLE pipeline.outgoing_mark (
    kind     text   PRIMARY KEY CHECK (kind IN ('webhook', 'forward')),
    last_seq bigint NOT NULL
);
COMMENT ON TABLE pipeline.outgoing_mark IS 'Receipt sequence up to which deliveries were looked at for connections';
ALTER TABLE pipeline.outgoing OWNER TO bienho_worker;
ALTER TABLE pipeline.outgoing_mark OWNER TO bienho_worker;
