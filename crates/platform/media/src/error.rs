//! What can go wrong with media.

use std::io;

use trunkline_net::NetError;
use trunkline_sfu::OfferError;

/// An error of the media plane or of one client's media.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The offer is refused; the text says what is wrong with it. An existing connection stays as it was.
    #[error("the offer is refused: {0}")]
    Offer(#[from] OfferError),
    /// There is no such client in the room: it never joined, or its transport ended.
    #[error("no such client in this room")]
    UnknownPeer,
    /// The plane serves as many clients as it may.
    #[error("all {peers_max} places for media are taken")]
    Full {
        /// The configured number.
        peers_max: usize,
    },
    /// The thread of the room has more to do than it can.
    #[error("the media thread is overloaded")]
    Overloaded,
    /// The room is closed, its thread is gone, or the plane has stopped.
    #[error("the room is closed")]
    Stopped,
    /// A socket could not be made.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No free port number fits UDP and TCP on every address.
    #[error("no port is free on every address for media: choose another first port")]
    NoPort,
    /// The system refused something that threads need.
    #[error("cannot start a media thread: {0}")]
    Start(#[from] io::Error),
    /// The certificate of the media transport could not be made: a broken crypto library.
    #[error("cannot make the certificate of the media transport")]
    Certificate,
}
