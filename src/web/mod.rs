//! HTTP over TLS: what is served to the network, and how little of it one client can take.
//!
//! HTTP/1.1 alone. A client has so long for its handshake, for the head of each request and for the whole of it; what it
//! sends is bounded, and so is the number of connections, in all and of one address. Whatever else comes to speak HTTP is
//! one more route in [`Web::new`]; what leaves HTTP (WebSocket) does it by an upgrade of its request.

mod pace;

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::admin::http::Peer;
use crate::listener::Connection;
use crate::listener::tls::Tls;

use pace::Paced;

/// Serves connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Web {
    tls: Tls,
    router: Router,
    stop: CancellationToken,
}

impl Web {
    /// `stop`: requests that were begun are finished, and no other is taken.
    pub fn new(tls: Tls, admin: Router, stop: CancellationToken) -> Self {
        Self { tls, router: admin, stop }
    }

    /// Serves one connection to its end. It has its place among those of its address as long as it lasts.
    pub async fn serve(self, connection: Connection) {
        let Connection { socket, peer, kind, place: _place } = connection;
        let accepting = self.tls.current().acceptor(kind).accept(socket);
        let stream = match timeout(HANDSHAKE_TIME, accepting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return debug!(%peer, %error, "no TLS came of it"),
            Err(_) => return debug!(%peer, "the handshake took too long"),
        };
        let router = self.router;
        let service = service_fn(move |request| answer(router.clone(), peer.ip(), request));
        let mut serving = Box::pin(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .max_headers(HEADERS_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(Paced::new(stream, WRITE_TIME)), service)
                .with_upgrades(),
        );
        let served = tokio::select! {
            served = serving.as_mut() => served,
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = served {
            debug!(%peer, %error, "the connection broke off");
        }
    }
}

async fn answer(
    router: Router,
    peer: IpAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(Peer(peer));
    let answering = hyper::service::Service::call(&TowerToHyperService::new(router), request);
    let mut response = match timeout(REQUEST_TIME, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        // Whatever is left of the request is not waited for.
        Err(_) => (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(response)
}

/// What every answer says. No page of another origin is told that it may read one (CORS).
const HEADERS: [(HeaderName, &str); 5] = [
    // RFC 6797 §6.1: a year, for this host alone.
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    // RFC 9111 §5.2.2.5: what is told to one is told to nobody else.
    (CACHE_CONTROL, "no-store"),
];

/// A handshake is two round trips.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// From the end of one request to the end of the next one's head: that long is a connection kept alive.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// For a request, its body read and the answer made.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// A client that takes nothing for this long gets no more.
const WRITE_TIME: Duration = Duration::from_secs(30);

const HEADERS_MAX: usize = 64;

/// The head of a request, a header of the longest token and the longest path in it; and what is read at once.
const HEAD_BYTES_MAX: usize = 16 << 10;
