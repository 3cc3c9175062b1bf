-- Clerical review of persons. The list is made anew by the worker whenever persons follow the lake, and is
-- all of the index that doors may read: keyed digests and weights.
CREATE TABLE linkage.lake_waiting (
    one    bytea            NOT NULL CHECK (length(one) = 16),
    other  bytea            NOT NULL CHECK (length(other) = 16),
    weight double precision NOT NULL,
    veto   text             NULL,
    gain   double precision NOT NULL CHECK (gain >= 0),
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
COMMENT ON TABLE linkage.lake_waiting IS 'Pairs of records of two persons that people should look at, by what an answer is worth';
ALTER TABLE linkage.lake_waiting OWNER TO bienho_worker;
GRANT USAGE ON SCHEMA linkage TO bienho_governance;
GRANT SELECT ON linkage.lake_waiting TO bienho_governance;

-- What reviewers answered. An answer that decides goes out as a delivery of kind decision (`delivery_id`); one that would
-- join over a broken constraint waits for a second person first. The delivery is what counts, this is the paperwork.
CREATE TABLE governance.person_review (
    review      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    one         bytea            NOT NULL CHECK (length(one) = 16),
    other       bytea            NOT NULL CHECK (length(other) = 16),
    verdict     text             NOT NULL CHECK (verdict IN ('same', 'different', 'unsure')),
    reason      text             NOT NULL,
    weight      double precision NOT NULL,
    veto        text             NULL,
    state       text             NOT NULL CHECK (state IN ('proposed', 'sent', 'unsure', 'refused', 'withdrawn')),
    by_account  text             NOT NULL REFERENCES governance.account,
    at          timestamptz      NOT NULL,
    second_account text          NULL REFERENCES governance.account CHECK (second_account <> by_account),
    second_at   timestamptz      NULL,
    delivery_id text             NULL,
    CHECK (one < other),
    CHECK ((state = 'sent') = (delivery_id IS NOT NULL)),
    CHECK ((second_account IS NULL) = (second_at IS NULL))
);
COMMENT ON TABLE governance.person_review IS 'Answers of reviewers about pairs of records; a proposal waits for a second person';
CREATE UNIQUE INDEX person_review_proposed ON governance.person_review (one, other) WHERE state = 'proposed';
CREATE INDEX person_review_pair ON governance.person_review (one, other);
GRANT SELECT, INSERT, UPDATE (state, second_account, second_at, delivery_id) ON governance.person_review TO bienho_governance;

-- An erasure takes a name out of the answers as out of the changes.
CREATE OR REPLACE FUNCTION governance.forget_person_changes(names bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM governance.person_review WHERE one = ANY (names) OR other = ANY (names);
    DELETE FROM governance.person_change
    WHERE record_id = ANY (names) OR before = ANY (names) OR after = ANY (names);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
