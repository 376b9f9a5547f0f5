//! SQL of this service, a file for each table's owner.

pub(crate) mod applications;
pub(crate) mod credentials;
pub(crate) mod oauth;
pub(crate) mod role_assignments;
pub(crate) mod seeds;
pub(crate) mod users;
