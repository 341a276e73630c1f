//! One XML stream from its first byte to its last (RFC 6120 §4).
//!
//! | module | what |
//! |---|---|
//! | [`negotiation`] | from the first byte to a bound or resumed session: header, TLS, SASL, resource |
//! | [`management`] | acknowledgements and resumption (XEP-0198) |
//! | [`error`] | how a stream fails |
//!
//! The caller moves bytes between a socket, a [`Framer`](crate::xml::Framer) and a [`Negotiation`], and answers what
//! it is asked. A client that authenticates inside direct TLS and binds a resource:
//!
//! ```
//! use std::sync::Arc;
//! use perch_xmpp::sasl::{Credentials, Decoy, Mechanism};
//! use perch_xmpp::stream::{Negotiation, NegotiationConfig, Output, Secured, StartTls};
//! use perch_xmpp::xml::{Framer, Limits};
//!
//! let config = Arc::new(NegotiationConfig {
//!     domain: "perch.example".to_owned(),
//!     starttls: StartTls::Required,
//!     mechanisms: Mechanism::ALL.to_vec(),
//!     registration: false,
//!     decoy: Decoy { secret: [7; 32], iterations: 10_000 }, // random, shared by the pool
//!     entrance_limits: None,
//!     session_limits: None,
//!     session_features: Vec::new(),
//! });
//! let stored = Credentials::derive("pencil", b"a salt, 16 bytes", 10_000)?;
//!
//! let open = "<stream:stream to='perch.example' version='1.0' xmlns='jabber:client' \
//!             xmlns:stream='http://etherx.jabber.org/streams'>";
//! let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABwZW5jaWw=</auth>";
//! let bind = "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
//!
//! let mut framer = Framer::new(Limits::PRE_AUTH);
//! let mut negotiation = Negotiation::new(config, Some(Secured::default()), [42; 32]); // random for each stream
//! let mut reply = Vec::new();
//! for received in [open, auth, open, bind] {
//!     framer.buffer().extend_from_slice(received.as_bytes());
//!     // What waits behind an unanswered question waits in the framer.
//!     while negotiation.awaits_peer() {
//!         let outputs = match framer.next() {
//!             Ok(Some(item)) => negotiation.handle_item(item),
//!             Ok(None) => break,
//!             Err(fault) => negotiation.close(fault.condition().into()),
//!         };
//!         let mut outputs = std::collections::VecDeque::from(outputs);
//!         while let Some(output) = outputs.pop_front() {
//!             match output {
//!                 Output::Send(bytes) => reply.extend_from_slice(&bytes),
//!                 Output::Lookup { .. } => outputs.extend(negotiation.handle_credentials(Some(&stored))),
//!                 Output::Authenticated { .. } => framer.set_limits(Limits::CLIENT),
//!                 Output::Restart => {
//!                     framer.reset();
//!                 }
//!                 Output::Bind { account, wanted } => {
//!                     let address = wanted.map_or_else(|| account.with_resource("perch-1"), Ok)?;
//!                     outputs.extend(negotiation.handle_bound(&address));
//!                 }
//!                 other => panic!("not in this example: {other:?}"),
//!             }
//!         }
//!     }
//! }
//! assert!(negotiation.is_established());
//! assert!(reply.ends_with(b"<jid>juliet@perch.example/perch-1</jid></bind></iq>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;
pub mod management;
pub mod negotiation;

pub use error::{StreamCondition, StreamFailure};
pub use negotiation::{Negotiation, NegotiationConfig, Output, Secured, StartTls};
