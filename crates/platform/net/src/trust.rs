//! Installing the own authority where the system and browsers look, for `trunkline ca trust`.
//!
//! [`plan`] decides from the [`Surroundings`]; [`install`] carries out what it may and returns the rest as
//! commands to paste. Nothing is printed here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::NetError;
use crate::authority::CertificateFacts;
use crate::bundle::path_text;
use crate::paste::shell_word;

/// Where Debian and Ubuntu look for additional authorities; `update-ca-certificates` wants `.crt`.
const SYSTEM_FOLDER: &str = "/usr/local/share/ca-certificates";
/// Profiles looked at in Firefox's folder: people have one to three.
const MOST_PROFILES: usize = 32;

/// What [`install`] did and left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustReport {
    /// One entry for each store found, in the order they were tried.
    pub steps: Vec<TrustStep>,
}

/// The outcome for one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustStep {
    /// Which store, such as `system`.
    pub store: String,
    /// What became of it.
    pub outcome: TrustOutcome,
}

/// What became of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustOutcome {
    /// The authority is in the store.
    Installed,
    /// Somebody with the rights or the program has to run this.
    Run {
        /// Why it was not done here.
        reason: String,
        /// One line for a POSIX shell.
        command: String,
    },
    /// A command failed.
    Failed {
        /// The line that failed, to try by hand.
        command: String,
        /// What it said.
        reason: String,
    },
}

/// What [`plan`] needs to know of the machine.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read once")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether this process may change the system's store.
    pub is_root: bool,
    /// Whether this is macOS.
    pub is_macos: bool,
    /// Whether Debian's folder of additional authorities exists.
    pub has_system_folder: bool,
    /// Whether NSS's `certutil` can be run.
    pub has_certutil: bool,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The NSS databases of Firefox's profiles (folders).
    pub firefox_profiles: Vec<PathBuf>,
}

impl Surroundings {
    /// Looks at this machine. `home` is the user's home folder.
    pub fn detect(home: Option<PathBuf>) -> Self {
        let runs = |program: &str| {
            let quiet = Command::new(program).arg("-H").stdout(Stdio::null()).stderr(Stdio::null()).status();
            quiet.is_ok()
        };
        Self {
            is_root: rustix::process::geteuid().is_root(),
            is_macos: cfg!(target_os = "macos"),
            has_system_folder: Path::new(SYSTEM_FOLDER).is_dir(),
            has_certutil: !cfg!(target_os = "macos") && runs("certutil"),
            firefox_profiles: home.as_deref().map(firefox_profiles).unwrap_or_default(),
            home,
        }
    }
}

/// One store and how to put the authority there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Which store.
    pub store: String,
    /// Programs with their arguments, in order; all must succeed.
    pub commands: Vec<Vec<String>>,
    /// Why the commands cannot be run by this process, if so.
    pub obstacle: Option<String>,
}

/// The stores of this machine and the commands for each.
///
/// The authority in `ca_file`, called `name`, is added to the system's store (Debian, Ubuntu, macOS) and, because Chromium
/// and Firefox on Linux have their own, to their NSS databases.
pub fn plan(ca_file: &Path, name: &str, surroundings: &Surroundings) -> Vec<PlannedStep> {
    let ca = Ca { file: path_text(ca_file), name: name.to_owned() };
    if surroundings.is_macos {
        return vec![macos(&ca, surroundings)];
    }
    let mut steps = vec![debian(&ca, surroundings)];
    if let Some(home) = &surroundings.home {
        let database = home.join(".pki/nssdb");
        steps.push(nss("Chromium", &database, &ca, surroundings));
    }
    for profile in &surroundings.firefox_profiles {
        let folder = profile.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        steps.push(nss(&format!("Firefox profile {folder}"), profile, &ca, surroundings));
    }
    steps
}

