//! A listener on loopback in front of a [`TestApp`], so that connections can be upgraded.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use trunkline_tasks::Tasks;
use trunkline_web::Peer;

use super::requests::Origin;
use crate::app::TestApp;
use crate::calls::HOST;

/// Serves `app` over HTTP/1.1 without TLS until `tasks` end; returns where, with the host of the resource `dev`.
pub async fn listen(app: &Arc<TestApp>, tasks: &Tasks) -> Origin {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let listener = listener.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let (app, connections, shutdown) = (Arc::clone(app), tasks.clone(), tasks.shutdown());
    tasks.spawn("listen for tests", async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.requested() => return,
            };
            let Ok((stream, peer)) = accepted else { return };
            let app = Arc::clone(&app);
            let service = service_fn(move |request| {
                let app = Arc::clone(&app);
                async move {
                    Ok::<_, std::convert::Infallible>(app.app.handle(request, Peer::Address(peer.ip())).await)
                }
            });
            let ended = connections.shutdown();
            connections.spawn_quiet(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                tokio::select! {
                    // How it ended shows at the client.
                    _ = connection => {}
                    () = ended.requested() => {}
                }
            });
        }
    });
    Origin { address, host: HOST.to_owned(), tls: None }
}
