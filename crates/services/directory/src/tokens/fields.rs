//! The fields of a form or query, each once.

use std::collections::BTreeMap;

use trunkline_web::Context;

use crate::tokens::errors::OauthError;

/// The longest value that is kept or sent back (`state`, `nonce`, `scope`), in bytes. MSAL's are below 300.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;

/// Fields by name. One without a value counts as left out (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The fields of the body.
    ///
    /// **Errors**: [`OauthError::Malformed`] for what is no form, and for a field that comes twice.
    pub(crate) fn of_form(context: &Context) -> Result<Self, OauthError> {
        context.form().map(Self).map_err(|refusal| OauthError::Malformed(refusal.message))
    }

    /// The fields of the query.
    ///
    /// **Errors**: [`OauthError::Malformed`] for a field that comes twice.
    pub(crate) fn of_query(context: &Context) -> Result<Self, OauthError> {
        let mut fields = BTreeMap::new();
        for (name, value) in context.query_pairs() {
            if fields.insert(name.clone(), value.clone()).is_some() {
                return Err(OauthError::Malformed(format!("the parameter {name} stands twice in the query")));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field; `None` when it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a field that must be there.
    pub(crate) fn require(&self, name: &'static str) -> Result<&str, OauthError> {
        self.get(name).ok_or(OauthError::MissingParameter(name))
    }

    /// The value of a field that is kept or sent back; empty when it is missing.
    pub(crate) fn bounded(&self, name: &'static str) -> Result<&str, OauthError> {
        let value = self.get(name).unwrap_or_default();
        if value.len() <= VALUE_BYTES_MAX && !value.contains('\0') {
            return Ok(value);
        }
        Err(OauthError::Malformed(format!("{name} is longer than {VALUE_BYTES_MAX} bytes or has a NUL")))
    }
}
