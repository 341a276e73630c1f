//! Stands between a member and its database, and cuts the line where a test wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The question does not arrive.
    Before,
    /// The question arrives, and the line breaks while it is worked on.
    During,
    /// It is done, and the answer does not arrive.
    After,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: u16,
    next: parking_lot::Mutex<Option<Cut>>,
    cuts: AtomicU32,
    /// While set, nothing gets through, and nobody is told.
    is_silent: AtomicBool,
    /// Changes when every line is to break.
    break_all: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            upstream,
            next: parking_lot::Mutex::new(None),
            cuts: AtomicU32::new(0),
            is_silent: AtomicBool::new(false),
            break_all: watch::Sender::new(0),
        });
        let accepting = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = accepting.clone();
                if shared.is_silent.load(Ordering::SeqCst) {
                    // Held, so that it is not refused either.
                    tokio::spawn(async move {
                        let _held = client;
                        std::future::pending::<()>().await;
                    });
                    continue;
                }
                tokio::spawn(async move { shared.carry(client).await });
            }
        });
        Self { port, shared }
    }

    /// The next call that appends meets this.
    pub(crate) fn cut_next(&self, cut: Cut) {
        *self.shared.next.lock() = Some(cut);
    }

    pub(crate) fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// From now on nothing gets through, until it is healed.
    pub(crate) fn silence(&self) {
        self.shared.is_silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.shared.is_silent.store(false, Ordering::SeqCst);
        self.shared.break_all.send_modify(|count| *count += 1);
    }
}

impl Shared {
    async fn carry(&self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.upstream)).await else { return };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut broken = self.break_all.subscribe();
        let (mut question, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        // A call that appends is known by the name of its member, which is its first value.
        let mut drops_answer = false;
        loop {
            tokio::select! {
                _ = broken.changed() => return,
                read = from_client.read(&mut question) => {
                    let Ok(size @ 1..) = read else { return };
                    if self.is_silent.load(Ordering::SeqCst) {
                        continue;
                    }
                    let is_meant = is_append(&question[..size]);
                    let cut = is_meant.then(|| self.next.lock().take()).flatten();
                    if let Some(cut) = cut {
                        self.cuts.fetch_add(1, Ordering::SeqCst);
                        match cut {
                            Cut::Before => return,
                            Cut::During => {
                                let _ = to_server.write_all(&question[..size]).await;
                                return;
                            }
                            Cut::After => drops_answer = true,
                        }
                    }
                    if to_server.write_all(&question[..size]).await.is_err() {
                        return;
                    }
                }
                read = from_server.read(&mut answer) => {
                    let Ok(size @ 1..) = read else { return };
                    if drops_answer {
                        return;
                    }
                    if self.is_silent.load(Ordering::SeqCst) {
                        continue;
                    }
                    if to_client.write_all(&answer[..size]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// A Bind message (PostgreSQL, 55.7) with the text of a message that a test has marked.
fn is_append(question: &[u8]) -> bool {
    question.windows(MARK.len()).any(|window| window == MARK)
}

/// Stands in the texts that are to meet a cut.
pub(crate) const MARK: &[u8] = b"cut here";
