//! From a connection to a session: the stream's header, SASL PLAIN inside TLS, the resource (RFC 6120 §4, §6, §7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::connection::{Connection, Incoming};
use super::host::Address;
use super::pattern::{indented, written};
use super::script::Client;

/// How far the client goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Stream,
    Identity,
    Session,
}

/// The password of every account.
pub(super) const PASSWORD: &str = "wherefore art thou";

pub(super) async fn login(address: &Address, client: &Client, stage: Stage) -> Result<Connection, String> {
    let mut connection = connect(address).await?;
    open_stream(&mut connection, &address.domain).await?;
    if stage >= Stage::Identity {
        let token = STANDARD.encode(format!("\0{}\0{PASSWORD}", client.user()));
        let auth =
            Element::new("auth", namespace::SASL).with_attribute("mechanism", "PLAIN").with_text(&token);
        let answer = exchange(&mut connection, &auth).await?;
        if !answer.is("success", namespace::SASL) {
            return Err(format!("not authenticated:\n{}", indented(&answer, 2)));
        }
        open_stream(&mut connection, &address.domain).await?;
    }
    if stage >= Stage::Session {
        bind(&mut connection, client).await?;
    }
    Ok(connection)
}

pub(super) async fn connect(address: &Address) -> Result<Connection, String> {
    Connection::open(address).await.map_err(|error| format!("no connection: {error}"))
}

async fn open_stream(connection: &mut Connection, domain: &str) -> Result<(), String> {
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' to='{domain}' version='1.0'>",
        namespace::CLIENT,
        namespace::STREAM
    );
    connection.send(&header).await.map_err(|error| error.to_string())?;
    match connection.next().await {
        Some(Incoming::Header) => {}
        other => return Err(unexpected("a stream", other)),
    }
    match connection.next().await {
        Some(Incoming::Element(features)) if features.is("features", namespace::STREAM) => Ok(()),
        other => Err(unexpected("its features", other)),
    }
}

async fn bind(connection: &mut Connection, client: &Client) -> Result<(), String> {
    let resource = Element::new("resource", namespace::BIND).with_text(client.resource());
    let request = Element::new("iq", namespace::CLIENT)
        .with_attribute("type", "set")
        .with_attribute("id", "bind")
        .with_child(Element::new("bind", namespace::BIND).with_child(resource));
    let answer = exchange(connection, &request).await?;
    let bound =
        answer.child("bind", namespace::BIND).and_then(|bind| bind.child_text("jid", namespace::BIND));
    match bound {
        Some(jid) if jid == client.jid => Ok(()),
        _ => Err(format!("not bound to {}:\n{}", client.jid, indented(&answer, 2))),
    }
}

async fn exchange(connection: &mut Connection, request: &Element) -> Result<Element, String> {
    let text = written(request);
    connection.send(&text).await.map_err(|error| error.to_string())?;
    match connection.next().await {
        Some(Incoming::Element(element)) => Ok(element),
        other => Err(unexpected("an answer", other)),
    }
}

fn unexpected(expected: &str, came: Option<Incoming>) -> String {
    match came {
        Some(came) => format!("{expected} was to come, but this did:\n{came}"),
        None => format!("{expected} was to come, but nothing did"),
    }
}
