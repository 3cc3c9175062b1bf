-- What of the index of persons grew with its size: the list for reviewers read every tie of the house each time persons
-- followed the lake. A tie is now marked while its two records are of two persons, and only those are looked at; marked
-- once too often costs a look, so rows of before are marked.
DO $$
DECLARE
    lake text;
BEGIN
    FOR lake IN SELECT tablename FROM pg_tables WHERE schemaname = 'linkage' AND tablename LIKE '%\_tie' LOOP
        EXECUTE format('ALTER TABLE linkage.%I ADD COLUMN apart boolean NOT NULL DEFAULT true', lake);
        EXECUTE format('CREATE INDEX %I ON linkage.%I (weight) WHERE apart', lake || '_apart', lake);
    END LOOP;
END
$$;

-- A recipient asks what became of one record; an erasure and whoever tells a difference twice look for one too.
CREATE INDEX person_change_record ON governance.person_change (record_id, change);

-- Whose every record was before another release filled an index anew: what differs afterwards is the history's, and
-- nothing else is.
CREATE TABLE linkage.lake_before (
    record_id bytea PRIMARY KEY,
    person_id bytea NOT NULL
);
COMMENT ON TABLE linkage.lake_before IS 'Whose record it was before the index was filled anew; empty otherwise';
ALTER TABLE linkage.lake_before OWNER TO bienho_worker;
