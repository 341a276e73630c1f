//! Rows on their way back into what they tell: written once for all engines, whose tables have the same columns.

mod account;
mod category;
mod journal;
mod message;
mod principal;
mod room;
mod session;

use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::store::error::StoreError;

pub(super) use account::{
    account_entry, credential, digest_keys, entry, item, last_item, letter, loaded_account,
};
pub(super) use category::{category, category_count};
pub(super) use journal::journal_entry;
pub(super) use message::{Rows, id, message_columns};
pub(super) use principal::{belongs_row, membership, principal, principal_row};
pub(super) use room::{Head, detached_room, due_seat, retained, room_entry, room_name, room_of_guid};
pub(super) use session::{saved_session, written_in_account, written_in_room};

/// A row's columns by number. Whole numbers are of 64 bits in every table of every engine.
pub(super) trait Columns {
    fn integer(&self, column: usize) -> Result<i64, StoreError>;
    fn integer_if_any(&self, column: usize) -> Result<Option<i64>, StoreError>;
    fn flag(&self, column: usize) -> Result<bool, StoreError>;
    fn text(&self, column: usize) -> Result<&str, StoreError>;
    fn text_if_any(&self, column: usize) -> Result<Option<&str>, StoreError>;
    fn bytes(&self, column: usize) -> Result<&[u8], StoreError>;
    fn bytes_if_any(&self, column: usize) -> Result<Option<&[u8]>, StoreError>;
}

macro_rules! columns_of {
    ($row:ty) => {
        impl Columns for $row {
            fn integer(&self, column: usize) -> Result<i64, StoreError> {
                Ok(self.try_get(column)?)
            }

            fn integer_if_any(&self, column: usize) -> Result<Option<i64>, StoreError> {
                Ok(self.try_get(column)?)
            }

            fn flag(&self, column: usize) -> Result<bool, StoreError> {
                Ok(self.try_get(column)?)
            }

            fn text(&self, column: usize) -> Result<&str, StoreError> {
                Ok(self.try_get(column)?)
            }

            fn text_if_any(&self, column: usize) -> Result<Option<&str>, StoreError> {
                Ok(self.try_get(column)?)
            }

            fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
                Ok(self.try_get(column)?)
            }

            fn bytes_if_any(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
                Ok(self.try_get(column)?)
            }
        }
    };
}

columns_of!(SqliteRow);
columns_of!(PgRow);
