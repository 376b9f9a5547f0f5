//! The sign-in page (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! ```text
//! GET  -> page, with the request in hidden fields
//! POST -> the same request once more, with name and password -> code, sent to the redirect URI
//! ```
//!
//! Nothing is kept between the two, no cookie is set, and everything is checked both times. An unknown client
//! or redirect URI is told to the person: to send it there would make this server lead anybody anywhere.

use std::sync::Arc;

use http::{StatusCode, header};
use schemars::JsonSchema;
use trunkline_kernel::Secret;
use trunkline_web::{ApiError, Context, Reply};

use crate::DirectoryService;
use crate::api::discovery::check_tenant;
use crate::page::{self, SignInPage};
use crate::rows::applications::ApplicationRow;
use crate::sign_in::SignInError;
use crate::throttle::Kind;
use crate::tokens::errors::OauthError;
use crate::tokens::fields::Fields;
use crate::tokens::redirections::{self, ResponseMode};
use crate::tokens::{audiences, authorization_code, clients};

/// Characters of an S256 challenge: SHA-256 in base64url.
const CHALLENGE_CHARACTERS: usize = 43;

/// The longest user name or password that is looked at, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 1024;

/// The fields of the page, for the published description.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the schema alone is used: fields are read one by one")]
pub(crate) struct AuthorizeForm {
    /// The application.
    client_id: String,
    /// Where the answer goes.
    redirect_uri: String,
    /// `code`.
    response_type: String,
    /// Scopes of one resource.
    scope: String,
    /// `query`, `fragment` or `form_post`.
    response_mode: Option<String>,
    /// Comes back with the answer.
    state: Option<String>,
    /// Comes back in the id token.
    nonce: Option<String>,
    /// S256 of the verifier.
    code_challenge: Option<String>,
    /// `S256`.
    code_challenge_method: Option<String>,
    /// Who signs in; without it the page is shown.
    username: Option<String>,
    /// The password.
    password: Option<String>,
}

/// Where a good or bad answer may be sent: checked before anything else.
struct Destination {
    application: ApplicationRow,
    has_credentials: bool,
    redirect_uri: String,
    mode: ResponseMode,
    state: String,
}

/// The rest of the request.
struct Request {
    scope: String,
    challenge: String,
    nonce: String,
}

pub(crate) async fn sign_in_show(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    Ok(match Fields::of_query(&context) {
        Ok(fields) => answer(&service, &context, &fields, None).await,
        Err(refusal) => page::error(&refusal),
    })
}

pub(crate) async fn sign_in_submit(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let fields = match Fields::of_form(&context) {
        Ok(fields) => fields,
        Err(refusal) => return Ok(page::error(&refusal)),
    };
    // Without a name it is the request itself, which may come as a form too (OpenID Connect Core §3.1.2.1).
    let Some(user_name) = fields.get("username") else {
        return Ok(answer(&service, &context, &fields, None).await);
    };
    let password = fields.get("password").unwrap_or_default();
    Ok(answer(&service, &context, &fields, Some((user_name, password))).await)
}

async fn answer(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
    credentials: Option<(&str, &str)>,
) -> Reply {
    let destination = match find_destination(service, context, fields).await {
        Ok(destination) => destination,
        Err(refusal) => return page::error(&refusal),
    };
    let request = match read_request(service, fields, &destination) {
        Ok(request) => request,
        Err(refusal) => return send_error(&destination, &refusal),
    };
    let Some((user_name, password)) = credentials else {
        let hint = fields.get("login_hint").unwrap_or_default();
        return show(&destination, &request, StatusCode::OK, hint, None);
    };
    sign_in(service, context, &destination, &request, (user_name, password)).await
}

async fn sign_in(
    service: &DirectoryService,
    context: &Context,
    destination: &Destination,
    request: &Request,
    (user_name, password): (&str, &str),
) -> Reply {
    let refused = |status, message| show(destination, request, status, user_name, Some(message));
    let client_id = destination.application.client_id;
    if let Err(seconds) = service.throttle.take(Kind::Password, context.peer, client_id) {
        let message = "Too many people sign in from here at once. Wait a moment and try again.";
        let reply = refused(StatusCode::TOO_MANY_REQUESTS, message);
        return reply.with_header(header::RETRY_AFTER, &seconds.to_string());
    }
    let is_readable = |text: &str| text.len() <= CREDENTIAL_BYTES_MAX && !text.contains('\0');
    let signed_in = if is_readable(user_name) && is_readable(password) {
        service.sign_in(user_name, Secret::new(password.to_owned())).await
    } else {
        Err(SignInError::Wrong)
    };
    let user = match signed_in {
        Ok(user) => user,
        // One answer for both: that a name is locked says that it exists.
        Err(SignInError::Wrong | SignInError::Locked) => {
            let message =
                "The user name or the password is wrong. After many wrong passwords, wait a minute.";
            return refused(StatusCode::BAD_REQUEST, message);
        }
        Err(SignInError::Disabled) => {
            return refused(StatusCode::FORBIDDEN, "This user is disabled; ask an operator.");
        }
        Err(SignInError::Failed(cause)) => return send_error(destination, &cause.into()),
    };
    let code = authorization_code::NewCode {
        client_id,
        object_id: user.object_id,
        redirect_uri: &destination.redirect_uri,
        scope: &request.scope,
        challenge: &request.challenge,
        nonce: &request.nonce,
    };
    match authorization_code::create(service, code).await {
        Ok(code) => send(destination, vec![("code", code)]),
        Err(refusal) => send_error(destination, &refusal),
    }
}

