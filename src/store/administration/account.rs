//! Accounts, as administrators change them.

use perch_address::BareJid;

use crate::chat::administration::ActNumber;
use crate::chat::id::AccountId;
use crate::chat::principal::Standing;
use crate::store::account::{DigestKeys, NewAccount, ScramRow};
use crate::store::administration::{DeedError, category};
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::principal::change::stand_again;
use crate::store::principal::rights::raise;
use crate::store::row::Columns;

type Done = Result<Result<(), DeedError>, StoreError>;

pub(super) async fn add<C: Connection>(connection: &mut C, new: &NewAccount) -> Done {
    let added = connection.run(ADD, &[Bind::Text(new.name())]).await?;
    let Some(row) = added.first() else { return Ok(Err(DeedError::NameTaken)) };
    let account = AccountId(row.integer(0)?);
    put_credentials(connection, account, &new.credentials, new.digest.as_ref()).await?;
    stand_again(connection, &[&new.address]).await?;
    Ok(Ok(()))
}

pub(super) async fn set_credentials<C: Connection>(
    connection: &mut C,
    account: AccountId,
    credentials: &[ScramRow],
    digest: Option<&DigestKeys>,
) -> Done {
    if !connection.finds(HOLD, &[Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    for forget in [FORGET_CREDENTIALS, FORGET_DIGEST_KEYS, FORGET_TOKENS] {
        connection.run(forget, &[Bind::Number(account.0)]).await?;
    }
    put_credentials(connection, account, credentials, digest).await?;
    Ok(Ok(()))
}

pub(super) async fn set_disabled<C: Connection>(
    connection: &mut C,
    account: AccountId,
    address: &BareJid,
    is_disabled: bool,
) -> Done {
    if !connection.finds(SET_DISABLED, &[Bind::Flag(is_disabled), Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    raise(connection).await?;
    if is_disabled {
        connection.run(FORGET_TOKENS, &[Bind::Number(account.0)]).await?;
    }
    let standing = if is_disabled { Standing::Disabled } else { Standing::Present };
    connection.run(STAND, &[Bind::Text(address.as_str()), Bind::Text(standing.as_str())]).await?;
    Ok(Ok(()))
}

/// The account goes first: who is appending to its log ends before, and finds it gone after.
pub(super) async fn remove<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    account: AccountId,
    address: &BareJid,
) -> Done {
    if !connection.finds(REMOVE, &[Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    connection.run(REMOVE_EVENTS, &[Bind::Number(account.0)]).await?;
    raise(connection).await?;
    let listed = Bind::Text(address.as_str());
    connection.run(STAND, &[listed, Bind::Text(Standing::Removed.as_str())]).await?;
    for sql in [FORGET_ENTRY, LEAVE_ALL, C::HOLD_LISTS, MOVE_RULES, STRIKE_FROM_LISTS, MOVE_LISTS] {
        connection.run(sql, &[listed]).await?;
    }
    category::forget(connection, number, address).await?;
    Ok(Ok(()))
}

async fn put_credentials<C: Connection>(
    connection: &mut C,
    account: AccountId,
    credentials: &[ScramRow],
    digest: Option<&DigestKeys>,
) -> Result<(), StoreError> {
    for row in credentials {
        let values = [
            Bind::Number(account.0),
            Bind::Number(row.hash.number()),
            Bind::Number(row.iterations.into()),
            Bind::Bytes(&row.salt),
            Bind::Bytes(&row.stored_key),
            Bind::Bytes(&row.server_key),
        ];
        connection.run(PUT_CREDENTIAL, &values).await?;
    }
    if let Some(keys) = digest {
        let values = [
            Bind::Number(account.0),
            Bind::Bytes(&keys.sha256),
            Bind::Bytes(&keys.sha512_256),
            Bind::BytesIfAny(keys.md5.as_ref().map(|md5| &md5.of_name[..])),
            Bind::BytesIfAny(keys.md5.as_ref().map(|md5| &md5.of_address[..])),
        ];
        connection.run(PUT_DIGEST_KEYS, &values).await?;
    }
    Ok(())
}

const ADD: &str = "INSERT INTO account (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id";
/// Two that change the same account come one after the other.
const HOLD: &str = "UPDATE account SET name = name WHERE id = $1 RETURNING id";
const SET_DISABLED: &str = "UPDATE account SET disabled = $1 WHERE id = $2 RETURNING id";
const FORGET_TOKENS: &str = "DELETE FROM token WHERE account = $1";
const FORGET_CREDENTIALS: &str = "DELETE FROM credential WHERE account = $1";
const FORGET_DIGEST_KEYS: &str = "DELETE FROM digest_key WHERE account = $1";
const PUT_CREDENTIAL: &str =
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key)
    VALUES ($1, $2, $3, $4, $5, $6)";
const PUT_DIGEST_KEYS: &str =
    "INSERT INTO digest_key (account, sha256, sha512_256, md5_of_name, md5_of_address)
    VALUES ($1, $2, $3, $4, $5)";
const REMOVE: &str = "DELETE FROM account WHERE id = $1 RETURNING id";
/// Whether an account counts.
const STAND: &str = "INSERT INTO principal (address, kind, name, name_key, standing, version)
    SELECT $1, 'user', '', '', $2, version FROM rights WHERE true
    ON CONFLICT (address) DO UPDATE SET standing = excluded.standing, version = excluded.version";
const FORGET_ENTRY: &str = "UPDATE principal SET entry = NULL, dn = NULL WHERE address = $1";
const LEAVE_ALL: &str = "UPDATE belongs SET gone = true, version = (SELECT version FROM rights)
    WHERE NOT gone AND member = (SELECT id FROM principal WHERE address = $1)";
/// Whatever was decided with the old lists in hand is decided again. Only rooms that are held are concerned: where he
/// has no right any more, his row stays too.
const MOVE_RULES: &str = "UPDATE room_log SET rules = rules + 1
    WHERE room IN (SELECT room FROM affiliation WHERE jid = $1 AND affiliation NOT IN ('none', 'outcast'))";
/// As the lists' own changes leave it: with a version behind all that were given.
const STRIKE_FROM_LISTS: &str = "UPDATE affiliation SET affiliation = 'none', nick = NULL, reason = '',
        version = (SELECT affiliations_version + 1 FROM room WHERE room.id = affiliation.room)
    WHERE jid = $1 AND affiliation NOT IN ('none', 'outcast')";
const MOVE_LISTS: &str = "UPDATE room SET affiliations_version = struck.version FROM affiliation AS struck
    WHERE struck.room = room.id AND struck.jid = $1 AND struck.version > affiliations_version";
const REMOVE_EVENTS: &str = "DELETE FROM account_event WHERE account = $1";
