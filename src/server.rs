//! Wiring, and nothing else: builds the parts, starts them, and stops them in the order that loses nothing.
//!
//! Stopping goes down the way of a message: no new connections, then the streams say goodbye, then what they asked
//! for is done, then the store is closed.

mod directory;
mod indexing;
mod members;
mod sip;
mod upkeep;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use perch_xmpp::sasl::Mechanism;
use perch_xmpp::stream::negotiation::AnnouncedLimits;
use perch_xmpp::stream::{NegotiationConfig, StartTls};
use perch_xmpp::xml::Limits;
use thiserror::Error;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::account;
use crate::admin::rights::Operation;
use crate::admin::socket::{Socket, SocketError};
use crate::admin::{self, Admin};
use crate::auth::{Accounts, Registration, Revocation};
use crate::bus::{self, Bus, BusError};
use crate::chat::administration::level::Here;
use crate::chat::category::{CategoryText, Rules};
use crate::chat::note::{self, Note};
use crate::clock::Clock;
use crate::config::{Config, Creation};
use crate::directory::Directory;
use crate::directory::ldap::DirectoryError;
use crate::fanout::mailbox::Ending;
use crate::listener::tls::{Tls, TlsError, WATCH_INTERVAL};
use crate::listener::{self, Admission, BindError, Kind, Listener};
use crate::pool::{Pool, ReturnTimes};
use crate::room::{self, Rooms};
use crate::session::xmpp::room::letter;
use crate::session::{self, Sessions};
use crate::sip::Sip;
use crate::store::Store;
use crate::store::administration::act::{Act, Outcome};
use crate::store::administration::{Deed, DeedError};
use crate::store::error::{OpenError, StoreError};
use crate::stream::{self, Directions, Streams};
use crate::web::Web;

/// A running server.
pub struct Server {
    listening: Vec<Listening>,
    tls: Tls,
    store: Store,
    bus: Bus,
    pool: Pool,
    rooms: Rooms,
    people: account::Accounts,
    sessions: Sessions,
    listeners: Stage,
    streams: Stage,
    services: Stage,
    _lock: File,
}

/// Where connections are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    pub kind: Kind,
    pub address: SocketAddr,
}

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the data directory {path} cannot be used: {source}", path = path.display())]
    DataDir { path: PathBuf, source: io::Error },
    #[error("another server is running in the data directory {path}", path = path.display())]
    Running { path: PathBuf },
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error("the store cannot be used: {0}")]
    Unusable(#[from] StoreError),
    #[error("the directory cannot be followed: {0}")]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    AdminSocket(#[from] SocketError),
}

