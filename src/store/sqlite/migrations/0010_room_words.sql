-- What rooms are found by: the words of address, name and description, folded, each behind a space. All null until somebody
-- has folded them, as a search and whoever follows the logs do.
ALTER TABLE room ADD COLUMN address_words TEXT;
ALTER TABLE room ADD COLUMN title_words TEXT;
ALTER TABLE room ADD COLUMN description_words TEXT;
CREATE INDEX room_unfolded ON room (title_words) WHERE title_words IS NULL AND name IS NOT NULL;
CREATE TRIGGER room_renamed AFTER UPDATE OF settings ON room
WHEN OLD.settings ->> '$.name' IS NOT NEW.settings ->> '$.name'
    OR OLD.settings ->> '$.description' IS NOT NEW.settings ->> '$.description'
BEGIN
    UPDATE room SET address_words = NULL, title_words = NULL, description_words = NULL WHERE id = NEW.id;
END;
