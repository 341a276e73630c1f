-- Readers of the audit log stop below the oldest transaction that is still under way, as those of the journal do. What was
-- there before counts as written by this step, in the order of its numbers.
ALTER TABLE audit ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_order ON audit (xid, number);
