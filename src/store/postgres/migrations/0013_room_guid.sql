-- What a room is called by those who know rooms by a GUID (RFC 9562 §5.4): given with the room, by older members too, and
-- never changed.
ALTER TABLE room ADD COLUMN guid uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX room_guid ON room (guid);