/// Carries out [`plan`] with this machine's programs. It waits for them; call it outside the runtime.
///
/// **Errors**: [`NetError::Certificate`] when `ca_file` is not there or holds no certificate.
pub fn install(ca_file: &Path, surroundings: &Surroundings) -> Result<TrustReport, NetError> {
    let refuse = |reason: String| NetError::Certificate { path: ca_file.to_owned(), reason };
    let certificate = CertificateDer::from_pem_file(ca_file).map_err(|error| refuse(error.to_string()))?;
    let facts = CertificateFacts::read(&certificate).map_err(refuse)?;
    let name = facts.common_name.unwrap_or_else(|| "Trunkline authority".to_owned());
    // The commands may be run from elsewhere.
    let ca_file = std::path::absolute(ca_file).map_err(|source| NetError::file("find", ca_file, source))?;
    Ok(carry_out(plan(&ca_file, &name, surroundings), run))
}

fn carry_out(plan: Vec<PlannedStep>, mut run: impl FnMut(&[String]) -> Result<(), String>) -> TrustReport {
    let steps = plan.into_iter().map(|step| {
        let line = |commands: &[Vec<String>]| {
            commands.iter().map(|command| shell_line(command)).collect::<Vec<_>>().join(" && ")
        };
        if let Some(reason) = step.obstacle {
            let command = line(&step.commands);
            return TrustStep { store: step.store, outcome: TrustOutcome::Run { reason, command } };
        }
        let failed = step.commands.iter().find_map(|command| Some((command, run(command).err()?)));
        let outcome = match failed {
            None => TrustOutcome::Installed,
            Some((command, reason)) => TrustOutcome::Failed { command: shell_line(command), reason },
        };
        TrustStep { store: step.store, outcome }
    });
    TrustReport { steps: steps.collect() }
}

/// The authority to install.
struct Ca {
    file: String,
    name: String,
}

fn debian(ca: &Ca, surroundings: &Surroundings) -> PlannedStep {
    // Named by the authority, so that those of several data folders live side by side.
    let target = format!("{SYSTEM_FOLDER}/{}.crt", ca.name.to_lowercase().replace(' ', "-"));
    let mut commands =
        vec![words(&["install", "-m", "0644", &ca.file, &target]), words(&["update-ca-certificates"])];
    let obstacle = if !surroundings.has_system_folder {
        Some(format!(
            "{SYSTEM_FOLDER} does not exist: install Debian's package `ca-certificates`, or use the way of your distribution"
        ))
    } else if surroundings.is_root {
        None
    } else {
        for command in &mut commands {
            command.insert(0, "sudo".to_owned());
        }
        Some("the system's store belongs to root".to_owned())
    };
    PlannedStep { store: "system".to_owned(), commands, obstacle }
}

fn macos(ca: &Ca, surroundings: &Surroundings) -> PlannedStep {
    let keychain = "/Library/Keychains/System.keychain";
    let mut command =
        words(&["security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", keychain, &ca.file]);
    let mut obstacle = None;
    if !surroundings.is_root {
        command.insert(0, "sudo".to_owned());
        obstacle = Some("the system's keychain belongs to root".to_owned());
    }
    PlannedStep { store: "system keychain".to_owned(), commands: vec![command], obstacle }
}

fn nss(store: &str, database: &Path, ca: &Ca, surroundings: &Surroundings) -> PlannedStep {
    let location = format!("sql:{}", path_text(database));
    let mut commands = Vec::new();
    // `-N` on an existing database would ask for its password.
    if !database.join("cert9.db").exists() {
        commands.push(words(&["mkdir", "-p", "-m", "0700", &path_text(database)]));
        commands.push(words(&["certutil", "-d", &location, "-N", "--empty-password"]));
    }
    // "C,,": trusted to sign certificates of TLS servers, nothing else. The same name again is replaced.
    commands.push(words(&["certutil", "-d", &location, "-A", "-t", "C,,", "-n", &ca.name, "-i", &ca.file]));
    let obstacle = (!surroundings.has_certutil)
        .then(|| "`certutil` is missing: install Debian's package `libnss3-tools` first".to_owned());
    PlannedStep { store: store.to_owned(), commands, obstacle }
}

fn firefox_profiles(home: &Path) -> Vec<PathBuf> {
    let roots = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox"];
    let mut profiles: Vec<PathBuf> = roots
        .iter()
        .filter_map(|root| std::fs::read_dir(home.join(root)).ok())
        .flat_map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()))
        .filter(|folder| folder.join("cert9.db").is_file())
        .take(MOST_PROFILES)
        .collect();
    profiles.sort();
    profiles
}

