//! Real sockets on loopback.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

fn bind(address: impl Into<SocketAddr>) -> BatchSocket {
    BatchSocket::bind(address.into(), UdpOptions::default()).expect("loopback has free ports")
}

/// What arrived, until `bytes` bytes are there: source port, destination and bytes of each datagram.
fn receive(socket: &BatchSocket, bytes: usize) -> Vec<(u16, IpAddr, Vec<u8>)> {
    let mut batch = ReceiveBatch::new(8);
    let mut datagrams: Vec<(u16, IpAddr, Vec<u8>)> = Vec::new();
    while datagrams.iter().map(|datagram| datagram.2.len()).sum::<usize>() < bytes {
        let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&patience)).expect("polling works");
        assert_eq!(ready, 1, "nothing more came; so far: {datagrams:?}");
        socket.receive(&mut batch).expect("reading works");
        datagrams.extend(
            batch
                .datagrams()
                .map(|datagram| (datagram.source.port(), datagram.destination, datagram.bytes.to_vec())),
        );
    }
    datagrams
}

fn send_all(socket: &BatchSocket, batch: &mut SendBatch) -> Sent {
    let sent = socket.send(batch);
    assert!(batch.is_empty(), "loopback takes what the buffers hold");
    sent
}

#[test]
fn a_train_arrives_as_the_datagrams_it_was_made_of() {
    let (sender, receiver) = (bind((Ipv4Addr::LOCALHOST, 0)), bind((Ipv4Addr::LOCALHOST, 0)));
    let datagrams: Vec<Vec<u8>> = (0..20_u8)
        .map(|number| vec![number; 1_200])
        .chain([vec![20; 700], vec![21; 1_200], vec![22; 90]])
        .collect();
    let mut batch = SendBatch::new();
    for datagram in &datagrams {
        batch.push(None, receiver.local(), datagram.clone());
    }
    // A shorter datagram ends a train.
    assert_eq!(batch.len(), 2);

    assert_eq!(send_all(&sender, &mut batch), Sent { sent: 23, dropped: 0 });

    let received = receive(&receiver, datagrams.iter().map(Vec::len).sum());
    let expected: Vec<_> = datagrams
        .into_iter()
        .map(|datagram| (sender.local().port(), Ipv4Addr::LOCALHOST.into(), datagram))
        .collect();
    assert_eq!(received, expected);
}

#[test]
fn one_call_reaches_many_receivers() {
    let sender = bind((Ipv4Addr::LOCALHOST, 0));
    let receivers: Vec<_> = (0..70).map(|_| bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let mut batch = SendBatch::new();
    for (number, receiver) in (0..).zip(&receivers) {
        batch.push(None, receiver.local(), vec![number; 100]);
    }

    assert_eq!(send_all(&sender, &mut batch), Sent { sent: 70, dropped: 0 });

    for (number, receiver) in (0..).zip(&receivers) {
        assert_eq!(receive(receiver, 100)[0].2, vec![number; 100]);
    }
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    let server = bind((Ipv4Addr::UNSPECIFIED, 0));
    let client = bind((Ipv4Addr::LOCALHOST, 0));
    for asked in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)] {
        let mut batch = SendBatch::new();
        batch.push(None, (asked, server.local().port()).into(), vec![1]);
        send_all(&client, &mut batch);
        let (port, destination, _) = receive(&server, 1).remove(0);
        assert_eq!((port, destination), (client.local().port(), asked.into()));

        batch.push(Some(destination), client.local(), vec![2]);
        send_all(&server, &mut batch);

        let mut received = ReceiveBatch::new(1);
        poll(&mut [PollFd::new(&client, PollFlags::IN)], None).expect("polling works");
        client.receive(&mut received).expect("reading works");
        let sources: Vec<_> = received.datagrams().map(|datagram| datagram.source).collect();
        assert_eq!(sources, [SocketAddr::from((asked, server.local().port()))]);
    }
}

#[test]
fn ipv6_answers_leave_from_the_address_that_was_asked() {
    let (server, client) = (bind((Ipv6Addr::UNSPECIFIED, 0)), bind((Ipv6Addr::LOCALHOST, 0)));
    let mut batch = SendBatch::new();
    batch.push(None, (Ipv6Addr::LOCALHOST, server.local().port()).into(), vec![1]);
    send_all(&client, &mut batch);
    let (_, destination, _) = receive(&server, 1).remove(0);
    assert_eq!(destination, IpAddr::from(Ipv6Addr::LOCALHOST));

    batch.push(Some(destination), client.local(), vec![2]);
    send_all(&server, &mut batch);

    assert_eq!(receive(&client, 1)[0].0, server.local().port());
}

