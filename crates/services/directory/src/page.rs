//! The pages a person sees: sign-in, refusal, and the form that carries an answer back.
//!
//! Plain HTML. The policy allows the one style sheet, and on the last page one script, by their hashes;
//! nothing else is loaded, nothing may frame the page, and its form leads nowhere but here and to the redirect
//! URI (browsers apply `form-action` to the redirect as well).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, StatusCode, header};
use trunkline_web::Reply;

use crate::tokens::errors::OauthError;
use crate::tokens::redirections::csp_source;

const STYLE: &str = include_str!("page/style.css");
const SIGN_IN: &str = include_str!("page/sign_in.html");
const ERROR: &str = include_str!("page/error.html");
const FORM_POST: &str = include_str!("page/form_post.html");

/// Sends the answer on at once; without it the person presses the button.
const SUBMIT_SCRIPT: &str = "document.forms[0].submit()";

/// The sign-in page.
pub(crate) struct SignInPage<'a> {
    pub(crate) status: StatusCode,
    /// The application's name.
    pub(crate) application: &'a str,
    /// The name to begin with.
    pub(crate) user_name: &'a str,
    /// What went wrong.
    pub(crate) message: Option<&'a str>,
    /// The request, which comes back with name and password.
    pub(crate) hidden: &'a [(&'static str, String)],
    pub(crate) redirect_uri: &'a str,
}

pub(crate) fn sign_in(page: &SignInPage<'_>) -> Reply {
    let message = page.message.map_or_else(String::new, |message| {
        format!(r#"<p class="error" id="message" role="alert">{}</p>"#, escape(message))
    });
    let described =
        if page.message.is_some() { r#" aria-describedby="message" aria-invalid="true""# } else { "" };
    // The first field that is still empty.
    let focus = |is_first: bool| if is_first { " autofocus" } else { "" };
    let html = fill(
        SIGN_IN,
        &[
            ("style", STYLE),
            ("application", &escape(page.application)),
            ("message", &message),
            ("described", described),
            ("user_name", &escape(page.user_name)),
            ("focus_name", focus(page.user_name.is_empty())),
            ("focus_password", focus(!page.user_name.is_empty())),
            ("hidden", &hidden_fields(page.hidden)),
        ],
    );
    let policy = format!("form-action 'self' {}", csp_source(page.redirect_uri));
    guarded(Reply::html(page.status, html), &policy)
}

/// What a person sees when the answer must not be sent anywhere.
pub(crate) fn error(refusal: &OauthError) -> Reply {
    let description = refusal.description();
    let html = fill(ERROR, &[("style", STYLE), ("description", &escape(&description))]);
    let reply = guarded(Reply::html(refusal.status(), html), "form-action 'none'");
    match refusal.retry_after_seconds() {
        Some(seconds) => reply.with_header(header::RETRY_AFTER, &seconds.to_string()),
        None => reply,
    }
}

/// The answer as a form that goes to the redirect URI (OAuth 2.0 Form Post Response Mode).
pub(crate) fn form_post(redirect_uri: &str, answer: &[(&'static str, String)]) -> Reply {
    let html = fill(
        FORM_POST,
        &[
            ("style", STYLE),
            ("script", SUBMIT_SCRIPT),
            ("action", &escape(redirect_uri)),
            ("hidden", &hidden_fields(answer)),
        ],
    );
    let script = hash_source(SUBMIT_SCRIPT);
    let policy = format!("script-src {script}; form-action {}", csp_source(redirect_uri));
    guarded(Reply::html(StatusCode::OK, html), &policy)
}

/// Sends the browser on with the answer.
pub(crate) fn redirect(location: &str) -> Reply {
    // Registered addresses and encoded values are visible ASCII.
    let reply = Reply::redirect(location).expect("the address was checked to be visible ASCII");
    reply.with_header(header::REFERRER_POLICY, "no-referrer")
}

fn guarded(reply: Reply, policy: &str) -> Reply {
    let style = hash_source(STYLE);
    let policy = format!(
        "default-src 'none'; img-src data:; style-src {style}; {policy}; base-uri 'none'; frame-ancestors 'none'"
    );
    reply
        .with_header(header::CONTENT_SECURITY_POLICY, &policy)
        .with_header(header::X_FRAME_OPTIONS, "DENY")
        .with_header(header::REFERRER_POLICY, "no-referrer")
        .with_header(HeaderName::from_static("x-robots-tag"), "noindex")
}

fn hash_source(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, content.as_bytes())))
}

fn hidden_fields(fields: &[(&'static str, String)]) -> String {
    fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", escape(value)))
        .collect()
}

/// Puts values in the place of `{{name}}`. Values are not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("templates close what they open");
        let (_, value) =
            values.iter().find(|(known, _)| *known == name).expect("templates name known values");
        page.push_str(value);
        page.push_str(rest);
    }
    page
}

/// For text and for attributes in quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> String {
        String::from_utf8(reply.body.to_vec()).expect("pages are text")
    }

    #[test]
    fn values_cannot_become_markup_or_templates() {
        let hidden = [("state", r#""><script>alert(1)</script>{{style}}"#.to_owned())];
        let reply = sign_in(&SignInPage {
            status: StatusCode::OK,
            application: "<b>&{{hidden}}",
            user_name: "\"'><img>",
            message: Some("<i>"),
            hidden: &hidden,
            redirect_uri: "https://app.example/done",
        });
        let page = text(&reply);
        assert!(page.contains("&lt;b&gt;&amp;{{hidden}}"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{style}}"), "{page}");
        assert!(page.contains("value=\"&quot;&#39;&gt;&lt;img&gt;\""), "{page}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<i>"), "{page}");
    }

    #[test]
    fn the_policy_allows_what_the_page_has_and_nothing_else() {
        let reply = form_post("https://app.example/done", &[("code", "abc".to_owned())]);
        let policy = reply.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        let page = text(&reply);
        assert!(policy.contains(&hash_source(SUBMIT_SCRIPT)) && policy.contains(&hash_source(STYLE)));
        assert!(policy.contains("form-action https://app.example;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
        // The hashes are those of what stands between the tags.
        assert!(page.contains(&format!("<script>{SUBMIT_SCRIPT}</script>")), "{page}");
        assert!(page.contains(&format!("<style>{STYLE}</style>")), "{page}");
        assert!(page.contains("<button"), "{page}");
    }
}
