//! The key of a write: whose it is, and what it changes.

use std::fmt::Display;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

/// Names the tenant a write belongs to and the aggregate it changes.
///
/// The resource is what the queue is fair to: one tenant's thousand writes do not hold up another's
/// one. On PostgreSQL two writes with the same key run one after the other, on all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    resource: Arc<str>,
    aggregate: Arc<str>,
}

impl Key {
    /// A write of `resource` that changes `aggregate`, such as `user/8:acs:…` or `thread/19:…`.
    pub fn new(resource: impl Display, aggregate: impl Display) -> Self {
        Self { resource: resource.to_string().into(), aggregate: aggregate.to_string().into() }
    }

    /// A write of the server itself, which belongs to no tenant.
    pub fn system(aggregate: impl Display) -> Self {
        Self { resource: "".into(), aggregate: aggregate.to_string().into() }
    }

    pub(crate) const fn resource(&self) -> &Arc<str> {
        &self.resource
    }

    /// The number of the advisory lock: the same in every process and version.
    ///
    /// A cryptographic hash, so that no tenant can choose names that collide with another's.
    pub(crate) fn lock_number(&self) -> i64 {
        let mut text = Vec::with_capacity(self.resource.len() + self.aggregate.len() + 1);
        text.extend_from_slice(self.resource.as_bytes());
        text.push(0);
        text.extend_from_slice(self.aggregate.as_bytes());
        let hash = digest(&SHA256, &text);
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_ref()[..8]);
        i64::from_be_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_numbers_are_stable_and_tell_keys_apart() {
        assert_eq!(Key::new("a", "b").lock_number(), Key::new("a", "b").lock_number());
        assert_ne!(Key::new("a", "b").lock_number(), Key::new("ab", "").lock_number());
        assert_ne!(Key::new("", "b").lock_number(), Key::new("", "c").lock_number());
        assert_eq!(Key::new("", "b"), Key::system("b"));
    }
}
