//! `perch principal list` and `perch principal find WORDS`.

use clap::{Args, ValueEnum};

use crate::admin::wire::principals::{Principal, PrincipalQuery};
use crate::chat::principal::{Kind, Standing};
use crate::cli::output::Output;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Only those
    #[arg(long, value_enum)]
    kind: Option<Listed>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FindArguments {
    /// Part of the name or address
    words: String,
    /// Only those
    #[arg(long, value_enum)]
    kind: Option<Listed>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Listed {
    User,
    Group,
    Unit,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    print(arguments.asking, arguments.kind, None).await
}

pub(in crate::cli) async fn find(arguments: FindArguments) -> Result<(), CommandError> {
    print(arguments.asking, arguments.kind, Some(arguments.words)).await
}

async fn print(asking: Asking, kind: Option<Listed>, words: Option<String>) -> Result<(), CommandError> {
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let kind = kind.map(|kind| match kind {
        Listed::User => Kind::User,
        Listed::Group => Kind::Group,
        Listed::Unit => Kind::Unit,
    });
    let mut query = PrincipalQuery { kind, words, ..PrincipalQuery::default() };
    let mut principals = Vec::new();
    loop {
        let mut page = server.principals(&query).await?;
        principals.append(&mut page.principals);
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    print_table(output, &principals);
    Ok(())
}

pub(super) fn print_table(output: Output, principals: &[Principal]) {
    let rows = principals.iter().map(|one| {
        let standing = if one.standing == Standing::Present { "" } else { one.standing.as_str() };
        let source = if one.entry.is_some() { "directory" } else { "" };
        [
            one.address.clone(),
            one.kind.as_str().to_owned(),
            one.name.clone(),
            source.to_owned(),
            standing.to_owned(),
        ]
    });
    output.print_table(["ADDRESS", "KIND", "NAME", "SOURCE", "STATE"], rows, &principals);
}
