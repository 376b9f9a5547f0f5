//! Tests of `doctor`: every fault is named with what to do, and a sound installation has none.

mod media;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock, ManualClock};

use super::machine::{BufferFacts, SyncFacts};
use super::*;
use crate::cli::{ApiReply, CliError, OperatorApi, Pending};
use crate::config::{self, Flag, Inputs};
use crate::folder::DataFolder;
use trunkline_web::Operation;

const NOW_S: i64 = 1_795_247_159;

/// A machine whose facts a test chooses; sound unless it says otherwise.
struct FakeMachine {
    now: Timestamp,
    ports: HashMap<u16, ErrorKind>,
    unknown_hosts: Vec<&'static str>,
    free_bytes: u64,
    sync: Result<Duration, ErrorKind>,
    file_time: Timestamp,
    open_files_max: u64,
    udp_ports: HashMap<u16, ErrorKind>,
    own_addresses: Vec<IpAddr>,
    buffers: Option<BufferFacts>,
    certificates: Result<Vec<CertificateFacts>, String>,
}

impl Default for FakeMachine {
    fn default() -> Self {
        let now = Timestamp::from_seconds(NOW_S);
        Self {
            now,
            ports: HashMap::new(),
            unknown_hosts: Vec::new(),
            free_bytes: 1 << 40,
            sync: Ok(Duration::from_millis(2)),
            file_time: now,
            open_files_max: 1_048_576,
            udp_ports: HashMap::new(),
            own_addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(203, 0, 112, 5))],
            buffers: Some(BufferFacts { receive_bytes: 1 << 22, send_bytes: 1 << 22, is_exempt: false }),
            certificates: Ok(vec![CertificateFacts {
                label: "certificate authority".to_owned(),
                names: Vec::new(),
                not_after: now.plus(Duration::from_hours(24 * 365)),
            }]),
        }
    }
}

impl Machine for FakeMachine {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn try_listen(&self, address: SocketAddr) -> std::io::Result<()> {
        self.ports.get(&address.port()).map_or(Ok(()), |kind| Err((*kind).into()))
    }

    fn try_bind_udp(&self, address: SocketAddr) -> std::io::Result<()> {
        self.udp_ports.get(&address.port()).map_or(Ok(()), |kind| Err((*kind).into()))
    }

    fn own_addresses(&self) -> std::io::Result<Vec<IpAddr>> {
        Ok(self.own_addresses.clone())
    }

    fn udp_buffers(&self) -> Option<BufferFacts> {
        self.buffers
    }

    fn cores(&self) -> usize {
        4
    }

    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        if self.unknown_hosts.contains(&host) {
            return Err(std::io::Error::other("not found"));
        }
        Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
    }

    fn free_bytes(&self, _: &Path) -> std::io::Result<u64> {
        Ok(self.free_bytes)
    }

    fn measure_sync(&self, _: &Path) -> std::io::Result<SyncFacts> {
        let duration = self.sync.map_err(std::io::Error::from)?;
        Ok(SyncFacts { duration, file_time: self.file_time })
    }

    fn open_files_max(&self) -> u64 {
        self.open_files_max
    }

    fn certificates(&self, _: &Config) -> Result<Vec<CertificateFacts>, String> {
        self.certificates.clone()
    }
}

/// The rest of the program: a server that answers or not, and a database.
struct FakeProgram {
    status: Option<Value>,
    documents: HashMap<&'static str, Value>,
    database: Result<DatabaseFacts, String>,
}

impl Default for FakeProgram {
    fn default() -> Self {
        let facts =
            DatabaseFacts { engine: "SQLite".to_owned(), version: Some("3.50".to_owned()), clock: None };
        Self { status: None, documents: HashMap::new(), database: Ok(facts) }
    }
}

struct StatusApi(Value);

impl OperatorApi for StatusApi {
    fn call<'c>(&'c self, _: &'c str, _: &'c str, _: Option<Value>) -> Pending<'c, Result<ApiReply, String>> {
        let reply = ApiReply { status: 200, body: self.0.clone(), operation_location: None };
        Box::pin(std::future::ready(Ok(reply)))
    }
}

