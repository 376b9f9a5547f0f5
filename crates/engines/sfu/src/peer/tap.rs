//! What the library keeps to itself: the keys that DTLS has agreed on, and the way that ICE has chosen.
//!
//! The DTLS of each peer runs inside an instance of ours, which takes note of the keys as they pass. All that DTLS sends
//! takes the chosen way, so a datagram that never leaves tells which that is.
//!
//! ```text
//! library ─ poll ─► Tapped ─ poll ─► DTLS
//!    │                │  └─ keys ─► Tap
//!    └─ transmit(question, source, destination) ─► Peer: that is the way
//! ```

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};
use trunkline_rtp::srtp::{DtlsKeys, Profile, from_dtls};

/// No record of DTLS begins like this (RFC 7983 §7).
const QUESTION: [u8; 4] = [255, b'w', b'a', b'y'];

thread_local! {
    // The library makes the instance, without a word about whose it is.
    static MADE: RefCell<Option<Arc<Noted>>> = const { RefCell::new(None) };
}

/// The server's end of one peer's instance.
#[derive(Debug)]
pub(super) struct Tap(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    keys: Mutex<Option<DtlsKeys>>,
    is_asked: AtomicBool,
    // The question waits at the library for a way.
    is_out: AtomicBool,
}

impl Tap {
    /// Lets `build` make one connection with `provider`, and taps its DTLS.
    pub(super) fn build<T>(
        provider: &CryptoProvider,
        build: impl FnOnce(Arc<CryptoProvider>) -> T,
    ) -> (T, Self) {
        static PROVIDER: OnceLock<Tapping> = OnceLock::new();
        let tapping = PROVIDER.get_or_init(|| Tapping { inner: provider.dtls_provider });
        let tapped = CryptoProvider { dtls_provider: tapping, ..provider.clone() };
        MADE.set(None);
        let built = build(Arc::new(tapped));
        (built, Self(MADE.take().unwrap_or_default()))
    }

    /// The keys, once they are there. They are given once.
    pub(super) fn take_keys(&self) -> Option<DtlsKeys> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts the question for the way in front of what DTLS has to send.
    pub(super) fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
    }

    /// Whether a datagram is the question, which is answered by its way and not to be sent.
    pub(super) fn is_question(&self, datagram: &[u8]) -> bool {
        let is_question = datagram == QUESTION;
        if is_question {
            self.0.is_out.store(false, Ordering::Relaxed);
        }
        is_question
    }
}

#[derive(Debug)]
struct Tapping {
    inner: &'static dyn DtlsProvider,
}

impl DtlsProvider for Tapping {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.inner.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = self.inner.new_dtls(certificate, now, version, mtu)?;
        let noted = Arc::new(Noted::default());
        MADE.set(Some(Arc::clone(&noted)));
        Ok(Box::new(Tapped { inner, noted }))
    }
}

#[derive(Debug)]
struct Tapped {
    inner: Box<dyn DtlsInstance>,
    noted: Arc<Noted>,
}

impl Tapped {
    fn note(&self, profile: SrtpProfile, material: &[u8]) {
        let profile = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
            // The library offers no others.
            _ => return,
        };
        // Material of another length cannot come from a handshake; without keys nothing is sent.
        *self.noted.keys.lock().unwrap_or_else(PoisonError::into_inner) = from_dtls(profile, material).ok();
    }
}

impl DtlsInstance for Tapped {
    fn set_active(&mut self, is_active: bool) {
        self.inner.set_active(is_active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_due =
            self.noted.is_asked.load(Ordering::Relaxed) && !self.noted.is_out.load(Ordering::Relaxed);
        if is_due && let Some(place) = buffer.get_mut(..QUESTION.len()) {
            self.noted.is_asked.store(false, Ordering::Relaxed);
            // Until a way is found one is enough: it leaves by the way of that moment.
            self.noted.is_out.store(true, Ordering::Relaxed);
            place.copy_from_slice(&QUESTION);
            return DtlsOutput::Packet(&buffer[..QUESTION.len()]);
        }
        let output = self.inner.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.note(*profile, material.as_ref());
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
