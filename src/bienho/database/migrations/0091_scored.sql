-- How far the scores of data quality have followed a lake, beside how far findings and derived numbers have.
ALTER TABLE pipeline.progress ADD COLUMN scored_seq bigint NOT NULL DEFAULT 0;
COMMENT ON TABLE pipeline.progress IS 'Receipt sequence up to which deliveries are in a lake, in derived, and in the scores';

-- What scores are computed from, so that a new dossier is added to it and nothing else is read again: whole numbers by
-- facility, week and dimension, and by day. A cache of the lake, made again from it where it lags, as heads are.
CREATE TABLE pipeline.score_standing (
    catalog  text   PRIMARY KEY,
    batch_id bigint NOT NULL,
    last_seq bigint NOT NULL,
    as_of    date,
    through  bigint,
    made_of  text   NOT NULL
);
COMMENT ON TABLE pipeline.score_standing IS 'How far the sums of scores have followed a lake, and by which formula';
CREATE TABLE pipeline.score_sum (
    catalog       text,
    facility_code text,
    dataset       text,
    week_start    date,
    dimension     text,
    lost          bigint NOT NULL,
    losses        bigint NOT NULL,
    loose         bigint NOT NULL,
    PRIMARY KEY (catalog, facility_code, dataset, week_start, dimension)
);
CREATE TABLE pipeline.score_day (
    catalog       text,
    facility_code text,
    dataset       text,
    day           date,
    n             bigint NOT NULL,
    PRIMARY KEY (catalog, facility_code, dataset, day)
);
ALTER TABLE pipeline.score_standing OWNER TO bienho_worker;
ALTER TABLE pipeline.score_sum OWNER TO bienho_worker;
ALTER TABLE pipeline.score_day OWNER TO bienho_worker;
