//! What was begun is finished: an act is done and stands in the audit log, or neither, also when whoever asked for it does not
//! wait for the answer.

use std::panic::resume_unwind;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::refusal::Refused;

/// Answers a request that may change something on a task of its own, which no end of the connection takes along. It begins
/// when all of the request has come.
pub(super) async fn finish(State(acts): State<TaskTracker>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = match Bytes::from_request(Request::from_parts(head.clone(), body), &()).await {
        Ok(body) => body,
        Err(rejection) => return Refused::from(rejection).into_response(),
    };
    let act = acts.spawn(next.run(Request::from_parts(head, body.into())).in_current_span());
    act.await.unwrap_or_else(|panicked| resume_unwind(panicked.into_panic()))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use axum::body::Body;
    use axum::routing::{get, post};
    use axum::{Router, middleware};
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn an_act_whose_asker_hangs_up_goes_on() {
        let (may_end, ended, acts) =
            (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), TaskTracker::new());
        let act = {
            let (may_end, ended) = (Arc::clone(&may_end), Arc::clone(&ended));
            async move || {
                may_end.acquire().await.unwrap().forget();
                ended.add_permits(1);
            }
        };
        let router = Router::new()
            .route("/", get(act.clone()).merge(post(act)))
            .layer(middleware::from_fn_with_state(acts.clone(), finish));
        for method in ["GET", "POST"] {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let mut answering = pin!(TowerToHyperService::new(router.clone()).call(request));
            assert!(answering.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        acts.close();
        may_end.add_permits(2);
        acts.wait().await;
        assert_eq!(
            (may_end.available_permits(), ended.available_permits()),
            (1, 1),
            "the POST alone went on"
        );
    }
}
