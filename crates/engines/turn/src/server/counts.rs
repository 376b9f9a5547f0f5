//! What a relay counts.

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It showed no credential: the first request of every client.
    NoCredential,
    /// A wrong or ended one.
    WrongCredential,
    /// A nonce that is too old, or another's.
    StaleNonce,
    /// It has not the form that the RFCs give it.
    Malformed,
    /// It wants something that is not there.
    Unknown,
    /// There is no such allocation, or there is one already.
    NoAllocation,
    /// The allocation is another user's.
    OtherUser,
    /// Relaying over TCP, where it is off, or something else than UDP and TCP.
    Transport,
    /// An IP version that this relay does not have.
    NoFamily,
    /// One that the allocation does not have.
    Family,
    /// A peer that clients may not have.
    Forbidden,
    /// The user has as many allocations as a user may have.
    UserQuota,
    /// The tenant has.
    TenantQuota,
    /// The client's address has.
    AddressQuota,
    /// The relay has, or there is no port.
    Capacity,
    /// There is a connection to that peer already.
    ConnectionExists,
    /// The peer cannot be connected to.
    ConnectionFailed,
}

impl Why {
    /// All of them, in the order of [`Statistics::refused`].
    pub const ALL: [Self; 17] = [
        Self::NoCredential,
        Self::WrongCredential,
        Self::StaleNonce,
        Self::Malformed,
        Self::Unknown,
        Self::NoAllocation,
        Self::OtherUser,
        Self::Transport,
        Self::NoFamily,
        Self::Family,
        Self::Forbidden,
        Self::UserQuota,
        Self::TenantQuota,
        Self::AddressQuota,
        Self::Capacity,
        Self::ConnectionExists,
        Self::ConnectionFailed,
    ];

    /// A name for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::WrongCredential => "wrong_credential",
            Self::StaleNonce => "stale_nonce",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown_attribute",
            Self::NoAllocation => "no_allocation",
            Self::OtherUser => "other_user",
            Self::Transport => "transport",
            Self::NoFamily => "family",
            Self::Family => "peer_family",
            Self::Forbidden => "forbidden",
            Self::UserQuota => "user_quota",
            Self::TenantQuota => "tenant_quota",
            Self::AddressQuota => "address_quota",
            Self::Capacity => "capacity",
            Self::ConnectionExists => "connection_exists",
            Self::ConnectionFailed => "connection_failed",
        }
    }
}

/// What happened so far; counts only grow, except `allocations` and `connections`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Allocations there are.
    pub allocations: u64,
    /// TCP connections with peers there are, those included that are being made.
    pub connections: u64,
    /// Allocations made.
    pub made: u64,
    /// Requests refused, in the order of [`Why::ALL`].
    pub refused: [u64; Why::ALL.len()],
    /// Datagrams to peers.
    pub to_peers: u64,
    /// Bytes in them.
    pub to_peers_bytes: u64,
    /// Datagrams to clients.
    pub to_clients: u64,
    /// Bytes in them, without heads.
    pub to_clients_bytes: u64,
    /// Datagrams dropped because an allocation was over its rate.
    pub over_rate: u64,
    /// Datagrams dropped for want of an allocation, a permission or a channel.
    pub not_permitted: u64,
    /// What was no message at all.
    pub malformed: u64,
}

impl Statistics {
    /// Requests refused, whatever for.
    pub fn refused_altogether(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// Requests refused for one reason.
    pub fn refused_for(&self, why: Why) -> u64 {
        self.refused[why as usize]
    }

    pub(super) fn count_refusal(&mut self, why: Why) {
        self.refused[why as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        for (index, why) in Why::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
        }
    }
}
