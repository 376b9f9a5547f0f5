//! The handshake of the Event Grid schema: an event with a code that comes back in the answer.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::Value;

use super::{Question, Verdict, put};
use crate::envelope::{self, EVENT_GRID_CONTENT_TYPE, Validation};

pub(super) fn request(question: &Question<'_>) -> Request<Bytes> {
    let body = envelope::validation_event(&Validation {
        id: question.id,
        topic: question.topic,
        code: question.code,
        url: question.validation_url,
        now: question.now,
    });
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    put(&mut request, header::CONTENT_TYPE.as_str(), EVENT_GRID_CONTENT_TYPE);
    for (name, value) in [
        ("aeg-event-type", "SubscriptionValidation"),
        ("aeg-subscription-name", question.name.to_uppercase().as_str()),
        ("aeg-delivery-count", "0"),
        ("aeg-data-version", "2"),
        ("aeg-metadata-version", "1"),
    ] {
        put(&mut request, name, value);
    }
    request
}

/// Only 200 counts: 202 would mean that somebody may agree later, and nobody would tell us.
pub(super) fn judge(answer: &Response<Bytes>, question: &Question<'_>) -> Verdict {
    if answer.status() != StatusCode::OK {
        return Verdict::Refused(format!(
            "The endpoint answered the validation event with status {}; it must be 200, with \
             {{\"validationResponse\": \"<the event's validationCode>\"}} as JSON.",
            answer.status().as_u16()
        ));
    }
    match code_in(answer.body()) {
        Some(code) if code == question.code => Verdict::Agreed,
        Some(_) => Verdict::Refused(
            "The endpoint answered the validation event with another validationResponse than the event's \
             validationCode."
                .to_owned(),
        ),
        None => Verdict::Silent,
    }
}

/// The code in an answer; the member's name in any case, as .NET writes it with a capital.
fn code_in(body: &[u8]) -> Option<String> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return None };
    let (_, code) = members.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("validationResponse"))?;
    code.as_str().map(|code| code.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::sample_question;

    fn verdict(status: u16, body: &str) -> Verdict {
        let mut answer = Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
        judge(&answer, &sample_question())
    }

    fn is_refused(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Refused(_))
    }

    #[test]
    fn the_event_carries_code_and_address() {
        let request = request(&sample_question());
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.headers()["aeg-event-type"], "SubscriptionValidation");
        assert_eq!(request.headers()["aeg-subscription-name"], "ORDERS");
        assert_eq!(request.headers()["content-type"], "application/json; charset=utf-8");
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body[0]["eventType"], "Microsoft.EventGrid.SubscriptionValidationEvent");
        assert_eq!(body[0]["data"]["validationCode"], "code-1");
        assert_eq!(body[0]["data"]["validationUrl"], "https://here.example/validate?id=code-1");
        assert_eq!((&body[0]["subject"], &body[0]["topic"]), (&Value::from(""), &Value::from("/topic")));
        assert_eq!(body.as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn the_code_must_come_back_with_200() {
        assert_eq!(verdict(200, r#"{"validationResponse":"code-1"}"#), Verdict::Agreed);
        assert_eq!(verdict(200, r#"{"ValidationResponse":"code-1","more":[1]}"#), Verdict::Agreed);
        assert_eq!(verdict(200, "\u{feff}{\"validationResponse\":\"code-1\"}"), Verdict::Agreed);
        for status in [201, 202, 204, 301, 307, 400, 401, 404, 500, 503] {
            let verdict = verdict(status, r#"{"validationResponse":"code-1"}"#);
            assert!(is_refused(&verdict), "{status}");
        }
        assert!(is_refused(&verdict(200, r#"{"validationResponse":"code-2"}"#)));
    }

    #[test]
    fn an_answer_without_a_code_waits_for_somebody() {
        for body in ["", "OK", "{}", "[]", "null", r#"{"validationResponse":1}"#, "\u{0}garbage", "<html>"] {
            assert_eq!(verdict(200, body), Verdict::Silent, "{body}");
        }
    }
}
