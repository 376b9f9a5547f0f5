//! The handshake of CloudEvents: an OPTIONS request that asks for permission (HTTP 1.1 Web Hooks for Event
//! Delivery 1.0 §4, the abuse protection).

use bytes::Bytes;
use http::{Method, Request, Response};

use super::{Question, Verdict, put};

/// Notifications a minute that we ask for, as Azure does. Endpoints that state a rate are served as fast as they
/// answer: their answers say when it is too much.
const RATE_PER_MINUTE: &str = "120";

const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";

pub(super) fn request(question: &Question<'_>) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::OPTIONS;
    for (name, value) in [
        ("webhook-request-origin", question.origin),
        ("webhook-request-callback", question.validation_url),
        ("webhook-request-rate", RATE_PER_MINUTE),
    ] {
        put(&mut request, name, value);
    }
    request
}

pub(super) fn judge(answer: &Response<Bytes>, question: &Question<'_>) -> Verdict {
    let status = answer.status();
    if !status.is_success() {
        return Verdict::Refused(format!(
            "The endpoint answered the OPTIONS request with status {}; it must be 200, with the header \
             WebHook-Allowed-Origin: {}.",
            status.as_u16(),
            question.origin
        ));
    }
    let mut origins = answer.headers().get_all(ALLOWED_ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return Verdict::Silent;
    }
    let is_ours = |text: &str| text == "*" || text.eq_ignore_ascii_case(question.origin);
    if origins.filter_map(|value| value.to_str().ok()).any(|text| text.split(',').map(str::trim).any(is_ours))
    {
        return Verdict::Agreed;
    }
    Verdict::Refused(format!(
        "The endpoint allows events from another origin only; WebHook-Allowed-Origin must be {} or *.",
        question.origin
    ))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;
    use crate::handshake::sample_question;

    fn verdict(status: u16, origins: &[&str]) -> Verdict {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
        for origin in origins {
            answer.headers_mut().append(ALLOWED_ORIGIN, HeaderValue::from_str(origin).expect("a value"));
        }
        judge(&answer, &sample_question())
    }

    #[test]
    fn permission_is_asked_for_with_a_way_to_give_it_later() {
        let request = request(&sample_question());
        assert_eq!(request.method(), Method::OPTIONS);
        assert!(request.body().is_empty());
        assert_eq!(request.headers()["webhook-request-origin"], "eventgrid.azure.net");
        assert_eq!(request.headers()["webhook-request-callback"], "https://here.example/validate?id=code-1");
        assert_eq!(request.headers()["webhook-request-rate"], "120");
    }

    #[test]
    fn the_origin_or_a_star_is_permission() {
        assert_eq!(verdict(200, &["eventgrid.azure.net"]), Verdict::Agreed);
        assert_eq!(verdict(204, &["*"]), Verdict::Agreed);
        assert_eq!(verdict(200, &["other.example", "EventGrid.Azure.Net"]), Verdict::Agreed);
        assert_eq!(verdict(200, &["other.example, *"]), Verdict::Agreed);
    }

    #[test]
    fn another_origin_or_status_is_refusal() {
        assert!(matches!(verdict(200, &["other.example"]), Verdict::Refused(_)));
        assert!(matches!(verdict(200, &["eventgrid.azure.net.evil.example"]), Verdict::Refused(_)));
        for status in [301, 400, 403, 404, 405, 500] {
            assert!(matches!(verdict(status, &["*"]), Verdict::Refused(_)), "{status}");
        }
    }

    #[test]
    fn success_without_a_word_waits_for_somebody() {
        assert_eq!(verdict(200, &[]), Verdict::Silent);
        assert_eq!(verdict(202, &[]), Verdict::Silent);
    }
}
