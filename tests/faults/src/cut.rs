//! Clients lose their connections, one after the other, in the midst of whatever is on its way. Those that manage their
//! streams resume (XEP-0198) and must miss nothing and hear nothing twice; the others sign in anew.

use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::client::Stage;
use crate::crowd::{Crowd, Size};
use crate::kill::RETURN_PATIENCE;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::Server;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many connections are cut
    #[arg(long, default_value_t = 100)]
    cuts: u32,
}

pub(crate) async fn run(
    arguments: &Arguments,
    kind: &str,
    folder: &Path,
    size: Size,
) -> Result<Outcome, Problem> {
    let mut server = Server::prepare(kind, folder)?;
    server.start().await?;
    server.add_accounts(&size.accounts())?;
    let recorder = Recorder::create(&folder.join("history.jsonl"))?;
    let mut crowd = Crowd::gather(vec![server.door()?], size, recorder).await?;
    let mut random = StdRng::seed_from_u64(size.seed);
    for _ in 0..arguments.cuts {
        crowd.cut(random.random_range(0..size.clients));
        sleep(random.random_range(Duration::ZERO..PAUSE_MAX)).await;
    }
    crowd.until(Stage::Present, RETURN_PATIENCE).await?;
    Ok(crowd.verdict("cut", &mut server).await?.into())
}

/// Several clients are away at a time, most are not.
const PAUSE_MAX: Duration = Duration::from_millis(100);
