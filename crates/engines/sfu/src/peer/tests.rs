//! A peer and the client of [`crate::testing`], in virtual time.

mod batch;
mod call;
mod channels;
mod codecs;
mod connect;
mod harness;
mod hostile;
mod media;
mod offers;
mod overheard;
mod renewal;
mod sending;
