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
    /// What the next line breaks at, and how.
    next: parking_lot::Mutex<Option<(&'static [u8], Cut)>>,
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
        self.cut_next_at(MARK, cut);
    }

    /// The next call with this in it does.
    pub(crate) fn cut_next_at(&self, mark: &'static [u8], cut: Cut) {
        *self.shared.next.lock() = Some((mark, cut));
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
        let mut drops_answer = false;
        loop {
            tokio::select! {
                _ = broken.changed() => return,
                read = from_client.read(&mut question) => {
                    let Ok(size @ 1..) = read else { return };
                    if self.is_silent.load(Ordering::SeqCst) {
                        continue;
                    }
                    let is_meant = |(mark, _): &mut (&[u8], Cut)| has(&question[..size], mark);
                    let cut = self.next.lock().take_if(is_meant);
                    if let Some((_, cut)) = cut {
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

/// Messages to a server (PostgreSQL, 55.7) have texts and values as they are.
fn has(question: &[u8], mark: &[u8]) -> bool {
    question.windows(mark.len()).any(|window| window == mark)
}

/// Stands in the texts that are to meet a cut.
pub(crate) const MARK: &[u8] = b"cut here";
