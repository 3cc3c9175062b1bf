-- Scheduled reports: every state of one is a row that never changes, the newest stands; every run is a row. The result
-- is sealed under a key derived from the key ring, so that who reads the database reads no number in it.
CREATE TABLE governance.report (
    name       text        NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{2,39}$'),
    revision   integer     NOT NULL CHECK (revision > 0),
    definition jsonb       NOT NULL,
    owner      text        NOT NULL REFERENCES governance.account,
    ended      boolean     NOT NULL DEFAULT false,
    at         timestamptz NOT NULL,
    PRIMARY KEY (name, revision)
);
COMMENT ON TABLE governance.report IS 'Scheduled reports: each state of each';
CREATE TABLE governance.report_run (
    name     text        NOT NULL,
    due      date        NOT NULL,
    at       timestamptz NOT NULL,
    revision integer     NOT NULL,
    state    text        NOT NULL CHECK (state IN ('made', 'refused', 'failed')),
    code     text        NOT NULL DEFAULT '',
    snapshot bigint,
    lines    integer     NOT NULL DEFAULT 0 CHECK (lines >= 0),
    sealed   bytea,
    PRIMARY KEY (name, due, at),
    FOREIGN KEY (name, revision) REFERENCES governance.report,
    CHECK ((state = 'made') = (sealed IS NOT NULL))
);
COMMENT ON TABLE governance.report_run IS 'Runs of scheduled reports and what they brought, sealed';
GRANT SELECT, INSERT ON governance.report, governance.report_run TO bienho_governance;
