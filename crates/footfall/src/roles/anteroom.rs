//! What answers for a role until it can do its work: that it is alive, its figures, whom it waits for; and to everybody else that
//! they may come again soon.
//!
//! It keeps nothing of what is sent to it: a hit that comes here is refused before it is acknowledged.

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use collector::{ConnectionLimits, Connections, OUTCOME};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::awaited::Awaited;
use crate::station;

/// Answers on a role's listener until it is left.
pub struct Anteroom {
    /// A second handle on the same socket: whoever connects while one hands over to the other waits in the system's queue.
    listener: TcpListener,
    leave: oneshot::Sender<()>,
}

impl Anteroom {
    /// Answers from now on.
    pub fn open(listener: TcpListener, registry: &Registry, awaited: Awaited) -> anyhow::Result<Self> {
        let cannot = || "cannot share the listening socket";
        let here = listener.into_std().with_context(cannot)?;
        let listener = TcpListener::from_std(here.try_clone().with_context(cannot)?).with_context(cannot)?;
        let here = TcpListener::from_std(here).with_context(cannot)?;
        let router: Router = station::router(registry, move || Err(awaited.reason())).fallback(|| async { refusal() });
        let (leave, left) = oneshot::channel();
        // Its connections are few; the role itself registers those figures under their names.
        let figures = Connections::register(&Registry::new())?;
        tokio::spawn(async move {
            let until = async { drop(left.await) };
            collector::serve_alone(here, station::answering(router), ConnectionLimits::default(), figures, until).await;
        });
        Ok(Self { listener, leave })
    }

    /// Ends, and gives the listener to who answers from now on. Requests under way are still answered here.
    pub fn leave(self) -> TcpListener {
        // It ended by itself only with the runtime.
        let _ = self.leave.send(());
        self.listener
    }
}

/// For strangers, who need not know whom this server waits for.
fn refusal() -> Response {
    let body = serde_json::json!({
        "error": "this server is starting and cannot do its work yet; come again soon",
        "code": "starting",
    });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (RETRY_AFTER, "1"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (OUTCOME, "refused; reason=unavailable"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, format!("{body}\n")).into_response()
}
