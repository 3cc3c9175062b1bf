-- Visits a practice without a system of its own writes on the portal. What was typed lies sealed under a key derived from
-- the key ring, bound to its row; when it is sent the row goes, and the dossier in raw is the only copy.
CREATE TABLE governance.visit_draft (
    visit_id   text        PRIMARY KEY CHECK (visit_id ~ '^[0-9a-f]{32}$'),
    facility   text        NOT NULL CHECK (facility ~ '^[0-9A-Z]{5}$'),
    account_id text        NOT NULL REFERENCES governance.account,
    revision   integer     NOT NULL CHECK (revision > 0),
    started_at timestamptz NOT NULL,
    saved_at   timestamptz NOT NULL,
    sealed     bytea       NOT NULL
);
CREATE INDEX visit_draft_by_facility ON governance.visit_draft (facility, saved_at);
CREATE INDEX visit_draft_by_age ON governance.visit_draft (saved_at);
COMMENT ON TABLE governance.visit_draft IS 'Visits begun on the portal and not sent yet, sealed';

-- Which delivery holds which version of a visit; no value of a patient. Rows are only added.
CREATE TABLE governance.visit_sent (
    visit_id     text        NOT NULL CHECK (visit_id ~ '^[0-9a-f]{32}$'),
    version      integer     NOT NULL CHECK (version > 0),
    facility     text        NOT NULL CHECK (facility ~ '^[0-9A-Z]{5}$'),
    account_id   text        NOT NULL REFERENCES governance.account,
    delivery_seq bigint      NOT NULL CHECK (delivery_seq > 0),
    dossier_key  text        NOT NULL CHECK (dossier_key ~ '^[0-9a-f]{32}$'),
    sent_at      timestamptz NOT NULL,
    PRIMARY KEY (visit_id, version)
);
CREATE INDEX visit_sent_by_facility ON governance.visit_sent (facility, sent_at);
COMMENT ON TABLE governance.visit_sent IS 'Visits sent from the portal: each version with its delivery';

-- What a writer need not type again: numbers of licences, the address of the practice; sealed.
CREATE TABLE governance.visit_writer (
    account_id text        NOT NULL REFERENCES governance.account,
    facility   text        NOT NULL CHECK (facility ~ '^[0-9A-Z]{5}$'),
    sealed     bytea       NOT NULL,
    PRIMARY KEY (account_id, facility)
);
COMMENT ON TABLE governance.visit_writer IS 'What the form of a visit remembers of its writer, sealed';

GRANT SELECT, INSERT, UPDATE (account_id, revision, saved_at, sealed), DELETE ON governance.visit_draft TO bienho_governance;
GRANT SELECT, INSERT ON governance.visit_sent TO bienho_governance;
GRANT SELECT, INSERT, UPDATE (sealed) ON governance.visit_writer TO bienho_governance;
