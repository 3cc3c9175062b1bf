-- Why a membership was ended at its review: a code of the reviewed list in governance/people/reviews.py.
ALTER TABLE governance.access_review ADD COLUMN reason text NOT NULL DEFAULT ''
    CHECK (reason ~ '^[a-z-]{0,40}$' AND (reason = '' OR outcome = 'ended'));
