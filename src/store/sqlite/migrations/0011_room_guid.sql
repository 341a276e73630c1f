-- What a room is called by those who know rooms by a GUID (RFC 9562 §5.4): given with the room, and never changed.
ALTER TABLE room ADD COLUMN guid TEXT;
UPDATE room SET guid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
CREATE UNIQUE INDEX room_guid ON room (guid);
CREATE TRIGGER room_made AFTER INSERT ON room
BEGIN
    UPDATE room SET guid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
        || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1)
        || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    WHERE id = NEW.id;
END;