fn run(command: &[String]) -> Result<(), String> {
    let (program, arguments) = command.split_first().expect("every planned command names its program");
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if said.is_empty() { output.status.to_string() } else { said })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn shell_line(command: &[String]) -> String {
    command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "Trunkline authority 0a1b2c3d";

    fn debian_machine() -> Surroundings {
        Surroundings {
            has_system_folder: true,
            home: Some("/home/nobody here".into()),
            ..Surroundings::default()
        }
    }

    fn report(surroundings: &Surroundings) -> (TrustReport, Vec<String>) {
        let mut ran = Vec::new();
        let plan = plan(Path::new("/data/tls/ca.pem"), NAME, surroundings);
        let report = carry_out(plan, |command| {
            ran.push(shell_line(command));
            Ok(())
        });
        (report, ran)
    }

    fn commands(report: &TrustReport) -> Vec<&str> {
        let text = |step: &TrustStep| matches!(step.outcome, TrustOutcome::Run { .. });
        assert!(report.steps.iter().all(text), "{report:?}");
        let command = |step| match step {
            &TrustStep { outcome: TrustOutcome::Run { ref command, .. }, .. } => command.as_str(),
            _ => "",
        };
        report.steps.iter().map(command).collect()
    }

    #[test]
    fn without_rights_and_programs_the_exact_commands_are_returned() {
        let (report, ran) = report(&debian_machine());
        assert_eq!(ran, Vec::<String>::new());
        assert_eq!(
            commands(&report),
            [
                "sudo install -m 0644 /data/tls/ca.pem /usr/local/share/ca-certificates/trunkline-authority-0a1b2c3d.crt \
                 && sudo update-ca-certificates",
                "mkdir -p -m 0700 '/home/nobody here/.pki/nssdb' \
                 && certutil -d 'sql:/home/nobody here/.pki/nssdb' -N --empty-password \
                 && certutil -d 'sql:/home/nobody here/.pki/nssdb' -A -t C,, -n 'Trunkline authority 0a1b2c3d' -i /data/tls/ca.pem",
            ]
        );
    }

    #[test]
    fn root_with_certutil_installs_everywhere() {
        let profile = tempfile::tempdir().unwrap();
        std::fs::write(profile.path().join("cert9.db"), "").unwrap();
        let surroundings = Surroundings {
            is_root: true,
            has_certutil: true,
            firefox_profiles: vec![profile.path().to_owned()],
            ..debian_machine()
        };
        let (report, ran) = report(&surroundings);
        assert_eq!(report.steps.len(), 3);
        assert!(report.steps.iter().all(|step| step.outcome == TrustOutcome::Installed));
        assert_eq!(ran.len(), 6, "{ran:#?}");
        assert!(ran[5].starts_with("certutil") && ran[5].contains(" -A "), "an existing database is kept");
    }

    #[test]
    fn a_failing_command_is_reported_and_the_other_stores_still_tried() {
        let surroundings = Surroundings { is_root: true, has_certutil: true, ..debian_machine() };
        let plan = plan(Path::new("/data/tls/ca.pem"), NAME, &surroundings);
        let report = carry_out(plan, |command| {
            if command[0] == "update-ca-certificates" { Err("disk full".into()) } else { Ok(()) }
        });
        let failed =
            TrustOutcome::Failed { command: "update-ca-certificates".into(), reason: "disk full".into() };
        assert_eq!(report.steps[0].outcome, failed);
        assert_eq!(report.steps[1].outcome, TrustOutcome::Installed);
    }

    #[test]
    fn macos_gets_its_own_command() {
        let surroundings = Surroundings { is_macos: true, ..Surroundings::default() };
        let (report, _) = report(&surroundings);
        assert_eq!(
            commands(&report),
            [
                "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain /data/tls/ca.pem"
            ]
        );
    }

    #[test]
    fn a_missing_program_is_said_plainly() {
        let reason = run(&words(&["/nonexistent/program"])).unwrap_err();
        assert!(reason.starts_with("cannot run /nonexistent/program"), "{reason}");
        assert_eq!(run(&words(&["true"])), Ok(()));
        assert!(run(&words(&["false"])).unwrap_err().contains("exit status: 1"));
    }
}
