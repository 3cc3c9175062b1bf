-- The door: deliveries that got no receipt, and how much each sender has sent of late. Both are working notes of one
-- installation, pruned by age; neither is part of a backup. No file name is kept: it may hold a patient's name.
CREATE TABLE pipeline.refused_attempt (
    hour     timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    source   text        NOT NULL CHECK (length(source) <= 40),
    sender   text        NOT NULL CHECK (length(sender) <= 40),
    code     text        NOT NULL,
    message  text        NOT NULL,
    bytes    bigint      NULL CHECK (bytes >= 0),
    sha256   text        NULL CHECK (length(sha256) = 64),
    times    bigint      NOT NULL DEFAULT 1 CHECK (times > 0),
    -- the same thing tried again within the hour is counted, so that a flood of attempts makes no flood of rows
    UNIQUE NULLS NOT DISTINCT (hour, source, sender, code, sha256)
);
COMMENT ON TABLE pipeline.refused_attempt IS 'Attempts to deliver that were refused at the door: no receipt, bytes not kept';
CREATE INDEX refused_attempt_last ON pipeline.refused_attempt (last_at);

CREATE TABLE pipeline.sender_use (
    sender     text        NOT NULL,
    hour       timestamptz NOT NULL,
    deliveries bigint      NOT NULL,
    bytes      bigint      NOT NULL,
    PRIMARY KEY (sender, hour)
);
COMMENT ON TABLE pipeline.sender_use IS 'What each sender brought to the door per hour, for the limits per sender';

ALTER TABLE pipeline.refused_attempt OWNER TO bienho_worker;
ALTER TABLE pipeline.sender_use OWNER TO bienho_worker;
