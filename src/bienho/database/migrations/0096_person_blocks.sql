-- A key of a record lies where nothing else does, so that every one of them touched a page of its own, and the log took
-- a whole page of 8 KB for 8 bytes: nine tenths of what a delivery of records cost. These rows are those of
-- `digests` in the table of records and nothing besides. They are not logged; a server that was killed begins without
-- them, and whoever opens the index for writing puts them in again (`linkage.index.tables.mend`).
DO $$
DECLARE
    lake text;
BEGIN
    FOR lake IN SELECT tablename FROM pg_tables WHERE schemaname = 'linkage' AND tablename LIKE '%\_block' LOOP
        EXECUTE format('ALTER TABLE linkage.%I SET UNLOGGED', lake);
    END LOOP;
END
$$;
