//! How a verb removes something that has a version.

use clap::Args;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{NOTHING, query};
use super::consent::Consent;
use super::{Asking, CommandError, IfVersion};

/// What every such verb takes.
#[derive(Debug, Args)]
pub(super) struct Removal {
    #[command(flatten)]
    version: IfVersion,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

impl Removal {
    /// Asks whether it is meant, has what is at `path` removed, also where it is in use if that is `forced`, and says so.
    /// `what`: "the policy tag:guests".
    pub(super) async fn carry_out<T: DeserializeOwned + Serialize>(
        self,
        path: &str,
        what: &str,
        forced: bool,
    ) -> Result<(), CommandError> {
        let Self { version, consent, asking } = self;
        let (client, output) = asking.open()?;
        let mut server = client.connect().await?.only_if(version.if_version);
        consent.obtain(&format!("remove {what}?"))?;
        let force = ("force", forced.then(|| "true".to_owned()));
        let path = format!("{path}{}", query([consent.trial.parameter(), force]));
        let removed: T = server.ask(Method::DELETE, &path, NOTHING).await?;
        output.print(consent.trial.words(&format!("{what} was removed")), &removed);
        Ok(())
    }
}
