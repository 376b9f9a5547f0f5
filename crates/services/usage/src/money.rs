//! Money in whole millionths: amounts, prices and the price book. No floating point anywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use trunkline_web::Operation;

use crate::error::UsageError;

/// Digits before the point that an amount may be written with: more than any limit or price needs, and few
/// enough that a price times any quantity fits.
const WHOLE_DIGITS_MAX: usize = 12;
/// Digits after the point.
const FRACTION_DIGITS: usize = 6;
const MICROS_PER_UNIT: u128 = 1_000_000;

/// An amount of money, without its currency and never negative.
///
/// **Units**: millionths of the currency's unit.
/// **Shape**: as text `0.0075`: 1 to 12 digits without leading zeros, then optionally a point and 1 to 6
/// digits; no sign, no exponent, no spaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount(u128);

/// Why a text is no [`Amount`] or [`Price`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no amount such as 0.0075, with at most 12 digits before the point and 6 behind it, or price such as 0.004/60"
)]
pub struct AmountError(String);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From millionths.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros.into())
    }

    /// The sum.
    ///
    /// **Errors**: [`UsageError::TooMuch`] instead of a sum that wraps.
    pub fn plus(self, other: Self) -> Result<Self, UsageError> {
        self.0.checked_add(other.0).map(Self).ok_or(UsageError::TooMuch)
    }

    /// Millionths, at most what a column of a table holds.
    pub(crate) fn to_column(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.0 / MICROS_PER_UNIT, self.0 % MICROS_PER_UNIT);
        if micros == 0 {
            return write!(formatter, "{whole}");
        }
        let fraction = format!("{micros:06}");
        write!(formatter, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str, digits_max: usize| {
            (1..=digits_max).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
        let is_valid =
            is_number(whole, WHOLE_DIGITS_MAX) && is_number(fraction, FRACTION_DIGITS) && !has_leading_zero;
        let digits = format!("{whole}{fraction:0<FRACTION_DIGITS$}");
        let micros = if is_valid { digits.parse().ok() } else { None };
        micros.map(Self).ok_or_else(|| AmountError(text.to_owned()))
    }
}

/// What so many units of a meter cost.
///
/// **Shape**: as text `0.0075` for each unit, or `0.004/60` for each sixty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Price {
    amount: Amount,
    per: NonZeroU32,
}

impl Price {
    /// The price of each unit.
    pub const fn each(amount: Amount) -> Self {
        Self { amount, per: NonZeroU32::MIN }
    }

    /// The price of `per` units: a meter of seconds may have a price for a minute.
    pub const fn per(amount: Amount, per: NonZeroU32) -> Self {
        Self { amount, per }
    }

    /// What `quantity` units cost, rounded to the nearest millionth, half of one upwards.
    ///
    /// **Errors**: [`UsageError::TooMuch`] instead of a product that wraps.
    pub fn cost(self, quantity: u64) -> Result<Amount, UsageError> {
        let per = u128::from(self.per.get());
        let product = self.amount.0.checked_mul(u128::from(quantity)).ok_or(UsageError::TooMuch)?;
        product.checked_add(per / 2).map(|product| Amount(product / per)).ok_or(UsageError::TooMuch)
    }

    /// Whether it costs nothing.
    pub fn is_free(self) -> bool {
        self.amount == Amount::ZERO
    }
}

impl fmt::Display for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per == NonZeroU32::MIN {
            return write!(formatter, "{}", self.amount);
        }
        write!(formatter, "{}/{}", self.amount, self.per)
    }
}

impl FromStr for Price {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let Some((amount, per)) = text.split_once('/') else { return Ok(Self::each(text.parse()?)) };
        let quantity: Option<NonZeroU32> = per.parse().ok();
        match quantity {
            // `parse` takes a plus sign and leading zeros, which this format has not.
            Some(quantity) if quantity.to_string() == per => Ok(Self::per(amount.parse()?, quantity)),
            _ => Err(AmountError(text.to_owned())),
        }
    }
}

/// The prices of the meters; a meter without one costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceBook(BTreeMap<String, Price>);

impl PriceBook {
    /// The price of a meter, unless it is free.
    pub fn find(&self, meter: &str) -> Option<Price> {
        self.0.get(meter).copied().filter(|price| !price.is_free())
    }

    /// Meters with a price that no operation counts: misspelt in the configuration, most likely.
    pub fn list_unknown_meters(&self, operations: &[&'static Operation]) -> Vec<&str> {
        let is_known = |meter: &str| {
            operations.iter().any(|operation| operation.meter.is_some_and(|known| known == meter))
        };
        self.0.keys().map(String::as_str).filter(|meter| !is_known(meter)).collect()
    }
}

impl FromIterator<(String, Price)> for PriceBook {
    fn from_iter<I: IntoIterator<Item = (String, Price)>>(prices: I) -> Self {
        Self(prices.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cost(price: &str, quantity: u64) -> String {
        price.parse::<Price>().expect("a price").cost(quantity).expect("not too much").to_string()
    }

    #[test]
    fn amounts_are_read_strictly() {
        let check = |text: &str, micros| assert_eq!(text.parse(), Ok(Amount::from_micros(micros)), "{text}");
        check("0", 0);
        check("0.0075", 7_500);
        check("12.500000", 12_500_000);
        check("999999999999.999999", 999_999_999_999_999_999);
        let refused = [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "1 ",
            "01",
            "00.1",
            "0.0000001",
            "1000000000000",
            "1.2.3",
            "1_000",
            "٣",
            "NaN",
            "1/60",
        ];
        for text in refused {
            assert_eq!(text.parse::<Amount>(), Err(AmountError(text.to_owned())), "{text}");
        }
        for text in ["1/", "/60", "1/0", "1/-1", "1/+60", "1/060", "1/1.5", "1/60/60", "1/4294967296"] {
            assert!(text.parse::<Price>().is_err(), "{text}");
        }
    }

    #[test]
    fn costs_are_rounded_once_and_never_wrap() {
        assert_eq!(cost("0.0075", 3), "0.0225");
        assert_eq!(cost("0.004/60", 60), "0.004");
        assert_eq!(cost("0.004/60", 1), "0.000067");
        assert_eq!(cost("0.000001/2", 1), "0.000001");
        assert_eq!(cost("0.000001/3", 1), "0");
        assert_eq!(cost("0", u64::MAX), "0");
        let most = "999999999999.999999".parse::<Price>().expect("a price").cost(u64::MAX);
        assert_eq!(
            most.map(|most| most.to_string()).ok().as_deref(),
            Some("18446744073709551596553255926290.448385")
        );
        assert!(Amount(u128::MAX).plus(Amount(1)).is_err());
        assert!(Price::each(Amount(u128::MAX)).cost(2).is_err());
    }

    proptest! {
        #[test]
        fn every_amount_round_trips(micros in 0..1_000_000_000_000_000_000_u64, per in 1_u32..) {
            let amount = Amount::from_micros(micros);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            let price = Price::per(amount, NonZeroU32::new(per).expect("from 1"));
            prop_assert_eq!(price.to_string().parse(), Ok(price));
        }

        #[test]
        fn what_is_read_is_what_was_written(text in "[0-9]{1,13}(\\.[0-9]{0,7})?|.{0,10}") {
            if let Ok(amount) = text.parse::<Amount>() {
                let written = amount.to_string();
                prop_assert!(text.starts_with(&written));
                prop_assert!(text[written.len()..].bytes().all(|byte| byte == b'0' || byte == b'.'));
            }
            let _ = text.parse::<Price>();
        }
    }
}
