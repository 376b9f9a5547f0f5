//! Time as a value: [`Timestamp`] and the clocks that make one.
//!
//! Nothing else in the workspace reads the real clock (`clippy.toml` refuses it), so that every test
//! can say what time it is.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, the range of an RFC 3339 date.
const RANGE_US: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// An instant in UTC.
///
/// **Units**: microseconds since 1970-01-01T00:00:00Z, clamped to the years 1 to 9999, so that every
/// value can be written as an RFC 3339 date.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant of 1970.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch, clamped to the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(*RANGE_US.start(), *RANGE_US.end()))
    }

    /// From whole seconds since the epoch, clamped to the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The whole second this instant falls in: what a token's `exp` can express.
    pub fn truncate_to_second(self) -> Self {
        Self::from_seconds(self.as_seconds())
    }

    /// This instant moved forward, stopping at the end of the year 9999.
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// This instant moved back, stopping at the start of the year 1.
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// The distance between the two instants, whichever comes first.
    pub fn distance(self, other: Self) -> Duration {
        self.since(other).max(other.since(self))
    }

    /// The date as ACS writes it: `2026-11-21T07:45:59.123456+00:00` (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        let date = self.to_date();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
            date.year(),
            u8::from(date.month()),
            date.day(),
            date.hour(),
            date.minute(),
            date.second(),
            date.microsecond(),
        )
    }

    /// Reads an RFC 3339 date with any offset; digits past microseconds are dropped.
    ///
    /// **Errors**: `None` for anything that is not such a date.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let micros = date.to_offset(UtcOffset::UTC).unix_timestamp_nanos().div_euclid(1000);
        Some(Self::from_micros(i64::try_from(micros).ok()?))
    }

    /// The date of an HTTP header: `Sat, 21 Nov 2026 07:45:59 GMT` (RFC 9110 §5.6.7).
    ///
    /// Years before 1970, which the format's users never need, are written as 1970.
    pub fn to_http_date(self) -> String {
        let seconds = u64::try_from(self.as_seconds()).unwrap_or(0);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Reads the date of an HTTP header in any of the three forms of RFC 9110 §5.6.7.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self::EPOCH.plus(since_epoch))
    }

    fn to_date(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .expect("the constructor clamps to the years 1 to 9999")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text)
            .ok_or_else(|| serde::de::Error::custom("not a date of RFC 3339, such as 2026-11-21T07:45:59Z"))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Says what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The current instant in UTC. It may step back when an operator sets the machine's clock.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start; it never steps back. For measuring durations.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since_epoch)
    }

    fn monotonic(&self) -> Duration {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that only moves when it is told to: for tests and for `serve --test-clock`.
#[derive(Debug)]
pub struct ManualClock {
    // Guards the pair: both move together.
    state: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, Duration::ZERO)) }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.0 = state.0.plus(by);
        state.1 = state.1.saturating_add(by);
    }

    /// Sets the wall clock, back or forth; the monotonic clock follows only forward.
    pub fn set(&self, now: Timestamp) {
        let mut state = self.lock();
        state.1 = state.1.saturating_add(now.since(state.0));
        state.0 = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, Duration)> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().0
    }

    fn monotonic(&self) -> Duration {
        self.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_both_formats_are_written_and_read() {
        let instant = Timestamp::from_micros(1_795_247_159_123_456);
        assert_eq!(instant.to_rfc3339(), "2026-11-21T07:45:59.123456+00:00");
        assert_eq!(instant.to_http_date(), "Sat, 21 Nov 2026 07:45:59 GMT");
        assert_eq!(Timestamp::parse_http_date(&instant.to_http_date()), Some(instant.truncate_to_second()));
    }

    #[test]
    fn offsets_and_seven_digits_are_read() {
        let expected = Timestamp::parse_rfc3339("2023-10-10T21:39:39.324458Z");
        assert!(expected.is_some());
        assert_eq!(Timestamp::parse_rfc3339("2023-10-10T23:39:39.3244584+02:00"), expected);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "yesterday", "2023-13-01T00:00:00Z", "2023-10-10", "2023-10-10T00:00:00"] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse_http_date("Sat, 99 Nov 2026 07:45:59 GMT"), None);
    }

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::from_seconds(100));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_seconds(105));
        clock.set(Timestamp::from_seconds(50));
        assert_eq!(clock.now(), Timestamp::from_seconds(50));
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn every_timestamp_round_trips(micros in any::<i64>()) {
            let instant = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&instant.to_rfc3339()), Some(instant));
        }

        #[test]
        fn parsers_never_panic(text in ".{0,40}") {
            let _ = Timestamp::parse_rfc3339(&text);
            let _ = Timestamp::parse_http_date(&text);
        }
    }
}
