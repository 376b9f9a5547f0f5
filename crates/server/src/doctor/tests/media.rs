//! Faults of media and relay.

use super::*;

const PRODUCTION: &[(&str, &str)] = &[
    ("profile", "production"),
    ("public_url", "https://acs.example"),
    ("domain", "acs.example"),
    ("tls.certificate_file", "c.pem"),
    ("tls.key_file", "k.pem"),
];

/// What is told of media and relay, with further settings.
async fn told(machine: &FakeMachine, program: &FakeProgram, settings: &[(&str, &str)]) -> String {
    let folder = sound_folder();
    let config = config_of(folder.path(), &[PRODUCTION, settings].concat());
    let _held = program.status.as_ref().map(|_| DataFolder::open(&config.data).expect("it is free"));
    let mut report = examine(&config, program, machine).await;
    let subjects = [
        "media ports",
        "relay port",
        "buffers of media sockets",
        "addresses for media",
        "address of this node",
    ];
    report.0.retain(|check| subjects.contains(&&*check.subject));
    report.to_text()
}

#[tokio::test]
async fn a_sound_server_has_its_ports_and_addresses() {
    insta::assert_snapshot!(told(&FakeMachine::default(), &FakeProgram::default(), &[]).await, @"
    ok    media ports: 10000 to 10003 free
    ok    relay port: 3478 free
    ok    buffers of media sockets: as large as media asks for
    ok    addresses for media: 203.0.112.5

    Everything is fine.
    ");
}

#[tokio::test]
async fn ports_that_others_have_are_named_with_their_protocol() {
    let udp_ports = HashMap::from([(10_002, ErrorKind::AddrInUse), (3_478, ErrorKind::PermissionDenied)]);
    let machine = FakeMachine { udp_ports, ..FakeMachine::default() };
    let shown = told(&machine, &FakeProgram::default(), &[]).await;
    insta::assert_snapshot!(shown, @"
    fail  media ports: UDP 0.0.0.0:10002 is in use by another program
          -> find it with: ss -lunp 'sport = :10002'; end it, or choose another media.port
    fail  relay port: UDP 0.0.0.0:3478 is not allowed for this user
          -> ports below 1024 need CAP_NET_BIND_SERVICE; give it, or choose a higher relay.port
    ok    buffers of media sockets: as large as media asks for
    ok    addresses for media: 203.0.112.5

    Failures: 2, warnings: 0.
    ");
    let ports = HashMap::from([(10_000, ErrorKind::AddrInUse)]);
    let machine = FakeMachine { ports, ..FakeMachine::default() };
    let only_udp = told(&machine, &FakeProgram::default(), &[("media.tcp", "false")]).await;
    assert!(only_udp.contains("ok    media ports: 10000 to 10003 free"), "{only_udp}");
    let both = told(&machine, &FakeProgram::default(), &[]).await;
    assert!(both.contains("fail  media ports: TCP 0.0.0.0:10000 is in use by another program"), "{both}");
}

#[tokio::test]
async fn a_running_server_has_its_ports() {
    let all: Vec<u16> = (10_000..10_004).chain([3_478]).collect();
    let taken = || all.iter().map(|port| (*port, ErrorKind::AddrInUse)).collect::<HashMap<_, _>>();
    let machine = FakeMachine { ports: taken(), udp_ports: taken(), ..FakeMachine::default() };
    let program = FakeProgram { status: Some(json!({ "version": "1" })), ..FakeProgram::default() };
    let shown = told(&machine, &program, &[]).await;
    assert!(shown.contains("ok    media ports: 10000 to 10003 in use while the server runs"), "{shown}");
    assert!(shown.contains("ok    relay port: 3478 in use while the server runs"), "{shown}");
    let free = told(&FakeMachine::default(), &program, &[]).await;
    assert!(free.contains("warn  media ports: 10000 to 10003 free, although the server runs"), "{free}");
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_found() {
    let (machine, program) = (FakeMachine::default(), FakeProgram::default());
    for (settings, fault) in [
        (
            &[("relay.port", "10001")][..],
            "fail  media ports: 10000 to 10003 include 10001, which is relay.port",
        ),
        (&[("http.port", "10003")], "fail  media ports: 10000 to 10003 include 10003, which is http.port"),
        (&[("media.port", "65000"), ("media.threads", "256")], "ok    media ports: 65000 to 65255 free"),
        (
            &[("media.public_addresses", "127.0.0.1")],
            "fail  addresses for media: media.public_addresses has 127.0.0.1, which leads nobody here",
        ),
        (&[("media.public_addresses", "203.0.112.9")], "ok    addresses for media: 203.0.112.9"),
        (&[("relay.port", "off")], "ok    relay port: none: relay.port is off"),
        (&[("media.port", "0"), ("relay.port", "0")], "ok    media ports: any that are free"),
        (
            &[("database.url", "postgres://db")],
            "ok    address of this node: node.url is not set: enough while this is the only node",
        ),
        (
            &[("database.url", "postgres://db"), ("node.url", "https://n1.acs.example")],
            "ok    address of this node: https://n1.acs.example",
        ),
    ] {
        let shown = told(&machine, &program, settings).await;
        assert!(shown.contains(fault), "{settings:?}: {shown}");
    }
}

#[tokio::test]
async fn small_buffers_and_private_addresses_are_warned_of() {
    let small = BufferFacts { receive_bytes: 212_992, send_bytes: 4 << 20, is_exempt: false };
    let private = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))];
    let machine = FakeMachine { buffers: Some(small), own_addresses: private, ..FakeMachine::default() };
    insta::assert_snapshot!(told(&machine, &FakeProgram::default(), &[]).await, @"
    ok    media ports: 10000 to 10003 free
    ok    relay port: 3478 free
    warn  buffers of media sockets: at most 208 KiB to receive and 4096 KiB to send, 4096 asked for: bursts are lost
          -> sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304, also in /etc/sysctl.d
    warn  addresses for media: 10.0.0.7: none of them is public
          -> behind a NAT set media.public_addresses to what clients see; for a private network all is well

    It works, with warnings: 2.
    ");
    let exempt = BufferFacts { is_exempt: true, ..small };
    let alone = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let machine = FakeMachine { buffers: Some(exempt), own_addresses: alone, ..FakeMachine::default() };
    insta::assert_snapshot!(told(&machine, &FakeProgram::default(), &[]).await, @"
    ok    media ports: 10000 to 10003 free
    ok    relay port: 3478 free
    ok    buffers of media sockets: as large as media asks for
    fail  addresses for media: none but loopback: no client reaches media
          -> connect the machine to a network, or set media.public_addresses

    Failures: 1, warnings: 0.
    ");
}

#[tokio::test]
async fn the_name_of_a_node_must_lead_somewhere_and_be_in_the_certificate() {
    let facts = CertificateFacts {
        label: "certificate".to_owned(),
        names: vec!["acs.example".to_owned(), "*.acs.example".to_owned()],
        not_after: Timestamp::from_seconds(NOW_S).plus(Duration::from_hours(2_400)),
    };
    let machine = FakeMachine {
        certificates: Ok(vec![facts]),
        unknown_hosts: vec!["n2.example.org"],
        ..FakeMachine::default()
    };
    let settings = [PRODUCTION, &[("node.url", "https://n2.example.org:8443")]].concat();
    let shown = faults(&machine, &FakeProgram::default(), &settings).await;
    assert!(shown.contains("fail  host names of the certificate: do not cover n2.example.org"), "{shown}");
    assert!(shown.contains("fail  name n2.example.org: has no address"), "{shown}");
}
