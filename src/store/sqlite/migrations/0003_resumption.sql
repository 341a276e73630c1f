-- How many of its session's stanzas were settled without a gap when this one was handed on: with the numbers behind it
-- that tells, after a crash, what was handled.
ALTER TABLE room_event ADD COLUMN origin_settled INTEGER;
ALTER TABLE account_event ADD COLUMN origin_settled INTEGER;

-- As before, but by session first: what a session left in accounts' logs is found by it.
DROP INDEX account_event_origin;
CREATE UNIQUE INDEX account_event_origin ON account_event (origin_session, origin_number, account)
    WHERE origin_session IS NOT NULL;

-- Of the stanzas that `handled` counts, those behind `counted_from` are the client's count.
ALTER TABLE session ADD COLUMN counted_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN resumption TEXT;      -- a hash of the id that the client was given
ALTER TABLE session ADD COLUMN former INTEGER;       -- the session that could not be resumed, and that it came after
CREATE UNIQUE INDEX session_resumption ON session (resumption) WHERE resumption IS NOT NULL;
