-- Reminders of the Department to a facility about its data, and the facility's answers. Rows are only added; every word is
-- a code of a reviewed list, so that nothing about a person can stand here.
CREATE TABLE governance.reminder (
    reminder_id   text        PRIMARY KEY CHECK (reminder_id ~ '^[0-9a-f]{32}$'),
    facility_code text        NOT NULL CHECK (facility_code ~ '^[0-9A-Za-z._-]{1,40}$'),
    matter        text        NOT NULL CHECK (matter ~ '^[a-z-]{1,40}$'),
    due           date        NOT NULL,
    document      text        NOT NULL DEFAULT '',
    by            text        NOT NULL REFERENCES governance.account,
    at            timestamptz NOT NULL
);
COMMENT ON TABLE governance.reminder IS 'What the Department reminded a facility of, and until when';
CREATE INDEX reminder_facility ON governance.reminder (facility_code, at DESC);
CREATE TABLE governance.reminder_answer (
    reminder_id text        NOT NULL REFERENCES governance.reminder,
    at          timestamptz NOT NULL,
    answer      text        NOT NULL CHECK (answer ~ '^[a-z-]{1,40}$'),
    until       date,
    document    text        NOT NULL DEFAULT '',
    by          text        NOT NULL REFERENCES governance.account,
    PRIMARY KEY (reminder_id, at)
);
COMMENT ON TABLE governance.reminder_answer IS 'What a facility answered to a reminder';
GRANT SELECT, INSERT ON governance.reminder, governance.reminder_answer TO bienho_governance;
