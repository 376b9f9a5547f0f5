//! RTP, RTCP, SRTP and congestion control, without I/O.
//!
//! ```text
//! payload ─► header ─► srtp ─► datagram
//! datagram ─► srtp ─► rtcp ─► congestion ─► how much may be sent, and when something is tried
//! ```

pub mod congestion;
pub mod rtcp;
pub mod srtp;

/// Time since some start, as all engines count it.
pub type Now = std::time::Duration;
