-- Notices: what each account wants to be told, where, and what became of it. A notice holds counts, a day, a code and a
-- link and nothing else. Addresses and secrets lie sealed under a key that is not in PostgreSQL.
CREATE TABLE governance.notice_preference (
    account_id text        PRIMARY KEY REFERENCES governance.account,
    language   text        NOT NULL CHECK (language IN ('vi', 'en')),
    modes      jsonb       NOT NULL,
    digest_at  time        NOT NULL,
    quiet_from time,
    quiet_to   time,
    changed_at timestamptz NOT NULL,
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);
COMMENT ON TABLE governance.notice_preference IS 'Which notices an account wants, how and when; no row: what is usual for its roles';
GRANT SELECT, INSERT, UPDATE ON governance.notice_preference TO bienho_governance;

CREATE TABLE governance.notice_channel (
    account_id   text        NOT NULL REFERENCES governance.account,
    kind         text        NOT NULL CHECK (kind IN ('mail', 'webhook')),
    sealed       bytea       NOT NULL,
    set_at       timestamptz NOT NULL,
    confirmed_at timestamptz,
    wrong        integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, kind)
);
COMMENT ON TABLE governance.notice_channel IS 'Where notices of an account go; nothing goes to one that is not confirmed';
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.notice_channel TO bienho_governance;

-- That the state of the data was looked up for an account on a day, and how that ended.
CREATE TABLE governance.notice_look (
    account_id text        NOT NULL REFERENCES governance.account,
    day        date        NOT NULL,
    at         timestamptz NOT NULL,
    code       text        NOT NULL DEFAULT '' CHECK (length(code) <= 40),
    PRIMARY KEY (account_id, day)
);
COMMENT ON TABLE governance.notice_look IS 'Daily looks for notices: one a day for each account';
GRANT SELECT, INSERT, DELETE ON governance.notice_look TO bienho_governance;

CREATE TABLE governance.notice (
    account_id text        NOT NULL REFERENCES governance.account,
    key        text        NOT NULL CHECK (key ~ '^[0-9A-Za-z:._-]{1,120}$'),
    kind       text        NOT NULL CHECK (kind ~ '^[a-z-]{1,30}$'),
    at         timestamptz NOT NULL,
    day        date        NOT NULL,
    about      text        NOT NULL DEFAULT '' CHECK (about ~ '^[0-9A-Za-z._-]{0,40}$'),
    counts     jsonb       NOT NULL DEFAULT '{}',
    link       text        NOT NULL CHECK (link ~ '^/' AND length(link) <= 200),
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'told', 'dropped')),
    bundle     text,
    PRIMARY KEY (account_id, key),
    CHECK ((state = 'told') = (bundle IS NOT NULL))
);
COMMENT ON TABLE governance.notice IS 'What is to be told to an account: each key once';
CREATE INDEX notice_waiting ON governance.notice (account_id) WHERE state = 'waiting';
CREATE INDEX notice_bundle ON governance.notice (bundle) WHERE bundle IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (state, bundle), DELETE ON governance.notice TO bienho_governance;

-- Up to when what happens in the house was looked through for notices.
CREATE TABLE governance.notice_mark (
    source text        PRIMARY KEY CHECK (source ~ '^[a-z-]{1,30}$'),
    upto   timestamptz NOT NULL
);
COMMENT ON TABLE governance.notice_mark IS 'Up to when the house was looked through for notices';
GRANT SELECT, INSERT, UPDATE ON governance.notice_mark TO bienho_governance;

-- The outbox. A bundle of notices goes to each channel of its account as one message, tried until it is taken or given up.
CREATE TABLE governance.notice_message (
    message_id text        PRIMARY KEY CHECK (message_id ~ '^[0-9a-f]{32}-(mail|webhook)$'),
    bundle     text        NOT NULL,
    account_id text        NOT NULL REFERENCES governance.account,
    channel    text        NOT NULL CHECK (channel IN ('mail', 'webhook')),
    purpose    text        NOT NULL CHECK (purpose IN ('notices', 'confirm')),
    made_at    timestamptz NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead')),
    attempts   integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL,
    tried_at   timestamptz,
    answer     text        NOT NULL DEFAULT '' CHECK (length(answer) <= 40)
);
COMMENT ON TABLE governance.notice_message IS 'Messages with notices: what waits, what was taken, what was given up';
CREATE INDEX notice_message_due ON governance.notice_message (due_at) WHERE state = 'waiting';
CREATE INDEX notice_message_account ON governance.notice_message (account_id, made_at DESC);
GRANT SELECT, INSERT, UPDATE (state, attempts, due_at, tried_at, answer), DELETE
    ON governance.notice_message TO bienho_governance;
