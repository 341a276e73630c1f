//! Who speaks SIP, put together.

use crate::auth::Accounts;
use crate::clock::Clock;
use crate::config::Config;
use crate::listener::tls::Tls;
use crate::server::Stage;
use crate::session::Sessions;
use crate::sip::{Bindings, Services, Sip};
use crate::store::Store;

pub(super) fn speaker(
    config: &Config,
    tls: &Tls,
    store: &Store,
    accounts: Accounts,
    sessions: &Sessions,
    clock: &Clock,
    streams: &Stage,
) -> Sip {
    Sip::new(Services {
        tls: tls.clone(),
        store: store.clone(),
        accounts,
        sessions: sessions.clone(),
        clock: clock.clone(),
        options: config.sip.clone(),
        domain: config.domain.clone(),
        rooms_domain: config.rooms_domain.clone(),
        bindings: Bindings::default(),
        tasks: streams.tasks.clone(),
        stop: streams.stop.clone(),
    })
}
