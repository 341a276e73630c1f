-- What proves a password to Digest with MD5 (RFC 2617 §3.2.2.2), where the operator takes that: with the user's name, and with
-- his whole address for a name. Who had a password before has none until it is set again.
ALTER TABLE digest_key ADD COLUMN md5_of_name BLOB;
ALTER TABLE digest_key ADD COLUMN md5_of_address BLOB;
