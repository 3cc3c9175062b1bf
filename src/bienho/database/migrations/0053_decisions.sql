-- What the pages of decisions, agreements and emergencies ask of their records.

-- New words for an agreement in force are a new revision; all that was written before is of the first.
ALTER TABLE governance.agreement_step ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision > 0);
COMMENT ON COLUMN governance.agreement_step.revision IS 'Which words of the agreement the step is about, from 1';

-- What stands in for the number of a document that is not there yet; what a reviewer found, in codes of a list.
ALTER TABLE governance.emergency ADD COLUMN explanation text NOT NULL DEFAULT '';
COMMENT ON COLUMN governance.emergency.explanation IS 'Why there is no document yet: a code of the reviewed list';
ALTER TABLE governance.emergency_review ADD COLUMN grounds text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN governance.emergency_review.grounds IS 'What the verdict rests on: codes of the reviewed list';
ALTER TABLE governance.emergency_review ADD COLUMN document text NOT NULL DEFAULT '';
COMMENT ON COLUMN governance.emergency_review.document IS 'Number of the document the verdict rests on, if any';

-- The words an event is looked for by, of all kinds together: outcome, purpose and reasons, rules and agreement,
-- datasets, facilities within whose limits somebody asked. Whoever looks asks for the kind as well.
CREATE INDEX audit_event_by_word ON governance.audit_event USING gin ((
    (event -> 'purposeOfEvent') || (event #> '{agent,0,policy}') || (event -> 'outcomeDesc')
    || jsonb_path_query_array(event, '$.entity[*] ? (@.type == "dataset").what.identifier')
    || jsonb_path_query_array(event, '$.decision.made[*].facts.reaches[*].facilities[*]')
) jsonb_path_ops);
-- Pages are cut by (recorded, seq): the text of an instant in UTC sorts as the instant does.
CREATE INDEX audit_event_by_time ON governance.audit_event ((event ->> 'recorded') COLLATE "C", seq);
CREATE INDEX audit_event_by_person
    ON governance.audit_event ((event #>> '{agent,0,who}'), (event ->> 'recorded') COLLATE "C", seq);
-- Checks of the chain are few among many.
CREATE INDEX audit_event_checks ON governance.audit_event (seq) WHERE event ->> 'subtype' = 'audit-check';
