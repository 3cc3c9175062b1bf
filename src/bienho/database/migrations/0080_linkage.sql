-- The person index (room linkage): who is whose record, kept up to date as records come and go. Everything here is made
-- again by a rebuild; a lake made beside the old one has tables of its own, named after it.
CREATE SCHEMA linkage AUTHORIZATION bienho_worker;

CREATE TABLE linkage.lake_record (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id bytea    NOT NULL UNIQUE CHECK (length(record_id) = 16),
    arrived   bigint   NOT NULL,
    version_id bigint  NULL,
    person_id bytea    NULL CHECK (length(person_id) = 16),
    digests   bigint[] NOT NULL,
    sealed    bytea    NOT NULL
);
COMMENT ON TABLE linkage.lake_record IS
    'One patient of one facility: the cleaned record sealed under the patient''s own data key, keyed digests of its blocking keys';
ALTER TABLE linkage.lake_record ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE linkage.lake_block (
    digest bigint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (digest, number)
);
COMMENT ON TABLE linkage.lake_block IS 'Which records hold a blocking key, by its keyed digest of 64 bits';

CREATE TABLE linkage.lake_tie (
    one    bigint           NOT NULL,
    other  bigint           NOT NULL,
    weight double precision NOT NULL,
    veto   text             NULL,
    joins  boolean          NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
COMMENT ON TABLE linkage.lake_tie IS 'Pairs that were weighed and say something, in bits; a pair that joins may make one person';
CREATE INDEX lake_tie_other ON linkage.lake_tie (other);

CREATE TABLE linkage.lake_decision (
    one        bytea  NOT NULL,
    other      bytea  NOT NULL,
    decided_at bigint NOT NULL,
    verdict    text   NOT NULL CHECK (verdict IN ('same', 'different')),
    PRIMARY KEY (one, other, decided_at, verdict),
    CHECK (one < other)
);
COMMENT ON TABLE linkage.lake_decision IS 'What people decided of two records; decided_at is authority and order of receipt, no time';
CREATE INDEX lake_decision_other ON linkage.lake_decision (other);

CREATE TABLE linkage.standing (
    catalog  text   PRIMARY KEY,
    matcher  text   NOT NULL,
    batch_id bigint NOT NULL
);
COMMENT ON TABLE linkage.standing IS 'By which weights the index of a lake was made, and how far it has followed the journal';

ALTER TABLE linkage.lake_record OWNER TO bienho_worker;
ALTER TABLE linkage.lake_block OWNER TO bienho_worker;
ALTER TABLE linkage.lake_tie OWNER TO bienho_worker;
ALTER TABLE linkage.lake_decision OWNER TO bienho_worker;
ALTER TABLE linkage.standing OWNER TO bienho_worker;

-- Merges and unmerges of the house, never changed; an erasure alone takes a name out. Whoever was given data by person
-- reads here what no longer holds: the queue of retractions is this table above the last change a recipient was told.
CREATE TABLE governance.person_change (
    change     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id  bytea NOT NULL,
    before     bytea NULL,
    after      bytea NULL,
    cause      text  NOT NULL CHECK (cause IN ('delivery', 'decision', 'erasure', 'weights')),
    cause_name text  NOT NULL,
    CHECK (before IS DISTINCT FROM after)
);
COMMENT ON TABLE governance.person_change IS 'Records that went from one person to another, in order, and why';
GRANT USAGE ON SCHEMA governance TO bienho_worker;
GRANT INSERT (record_id, before, after, cause, cause_name), SELECT ON governance.person_change TO bienho_worker;
GRANT SELECT ON governance.person_change TO bienho_governance;

CREATE FUNCTION governance.forget_person_changes(names bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM governance.person_change
    WHERE record_id = ANY (names) OR before = ANY (names) OR after = ANY (names);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION governance.forget_person_changes(bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION governance.forget_person_changes(bytea[]) TO bienho_worker;
