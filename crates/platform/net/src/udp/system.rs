//! The system calls behind batched datagrams, and the list of the machine's addresses.
#![expect(unsafe_code, reason = "no safe wrapper knows sendmmsg with segment sizes, or getifaddrs")]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

use super::wire::{Control, Name};

/// One message to be sent: `parts` are places in the list of slices that goes along.
pub(super) struct Outgoing {
    pub(super) name: Name,
    pub(super) control: Control,
    pub(super) parts: Range<usize>,
}

/// Sends messages with one call and returns how many went.
///
/// **Errors**: the first message could not be sent; `WouldBlock` when there is no room for it now.
pub(super) fn send_many(
    socket: BorrowedFd<'_>,
    messages: &mut [Outgoing],
    parts: &[IoSlice<'_>],
) -> io::Result<usize> {
    let mut headers: Vec<libc::mmsghdr> = messages
        .iter_mut()
        .map(|message| {
            let slices = &parts[message.parts.clone()];
            let mut header = empty_header();
            header.msg_hdr.msg_iov = slices.as_ptr().cast::<libc::iovec>().cast_mut();
            header.msg_hdr.msg_iovlen = slices.len();
            point_at(&mut header.msg_hdr, &mut message.name, &mut message.control);
            header
        })
        .collect();
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: each header points into `messages` and `parts`, which are borrowed until this function returns and not
    // touched meanwhile; `IoSlice` is laid out as `iovec`; the system only reads what the headers point at.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// One message that arrived.
#[derive(Default)]
pub(super) struct Incoming {
    pub(super) name: Name,
    pub(super) control: Control,
    pub(super) length: usize,
    /// The message was longer than its buffer and its end is lost.
    pub(super) is_cut: bool,
}

/// Reads at most one message into each buffer with one call and returns how many came.
///
/// **Errors**: `WouldBlock` when there is nothing to read.
pub(super) fn receive_many(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    messages: &mut [Incoming],
) -> io::Result<usize> {
    let mut headers: Vec<libc::mmsghdr> = buffers
        .iter_mut()
        .zip(messages.iter_mut())
        .map(|(buffer, message)| {
            message.name = Name::room();
            message.control = Control::room();
            let mut header = empty_header();
            header.msg_hdr.msg_iov = ptr::from_mut(buffer).cast();
            header.msg_hdr.msg_iovlen = 1;
            point_at(&mut header.msg_hdr, &mut message.name, &mut message.control);
            header
        })
        .collect();
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: each header points at one buffer and one message, which are borrowed until this function returns and not
    // touched meanwhile; `IoSliceMut` is laid out as `iovec`; the lengths given are those of what is pointed at.
    let got = unsafe {
        libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, ptr::null_mut())
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (message, header) in messages.iter_mut().zip(&headers).take(got) {
        message.length = header.msg_len as usize;
        message.is_cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        message.name.set_length(header.msg_hdr.msg_namelen as usize);
        message.control.set_length(header.msg_hdr.msg_controllen);
    }
    Ok(got)
}

/// Sets an option whose value is one C integer.
pub(super) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of `value`, which lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("four bytes"),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The addresses of all interfaces that are up.
pub(super) fn interface_addresses() -> io::Result<Vec<IpAddr>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the call writes one pointer, freed below.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut addresses = Vec::new();
    let mut next = first;
    // SAFETY: the list ends with a null pointer and its entries live until `freeifaddrs`.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        let is_up = entry.ifa_flags & libc::c_uint::try_from(libc::IFF_UP).expect("a small flag") != 0;
        if is_up && let Some(address) = read_address(entry.ifa_addr) {
            addresses.push(address.ip());
        }
    }
    // SAFETY: `first` came from `getifaddrs`, and nothing of the list is used any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(addresses)
}

/// The address behind a pointer of `getifaddrs`; `None` for a null pointer and for other families than IP.
fn read_address(address: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: null or an address of the list, which is as long as its family says.
    let family = i32::from(unsafe { address.as_ref() }?.sa_family);
    let length = match family {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: an address of this family has this length.
    let bytes = unsafe { std::slice::from_raw_parts(address.cast::<u8>(), length) };
    Name::from_bytes(bytes).address()
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: all zeroes is a valid header: null pointers with lengths of zero.
    unsafe { mem::zeroed() }
}

fn point_at(header: &mut libc::msghdr, name: &mut Name, control: &mut Control) {
    let (name, control) = (name.bytes_mut(), control.bytes_mut());
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = libc::socklen_t::try_from(name.len()).expect("at most 28 bytes");
    if !control.is_empty() {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
    }
}
