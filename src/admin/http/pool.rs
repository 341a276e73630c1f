//! Routes to the members of the pool.

use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Json, Path};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::rights::Operation;
use crate::admin::wire::{Database, MemberState, MemberWish, PoolMember, PoolStatus, Standby};
use crate::pool::MemberStatus;
use crate::store;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/pool", "showPool", "The members of the pool, and its database", show)
            .needs(Operation::ShowPool),
        Route::new(Method::PATCH, "/pool/{member}", "changeMember", "Say what a member is to be", want)
            .needs(Operation::ChangePool)
            .refuses(&[StatusCode::CONFLICT]),
    ]
}

async fn show(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<PoolStatus>, Refused> {
    let members = admin.members(&caller).await?.into_iter().map(member).collect();
    let database = admin.database(&caller).await?.map(database);
    Ok(Json(PoolStatus { members, database }))
}

async fn want(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(name): Path<String>,
    Json(wish): Json<MemberWish>,
) -> Result<Json<PoolMember>, Refused> {
    let state = match wish.state {
        MemberState::Active => store::member::MemberState::Active,
        MemberState::Standby => store::member::MemberState::Standby,
        MemberState::Draining => store::member::MemberState::Draining,
        MemberState::Gone => store::member::MemberState::Gone,
    };
    Ok(Json(member(admin.want_member(&caller, &name, state).await?)))
}

fn member(status: MemberStatus) -> PoolMember {
    let MemberStatus { member, is_me, heard } = status;
    let state = |state| match state {
        store::member::MemberState::Active => MemberState::Active,
        store::member::MemberState::Standby => MemberState::Standby,
        store::member::MemberState::Draining => MemberState::Draining,
        store::member::MemberState::Gone => MemberState::Gone,
    };
    // An embedded store ends no leases.
    let lease = member.lease.filter(|lease| *lease < Duration::MAX);
    PoolMember {
        name: member.name.into(),
        incarnation: member.incarnation,
        state: state(member.showing.state),
        wanted: state(member.wanted),
        alive: member.lease.is_some(),
        lease_ms: lease.map(ms),
        heard_ms: heard.filter(|_| member.lease.is_some()).map(ms),
        address: member.address.map(Into::into),
        asked: is_me,
    }
}

fn database(found: store::database::Database) -> Database {
    let standby = |standby: store::database::Standby| Standby {
        name: standby.name.map(Into::into),
        synchronous: standby.is_synchronous,
        behind_bytes: standby.behind,
        lag_ms: standby.lag.map(ms),
    };
    Database {
        host: found.host.into(),
        epoch: found.epoch.0,
        timeline: found.timeline,
        site: found.site.map(Into::into),
        synchronous: found.is_synchronous,
        standbys: found.standbys.into_iter().map(standby).collect(),
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
