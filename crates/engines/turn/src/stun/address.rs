//! Addresses as STUN writes them, hidden behind the cookie (RFC 8489 §14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::MAGIC_COOKIE;
use super::message::TransactionId;

const FAMILY_V4: u8 = 1;
const FAMILY_V6: u8 = 2;

/// Reads `XOR-MAPPED-ADDRESS` and its kin; `None` for another form.
pub(super) fn read(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_at_checked(4)?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ port_mask();
    let ip = match (head[1], address.len()) {
        (FAMILY_V4, 4) => {
            let bytes: [u8; 4] = address.try_into().ok()?;
            IpAddr::V4(Ipv4Addr::from_bits(u32::from_be_bytes(bytes) ^ MAGIC_COOKIE))
        }
        (FAMILY_V6, 16) => {
            let bytes: [u8; 16] = address.try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from_bits(u128::from_be_bytes(bytes) ^ address_mask(transaction)))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Writes the same form; 8 or 20 bytes.
pub(super) fn write(address: SocketAddr, transaction: &TransactionId, out: &mut Vec<u8>) {
    out.push(0);
    let port = (address.port() ^ port_mask()).to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(FAMILY_V4);
            out.extend_from_slice(&port);
            out.extend_from_slice(&(ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes());
        }
        IpAddr::V6(ip) => {
            out.push(FAMILY_V6);
            out.extend_from_slice(&port);
            out.extend_from_slice(&(ip.to_bits() ^ address_mask(transaction)).to_be_bytes());
        }
    }
}

const fn port_mask() -> u16 {
    (MAGIC_COOKIE >> 16) as u16
}

fn address_mask(transaction: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction.0);
    u128::from_be_bytes(mask)
}