/// Tasks that are stopped together.
#[derive(Debug, Default)]
struct Stage {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts a server. When this returns it takes connections; port 0 has become one that was free.
pub async fn start(config: Config) -> Result<Server, StartError> {
    begin(config, false).await
}

/// Starts a server whose store was put back from a copy: no id that was given after the copy is given again.
pub async fn start_restored(config: Config) -> Result<Server, StartError> {
    begin(config, true).await
}

async fn begin(config: Config, is_restored: bool) -> Result<Server, StartError> {
    let clock = Clock::system();
    let lock = lock(&config.data_dir)?;
    let tls = Tls::load(&config.tls, &clock)?;
    let bound = bind(&config)?;
    let socket = Socket::bind(&config.data_dir)?;
    let store = open_store(&config, &clock, is_restored).await?;
    let me = note::Member { name: config.pool.member.as_str().into(), incarnation: store.incarnation() };
    let (bus, heard) = members::open_bus(&config, &store, me.clone()).await?;
    let (listeners, streams, services) = (Stage::default(), Stage::default(), Stage::default());
    let (pool, raised) = members::join_pool(&store, &bus, &clock, me, &services).await?;

    let (accounts, directory) = know_people(&config, &store, &bus, &clock, &services).await?;
    services.spawn(|stop| tls.clone().watch(WATCH_INTERVAL, stop));
    let (letters, bag) = room::letters();
    found_category(&config, &store, &directory, &clock).await?;
    let rooms = rooms(&config, &store, &bus, &clock, directory.clone(), letters);
    let admin = Admin::new(
        store.clone(),
        accounts.clone(),
        pool.clone(),
        directory.clone(),
        rooms.clone(),
        clock.clone(),
        here(&config),
    );
    let router = admin::http::for_operator(admin.clone(), services.tasks.clone());
    services.spawn(|stop| socket.serve(router, stop));
    rooms.recover(clock.now().plus(RETURN_TIME)).await?;
    store.detach_sessions(clock.now().plus(RESUMPTION_TIME)).await?;
    let people = people(&config, &store, &bus, &clock);
    services.spawn(|stop| letter::carry(bag, people.clone(), stop));
    services.spawn(|stop| upkeep::run(store.clone(), clock.clone(), stop));
    services.spawn(|stop| indexing::run(store.clone(), stop));
    let sessions = sessions(&config, &rooms, people.clone(), admin.clone(), directory.clone(), &clock);
    services.spawn(|stop| sessions.clone().forget_lapsed(stop));
    services.spawn(|stop| sessions.clone().tell_followers(stop));
    let policy = stream_policy(&config, &accounts, members::directions(&pool));
    let speaker = Streams::new(tls.clone(), accounts.clone(), sessions.clone(), policy, streams.stop.clone());
    let ears = members::Ears {
        pool: pool.clone(),
        directory,
        rooms: rooms.clone(),
        people: people.clone(),
        sessions: sessions.clone(),
        streams: speaker.clone(),
    };
    services.spawn(|stop| end_revoked(accounts.revocations(), ears.clone(), bus.clone(), stop));
    members::keep_in_touch(&services, heard, raised, ears);
    let web =
        Web::new(tls.clone(), admin::http::for_network(admin, services.tasks.clone()), streams.stop.clone());
    let sip = sip::speaker(&config, &tls, &store, accounts, &sessions, &clock, &streams);
    let speakers = Speakers { streams: speaker, sip, web };
    let listening = listen(bound, config.limits.connections, [&listeners, &streams], &speakers);
    Ok(Server {
        listening,
        tls,
        store,
        bus,
        pool,
        rooms,
        people,
        sessions,
        listeners,
        streams,
        services,
        _lock: lock,
    })
}

fn people(config: &Config, store: &Store, bus: &Bus, clock: &Clock) -> account::Accounts {
    // Other domains are not served yet: what is for them is refused before it gets here.
    let (foreign, _unserved) = mpsc::channel(1);
    account::Accounts::new(store.clone(), bus.clone(), clock.clone(), config.domain.clone(), foreign)
}

/// Those who may sign in, and the groups that they are in.
async fn know_people(
    config: &Config,
    store: &Store,
    bus: &Bus,
    clock: &Clock,
    services: &Stage,
) -> Result<(Accounts, Directory), StartError> {
    let source = directory::source(config)?;
    let accounts =
        Accounts::new(store.clone(), config.domain.clone(), config.accounts.clone(), clock.clone())
            .with_source(source.clone());
    let directory = Directory::open(store.clone(), bus.clone(), config.domain.clone(), here(config)).await?;
    directory::follow(services, source, &directory, &accounts);
    Ok((accounts, directory))
}

/// Those who speak on connections.
struct Speakers {
    streams: Streams,
    sip: Sip,
    web: Web,
}

/// Takes connections, and hands each to whoever speaks on it. Says where.
fn listen(
    bound: Vec<Listener>,
    limits: listener::Limits,
    [listeners, streams]: [&Stage; 2],
    speakers: &Speakers,
) -> Vec<Listening> {
    let listening =
        bound.iter().map(|bound| Listening { kind: bound.kind(), address: bound.address() }).collect();
    // Who speaks HTTP is a stranger as long as he is connected: he is not to stand in the way of those who sign in.
    let [for_streams, for_sip, for_web] = [(); 3].map(|()| Admission::new(limits));
    for listener in bound {
        let tasks = streams.tasks.clone();
        match listener.kind() {
            Kind::Https => {
                let (web, admission) = (speakers.web.clone(), for_web.clone());
                let serve = move |connection| web.clone().serve(connection);
                listeners.spawn(|stop| listener.run(admission, stop, tasks, serve));
            }
            Kind::SipTls | Kind::SipTcp => {
                let (sip, admission) = (speakers.sip.clone(), for_sip.clone());
                let speak = move |connection| sip.clone().serve(connection);
                listeners.spawn(|stop| listener.run(admission, stop, tasks, speak));
            }
            Kind::StartTls | Kind::DirectTls | Kind::Plain => {
                let (streams, admission) = (speakers.streams.clone(), for_streams.clone());
                let speak = move |connection| streams.clone().serve(connection);
                listeners.spawn(|stop| listener.run(admission, stop, tasks, speak));
            }
        }
    }
    listening
}

/// Ends the sessions of accounts that were removed, disabled, or got a new password.
async fn end_revoked(
    mut revocations: broadcast::Receiver<Revocation>,
    ears: members::Ears,
    bus: Bus,
    stop: CancellationToken,
) {
    loop {
        let revoked = tokio::select! {
            () = stop.cancelled() => return,
            revoked = revocations.recv() => revoked,
        };
        match revoked {
            Ok(Revocation { account, spared, rooms: listed }) => {
                ears.sessions.end_account(account, spared);
                bus.publish(Note::Revoked { account, spared });
                for room in listed {
                    ears.rooms.hear(Note::RoomStale { room: room.clone() });
                    bus.publish(Note::RoomStale { room });
                }
            }
            // It is not known whose revocation was lost: everybody signs in again.
            Err(RecvError::Lagged(_)) => ears.sessions.end_all(Ending::AccountGone),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Unless the creators of a category make the rooms, there is one for all who have an account, as long as there is no other.
async fn found_category(
    config: &Config,
    store: &Store,
    directory: &Directory,
    clock: &Clock,
) -> Result<(), StoreError> {
    if config.rooms.creation == Creation::Creators || directory.view().categories().next().is_some() {
        return Ok(());
    }
    let everybody = vec![config.domain.clone()];
    let category = CategoryText {
        name: "General".into(),
        description: "For everybody who has an account here".into(),
        allowed: everybody.clone(),
        denied: Vec::new(),
        creators: everybody,
        rules: Rules { invitations: true, managers_destroy: true, ..Rules::default() },
    };
    let act = Act {
        at: clock.now(),
        who: "server".into(),
        origin: "start".into(),
        token: None,
        operation: Operation::ChangeCategory.as_str(),
        object: category.name.clone(),
        was: None,
        became: None,
        outcome: Outcome::Done,
        is_trial: false,
    };
    match store.administer(Deed::AddCategory(category), act).await {
        // Another member of the pool may have started too, and have been faster.
        Ok(_) | Err(DeedError::NameTaken) => directory.settle().await,
        Err(DeedError::Store(error)) => Err(error),
        Err(_) => Ok(()),
    }
}

fn rooms(
    config: &Config,
    store: &Store,
    bus: &Bus,
    clock: &Clock,
    directory: Directory,
    letters: room::Letters,
) -> Rooms {
    let policy = room::Policy {
        is_creation_open: config.rooms.creation != Creation::Admins,
        locks_new_rooms: config.rooms.locking,
        defaults: config.rooms.defaults.clone(),
        administrators: config.accounts.admins.clone(),
    };
    let domain = config.rooms_domain.domain();
    Rooms::new(store.clone(), bus.clone(), clock.clone(), domain, policy, directory, letters)
}

fn sessions(
    config: &Config,
    rooms: &Rooms,
    people: account::Accounts,
    admin: Admin,
    directory: Directory,
    clock: &Clock,
) -> Sessions {
    let policy = session::Policy {
        administrators: config.accounts.admins.clone(),
        resumption_time: RESUMPTION_TIME,
        member: (config.bus != bus::Options::Local).then(|| config.pool.member.as_str().into()),
    };
    Sessions::new(config.domain.clone(), rooms.clone(), people, admin, directory, clock.clone(), policy)
}

/// Users of a directory can prove nothing but their password to it. A client takes the strongest that is offered, and
/// does not try another: so nothing else is offered where there may be such users.
fn mechanisms(config: &Config) -> Vec<Mechanism> {
    let has_directory = config.directory.is_some();
    let works = |mechanism: &Mechanism| !has_directory || !matches!(mechanism, Mechanism::Scram { .. });
    Mechanism::ALL.into_iter().filter(works).collect()
}

fn stream_policy(config: &Config, accounts: &Accounts, directions: Directions) -> stream::Policy {
    let limits = Limits { stanza_bytes_max: config.limits.stanza_bytes, ..Limits::CLIENT };
    let announced = |bytes: usize| Some(AnnouncedLimits { max_bytes: bytes as u32, idle_seconds: None });
    let negotiation = |starttls| {
        Arc::new(NegotiationConfig {
            domain: config.domain.domain().to_owned(),
            starttls,
            mechanisms: mechanisms(config),
            registration: config.accounts.registration == Registration::Open,
            decoy: accounts.decoy(),
            entrance_limits: announced(Limits::PRE_AUTH.stanza_bytes_max),
            session_limits: announced(limits.stanza_bytes_max),
            session_features: vec![session::xmpp::account::capabilities_feature()],
        })
    };
    stream::Policy {
        starttls: negotiation(StartTls::Required),
        direct: negotiation(StartTls::Off),
        plain: negotiation(StartTls::Off),
        limits,
        entrance_time: ENTRANCE_TIME,
        directions,
        idle_time: IDLE_TIME,
        resumption_time: RESUMPTION_TIME,
    }
}

impl Server {
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// The address of the listener of that kind, unless it is off.
    pub fn address(&self, kind: Kind) -> Option<SocketAddr> {
        self.listening.iter().find(|listening| listening.kind == kind).map(|listening| listening.address)
    }

    /// Returns when the other members have taken this one for dead. Its sessions are ended then, and nothing that it
    /// does is taken by the store: it has to be stopped, and may be started anew.
    pub async fn deposed(&self) {
        self.pool.deposed().cancelled().await;
    }

    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Stops everything in order; whoever has not finished in time is cut off.
    pub async fn stop(self) {
        info!("stopping");
        self.listeners.end("listeners", LISTENERS_TIME).await;
        self.rooms.shutdown().await;
        self.sessions.end_all(Ending::Shutdown);
        self.streams.end("streams", STREAMS_TIME).await;
        self.people.shutdown().await;
        self.bus.flush().await;
        self.services.end("services", SERVICES_TIME).await;
        self.store.close().await;
        info!("stopped");
    }
}

impl Stage {
    fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.clone()));
    }

    async fn end(&self, name: &str, time: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(time, self.tasks.wait()).await.is_err() {
            warn!(remaining = self.tasks.len(), "some {name} did not end in time and are cut off");
        }
    }
}

/// Makes the data directory, closed to others, and takes it for this process.
fn lock(path: &Path) -> Result<File, StartError> {
    let unusable = |source| StartError::DataDir { path: path.into(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Running { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn bind(config: &Config) -> Result<Vec<Listener>, BindError> {
    let listen = &config.listen;
    [
        (listen.xmpp, Kind::StartTls),
        (listen.xmpp_tls, Kind::DirectTls),
        (listen.xmpp_plain, Kind::Plain),
        (listen.https, Kind::Https),
        (listen.sip_tls, Kind::SipTls),
        (listen.sip_tcp, Kind::SipTcp),
    ]
    .into_iter()
    .filter_map(|(address, kind)| Some(Listener::bind(address?, kind)))
    .collect()
}

fn here(config: &Config) -> Here {
    Here { pool: config.pool.name.as_str().into(), site: config.pool.site.as_deref().map(Into::into) }
}

async fn open_store(config: &Config, clock: &Clock, is_restored: bool) -> Result<Store, OpenError> {
    let mut options = crate::store::Options::new(rand::random());
    options.has_journal = config.journal;
    options.member = config.pool.member.as_str().into();
    options.address = config.pool.address.as_deref().map(Into::into);
    options.lease = LEASE;
    options.clock = clock.clone();
    options.is_restored = is_restored;
    Store::open(&config.store_url, &options).await
}

/// From the first byte to a session.
const ENTRANCE_TIME: Duration = Duration::from_secs(30);

/// A session that says nothing for this long is asked for a sign of life.
const IDLE_TIME: Duration = Duration::from_secs(300);

/// How long a session waits for its client to come back.
const RESUMPTION_TIME: Duration = Duration::from_secs(600);

/// How long those who were in a room when the server died may take to come back unnoticed.
const RETURN_TIME: Duration = Duration::from_secs(10);

/// How long what a dead member of a pool held waits for its clients. Its sessions wait as long as any; those who were in
/// a room may come back unnoticed for as long as lets them be gone 10 s after the death, which shows some 6 s after it.
const RETURN_TIMES: ReturnTimes = ReturnTimes { sessions: RESUMPTION_TIME, seats: Duration::from_secs(3) };

/// How long a member is taken to be alive after it was last seen.
const LEASE: Duration = Duration::from_secs(5);

/// Nothing to wait for but the task noticing.
const LISTENERS_TIME: Duration = Duration::from_secs(1);

/// Time for every client to be told, and for what it sent last to be committed.
const STREAMS_TIME: Duration = Duration::from_secs(10);

/// An administrator's request that was begun is finished.
const SERVICES_TIME: Duration = Duration::from_secs(5);
