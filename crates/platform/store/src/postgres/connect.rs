//! The server's address, and connections to it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use trunkline_kernel::Secret;

use crate::error::{OpenError, StoreError};

/// The oldest major version whose features the statements use and the tests run on.
const VERSION_REQUIRED: u32 = 15;
/// A dead network is noticed within this time, on either side.
const NETWORK_SILENCE_MAX: Duration = Duration::from_secs(10);

/// What the connection receives; polling it is what moves data in both directions.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

/// Where the server is and how to talk to it.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    connect_duration_max: Duration,
}

impl Address {
    /// Reads a libpq address.
    ///
    /// TLS is used when it says `sslmode=require`, `verify-ca` or `verify-full`. The certificate is
    /// verified in all three, against the machine's authorities or the file named by `sslrootcert`.
    pub(crate) fn parse(url: &Secret<String>, connect_duration_max: Duration) -> Result<Self, OpenError> {
        let (address, options) = split_tls_options(url.expose());
        // The parser's own text may quote the address, and with it a password.
        let mut config: Config =
            address.parse().map_err(|_| invalid("it is not a libpq address".to_owned()))?;
        config.application_name("trunkline");
        config.connect_timeout(connect_duration_max);
        config.keepalives_idle(NETWORK_SILENCE_MAX);
        config.tcp_user_timeout(NETWORK_SILENCE_MAX);
        let tls = match options.mode.as_deref() {
            None | Some("disable" | "allow" | "prefer") => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            Some("require" | "verify-ca" | "verify-full") => {
                config.ssl_mode(SslMode::Require);
                Some(tls_connector(options.authorities.as_deref())?)
            }
            Some(other) => return Err(invalid(format!("sslmode={other} is not known"))),
        };
        Ok(Self { config, tls, connect_duration_max })
    }

    pub(crate) async fn connect(&self) -> Result<(Client, Messages), StoreError> {
        let connecting = async {
            match &self.tls {
                Some(tls) => connect(&self.config, tls.clone()).await,
                None => connect(&self.config, NoTls).await,
            }
        };
        match tokio::time::timeout(self.connect_duration_max * 2, connecting).await {
            Ok(connected) => connected.map_err(|failure| unavailable(&failure)),
            Err(_) => Err(StoreError::Unavailable { reason: "PostgreSQL did not answer in time".to_owned() }),
        }
    }
}

async fn connect<T>(config: &Config, tls: T) -> Result<(Client, Messages), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    let messages = stream::poll_fn(move |context| connection.poll_message(context));
    Ok((client, Box::pin(messages)))
}

pub(crate) fn check_version(text: &str) -> Result<(), OpenError> {
    // `server_version_num`: the major version times 10,000, plus the minor one.
    let found = text.trim().parse::<u32>().unwrap_or(0) / 10_000;
    if found < VERSION_REQUIRED {
        return Err(OpenError::ServerTooOld { found, required: VERSION_REQUIRED });
    }
    Ok(())
}

pub(crate) fn unavailable(failure: &tokio_postgres::Error) -> StoreError {
    let reason = match failure.as_db_error() {
        Some(answer) => format!("{} ({})", answer.message(), answer.code().code()),
        None => failure.to_string(),
    };
    StoreError::Unavailable { reason }
}

#[derive(Default)]
struct TlsOptions {
    mode: Option<String>,
    authorities: Option<String>,
}

/// Takes out of the address what its parser does not know.
fn split_tls_options(url: &str) -> (String, TlsOptions) {
    let mut options = TlsOptions::default();
    let Some((address, query)) = url.split_once('?') else { return (url.to_owned(), options) };
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
            Some(("sslrootcert", path)) => options.authorities = Some(path.replace("%2F", "/")),
            _ => rest.push(pair),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    (format!("{address}{separator}{}", rest.join("&")), options)
}

fn tls_connector(authorities: Option<&str>) -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let certificates = CertificateDer::pem_file_iter(path)
            .map_err(|failure| invalid(format!("sslrootcert={path}: {failure}")))?;
        for certificate in certificates {
            let certificate =
                certificate.map_err(|failure| invalid(format!("sslrootcert={path}: {failure}")))?;
            roots.add(certificate).map_err(|failure| invalid(format!("sslrootcert={path}: {failure}")))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|failure| invalid(failure.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn invalid(reason: String) -> OpenError {
    OpenError::Address { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, OpenError> {
        Address::parse(&Secret::new(url.to_owned()), Duration::from_secs(1))
    }

    #[test]
    fn tls_is_used_when_the_address_asks_for_it() {
        assert!(parse("postgres://u@h/d").unwrap().tls.is_none());
        assert!(parse("postgres://u@h/d?sslmode=disable").unwrap().tls.is_none());
        for mode in ["require", "verify-ca", "verify-full"] {
            assert!(
                parse(&format!("postgres://u@h/d?sslmode={mode}&connect_timeout=3")).unwrap().tls.is_some()
            );
        }
    }

    #[test]
    fn a_bad_address_is_refused_without_being_quoted() {
        for url in ["nonsense", "postgres://u:hunter2@h:port/d", "postgres://u:hunter2@h/d?sslmode=maybe"] {
            let Err(failure) = parse(url) else { panic!("{url} was accepted") };
            assert!(!failure.to_string().contains("hunter2"), "{failure}");
        }
        assert!(parse("postgres://u@h/d?sslmode=require&sslrootcert=/nowhere").is_err());
    }

    #[test]
    fn old_servers_are_refused() {
        assert!(check_version("150018").is_ok());
        assert!(check_version("180000").is_ok());
        let refused = check_version("140009");
        assert!(matches!(refused, Err(OpenError::ServerTooOld { found: 14, required: 15 })));
    }
}
