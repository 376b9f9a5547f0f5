//! Strict JSON from outside: bounded depth, no key twice in one object.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::error::ApiError;

/// The deepest nesting accepted. No published body nests deeper than 10; the limit keeps the parser's
/// stack small.
pub const DEPTH_MAX: usize = 32;

/// Reads `bytes` as a `T`.
///
/// Unknown fields are ignored, as ACS does, so that newer clients work.
///
/// **Errors**: 400 for text that is no JSON, that nests deeper than [`DEPTH_MAX`], that has a key twice
/// in one object, or that does not fit `T`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut strict = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0 }
        .deserialize(&mut strict)
        .and_then(|()| strict.end())
        .map_err(|cause| invalid(&cause))?;
    serde_json::from_slice(bytes).map_err(|cause| invalid(&cause))
}

/// Reads `bytes`, which must be an object, as a `T`.
///
/// serde would also take an array for a struct, field by field in the order of their declaration: a form
/// nobody published, and one that changes with every new field.
///
/// **Errors**: 400 as [`parse`], and for anything but an object.
pub fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None | Some(b'{') => parse(bytes),
        Some(_) => Err(ApiError::invalid("body", "The body must be a JSON object.")),
    }
}

fn invalid(cause: &serde_json::Error) -> ApiError {
    // The parser's text names fields, types and positions, and quotes at most a single value.
    ApiError::invalid("body", format!("The body is not the JSON this operation takes: {cause}."))
}

/// Walks a document and keeps nothing but the keys of the objects it is inside of.
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(self.deeper()?)?;
            if let Some(twice) = seen.replace(key) {
                return Err(serde::de::Error::custom(format_args!(
                    "the key `{twice}` stands twice in one object"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn ordinary_documents_are_read() {
        let value: Value = parse(br#"{"a":[1,2.5,null,true,"x",{"b":{}}],"c":-1}"#).expect("valid");
        assert_eq!(value["a"][5]["b"], serde_json::json!({}));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = format!("{}{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1));
        let very_deep = "[".repeat(1_000_000);
        for (text, expected) in [
            (deep.as_str(), "nested deeper"),
            (&very_deep, "nested deeper"),
            (r#"{"a":1,"a":2}"#, "`a` stands twice"),
            (r#"{"x":{"a":1,"b":2,"a":3}}"#, "`a` stands twice"),
            ("", "EOF"),
            ("{", "EOF"),
            (r#"{"a":1} trailing"#, "trailing"),
            ("{'a':1}", "key must be a string"),
        ] {
            let error = parse::<Value>(text.as_bytes()).expect_err(expected);
            assert_eq!(error.status, 400);
            assert!(error.message.contains(expected), "{}", error.message);
        }
    }

    #[test]
    fn what_nests_to_the_limit_is_read() {
        let text = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(parse::<Value>(text.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse::<Value>(&bytes);
        }
    }
}