async fn find_destination(
    service: &DirectoryService,
    context: &Context,
    fields: &Fields,
) -> Result<Destination, OauthError> {
    check_tenant(service, context)?;
    let (application, credentials) = clients::load(service, context, fields.require("client_id")?).await?;
    let redirect_uri = fields.require("redirect_uri")?;
    if !redirections::is_registered(&application.redirect_uris, redirect_uri) {
        return Err(OauthError::UnknownRedirect);
    }
    let mode = ResponseMode::from_name(fields.get("response_mode")).ok_or_else(|| {
        OauthError::Malformed("response_mode must be query, fragment or form_post".to_owned())
    })?;
    Ok(Destination {
        has_credentials: !credentials.is_empty(),
        redirect_uri: redirect_uri.to_owned(),
        mode,
        state: fields.bounded("state")?.to_owned(),
        application,
    })
}

fn read_request(
    service: &DirectoryService,
    fields: &Fields,
    destination: &Destination,
) -> Result<Request, OauthError> {
    match fields.require("response_type")? {
        "code" => {}
        other => return Err(OauthError::UnsupportedResponseType(other.to_owned())),
    }
    if fields.get("request").or(fields.get("request_uri")).is_some() {
        return Err(OauthError::Malformed("request objects are not supported".to_owned()));
    }
    fields.require("scope")?;
    let scope = fields.bounded("scope")?;
    audiences::of_user(scope, &service.settings.public_origin)?;
    if fields.get("prompt") == Some("none") {
        return Err(OauthError::SignInRequired);
    }
    let challenge = read_challenge(fields, destination)?;
    let nonce = fields.bounded("nonce")?;
    Ok(Request { scope: scope.to_owned(), challenge, nonce: nonce.to_owned() })
}

/// The S256 challenge. Only a client that must prove itself when it redeems the code may go without.
fn read_challenge(fields: &Fields, destination: &Destination) -> Result<String, OauthError> {
    let method = fields.get("code_challenge_method");
    let Some(challenge) = fields.get("code_challenge") else {
        let may_lack = destination.has_credentials && method.is_none();
        return if may_lack { Ok(String::new()) } else { Err(OauthError::ChallengeMissing) };
    };
    // Without a method it would be `plain` (RFC 7636 §4.3), which protects nothing here.
    if method != Some("S256") {
        return Err(OauthError::ChallengeMissing);
    }
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != CHALLENGE_CHARACTERS || !challenge.bytes().all(is_encoded) {
        return Err(OauthError::Malformed("code_challenge must be a SHA-256 in base64url".to_owned()));
    }
    Ok(challenge.to_owned())
}

fn show(
    destination: &Destination,
    request: &Request,
    status: StatusCode,
    user_name: &str,
    message: Option<&str>,
) -> Reply {
    let mut hidden = vec![
        ("client_id", destination.application.client_id.to_string()),
        ("redirect_uri", destination.redirect_uri.clone()),
        ("response_type", "code".to_owned()),
        ("response_mode", destination.mode.name().to_owned()),
        ("scope", request.scope.clone()),
        ("state", destination.state.clone()),
        ("nonce", request.nonce.clone()),
    ];
    if !request.challenge.is_empty() {
        hidden.push(("code_challenge", request.challenge.clone()));
        hidden.push(("code_challenge_method", "S256".to_owned()));
    }
    page::sign_in(&SignInPage {
        status,
        application: &destination.application.name,
        user_name,
        message,
        hidden: &hidden,
        redirect_uri: &destination.redirect_uri,
    })
}

fn send_error(destination: &Destination, refusal: &OauthError) -> Reply {
    let answer = vec![("error", refusal.code().to_owned()), ("error_description", refusal.description())];
    send(destination, answer)
}

fn send(destination: &Destination, mut answer: Vec<(&'static str, String)>) -> Reply {
    if !destination.state.is_empty() {
        answer.push(("state", destination.state.clone()));
    }
    match destination.mode {
        ResponseMode::FormPost => page::form_post(&destination.redirect_uri, &answer),
        mode => page::redirect(&redirections::with_answer(&destination.redirect_uri, mode, &answer)),
    }
}
