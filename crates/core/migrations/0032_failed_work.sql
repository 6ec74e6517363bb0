-- What a job is about, if that is one benefit or one grant of it: its seller sees what failed.
ALTER TABLE jobs ADD COLUMN benefit_id uuid;
ALTER TABLE jobs ADD COLUMN grant_id uuid;
-- Why it did not end well last, as the seller may read it: without anything of the installation's own.
ALTER TABLE jobs ADD COLUMN told text;
-- Whether a service refused, which is the seller's to mend and not the operator's.
ALTER TABLE jobs ADD COLUMN is_refused boolean NOT NULL DEFAULT FALSE;
-- Until when a service asked to be left alone.
ALTER TABLE jobs ADD COLUMN not_before timestamptz;
CREATE INDEX jobs_failed_of_benefit_idx ON jobs (benefit_id, created_at, id) WHERE failures > 0 AND benefit_id IS NOT NULL;
CREATE INDEX jobs_set_aside_of_grant_idx ON jobs (grant_id) WHERE failed_at IS NOT NULL;
-- postgres: UPDATE jobs SET grant_id = CAST(payload ->> 'grant_id' AS uuid) WHERE kind = 'settle_access';
-- postgres: UPDATE jobs SET benefit_id = CAST(payload ->> 'benefit_id' AS uuid) WHERE kind IN ('update_grants_of_benefit', 'revoke_grants_of_benefit');
-- sqlite: UPDATE jobs SET grant_id = payload ->> 'grant_id' WHERE kind = 'settle_access';
-- sqlite: UPDATE jobs SET benefit_id = payload ->> 'benefit_id' WHERE kind IN ('update_grants_of_benefit', 'revoke_grants_of_benefit');
UPDATE jobs SET benefit_id = (SELECT benefit_grants.benefit_id FROM benefit_grants WHERE benefit_grants.id = jobs.grant_id) WHERE grant_id IS NOT NULL;
