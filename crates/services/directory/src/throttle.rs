//! How often the token endpoint and the sign-in page answer one caller for one application.
//!
//! The caller counts as well as the application: a client id is no secret, and a stranger who uses it up must
//! not keep the application itself out. Behind a proxy all callers are one.
//!
//! A bucket is the moment from which its whole burst is there again (the generic cell rate algorithm, ITU-T
//! I.371 §6.2): each request moves it on by what one request costs, and it may lie at most one burst ahead.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use trunkline_kernel::Clock;
use trunkline_kernel::limits::RequestRate;
use trunkline_web::Peer;
use uuid::Uuid;

/// Requests of one caller for one application: official clients keep a token for an hour, so this is far beyond
/// them, and little enough that signing and storing tokens leaves the machine to others.
const REQUESTS: RequestRate = RequestRate::per_seconds(600, 60);

/// Passwords tried by one caller for one application: more than an office behind one address mistypes, and a
/// tenth of what one core can check.
const PASSWORDS: RequestRate = RequestRate::per_seconds(60, 60);

/// Buckets kept, at about 100 bytes each: callers active within one minute. Those beyond share one.
const BUCKETS_MAX: usize = 10_000;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    /// Any request.
    Request,
    /// A name with a password.
    Password,
}

impl Kind {
    const fn rate(self) -> RequestRate {
        match self {
            Self::Request => REQUESTS,
            Self::Password => PASSWORDS,
        }
    }
}

/// Whose bucket; `None` is that of everybody for whom there is no room.
type Bucket = (Kind, Option<(Option<IpAddr>, Uuid)>);

/// The buckets of this node.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    // When each bucket is full, in monotonic time. Guarded for a few map operations, never across an await.
    full_at: Mutex<HashMap<Bucket, Duration>>,
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, full_at: Mutex::default() }
    }

    /// Counts one of `kind` by `peer` for the application `client_id`, which must exist: made-up ones have no
    /// buckets to fill.
    ///
    /// **Errors**: the whole seconds after which there is room for one.
    pub(crate) fn take(&self, kind: Kind, peer: Peer, client_id: Uuid) -> Result<(), u64> {
        let now = self.clock.monotonic();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bucket = (kind, Some((caller_of(peer), client_id)));
        if full_at.len() >= BUCKETS_MAX && !full_at.contains_key(&bucket) {
            // A full bucket is as good as none.
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= BUCKETS_MAX {
                bucket = (kind, None);
            }
        }
        let rate = kind.rate();
        let next = full_at.get(&bucket).copied().unwrap_or(now).max(now) + rate.per / rate.requests;
        let too_far = next.saturating_sub(now + rate.per);
        if !too_far.is_zero() {
            return Err(too_far.as_secs() + 1);
        }
        full_at.insert(bucket, next);
        Ok(())
    }
}

/// The address of the caller; of IPv6 the network, within which one machine has any address (RFC 4291 §2.5.4).
fn caller_of(peer: Peer) -> Option<IpAddr> {
    match peer {
        Peer::Local => None,
        Peer::Address(address) => Some(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (Ipv6Addr::BITS / 2))))
            }
            address @ IpAddr::V4(_) => address,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_kernel::{ManualClock, Timestamp};

    const SHOP: Uuid = Uuid::from_u128(1);
    const TILL: Uuid = Uuid::from_u128(2);

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_262_400)));
        (Throttle::new(Arc::clone(&clock) as _), clock)
    }

    fn peer(address: &str) -> Peer {
        Peer::Address(address.parse().expect("an address"))
    }

    fn use_up(throttle: &Throttle, kind: Kind, peer: Peer, client_id: Uuid) -> usize {
        (0..10_000).take_while(|_| throttle.take(kind, peer, client_id).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_grows_back_evenly() {
        let (throttle, clock) = throttle();
        let here = peer("192.0.2.1");
        assert_eq!(use_up(&throttle, Kind::Password, here, SHOP), 60);
        assert_eq!(throttle.take(Kind::Password, here, SHOP), Err(2));
        clock.advance(Duration::from_secs(1));
        assert_eq!(use_up(&throttle, Kind::Password, here, SHOP), 1);
        clock.advance(Duration::from_hours(1));
        assert_eq!(use_up(&throttle, Kind::Password, here, SHOP), 60);
    }

    #[test]
    fn callers_applications_and_kinds_do_not_touch_each_other() {
        let (throttle, _) = throttle();
        let here = peer("192.0.2.1");
        use_up(&throttle, Kind::Password, here, SHOP);
        assert_eq!(throttle.take(Kind::Password, here, TILL), Ok(()));
        assert_eq!(throttle.take(Kind::Password, peer("192.0.2.2"), SHOP), Ok(()));
        assert_eq!(throttle.take(Kind::Password, Peer::Local, SHOP), Ok(()));
        assert_eq!(use_up(&throttle, Kind::Request, here, SHOP), 600);
        assert!(throttle.take(Kind::Password, peer("::ffff:192.0.2.1"), SHOP).is_err());
    }

    #[test]
    fn one_network_of_ipv6_is_one_caller() {
        let (throttle, _) = throttle();
        use_up(&throttle, Kind::Password, peer("2001:db8:0:1::1"), SHOP);
        assert!(throttle.take(Kind::Password, peer("2001:db8:0:1:ffff::2"), SHOP).is_err());
        assert_eq!(throttle.take(Kind::Password, peer("2001:db8:0:2::1"), SHOP), Ok(()));
    }

    #[test]
    fn more_callers_than_there_is_room_for_share_one_bucket() {
        let (throttle, clock) = throttle();
        let far = |number: u32| Peer::Address(IpAddr::from(number.to_be_bytes()));
        let most = u32::try_from(BUCKETS_MAX).expect("a small number");
        for number in 0..most {
            assert_eq!(throttle.take(Kind::Password, far(number), SHOP), Ok(()));
        }
        let passed =
            (most..most + 1000).filter(|number| throttle.take(Kind::Password, far(*number), SHOP).is_ok());
        assert_eq!(passed.count(), 60);
        assert_eq!(throttle.full_at.lock().expect("no panic").len(), BUCKETS_MAX + 1);
        assert_eq!(throttle.take(Kind::Password, far(0), SHOP), Ok(()), "who has a bucket keeps it");
        clock.advance(Duration::from_mins(1));
        assert_eq!(throttle.take(Kind::Password, far(most), SHOP), Ok(()));
        assert!(throttle.full_at.lock().expect("no panic").len() < 10);
    }
}
