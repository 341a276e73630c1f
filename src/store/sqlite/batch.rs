//! Rows for the same statement go out together: what a statement costs is mostly the way to it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteArgumentsBuffer, SqliteConnection, SqliteTypeInfo};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

/// A statement over any number of rows: `head (?, ?), (?, ?) … tail`.
#[derive(Debug)]
pub(super) struct Form {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    /// The whole text for each of [`SIZES`].
    texts: [OnceLock<String>; SIZES.len()],
}

impl Form {
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, texts: [const { OnceLock::new() }; SIZES.len()] }
    }

    fn text(&'static self, size: usize) -> &'static str {
        self.texts[size].get_or_init(|| self.write(SIZES[size]))
    }

    fn write(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(", "));
        format!("{} {} {}", self.head, vec![row.as_str(); rows].join(", "), self.tail)
    }
}

/// A value on its way into a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(Arc<str>),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Type<sqlx::Sqlite> for Value {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<sqlx::Sqlite>>::type_info()
    }
}

impl Encode<'_, sqlx::Sqlite> for Value {
    fn encode(self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => Encode::<sqlx::Sqlite>::encode(number, buffer),
            Self::Text(text) => Encode::<sqlx::Sqlite>::encode(text, buffer),
            Self::Bytes(bytes) => Encode::<sqlx::Sqlite>::encode(bytes, buffer),
        }
    }

    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        self.clone().encode(buffer)
    }
}

/// What a group writes. Steps that concern the same key stay in order, those of different keys do not depend on each
/// other: a row joins the last statement of its form unless its key was touched after that.
#[derive(Debug, Default)]
pub(super) struct Batch {
    steps: Vec<Step>,
    /// The last step that touched a key.
    touched: HashMap<i64, usize>,
}

#[derive(Debug)]
enum Step {
    Rows { form: &'static Form, values: Vec<Value> },
    One { sql: &'static str, values: Vec<Value> },
}

impl Batch {
    /// One more row for `form`.
    pub(super) fn row<const N: usize>(&mut self, key: i64, form: &'static Form, row: [Value; N]) {
        debug_assert_eq!(N, form.columns, "a value for each column");
        let earliest = self.touched.get(&key).copied().unwrap_or(0);
        let place = self
            .steps
            .iter()
            .rposition(|step| matches!(step, Step::Rows { form: other, .. } if std::ptr::eq(*other, form)));
        let place = match place.filter(|&place| place >= earliest) {
            Some(place) => place,
            None => {
                self.steps.push(Step::Rows { form, values: Vec::new() });
                self.steps.len() - 1
            }
        };
        if let Step::Rows { values, .. } = &mut self.steps[place] {
            values.extend(row);
        }
        self.touched.insert(key, place);
    }

    /// A statement by itself.
    pub(super) fn one<const N: usize>(&mut self, key: i64, sql: &'static str, values: [Value; N]) {
        self.touched.insert(key, self.steps.len());
        self.steps.push(Step::One { sql, values: Vec::from(values) });
    }

    /// The statements that this comes to.
    pub(super) fn into_script(self) -> Script {
        let mut script = Script::default();
        for step in self.steps {
            match step {
                Step::One { sql, values } => script.statements.push((sql.into(), values)),
                Step::Rows { form, values } => script.rows(form, values),
            }
        }
        script
    }
}

/// Statements one after the other. The first that fails ends it.
#[derive(Debug, Default)]
pub(super) struct Script {
    statements: Vec<(Cow<'static, str>, Vec<Value>)>,
}

impl Script {
    pub(super) fn then(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    pub(super) fn then_commit(mut self) -> Self {
        self.statements.push(("COMMIT".into(), Vec::new()));
        self
    }

    fn rows(&mut self, form: &'static Form, mut values: Vec<Value>) {
        for (size, rows) in SIZES.iter().enumerate() {
            while values.len() >= rows * form.columns {
                let rest = values.split_off(rows * form.columns);
                self.statements.push((form.text(size).into(), std::mem::replace(&mut values, rest)));
            }
        }
    }

    pub(super) async fn run(mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.statements.len() > TOGETHER_MAX {
            // A commit need not travel alone.
            let last = self.statements.split_off(self.statements.len() - 2);
            for statement in self.statements {
                run(connection, vec![statement]).await?;
            }
            self.statements = last;
        }
        run(connection, self.statements).await
    }
}

/// The way to the engine's thread and back costs more than a small statement: a few of them go together.
async fn run(
    connection: &mut SqliteConnection,
    statements: Vec<(Cow<'static, str>, Vec<Value>)>,
) -> Result<(), sqlx::Error> {
    let (texts, values): (Vec<_>, Vec<_>) = statements.into_iter().unzip();
    if texts.is_empty() {
        return Ok(());
    }
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.iter().map(Vec::len).sum(), 0);
    for value in values.into_iter().flatten() {
        arguments.add(value).expect("numbers, texts and bytes are encoded without fail");
    }
    // Few combinations occur, so all of them stay prepared.
    sqlx::query_with(AssertSqlSafe(texts.join("; ")), arguments).execute(connection).await?;
    Ok(())
}

/// Rows in one statement, largest first. Few sizes, so that all statements stay prepared.
const SIZES: [usize; 6] = [64, 16, 8, 4, 2, 1];
/// Statements that travel together.
const TOGETHER_MAX: usize = 5;
