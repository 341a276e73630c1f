//! Statements that are written once, whichever engine runs them: `$1`, `$2` … in both, and `RETURNING` to know what was
//! done.

use crate::store::error::StoreError;
use crate::store::principal::statements::Statements;
use crate::store::row::Columns;

/// A connection to an engine; for what changes something, inside a transaction.
pub(in crate::store) trait Connection: Send {
    type Row: Columns + Send + Sync;

    /// Lines of the audit log behind the one with the number `$1`, since `$2`, of `$3` and about `$4`, if any; `$5` at most.
    /// Members stamp them, so that times need not rise in their order: all since a time are looked at, by an index, for
    /// where the first of them is, and from there on they are walked.
    const AUDIT: &'static str;
    /// How many rooms have the add-in with the number `$1`: engines differ in how they look into JSON.
    const ROOMS_WITH_ADDIN: &'static str;
    /// Takes the rooms in whose lists `$1` has a right, in the order in which appends take them.
    const HOLD_LISTS: &'static str;
    /// Principals behind the address `$1`, of the kind `$2`, if any, with the words `$3`, if any, in name or address; `$4`
    /// at most.
    const PRINCIPALS: &'static str;
    /// How principals are changed.
    const PRINCIPAL_STATEMENTS: &'static Statements;

    fn run(
        &mut self,
        sql: &'static str,
        values: &[Bind<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Runs it, and says how many rows it concerned.
    fn change(
        &mut self,
        sql: &'static str,
        values: &[Bind<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Whether the statement gives a row.
    fn finds(
        &mut self,
        sql: &'static str,
        values: &[Bind<'_>],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { Ok(!self.run(sql, values).await?.is_empty()) }
    }
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Bind<'a> {
    Number(i64),
    NumberIfAny(Option<i64>),
    Text(&'a str),
    TextIfAny(Option<&'a str>),
    Bytes(&'a [u8]),
    BytesIfAny(Option<&'a [u8]>),
    Flag(bool),
}

/// Adds the values to a query of either engine's.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match *value {
                crate::store::connection::Bind::Number(number) => query.bind(number),
                crate::store::connection::Bind::NumberIfAny(number) => query.bind(number),
                crate::store::connection::Bind::Text(text) => query.bind(text.to_owned()),
                crate::store::connection::Bind::TextIfAny(text) => query.bind(text.map(str::to_owned)),
                crate::store::connection::Bind::Bytes(bytes) => query.bind(bytes.to_vec()),
                crate::store::connection::Bind::BytesIfAny(bytes) => query.bind(bytes.map(<[u8]>::to_vec)),
                crate::store::connection::Bind::Flag(flag) => query.bind(flag),
            };
        }
        query
    }};
}
pub(in crate::store) use bound;
