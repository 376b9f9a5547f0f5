//! Why a leg or a call ended.
//!
//! **Source**: the published table of codes and sub-codes of calling, "Troubleshooting call end response codes".

/// A code and a sub-code; their words are in the wire crate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Reason {
    pub(crate) code: u16,
    pub(crate) sub_code: u32,
}

impl Reason {
    /// Hung up, or the other one of two did.
    pub(crate) const HUNG_UP: Self = Self::of(0, 0);
    /// Somebody ended it for everybody.
    pub(crate) const ENDED_FOR_ALL: Self = Self::of(0, 4097);
    /// The page was closed.
    pub(crate) const CLOSED: Self = Self::of(0, 4521);
    /// Removed by a participant.
    pub(crate) const REMOVED: Self = Self::of(0, 5300);
    /// Ended by the service.
    pub(crate) const BY_SERVICE: Self = Self::of(0, 7000);
    /// The token ended or was revoked.
    pub(crate) const TOKEN_ENDED: Self = Self::of(401, 10_009);
    /// Not let in.
    pub(crate) const NOT_ADMITTED: Self = Self::of(403, 10_124);
    /// Taken, but the media of the one who took it never came up.
    pub(crate) const OTHER_FAILED: Self = Self::of(408, 10_057);
    /// One's own media never came up.
    pub(crate) const NO_MEDIA: Self = Self::of(410, 301_004);
    /// Media or session was lost for too long.
    pub(crate) const MEDIA_LOST: Self = Self::of(410, 301_005);
    /// No device is connected.
    pub(crate) const NO_DEVICE: Self = Self::of(480, 10_037);
    /// Devices are known, none is there.
    pub(crate) const NOT_ONLINE: Self = Self::of(480, 10_076);
    /// Busy.
    pub(crate) const BUSY: Self = Self::of(486, 0);
    /// Whoever called gave up.
    pub(crate) const CANCELLED: Self = Self::of(487, 0);
    /// Another device took it.
    pub(crate) const TAKEN_ELSEWHERE: Self = Self::of(487, 10_003);
    /// Nobody answered in time.
    pub(crate) const NO_ANSWER: Self = Self::of(487, 10_004);
    /// Everybody who was called declined.
    pub(crate) const ALL_DECLINED: Self = Self::of(487, 10_024);
    /// Declined.
    pub(crate) const DECLINED: Self = Self::of(603, 0);

    const fn of(code: u16, sub_code: u32) -> Self {
        Self { code, sub_code }
    }
}
