-- Agreements and emergencies. Both are histories: a step is added, none is changed or taken away.

CREATE TABLE governance.agreement_step (
    code        text        NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9-]{2,39}$'),
    step        integer     NOT NULL CHECK (step > 0),
    move        text        NOT NULL,
    state       text        NOT NULL,
    by_account  text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    document    text        NOT NULL DEFAULT '',
    record      jsonb       NOT NULL,
    PRIMARY KEY (code, step)
);
COMMENT ON TABLE governance.agreement_step IS 'Agreements: every step of each, the newest is what stands';

-- Break-glass: one dossier, one account, half an hour; then somebody else looks at it.
CREATE TABLE governance.emergency (
    emergency_id text        PRIMARY KEY CHECK (emergency_id ~ '^[0-9a-f]{32}$'),
    account_id   text        NOT NULL,
    purpose      text        NOT NULL,
    dossier_key  text        NOT NULL CHECK (dossier_key ~ '^[0-9a-f]{32}$'),
    reason       text        NOT NULL,
    document     text        NOT NULL DEFAULT '',
    opened_at    timestamptz NOT NULL,
    until_at     timestamptz NOT NULL CHECK (until_at > opened_at),
    review_by    date        NOT NULL
);
COMMENT ON TABLE governance.emergency IS 'Emergencies opened: whose, which dossier, until when, to be reviewed by when';
CREATE TABLE governance.emergency_review (
    emergency_id text        PRIMARY KEY REFERENCES governance.emergency,
    by_account   text        NOT NULL,
    verdict      text        NOT NULL CHECK (verdict IN ('dung', 'sai')),
    reviewed_at  timestamptz NOT NULL
);
COMMENT ON TABLE governance.emergency_review IS 'What another person found when looking at an emergency afterwards';

GRANT SELECT, INSERT ON governance.agreement_step, governance.emergency, governance.emergency_review
    TO bienho_governance;
CREATE TRIGGER agreement_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON governance.agreement_step
    FOR EACH STATEMENT EXECUTE FUNCTION governance.refuse_change();
CREATE TRIGGER emergency_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON governance.emergency
    FOR EACH STATEMENT EXECUTE FUNCTION governance.refuse_change();
CREATE TRIGGER emergency_review_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON governance.emergency_review
    FOR EACH STATEMENT EXECUTE FUNCTION governance.refuse_change();
