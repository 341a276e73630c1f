//! The server is killed, again and again, while everybody talks (SIGKILL at random moments).

use std::path::Path;
use std::time::Duration;

use perch_checker::Phase;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::client::Stage;
use crate::crowd::{Crowd, Size};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::Server;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often the server is killed
    #[arg(long, default_value_t = 10)]
    kills: u32,
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
    for _ in 0..arguments.kills {
        // One kill in four comes before everybody is back.
        if random.random_bool(0.75) {
            crowd.until(Stage::Present, RETURN_PATIENCE).await?;
        }
        sleep(random.random_range(Duration::ZERO..TALK_MAX)).await;
        crowd.recorder().nemesis("kill", Phase::Start);
        server.kill()?;
        server.start().await?;
        crowd.recorder().nemesis("kill", Phase::Stop);
    }
    crowd.until(Stage::Present, RETURN_PATIENCE).await?;
    Ok(crowd.verdict("kill", &mut server).await?.into())
}

/// How long the talk goes on between the server's return and its next end.
const TALK_MAX: Duration = Duration::from_millis(1500);
pub(crate) const RETURN_PATIENCE: Duration = Duration::from_secs(60);