#[test]
fn what_cannot_be_sent_is_dropped_and_the_rest_goes() {
    let (sender, receiver) = (bind((Ipv4Addr::LOCALHOST, 0)), bind((Ipv4Addr::LOCALHOST, 0)));
    let mut batch = SendBatch::new();
    batch.push(None, receiver.local(), vec![0; 70_000]);
    batch.push(None, receiver.local(), vec![5; 10]);
    batch.push(None, (Ipv4Addr::LOCALHOST, 0).into(), vec![6; 10]);

    assert_eq!(send_all(&sender, &mut batch), Sent { sent: 1, dropped: 2 });

    assert_eq!(receive(&receiver, 10)[0].2, vec![5; 10]);
}

#[test]
fn trains_are_cut_here_when_the_device_does_not() {
    let (sender, receiver) = (bind((Ipv4Addr::LOCALHOST, 0)), bind((Ipv4Addr::LOCALHOST, 0)));
    sender.is_train_refused.store(true, Ordering::Relaxed);
    let mut batch = SendBatch::new();
    for number in 0..3 {
        batch.push(None, receiver.local(), vec![number; 500]);
    }

    assert_eq!(send_all(&sender, &mut batch), Sent { sent: 3, dropped: 0 });

    let received: Vec<_> = receive(&receiver, 1_500).into_iter().map(|datagram| datagram.2).collect();
    assert_eq!(received, [vec![0; 500], vec![1; 500], vec![2; 500]]);
}

#[test]
fn a_train_that_one_receiver_cannot_get_leaves_other_trains_alone() {
    let (sender, receiver) = (bind((Ipv4Addr::LOCALHOST, 0)), bind((Ipv4Addr::LOCALHOST, 0)));
    let mut batch = SendBatch::new();
    for to in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), receiver.local()] {
        for number in 0..3 {
            batch.push(None, to, vec![number; 500]);
        }
    }

    assert_eq!(send_all(&sender, &mut batch), Sent { sent: 3, dropped: 3 });

    assert_eq!(receive(&receiver, 1_500).len(), 3);
    assert!(!sender.is_train_refused.load(Ordering::Relaxed));
}

#[test]
fn nothing_to_read_is_no_error_and_leaves_no_old_datagrams() {
    let (sender, receiver) = (bind((Ipv4Addr::LOCALHOST, 0)), bind((Ipv4Addr::LOCALHOST, 0)));
    let mut batch = SendBatch::new();
    batch.push(None, receiver.local(), vec![1]);
    send_all(&sender, &mut batch);
    poll(&mut [PollFd::new(&receiver, PollFlags::IN)], None).expect("polling works");
    let mut received = ReceiveBatch::new(4);
    assert_eq!(receiver.receive(&mut received).expect("reading works"), 1);

    assert_eq!(receiver.receive(&mut received).expect("reading works"), 0);

    assert_eq!(received.datagrams().count(), 0);
}

#[test]
fn a_taken_port_is_named() {
    let taken = bind((Ipv4Addr::LOCALHOST, 0));
    let refused = BatchSocket::bind(taken.local(), UdpOptions::default());
    assert!(matches!(refused, Err(NetError::AddressInUse { address }) if address == taken.local()));
}

#[test]
fn a_full_batch_loses_large_datagrams_first_and_the_oldest_of_them() {
    let to = |number: u8| SocketAddr::from(([192, 0, 2, number], 9));
    let mut batch = SendBatch::new();
    for (number, bytes) in [(1, 1_200), (2, 100), (3, 1_200), (3, 1_200), (4, 1_200), (5, 100)] {
        batch.push(None, to(number), vec![number; bytes]);
    }

    assert_eq!(batch.shed(3), 3, "one datagram to 1 and two to 3");
    assert_eq!(first_bytes(&batch), [2, 4, 5]);
    assert_eq!(batch.shed(1), 2);
    assert_eq!(first_bytes(&batch), [5]);
    assert_eq!(batch.shed(1), 0);
}

fn first_bytes(batch: &SendBatch) -> Vec<u8> {
    batch.head(10).1.iter().map(|datagram| datagram[0]).collect()
}

#[test]
fn trains_end_at_the_limits_of_the_system() {
    let to = SocketAddr::from(([192, 0, 2, 1], 9));
    let mut batch = SendBatch::new();
    for _ in 0..65 {
        batch.push(None, to, vec![0; 100]);
    }
    assert_eq!(batch.len(), 2, "64 datagrams at most");
    for _ in 0..55 {
        batch.push(None, to, vec![0; 1_200]);
    }
    assert_eq!(batch.len(), 4, "65,000 bytes at most");
    batch.push(Some(Ipv4Addr::LOCALHOST.into()), to, vec![0; 1_200]);
    assert_eq!(batch.len(), 5, "another source");
    batch.push(Some(Ipv4Addr::LOCALHOST.into()), to, Vec::new());
    assert_eq!(batch.len(), 5, "nothing to send");
}

#[test]
fn loopback_is_among_the_addresses_of_the_machine() {
    let addresses = interface_addresses().expect("they can be listed");
    assert!(addresses.contains(&Ipv4Addr::LOCALHOST.into()), "{addresses:?}");
}
