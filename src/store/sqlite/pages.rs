//! Rows that come over as one text. The driver hands each row from the engine's thread to the asker's by itself, with a
//! copy and a lock for each of its columns; of a page of dozens of rows that would be most of the cost.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::error::StoreError;
use crate::store::paging::{Ask, Value};
use crate::store::row::Columns;

/// The rows of a selection as one: `columns` are told apart by commas, `from` is the rest of the statement.
macro_rules! as_page {
    ($columns:expr, $from:expr) => {
        concat!("SELECT json_group_array(json_array(", $columns, ")) FROM ", $from)
    };
}
pub(super) use as_page;

/// A row out of such a text.
#[derive(Debug)]
pub(in crate::store) struct PageRow(Vec<Column>);

#[derive(Debug)]
enum Column {
    Nothing,
    Integer(i64),
    Text(Box<str>),
}

impl Ask for SqliteConnection {
    type Row = PageRow;

    async fn ask(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<PageRow>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.map(str::to_owned)),
                Value::Numbers(numbers) => {
                    query.bind(serde_json::to_string(numbers).expect("numbers are plain data"))
                }
            };
        }
        page_rows(&query.fetch_one(self).await?)
    }
}

pub(super) fn page_rows(page: &SqliteRow) -> Result<Vec<PageRow>, StoreError> {
    // The engine wrote it a moment ago.
    serde_json::from_str(page.try_get(0)?).map_err(|_| StoreError::Unavailable)
}

impl PageRow {
    fn value<'a, T>(
        &'a self,
        column: usize,
        value: impl FnOnce(&'a Column) -> Option<T>,
    ) -> Result<T, StoreError> {
        let inconsistent = StoreError::Inconsistent { table: "of a page", row: column as i64 };
        self.0.get(column).and_then(value).ok_or(inconsistent)
    }
}

impl Columns for PageRow {
    fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.value(column, Column::integer)
    }

    fn integer_if_any(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.value(column, |value| value.if_any(Column::integer))
    }

    fn flag(&self, column: usize) -> Result<bool, StoreError> {
        self.integer(column).map(|flag| flag != 0)
    }

    fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.value(column, Column::text)
    }

    fn text_if_any(&self, column: usize) -> Result<Option<&str>, StoreError> {
        self.value(column, |value| value.if_any(Column::text))
    }

    fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        self.text(column).map(str::as_bytes)
    }

    fn bytes_if_any(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        self.text_if_any(column).map(|text| text.map(str::as_bytes))
    }
}

impl Column {
    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Nothing | Self::Text(_) => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Integer(_) => None,
        }
    }

    fn if_any<'a, T>(&'a self, value: impl FnOnce(&'a Self) -> Option<T>) -> Option<Option<T>> {
        match self {
            Self::Nothing => Some(None),
            Self::Integer(_) | Self::Text(_) => value(self).map(Some),
        }
    }
}

impl<'de> Deserialize<'de> for PageRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfColumn)
    }
}

struct OfColumn;

impl Visitor<'_> for OfColumn {
    type Value = Column;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number, a text or nothing")
    }

    fn visit_unit<E: Error>(self) -> Result<Column, E> {
        Ok(Column::Nothing)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Column, E> {
        Ok(Column::Integer(integer))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Column, E> {
        i64::try_from(integer).map(Column::Integer).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Column, E> {
        Ok(Column::Text(text.into()))
    }
}
