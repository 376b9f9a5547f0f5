//! Network devices whose other end is a program.
#![expect(unsafe_code, reason = "making a device is a system call without a safe wrapper")]

use std::ffi::c_short;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

/// The largest packet a device of the lab carries: what it is set to with `ip link set … mtu`, and some room.
pub const PACKET_MAX_BYTES: usize = 2_048;

// linux/if_tun.h, linux/if.h
const TUNSETIFF: Opcode = opcode::write::<std::ffi::c_int>(b'T', 202);
const IFF_TUN: c_short = 0x0001;
const IFF_NO_PI: c_short = 0x1000;
const NAME_BYTES: usize = 16;

/// `struct ifreq` with its flags.
#[repr(C)]
struct Request {
    name: [u8; NAME_BYTES],
    flags: c_short,
    // The union is as large as its largest member.
    rest: [u8; 22],
}

/// A network device without hardware: what the system sends over it is read here, what is written here arrives on it.
///
/// It is in the network namespace of the process, can be moved to another, and ends with this value.
#[derive(Debug)]
pub struct Tunnel(File);

impl Tunnel {
    /// Makes a device of a name that is free.
    ///
    /// **Errors**: those of the system: no `/dev/net/tun`, no right to it, a name that is taken or longer than 15 bytes.
    pub fn create(name: &str) -> io::Result<Self> {
        let mut request = Request { name: [0; NAME_BYTES], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
        if name.len() >= NAME_BYTES {
            return Err(Errno::NAMETOOLONG.into());
        }
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open("/dev/net/tun", flags, Mode::empty())?;
        // SAFETY: TUNSETIFF reads a `struct ifreq`, which `Request` is, byte for byte; it keeps no pointer to it.
        unsafe { ioctl(&file, Setter::<TUNSETIFF, Request>::new(request)) }?;
        Ok(Self(File::from(file)))
    }

    /// The next packet that the system sent; nothing when there is none.
    ///
    /// **Errors**: those of the system.
    pub fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = vec![0; PACKET_MAX_BYTES];
        match rustix::io::read(&self.0, &mut packet) {
            Ok(size_bytes) => {
                packet.truncate(size_bytes);
                Ok(Some(packet))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the system a packet; one that it does not take (the device is down, the packet is none) is lost.
    pub fn send(&self, packet: &[u8]) {
        rustix::io::write(&self.0, packet).ok();
    }
}

impl AsFd for Tunnel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
