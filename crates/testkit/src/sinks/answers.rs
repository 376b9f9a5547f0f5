//! The writing of answers, good and bad.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::{Behaviour, Received};

/// Writes what `behaviour` says; returns whether the connection stays.
pub(super) async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    behaviour: &Behaviour,
    request: &Received,
    released: &Notify,
) -> io::Result<bool> {
    match behaviour {
        Behaviour::Status(status) => write(stream, *status, &[], "").await?,
        Behaviour::Answer { status, headers, body } => write(stream, *status, headers, body).await?,
        Behaviour::Agree => agree(stream, request).await?,
        Behaviour::Redirect(location) => {
            write(stream, 307, &[("Location".to_owned(), location.clone())], "").await?;
        }
        Behaviour::Hang => {
            released.notified().await;
            write(stream, 200, &[], "").await?;
        }
        Behaviour::SlowBody { bytes, pause } => {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n").as_bytes())
                .await?;
            trickle(stream, &vec![b'x'; *bytes], *pause).await?;
        }
        Behaviour::SlowHead { pause } => {
            trickle(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", *pause).await?;
        }
        Behaviour::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(format!("400\r\n{}\r\n", "x".repeat(0x400)).as_bytes()).await?;
            }
        }
        Behaviour::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"X-More: and more and more and more\r\n").await?;
            }
        }
        Behaviour::Garbage => {
            stream.write_all(b"200, thank you very much\n\n").await?;
            return Ok(false);
        }
        // The early answer was given already.
        Behaviour::Close | Behaviour::AnswerEarly(_) => return Ok(false),
        Behaviour::AnswerAndClose => {
            write(stream, 200, &[], "").await?;
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // RFC 9110 §8.6: a 204 has neither body nor length.
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let answer = format!("HTTP/1.1 {status} Scripted\r\n{lines}{length}\r\n{body}");
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}

/// Both handshakes of Event Grid, as an endpoint should answer them.
async fn agree(stream: &mut (impl AsyncWrite + Unpin), request: &Received) -> io::Result<()> {
    if request.method == "OPTIONS" {
        let origin = request.header("webhook-request-origin").to_owned();
        return write(stream, 200, &[("WebHook-Allowed-Origin".to_owned(), origin)], "").await;
    }
    let events: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match events[0]["data"].get("validationCode") {
        Some(code) if request.header("aeg-event-type") == "SubscriptionValidation" => {
            write(stream, 200, &[], &json!({ "validationResponse": code }).to_string()).await
        }
        _ => write(stream, 200, &[], "").await,
    }
}

async fn trickle(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(std::slice::from_ref(byte)).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
