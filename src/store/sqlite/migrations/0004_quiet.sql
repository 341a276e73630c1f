-- Appends with comings and goings that the log does not have: who knows the count knows whether he has missed one.
ALTER TABLE room_log ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;
