-- What rooms are found by: the words of address, name and description, folded, each behind a space. All null until somebody
-- has folded them, as a search and whoever follows the logs do. Older members need not know of it.
ALTER TABLE room
    ADD COLUMN address_words     text COLLATE "C",
    ADD COLUMN title_words       text COLLATE "C",
    ADD COLUMN description_words text COLLATE "C";
CREATE INDEX room_unfolded ON room (id) WHERE title_words IS NULL AND name IS NOT NULL;
CREATE FUNCTION room_renamed_1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.settings::json ->> 'name' IS DISTINCT FROM NEW.settings::json ->> 'name'
        OR OLD.settings::json ->> 'description' IS DISTINCT FROM NEW.settings::json ->> 'description' THEN
        NEW.address_words := NULL;
        NEW.title_words := NULL;
        NEW.description_words := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER room_renamed BEFORE UPDATE OF settings ON room FOR EACH ROW EXECUTE FUNCTION room_renamed_1();
