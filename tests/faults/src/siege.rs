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
    /// How many strangers come each time
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many times they come at the most
    #[arg(long, default_value_t = 6)]
    waves: usize,
}

/// What came of it.
#[derive(Serialize)]
struct Figures {
    name: &'static str,
    connections: usize,
    open_max: usize,
    memory_before_kib: u64,
    memory_peak_kib: u64,
    /// After each wave of strangers.
    memory_after_kib: Vec<u64>,
    is_settled: bool,
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
    let mut siege = Siege {
        connector: Arc::new(server.connector()?),
        process: server.process_id().expect("it was just started"),
        guest: Guest { account, cache: SaltedPassword::default() },
        lives: Vec::new(),
        logins: Vec::new(),
        open_max: 0,
        memory_peak_kib: 0,
    };
    // What the first guest makes the server set up is not the strangers' doing.
    for _ in 0..20 {
        siege.guest.sign_in(&siege.connector).await?;
    }
    let memory_before_kib = memory_kib(siege.process)?;
    let mut memory_after_kib = Vec::new();
    while memory_after_kib.len() < arguments.waves && !is_settled(&memory_after_kib, arguments.connections) {
        memory_after_kib.push(siege.wave(arguments.connections).await?);
    }

    siege.logins.sort_unstable();
    let closed: Vec<Duration> = siege.lives.iter().flatten().copied().collect();
    let growth_kib = siege.memory_peak_kib.saturating_sub(memory_before_kib);
    let mut figures = Figures {
        name: "siege",
        connections: arguments.connections,
        open_max: siege.open_max,
        memory_before_kib,
        memory_peak_kib: siege.memory_peak_kib,
        is_settled: is_settled(&memory_after_kib, arguments.connections),
        memory_after_kib,
        kib_per_connection: (growth_kib as f64 / siege.open_max.max(1) as f64).round(),
        longest_s: closed.iter().max().map_or(0.0, Duration::as_secs_f64).round(),
        never_closed: siege.lives.len() - closed.len(),
        logins: siege.logins.len(),
        login_p50_ms: percentile(&siege.logins, 0.50),
        login_p99_ms: percentile(&siege.logins, 0.99),
        found: Vec::new(),
    };
    figures.judge();
    Ok(Outcome::new(&figures, figures.found.is_empty()))
}

struct Siege {
    connector: Arc<Connector>,
    process: u32,
    guest: Guest,
    /// How long each stranger was let live; `None` for those who outlived the siege.
    lives: Vec<Option<Duration>>,
    /// How many milliseconds each sign-in took meanwhile.
    logins: Vec<u64>,
    open_max: usize,
    memory_peak_kib: u64,
}

impl Siege {
    /// Sends so many strangers, waits for the end of the last, and returns what memory the server has then.
    async fn wave(&mut self, connections: usize) -> Result<u64, Problem> {
        let open = Arc::new(AtomicUsize::new(0));
        let mut strangers = JoinSet::new();
        for n in 0..connections {
            strangers.spawn(stranger(self.connector.clone(), n, open.clone()));
            sleep(ARRIVAL_PAUSE).await;
        }
        while !strangers.is_empty() {
            self.logins.push(self.guest.sign_in(&self.connector).await?);
            self.open_max = self.open_max.max(open.load(Relaxed));
            self.memory_peak_kib = self.memory_peak_kib.max(memory_kib(self.process)?);
            sleep(LOGIN_PAUSE).await;
            while let Some(life) = strangers.try_join_next() {
                self.lives.push(life.map_err(|error| Problem::Setup(error.to_string()))?);
            }
        }
        memory_kib(self.process)
    }
}

impl Figures {
    fn judge(&mut self) {
        let found = [
            (self.never_closed > 0, "strangers were not thrown out"),
            (self.kib_per_connection > KIB_PER_CONNECTION_MAX, "a stranger costs too much memory"),
            (!self.is_settled, "strangers leave something behind"),
            (self.login_p99_ms > LOGIN_MS_MAX, "signing in takes too long meanwhile"),
        ];
        self.found = found.iter().filter(|(is_so, _)| *is_so).map(|(_, what)| (*what).to_owned()).collect();
    }
}

/// Whether the last wave found enough in what those before had left. An allocator keeps what it had for next time, and
/// takes more in a few large steps until it has enough; what is lost grows with every stranger of every wave.
fn is_settled(memory_after_kib: &[u64], connections: usize) -> bool {
    let &[.., before, last] = memory_after_kib else { return false };
    last.saturating_sub(before) * 1024 < connections as u64 * LOST_BYTES_MAX
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
const LOGIN_MS_MAX: u64 = 1000;
const KIB_PER_CONNECTION_MAX: f64 = 64.0;
/// What a stranger may leave behind, in bytes. Less than this is lost in what the allocator has over; 4 KiB, which is less
/// than a connection takes, was always found.
const LOST_BYTES_MAX: u64 = 256;
