//! Somebody opens the validation address of a subscription: its endpoint agrees.
//!
//! ```text
//! /eventsubscriptions/{number}/validate?id={code}  ──> 200 agreed │ 400 another code │ 410 no handshake (any more)
//! ```
//!
//! No credentials: whoever received the handshake's request has the code, and that is what the handshake is to
//! find out. A number that never existed answers like one whose handshake has ended.

use std::sync::Arc;

use http::{HeaderName, StatusCode, header};
use trunkline_kernel::Secret;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply};

use crate::error::EventsError;
use crate::{EventsService, changes, rows};

/// What became of the visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    Agreed,
    WrongCode,
    Over,
}

/// By GET and by POST.
pub(crate) async fn event_subscription_validation_confirm(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let number = context.path("id").parse::<i64>().ok();
    let code = context.query("id").unwrap_or_default().to_owned();
    let now = context.now;
    let visit = match number {
        None => Visit::WrongCode,
        Some(number) => {
            let write = move |tx: &mut Tx<'_>| -> Result<Visit, EventsError> {
                let Some(handshake) = rows::find_handshake(tx, number)? else { return Ok(Visit::Over) };
                if !Secret::new(&handshake.code).matches(code.as_bytes()) {
                    return Ok(Visit::WrongCode);
                }
                // The job that ends the handshake may come a moment later.
                if now >= handshake.expires_at {
                    return Ok(Visit::Over);
                }
                let is_current = changes::confirm(tx, number, &code, now)?;
                Ok(if is_current { Visit::Agreed } else { Visit::Over })
            };
            service.store.write(changes::lock(), write).await?
        }
    };
    Ok(page(visit))
}

fn page(visit: Visit) -> Reply {
    let (status, title, text) = match visit {
        Visit::Agreed => {
            (StatusCode::OK, "Validated", "The event subscription is validated. Events will be sent.")
        }
        Visit::WrongCode => (
            StatusCode::BAD_REQUEST,
            "Not validated",
            "This is not the validation address of the event subscription. Open it exactly as it was sent.",
        ),
        Visit::Over => (
            StatusCode::GONE,
            "Not validated",
            "No validation is waiting here: it was done already, or the five minutes for it are over. To validate \
             anew, save the event subscription once more.",
        ),
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    Reply::html(status, html)
        .with_header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'")
        .with_header(header::REFERRER_POLICY, "no-referrer")
        .with_header(HeaderName::from_static("x-robots-tag"), "noindex")
}
