//! Nonces that need no memory: what the server can do, a time, and a code over it and the client's address.
//!
//! They start with the cookie of RFC 8489 §9.2, which tells clients which features to expect; whoever takes a feature
//! out of the challenge on its way is found out by it. `USERHASH` is not among them: names end by themselves and are
//! stored nowhere, so there is nothing to look a hash up in.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::Secret;
use trunkline_kernel::secret::equal_in_constant_time;

use crate::Now;

/// A client repeats a nonce for that long; then it gets a new one with 438 (RFC 8489 §9.2.4).
pub(super) const NONCE_TIME: Now = Now::from_hours(1);
/// The cookie, and three bytes of features in base64: bit 0, the lowest one (erratum 6290), is for password
/// algorithms.
pub(crate) const COOKIE: &str = "obMatJos2AAAB";
/// Bytes of the code that are kept: 96 bits.
const CODE_BYTES: usize = 12;
const TIME_BYTES: usize = 8;

/// Makes and checks nonces, and tokens besides.
#[derive(Debug)]
pub(super) struct Nonces(hmac::Key);

impl Nonces {
    pub(super) fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, seed.expose()))
    }

    pub(super) fn make(&self, client: IpAddr, now: Now) -> String {
        let time = now.as_secs().to_be_bytes();
        let mut bytes = time.to_vec();
        bytes.extend_from_slice(&self.code(time, client));
        let mut nonce = COOKIE.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut nonce);
        nonce
    }

    pub(super) fn is_valid(&self, nonce: &[u8], client: IpAddr, now: Now) -> bool {
        let Some(nonce) = nonce.strip_prefix(COOKIE.as_bytes()) else { return false };
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((time, code)) = bytes.split_first_chunk::<TIME_BYTES>() else { return false };
        let made = Now::from_secs(u64::from_be_bytes(*time));
        let is_fresh = now.checked_sub(made).is_some_and(|age| age < NONCE_TIME);
        is_fresh && equal_in_constant_time(&self.code(*time, client), code)
    }

    /// A token nobody can guess, another one for each `number` of what it is `of`.
    pub(super) fn token(&self, of: &str, number: u64) -> [u8; 8] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(of.as_bytes());
        context.update(&number.to_be_bytes());
        let mut token = [0; 8];
        token.copy_from_slice(&context.sign().as_ref()[..8]);
        token
    }

    fn code(&self, time: [u8; TIME_BYTES], client: IpAddr) -> [u8; CODE_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"nonce");
        context.update(&time);
        match client.to_canonical() {
            IpAddr::V4(address) => context.update(&address.octets()),
            IpAddr::V6(address) => context.update(&address.octets()),
        }
        let mut code = [0; CODE_BYTES];
        code.copy_from_slice(&context.sign().as_ref()[..CODE_BYTES]);
        code
    }
}
