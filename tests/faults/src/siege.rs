//! Strangers who never sign in: connections that stay silent, that drip a byte a second, that stop in the middle of a
//! handshake or of a stream header. None may live long or cost much, and who has an account must not notice.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use perch_checker::percentile;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::server::Server;
use crate::xmpp::{Connector, SaltedPassword};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many strangers come
    #[arg(long, default_value_t = 1000)]
    connections: usize,
}

/// What came of it.
#[derive(Serialize)]
struct Figures {
    name: &'static str,
    connections: usize,
    open_max: usize,
    memory_before_kib: u64,
    memory_peak_kib: u64,
    memory_after_kib: u64,
    kib_per_connection: f64,
    longest_s: f64,
    never_closed: usize,
    logins: usize,
    login_p50_ms: u64,
    login_p99_ms: u64,
    found: Vec<String>,
}

/// What a stranger does, before it waits to be thrown out.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Silent,
    HalfHandshake,
    DrippingHandshake,
    SilentAfterHandshake,
    DrippingHeader,
    EndlessHeader,
}

pub(crate) async fn run(
    arguments: &Arguments,
    kind: &str,
    folder: &std::path::Path,
) -> Result<Outcome, Problem> {
    let mut server = Server::prepare(kind, folder)?;
    server.start().await?;
    let account = ("u0".to_owned(), "secret-of-u0".to_owned());
    server.add_accounts(std::slice::from_ref(&account))?;
    let connector = Arc::new(server.connector()?);
    let process = server.process_id().expect("it was just started");
    let mut guest = Guest { account, cache: SaltedPassword::default() };
    // What the first guest makes the server set up is not the strangers' doing.
    for _ in 0..20 {
        guest.sign_in(&connector).await?;
    }
    let memory_before_kib = memory_kib(process)?;

    let open = Arc::new(AtomicUsize::new(0));
    let mut strangers = JoinSet::new();
    let mut logins = Vec::new();
    let (mut memory_peak_kib, mut open_max) = (memory_before_kib, 0);
    let mut lives = Vec::new();
    for n in 0..arguments.connections {
        strangers.spawn(stranger(connector.clone(), n, open.clone()));
        sleep(ARRIVAL_PAUSE).await;
    }
    while !strangers.is_empty() {
        logins.push(guest.sign_in(&connector).await?);
        open_max = open_max.max(open.load(Relaxed));
        memory_peak_kib = memory_peak_kib.max(memory_kib(process)?);
        if let Ok(Some(life)) = timeout(LOGIN_PAUSE, strangers.join_next()).await {
            lives.push(life.map_err(|error| Problem::Setup(error.to_string()))?);
        }
        while let Some(life) = strangers.try_join_next() {
            lives.push(life.map_err(|error| Problem::Setup(error.to_string()))?);
        }
    }
    sleep(LIFE_MAX / 10).await;
    logins.sort_unstable();
    let closed: Vec<Duration> = lives.iter().flatten().copied().collect();
    let mut figures = Figures {
        name: "siege",
        connections: arguments.connections,
        open_max,
        memory_before_kib,
        memory_peak_kib,
        memory_after_kib: memory_kib(process)?,
        kib_per_connection: (memory_peak_kib - memory_before_kib) as f64 / open_max.max(1) as f64,
        longest_s: closed.iter().max().map_or(0.0, Duration::as_secs_f64).round(),
        never_closed: lives.len() - closed.len(),
        logins: logins.len(),
        login_p50_ms: percentile(&logins, 0.50),
        login_p99_ms: percentile(&logins, 0.99),
        found: Vec::new(),
    };
    figures.judge();
    Ok(Outcome::new(&figures, figures.found.is_empty()))
}

impl Figures {
    fn judge(&mut self) {
        let found = [
            (self.never_closed > 0, "strangers were not thrown out"),
            (self.kib_per_connection > KIB_PER_CONNECTION_MAX, "a stranger costs too much memory"),
            (
                self.memory_after_kib > self.memory_before_kib * 21 / 20 + SLACK_KIB,
                "memory does not come back",
            ),
            (self.login_p99_ms > LOGIN_MAX.as_secs() * 1000, "signing in takes too long meanwhile"),
        ];
        self.found = found.iter().filter(|(is_so, _)| *is_so).map(|(_, what)| (*what).to_owned()).collect();
    }
}

