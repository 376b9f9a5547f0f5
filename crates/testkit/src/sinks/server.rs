//! The listener and the reading of requests.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use trunkline_tasks::Tasks;

use super::{Behaviour, Received, Shared, answers};

/// A request's head that is longer has gone wrong.
const HEAD_BYTES_MAX: usize = 1024 * 1024;

pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    shared: Arc<Shared>,
    tasks: Tasks,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let shutdown = tasks.shutdown();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.requested() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let number = {
            let mut state = shared.lock();
            state.connections += 1;
            state.connections - 1
        };
        let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
        drop(tasks.spawn("sink connection", handle(stream, acceptor, shared, number)));
    }
}

async fn handle(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>, number: usize) {
    drop(stream.set_nodelay(true));
    match acceptor {
        None => requests(stream, &shared, number).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                requests(stream, &shared, number).await;
            }
        }
    }
}

/// One request after another, until one of the two sides closes.
async fn requests(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared, number: usize) {
    let mut buffer = Vec::new();
    while let Some(mut request) = read_head(&mut stream, &mut buffer, number).await {
        let behaviour = {
            let mut state = shared.lock();
            state.next.pop_front().unwrap_or_else(|| state.usual.clone())
        };
        if let Behaviour::AnswerEarly(status) = behaviour
            && answers::write(&mut stream, status, &[], "").await.is_err()
        {
            return;
        }
        let Some(body) = read_body(&mut stream, &mut buffer, &request.headers).await else { return };
        request.body = body;
        shared.lock().received.push(request.clone());
        shared.came.notify_waiters();
        match answers::answer(&mut stream, &behaviour, &request, &shared.released).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

/// The next request without its body; `None` when the other side has closed or sends no HTTP.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    connection: usize,
) -> Option<Received> {
    let head_bytes = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > HEAD_BYTES_MAX || stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..head_bytes).collect()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some(Received { method, target, headers, body: Vec::new(), connection })
}

/// The body behind those headers; `None` when the other side closes too early.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    headers: &HeaderMap,
) -> Option<Vec<u8>> {
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let body_bytes: usize = length.unwrap_or(0);
    while buffer.len() < body_bytes {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.drain(..body_bytes).collect())
}
