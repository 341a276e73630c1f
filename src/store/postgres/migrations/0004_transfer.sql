-- A session that its member has left for another: everything that is not in the other columns, as JSON. It is there from
-- when the one lets go until the other takes it.
ALTER TABLE session ADD COLUMN state text;
