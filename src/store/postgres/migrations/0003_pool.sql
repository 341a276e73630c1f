-- What the operator wants a member to be, and where clients reach it.
ALTER TABLE member
    ADD COLUMN wanted  text NOT NULL DEFAULT 'active',
    ADD COLUMN address text;
