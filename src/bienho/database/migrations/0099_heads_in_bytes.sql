-- Keys and digests of 32 hex digits in 16 bytes: every batch touches the index all over, and PostgreSQL keeps 32 MB of
-- all pages in memory. A head took 195 bytes of table and index, and takes 132. The key comes first: nearly all rows are
-- of one catalog.

ALTER TABLE pipeline.dossier_head
    DROP CONSTRAINT dossier_head_pkey,
    ALTER COLUMN dossier_key TYPE uuid USING dossier_key::uuid,
    ALTER COLUMN content_digest TYPE uuid USING content_digest::uuid,
    ADD PRIMARY KEY (dossier_key, catalog);
