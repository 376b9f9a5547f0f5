//! STUN messages.

use trunkline_turn::channel::is_channel_data;
use trunkline_turn::stun::{Attribute, ErrorCode, IntegrityKey, Message, Writer, is_stun, long_term_key};

/// Attributes of a message; two more are added here.
const ATTRIBUTES_MAX: usize = 32;

/// The bytes are one message.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    assert!(!is_channel_data(bytes));
    let attributes: Vec<_> = message.attributes().collect();
    assert!(attributes.len() <= ATTRIBUTES_MAX);
    let stranger = IntegrityKey::new(&long_term_key("someone", "realm", "a password that nobody knows"));
    assert!(!message.is_made_by(&stranger), "a code that was made without the key");

    if attributes.len() > ATTRIBUTES_MAX - 2 {
        return;
    }
    let key = if bytes.len() % 8 == 4 { IntegrityKey::new(b"key") } else { IntegrityKey::sha256(b"key") };
    let written = write(&message, &attributes).integrity(&key).fingerprint().finish();
    let again = Message::parse(&written).expect("what is written is read");
    assert!(is_stun(&written) && again.is_intact() && again.has_fingerprint() && again.is_made_by(&key));
    assert_eq!(
        (again.method, again.class, again.transaction),
        (message.method, message.class, message.transaction)
    );
    let read: Vec<_> = again.attributes().collect();
    let known: Vec<_> = attributes.iter().filter(|one| is_written(one)).copied().collect();
    assert_eq!(read[..read.len() - 1], known, "attributes come back");
    spoil(&written, bytes, &key);
}

/// One bit elsewhere, and neither the code nor the fingerprint fits.
fn spoil(written: &[u8], bytes: &[u8], key: &IntegrityKey) {
    let at = bytes.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(*byte))
        % (written.len() * 8);
    let mut spoiled = written.to_vec();
    spoiled[at / 8] ^= 1 << (at % 8);
    if let Ok(message) = Message::parse(&spoiled) {
        let is_behind_code = at / 8 >= written.len() - 8;
        assert!(is_behind_code || !message.is_made_by(key), "bit {at} is not protected");
        assert!(!message.is_intact() || !message.has_fingerprint(), "bit {at} is not in the fingerprint");
    }
}

/// Whether the writer has a word for it.
fn is_written(attribute: &Attribute<'_>) -> bool {
    !matches!(attribute, Attribute::Checked | Attribute::Malformed(_))
}

fn write(message: &Message<'_>, attributes: &[Attribute<'_>]) -> Writer {
    let writer = Writer::new(message.method, message.class, message.transaction);
    attributes.iter().fold(writer, |writer, attribute| add(writer, *attribute))
}

fn add(writer: Writer, attribute: Attribute<'_>) -> Writer {
    match attribute {
        Attribute::Username(value) => writer.attribute(0x0006, value),
        Attribute::Realm(value) => writer.attribute(0x0014, value),
        Attribute::Nonce(value) => writer.attribute(0x0015, value),
        Attribute::Error(error) => writer.attribute(0x0009, &status(error)),
        Attribute::UnknownAttributes(value) => writer.attribute(0x000A, value),
        Attribute::ChannelNumber(number) => writer.channel(number),
        Attribute::Lifetime(seconds) => writer.lifetime(seconds),
        Attribute::PeerAddress(address) => writer.peer(address),
        Attribute::Data(value) => writer.data(value),
        Attribute::RelayedAddress(address) => writer.relayed(address),
        Attribute::RequestedFamily(family) => writer.family(family),
        Attribute::AdditionalFamily(family) => writer.additional_family(family),
        Attribute::EvenPort(reserves_next) => writer.even_port(reserves_next),
        Attribute::RequestedTransport(protocol) => writer.transport(protocol),
        Attribute::DontFragment => writer.attribute(0x001A, &[]),
        Attribute::MappedAddress(address) => writer.mapped(address),
        Attribute::ReservationToken(token) => writer.reservation(token),
        Attribute::AddressError(error) => writer.attribute(0x8001, &status(error)),
        Attribute::UserHash(hash) => writer.user_hash(hash),
        Attribute::PasswordAlgorithm(value) => writer.password_algorithm(value),
        Attribute::PasswordAlgorithms(value) => writer.password_algorithms(value),
        Attribute::ConnectionId(id) => writer.connection(id),
        Attribute::Checked | Attribute::Malformed(_) => writer,
        Attribute::Unknown(kind) | Attribute::Optional(kind) => writer.attribute(kind, &[]),
    }
}

/// A status with a reason that may be no text.
fn status(error: ErrorCode<'_>) -> Vec<u8> {
    let [class, number] =
        [error.code / 100, error.code % 100].map(|part| u8::try_from(part).expect("below 100"));
    let mut value = vec![0, 0, class, number];
    value.extend_from_slice(error.reason);
    value
}