impl Program for FakeProgram {
    fn connect<'p>(&'p self, _: &'p Config) -> Pending<'p, Result<Box<dyn OperatorApi>, CliError>> {
        let api = self.status.clone().map(|status| Box::new(StatusApi(status)) as Box<dyn OperatorApi>);
        Box::pin(std::future::ready(
            api.ok_or_else(|| CliError::Unreachable("connection refused".to_owned())),
        ))
    }

    fn list_operations(&self) -> Vec<&'static Operation> {
        Vec::new()
    }

    fn find_document(&self, _: &str, _: &str) -> Option<Value> {
        None
    }

    fn probe_database<'p>(&'p self, _: &'p Config) -> Pending<'p, Result<DatabaseFacts, String>> {
        Box::pin(std::future::ready(self.database.clone()))
    }

    fn fetch<'p>(&'p self, _: &'p Config, url: &'p str) -> Pending<'p, Result<Value, String>> {
        let found = self.documents.get(url).cloned().ok_or_else(|| "connection refused".to_owned());
        Box::pin(std::future::ready(found))
    }

    fn forward(&self, _: &Config, _: &str) -> Result<Box<dyn crate::cli::Forward>, CliError> {
        Err(CliError::Unreachable("not asked in these tests".to_owned()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(ManualClock::new(Timestamp::from_seconds(NOW_S)))
    }
}

/// A data folder as a first start leaves it.
fn sound_folder() -> tempfile::TempDir {
    let private = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(private).tempdir().expect("temporary folder");
    std::fs::create_dir(folder.path().join("tls")).expect("made");
    for name in ["trunkline.db", "master.key", "tls/trust.pem"] {
        let file = folder.path().join(name);
        std::fs::write(&file, "x").expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("changed");
    }
    folder
}

fn config_of(folder: &Path, settings: &[(&str, &str)]) -> Config {
    let flag = |(key, value): &(&str, &str)| Flag {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
        shown: "--set".to_owned(),
    };
    let data = folder.display().to_string();
    let mut flags: Vec<_> = settings.iter().map(flag).collect();
    flags.push(flag(&("data", data.as_str())));
    let inputs = Inputs { file: None, machine_file: folder.join("absent"), environment: Vec::new(), flags };
    config::load(&inputs).expect("valid").config
}

/// Examines a sound folder with `settings` on `machine` and shows what is not fine.
async fn faults(machine: &FakeMachine, program: &FakeProgram, settings: &[(&str, &str)]) -> String {
    let folder = sound_folder();
    faults_in(&folder, machine, program, settings).await
}

async fn faults_in(
    folder: &tempfile::TempDir,
    machine: &FakeMachine,
    program: &FakeProgram,
    settings: &[(&str, &str)],
) -> String {
    let config = config_of(folder.path(), settings);
    let mut report = examine(&config, program, machine).await;
    report.0.retain(|check| check.severity != Severity::Fine);
    report.to_text().replace(&folder.path().display().to_string(), "DATA")
}

#[tokio::test]
async fn a_sound_installation_has_no_fault() {
    let folder = sound_folder();
    let config = config_of(folder.path(), &[]);
    let report = examine(&config, &FakeProgram::default(), &FakeMachine::default()).await;
    let text = report.to_text().replace(&folder.path().display().to_string(), "DATA");
    insta::assert_snapshot!(text, @"
    ok    server: not running
    ok    data folder: DATA, mode 0700
    ok    disk space: 1048576 MiB free
    ok    durable writes: 2.0 ms each
    ok    clock of the file system: agrees with this machine's
    ok    database: SQLite 3.50 answers
    ok    master key: DATA/master.key, mode 0600
    ok    port 127.0.0.1:8443: free
    ok    port [::1]:8443: free
    ok    media ports: any that are free (media.port = 0)
    ok    relay port: any that is free (relay.port = 0)
    ok    buffers of media sockets: as large as media asks for
    ok    addresses for media: 203.0.112.5
    ok    certificate authority: valid until 2027-11-21
    ok    host names of the certificate: cover public_url, node.url and the resources
    ok    name dev.localhost: 127.0.0.1
    ok    name localhost: 127.0.0.1
    ok    open files: at most 1048576, 56640 needed
    ok    built-in directory: on; programs on this machine get tokens without a credential

    Everything is fine.
    ");
    assert_eq!(report.to_json()["isHealthy"], true);
}

#[tokio::test]
async fn a_folder_before_the_first_start_has_no_fault() {
    let parent = tempfile::tempdir().expect("temporary folder");
    let config = config_of(&parent.path().join("new"), &[]);
    let machine = FakeMachine { certificates: Ok(Vec::new()), ..FakeMachine::default() };
    let report = examine(&config, &FakeProgram::default(), &machine).await;
    assert!(report.0.iter().all(|check| check.severity == Severity::Fine), "{}", report.to_text());
    assert!(!parent.path().join("new").exists(), "doctor makes nothing");
}

#[tokio::test]
async fn ports_that_cannot_be_taken_are_explained() {
    let ports = HashMap::from([(8443, ErrorKind::AddrInUse), (443, ErrorKind::PermissionDenied)]);
    let machine = FakeMachine { ports, ..FakeMachine::default() };
    let settings = [("http.addresses", "127.0.0.1"), ("admin.port", "443")];
    insta::assert_snapshot!(faults(&machine, &FakeProgram::default(), &settings).await, @"
    fail  port 127.0.0.1:8443: in use by another program
          -> find it with: ss -ltnp 'sport = :8443'; end it, or choose another port with http.port or admin.port
    fail  port 127.0.0.1:443: not allowed for this user
          -> ports below 1024 need CAP_NET_BIND_SERVICE; the systemd unit gives it, or choose a higher port

    Failures: 2, warnings: 0.
    ");
}

#[tokio::test]
async fn the_disk_is_measured() {
    let full = FakeMachine { free_bytes: 1, sync: Err(ErrorKind::StorageFull), ..FakeMachine::default() };
    insta::assert_snapshot!(faults(&full, &FakeProgram::default(), &[]).await, @"
    fail  disk space: 0 MiB free
          -> make room, or move the data folder to a larger disk
    fail  durable writes: a file cannot be written: no storage space
          -> give the service user write access; if the disk is full or read-only, see dmesg

    Failures: 2, warnings: 0.
    ");
    let slow = FakeMachine {
        free_bytes: 1024 * 1024 * 1024,
        sync: Ok(Duration::from_millis(80)),
        file_time: Timestamp::from_seconds(NOW_S - 60),
        ..FakeMachine::default()
    };
    insta::assert_snapshot!(faults(&slow, &FakeProgram::default(), &[]).await, @"
    warn  disk space: 1024 MiB free
          -> make room, or move the data folder to a larger disk
    warn  durable writes: 80.0 ms each
          -> every answer to a write waits this long; use a faster disk for the data folder
    warn  clock of the file system: 60 s apart from this machine's
          -> set the clock by NTP (timedatectl set-ntp true)

    It works, with warnings: 3.
    ");
}

#[tokio::test]
async fn a_clock_that_was_never_set_is_a_failure() {
    let now = Timestamp::from_seconds(1_000);
    let machine = FakeMachine { now, file_time: now, ..FakeMachine::default() };
    let shown = faults(&machine, &FakeProgram::default(), &[]).await;
    assert!(shown.contains("fail  clock: this machine's clock says 1970-01-01"), "{shown}");
}

#[tokio::test]
async fn permissions_and_a_lost_master_key_are_found() {
    let folder = sound_folder();
    let open = |name: &str, mode| {
        let path = folder.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
    };
    open("", 0o755);
    open("master.key", 0o644);
    let (machine, program) = (FakeMachine::default(), FakeProgram::default());
    insta::assert_snapshot!(faults_in(&folder, &machine, &program, &[]).await, @"
    warn  data folder: DATA has mode 0755: others can look into it
          -> chmod 700 DATA
    fail  master key: DATA/master.key has mode 0644: others can read it
          -> chmod 600 DATA/master.key

    Failures: 1, warnings: 1.
    ");
    open("", 0o700);
    std::fs::remove_file(folder.path().join("master.key")).expect("removed");
    insta::assert_snapshot!(faults_in(&folder, &machine, &program, &[]).await, @"
    fail  master key: DATA/master.key is missing, and the database has secrets sealed with it
          -> put the copy you kept at DATA/master.key (mode 0600); without it nothing can open the secrets in this data folder

    Failures: 1, warnings: 0.
    ");
}

#[tokio::test]
async fn certificates_must_be_in_time_and_for_the_right_names() {
    let now = Timestamp::from_seconds(NOW_S);
    let facts = |names: &[&str], not_after| CertificateFacts {
        label: "certificate".to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        not_after,
    };
    let settings = [
        ("tls.certificate_file", "c.pem"),
        ("tls.key_file", "k.pem"),
        ("domain", "acs.example"),
        ("public_url", "https://acs.example"),
    ];
    let with = |certificates| FakeMachine { certificates, ..FakeMachine::default() };
    let program = FakeProgram::default();
    let good = with(Ok(vec![facts(&["acs.example", "*.acs.example"], now.plus(Duration::from_hours(2400)))]));
    assert_eq!(faults(&good, &program, &settings).await, "\nEverything is fine.");
    let expired = with(Ok(vec![facts(&["*.acs.example"], now)]));
    insta::assert_snapshot!(faults(&expired, &program, &settings).await, @"
    fail  certificate: ended on 2026-11-21
          -> renew it; files are picked up within seconds, no restart is needed
    fail  host names of the certificate: do not cover acs.example
          -> get a certificate for them; *.DOMAIN covers every resource

    Failures: 2, warnings: 0.
    ");
    let soon = with(Ok(vec![facts(&["acs.example", "*.acs.example"], now.plus(Duration::from_hours(24)))]));
    insta::assert_snapshot!(faults(&soon, &program, &settings).await, @"
    warn  certificate: ends on 2026-11-22
          -> renew it; files are picked up within seconds, no restart is needed

    It works, with warnings: 1.
    ");
    let broken = with(Err("c.pem: no certificate inside".to_owned()));
    insta::assert_snapshot!(faults(&broken, &program, &settings).await, @"
    fail  certificate: c.pem: no certificate inside
          -> check tls.certificate_file and tls.key_file, or the folder tls

    Failures: 1, warnings: 0.
    ");
    let proxied = [("tls.terminated_by_proxy", "true")];
    assert_eq!(faults(&broken, &program, &proxied).await, "\nEverything is fine.");
    let foreign = [("public_url", "https://other.example:8443"), ("domain", "acs.example")];
    let shown = faults(&FakeMachine::default(), &program, &foreign).await;
    assert!(shown.contains("do not cover other.example\n      -> add them to tls.host_names"), "{shown}");
}

#[tokio::test]
async fn names_without_an_address_are_explained() {
    let machine = FakeMachine { unknown_hosts: vec!["dev.localhost"], ..FakeMachine::default() };
    insta::assert_snapshot!(faults(&machine, &FakeProgram::default(), &[]).await, @"
    warn  name dev.localhost: has no address on this machine
          -> add this line to /etc/hosts: 127.0.0.1 dev.localhost

    It works, with warnings: 1.
    ");
    let production = [
        ("profile", "production"),
        ("public_url", "https://acs.example"),
        ("domain", "acs.example"),
        ("tls.own_authority", "true"),
    ];
    let machine = FakeMachine { unknown_hosts: vec!["resource.acs.example"], ..FakeMachine::default() };
    insta::assert_snapshot!(faults(&machine, &FakeProgram::default(), &production).await, @"
    fail  name resource.acs.example: has no address
          -> let the DNS of your clients answer for it; *.acs.example serves every resource

    Failures: 1, warnings: 0.
    ");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_failure() {
    let program = FakeProgram { database: Err("connection refused".to_owned()), ..FakeProgram::default() };
    let machine = FakeMachine::default();
    insta::assert_snapshot!(faults(&machine, &program, &[("database.url", "postgres://db/x")]).await, @"
    fail  database: connection refused
          -> check database.url, that PostgreSQL 15 or later runs there, and its access rules (pg_hba.conf)

    Failures: 1, warnings: 0.
    ");
    let clock = Some(Timestamp::from_seconds(NOW_S + 600));
    let facts = DatabaseFacts { engine: "PostgreSQL".to_owned(), version: None, clock };
    let program = FakeProgram { database: Ok(facts), ..FakeProgram::default() };
    let shown = faults(&machine, &program, &[("database.url", "postgres://db/x")]).await;
    assert!(shown.contains("clock of the database: 600 s apart"), "{shown}");
}

#[tokio::test]
async fn a_running_server_is_asked_instead_of_the_database() {
    let folder = sound_folder();
    let _held = DataFolder::open(folder.path()).expect("free");
    let ports = HashMap::from([(8443, ErrorKind::AddrInUse)]);
    let machine = FakeMachine { ports, ..FakeMachine::default() };
    let status = |health: &str| FakeProgram {
        status: Some(json!({ "version": "0.1.0", "engine": "SQLite", "health": health })),
        database: Err("must not be opened twice".to_owned()),
        ..FakeProgram::default()
    };
    assert_eq!(faults_in(&folder, &machine, &status("healthy"), &[]).await, "\nEverything is fine.");
    let shown = faults_in(&folder, &machine, &status("disk full"), &[]).await;
    assert!(shown.contains("fail  database: the server says: disk full"), "{shown}");
    let silent =
        FakeProgram { database: Err("must not be opened twice".to_owned()), ..FakeProgram::default() };
    let shown = faults_in(&folder, &FakeMachine::default(), &silent, &[]).await;
    let pid = std::process::id().to_string();
    insta::assert_snapshot!(shown.replace(&pid, "PID"), @r#"
    fail  server: process PID holds the data folder but does not answer: connection refused
          -> look at its log; if another command works on the folder, wait for it; else end process PID and start the server again
    warn  database: not looked at: another process holds it
          -> see "server"

    Failures: 1, warnings: 1.
    "#);
}

#[tokio::test]
async fn too_few_open_files_are_a_warning() {
    let machine = FakeMachine { open_files_max: 1024, ..FakeMachine::default() };
    insta::assert_snapshot!(faults(&machine, &FakeProgram::default(), &[]).await, @"
    warn  open files: at most 1024, but http.max_connections, relay.allocations_max and media.peers_max together need 56640
          -> ulimit -n 56640, or LimitNOFILE=56640 in the systemd unit

    It works, with warnings: 1.
    ");
}

#[tokio::test]
async fn issuers_that_cannot_be_asked_are_failures() {
    let discovery = "https://i.example/.well-known/openid-configuration";
    let issuers = r#"[{ issuer = "https://i.example" }]"#;
    let asked = async |documents: &[(&'static str, Value)]| {
        let program =
            FakeProgram { documents: documents.iter().cloned().collect(), ..FakeProgram::default() };
        faults(&FakeMachine::default(), &program, &[("directory.issuers", issuers)]).await
    };
    let keys_url = "https://i.example/keys";
    let document = json!({ "issuer": "https://i.example", "jwks_uri": keys_url });
    let keys = (keys_url, json!({ "keys": [{ "kty": "EC" }] }));
    assert_eq!(asked(&[(discovery, document.clone()), keys.clone()]).await, "\nEverything is fine.");
    let silent = asked(&[]).await;
    assert!(
        silent.contains(&format!("fail  issuer https://i.example: {discovery}: connection refused")),
        "{silent}"
    );
    let other = json!({ "issuer": "https://j.example", "jwks_uri": keys_url });
    let of_another = asked(&[(discovery, other), keys]).await;
    assert!(of_another.contains(r#"says that its issuer is "https://j.example""#), "{of_another}");
    let without_keys = asked(&[(discovery, document), (keys_url, json!({ "keys": [] }))]).await;
    assert!(without_keys.contains("https://i.example/keys has no keys"), "{without_keys}");
}

#[test]
fn this_machine_has_facts() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let machine = ThisMachine::new(Arc::new(trunkline_kernel::SystemClock));
    assert!(machine.measure_sync(folder.path()).is_ok());
    assert!(machine.free_bytes(folder.path()).is_ok_and(|bytes| bytes > 0));
    assert!(machine.open_files_max() > 0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    assert_eq!(machine.try_listen(address).expect_err("taken").kind(), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
}
