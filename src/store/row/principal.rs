//! Rows of principals.

use perch_address::BareJid;

use crate::chat::principal::{Entry, Kind, Principal, Standing};
use crate::store::error::StoreError;
use crate::store::principal::{BelongsRow, Membership, PrincipalRow};
use crate::store::row::Columns;

/// `id, address, kind, standing, version`
pub(in crate::store) fn principal_row(row: &impl Columns) -> Result<PrincipalRow, StoreError> {
    let id = row.integer(0)?;
    let unknown = || StoreError::Inconsistent { table: "principal", row: id };
    Ok(PrincipalRow {
        id,
        address: BareJid::new(row.text(1)?).map_err(|_| unknown())?,
        kind: Kind::parse(row.text(2)?).ok_or_else(unknown)?,
        standing: Standing::parse(row.text(3)?).ok_or_else(unknown)?,
    })
}

/// `id, address, kind, standing, name, entry, dn`
pub(in crate::store) fn principal(row: &impl Columns) -> Result<Principal, StoreError> {
    let PrincipalRow { address, kind, standing, .. } = principal_row(row)?;
    let entry = match row.text_if_any(5)? {
        Some(id) => Some(Entry { id: id.into(), dn: row.text_if_any(6)?.unwrap_or_default().into() }),
        None => None,
    };
    Ok(Principal { address, kind, standing, name: row.text(4)?.into(), entry })
}

/// `member, parent, gone, version`
pub(in crate::store) fn belongs_row(row: &impl Columns) -> Result<BelongsRow, StoreError> {
    Ok(BelongsRow { member: row.integer(0)?, parent: row.integer(1)?, is_gone: row.flag(2)? })
}

/// `parent, member, address of the member, address of the parent`
pub(in crate::store) fn membership(row: &impl Columns) -> Result<Membership, StoreError> {
    let place = (row.integer(0)?, row.integer(1)?);
    let address =
        |text| BareJid::new(text).map_err(|_| StoreError::Inconsistent { table: "belongs", row: place.0 });
    Ok(Membership { place, member: address(row.text(2)?)?, parent: address(row.text(3)?)? })
}
