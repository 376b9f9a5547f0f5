//! The operations of this service, as data.

pub(crate) mod images;
pub(crate) mod published;
pub(crate) mod realtime;
pub(crate) mod server;
pub(crate) mod users;

use trunkline_web::Operation;

/// Every operation of this service, in the order of its routes.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [published::ALL, images::ALL, users::ALL, realtime::ALL, server::APPLICATIONS, server::OPERATORS]
        .into_iter()
        .flatten()
        .copied()
}
