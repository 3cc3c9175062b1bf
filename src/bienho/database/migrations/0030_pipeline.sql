-- Heads: the newest version of each dossier. A cache of the lake that can be rebuilt from it (design 8.7);
-- `catalog` keeps a rebuild beside the old lake apart from the lake in use.
CREATE TABLE pipeline.dossier_head (
    catalog        text   NOT NULL,
    dossier_key    text   NOT NULL,
    version_id     bigint NOT NULL,
    content_digest text   NOT NULL,
    PRIMARY KEY (catalog, dossier_key)
);

-- How far the heads have followed the lake's journal; behind it, they are made again from the lake.
CREATE TABLE pipeline.head_watermark (
    catalog  text   PRIMARY KEY,
    batch_id bigint NOT NULL
);

ALTER TABLE pipeline.dossier_head OWNER TO bienho_worker;
ALTER TABLE pipeline.head_watermark OWNER TO bienho_worker;