/// Somebody with an account.
struct Guest {
    account: (String, String),
    cache: SaltedPassword,
}

impl Guest {
    /// Signs in and returns how many milliseconds that took.
    async fn sign_in(&mut self, connector: &Connector) -> Result<u64, Problem> {
        let begin = Instant::now();
        let (name, password) = &self.account;
        let (mut stream, _) = connector.authenticate(name, password, &mut self.cache).await?;
        stream.bind().await?;
        stream.send("</stream:stream>").await?;
        Ok(u64::try_from(begin.elapsed().as_millis()).expect("nobody waits for so long"))
    }
}

/// How long a stranger was let live; `None` if it was not thrown out in time.
async fn stranger(connector: Arc<Connector>, n: usize, open: Arc<AtomicUsize>) -> Option<Duration> {
    let begin = Instant::now();
    open.fetch_add(1, Relaxed);
    // A connection that is refused, or dropped while it writes, was thrown out too.
    let ended = timeout(LIFE_MAX, misbehave(&connector, n)).await;
    open.fetch_sub(1, Relaxed);
    ended.is_ok().then(|| begin.elapsed())
}

async fn misbehave(connector: &Connector, n: usize) -> Result<(), Problem> {
    let manners = [
        Manner::Silent,
        Manner::HalfHandshake,
        Manner::DrippingHandshake,
        Manner::SilentAfterHandshake,
        Manner::DrippingHeader,
        Manner::EndlessHeader,
    ];
    let manner = manners[n % manners.len()];
    // From many addresses, so that a limit for each of them is not what ends the siege.
    let block = u8::try_from(n / 16 % 250).expect("it is less than 250") + 1;
    let from = Ipv4Addr::new(127, 1, 0, block);
    let header = format!("<?xml version='1.0'?><stream:stream to='{}'", connector.domain());
    match manner {
        Manner::Silent => until_closed(connector.tcp(from).await?, &[], false).await,
        Manner::HalfHandshake => until_closed(connector.tcp(from).await?, HALF_A_HELLO, false).await,
        Manner::DrippingHandshake => until_closed(connector.tcp(from).await?, HALF_A_HELLO, true).await,
        Manner::SilentAfterHandshake => until_closed(connector.tls(from).await?, &[], false).await,
        Manner::DrippingHeader => until_closed(connector.tls(from).await?, header.as_bytes(), true).await,
        Manner::EndlessHeader => {
            let endless = format!("{header} id='{}", "x".repeat(ENDLESS_BYTES));
            until_closed(connector.tls(from).await?, endless.as_bytes(), false).await
        }
    }
}

/// Writes the bytes, at once or one each second, and waits for the server to close.
async fn until_closed(
    connection: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
    drips: bool,
) -> Result<(), Problem> {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let write = async {
        for bytes in bytes.chunks(if drips { 1 } else { bytes.len().max(1) }) {
            writer.write_all(bytes).await?;
            writer.flush().await?;
            if drips {
                sleep(Duration::from_secs(1)).await;
            }
        }
        std::future::pending::<Result<(), Problem>>().await
    };
    let read = async {
        let mut answer = [0; 1024];
        while reader.read(&mut answer).await? > 0 {}
        Ok(())
    };
    tokio::select! { ended = write => ended, ended = read => ended }
}

/// What a process occupies of memory.
fn memory_kib(process: u32) -> Result<u64, Problem> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib = resident.trim().trim_end_matches(" kB").parse();
    kib.map_err(|_| Problem::Setup(format!("no memory of process {process} to be read")))
}

/// The beginning of a ClientHello: a handshake record of 508 bytes, of which few come.
const HALF_A_HELLO: &[u8] =
    b"\x16\x03\x01\x01\xfc\x01\x00\x01\xf8\x03\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\
    \x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x20";
/// Just below what a server has to take before authentication (RFC 6120 §13.12).
const ENDLESS_BYTES: usize = 9_000;
/// 30 s, and 2 s for a machine that is busy.
const LIFE_MAX: Duration = Duration::from_secs(32);
const ARRIVAL_PAUSE: Duration = Duration::from_millis(4);
const LOGIN_PAUSE: Duration = Duration::from_millis(250);
const LOGIN_MAX: Duration = Duration::from_secs(1);
const KIB_PER_CONNECTION_MAX: f64 = 64.0;
/// What an allocator keeps for next time, however small the server.
const SLACK_KIB: u64 = 2048;
