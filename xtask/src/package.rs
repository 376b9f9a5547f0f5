//! `cargo xtask package`: the Debian package, built from `packaging/` and checked afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::setup::{self, Need};
use crate::shell::Tool;
use crate::workspace;

/// Builds the optimised server and a Debian package of it into `target/package`.
///
/// The package brings the program, a hardened systemd unit, a commented configuration file and a service
/// user. Needs `dpkg-deb`. A container image is made with `packaging/Dockerfile`.
#[derive(Args)]
pub(crate) struct PackageArguments {
    /// Package this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// What the package installs: file below `packaging` (or the program), place, mode.
const FILES: &[(&str, &str, u32)] = &[
    ("trunkline.service", "usr/lib/systemd/system/trunkline.service", 0o644),
    ("trunkline.toml", "etc/trunkline/trunkline.toml", 0o644),
    ("debian/copyright", "usr/share/doc/trunkline/copyright", 0o644),
    ("debian/conffiles", "DEBIAN/conffiles", 0o644),
    ("debian/postinst", "DEBIAN/postinst", 0o755),
    ("debian/prerm", "DEBIAN/prerm", 0o755),
    ("debian/postrm", "DEBIAN/postrm", 0o755),
];
/// Where the program goes.
const PROGRAM: &str = "usr/bin/trunkline";

/// `cargo xtask package`.
pub(crate) fn run(arguments: &PackageArguments) -> Result<ExitCode> {
    setup::debian(&[Need::DpkgDeb])?;
    let binary = match &arguments.binary {
        Some(binary) => std::path::absolute(binary).context("the program's path cannot be made absolute")?,
        None => build()?,
    };
    let folder = workspace::target().join("package");
    let stage = folder.join("stage");
    if stage.exists() {
        fs::remove_dir_all(&stage).context("cannot empty the stage")?;
    }
    let packaging = workspace::root().join("packaging");
    install(&binary, &stage.join(PROGRAM), 0o755)?;
    for (source, place, mode) in FILES {
        install(&packaging.join(source), &stage.join(place), *mode)?;
    }
    let program = fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let (version, architecture) = (version()?, Tool::new("dpkg").args(["--print-architecture"]).read()?);
    let architecture = architecture.trim();
    let template =
        fs::read_to_string(packaging.join("debian/control")).context("cannot read the template")?;
    let installed_kib = u64::try_from(program.len()).unwrap_or(u64::MAX).div_ceil(1024) + 64;
    let control = fill(
        &template,
        &[
            ("VERSION", &version),
            ("ARCHITECTURE", architecture),
            ("INSTALLED_SIZE", &installed_kib.to_string()),
            ("GLIBC", &newest_glibc(&program)),
        ],
    )?;
    fs::write(stage.join("DEBIAN/control"), control).context("cannot write the control file")?;
    let package = folder.join(format!("trunkline_{version}_{architecture}.deb"));
    let files = [&stage, &package];
    // A mask of the developer's must not reach the installed folders.
    Tool::new("chmod").args(["-R", "u=rwX,go=rX"]).args([&stage]).read()?;
    Tool::new("dpkg-deb").args(["--root-owner-group", "-Zxz", "--build"]).args(files).read()?;
    let listing = Tool::new("dpkg-deb").args(["-c"]).args([&package]).read()?;
    let problems = inspect(&listing);
    print!("{listing}");
    if !problems.is_empty() {
        bail!("the package is wrong:\n{}", problems.join("\n"));
    }
    let size = fs::metadata(&package).context("the package is missing")?.len();
    println!(
        "{}: {:.1} MB, program {:.1} MB",
        package.display(),
        megabytes(size),
        megabytes(program.len() as u64)
    );
    Ok(ExitCode::SUCCESS)
}

fn build() -> Result<PathBuf> {
    println!("building the server with full optimisation ...");
    Tool::new("cargo").args(["build", "--release", "--locked", "--package", "trunkline-server"]).must()?;
    Ok(workspace::target().join("release/trunkline"))
}

fn install(source: &Path, place: &Path, mode: u32) -> Result<()> {
    let folder = place.parent().context("every place has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::copy(source, place).with_context(|| format!("cannot copy {}", source.display()))?;
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(place, permissions)
        .with_context(|| format!("cannot set the mode of {}", place.display()))
}

fn version() -> Result<String> {
    let manifest =
        fs::read_to_string(workspace::root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let manifest: toml::Table = toml::from_str(&manifest).context("Cargo.toml is no TOML")?;
    let version = manifest["workspace"]["package"]["version"].as_str().context("no workspace version")?;
    // Debian sorts `1.0~rc.1` before `1.0`, as Cargo sorts `1.0-rc.1`.
    Ok(version.replace('-', "~"))
}

fn fill(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let text = values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value));
    if let Some(line) = text.lines().find(|line| line.matches('@').count() > 1) {
        bail!("the control template has a place that nothing fills: {line}");
    }
    Ok(text)
}

/// The newest symbol version of the C library that the program asks for, such as `2.34`.
fn newest_glibc(program: &[u8]) -> String {
    const MARK: &[u8] = b"GLIBC_2.";
    let minors = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let minors = minors.filter_map(|(at, _)| {
        let digits = program[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.map(|&digit| char::from(digit)).collect::<String>().parse::<u32>().ok()
    });
    format!("2.{}", minors.max().unwrap_or(36))
}

/// What is wrong in the listing of `dpkg-deb -c`: owners, modes, missing files.
fn inspect(listing: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = FILES.iter().map(|(_, place, mode)| (*place, *mode)).chain([(PROGRAM, 0o755)]);
    let installed = expected.filter(|(place, _)| !place.starts_with("DEBIAN/"));
    for (place, mode) in installed {
        let wanted = if mode == 0o755 { "-rwxr-xr-x" } else { "-rw-r--r--" };
        match listing.lines().find(|line| line.ends_with(&format!(" ./{place}"))) {
            None => problems.push(format!("{place} is missing")),
            Some(line) if !line.starts_with(wanted) => problems.push(format!("{line}: expected {wanted}")),
            Some(_) => {}
        }
    }
    for line in listing.lines() {
        if line.split_whitespace().nth(1) != Some("root/root") {
            problems.push(format!("{line}: not owned by root"));
        }
        if line.as_bytes().get(8) == Some(&b'w') || line[..10.min(line.len())].contains(['s', 't']) {
            problems.push(format!("{line}: writable for everyone, or with a special bit"));
        }
    }
    problems
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::{fill, inspect, newest_glibc};

    const LISTING: &str = "\
drwxr-xr-x root/root         0 2026-01-01 00:00 ./usr/bin/
-rwxr-xr-x root/root   1000000 2026-01-01 00:00 ./usr/bin/trunkline
-rw-r--r-- root/root      1000 2026-01-01 00:00 ./usr/lib/systemd/system/trunkline.service
-rw-r--r-- root/root      1000 2026-01-01 00:00 ./usr/share/doc/trunkline/copyright
-rw-r--r-- root/root      1000 2026-01-01 00:00 ./etc/trunkline/trunkline.toml
";

    #[test]
    fn owners_and_modes_are_inspected() {
        assert!(inspect(LISTING).is_empty());
        assert_eq!(inspect(&LISTING.replacen("root/root", "me/me", 1)).len(), 1);
        assert_eq!(inspect(&LISTING.replace("-rwxr-xr-x", "-rwxr-xrwx")).len(), 2);
        assert_eq!(inspect("").len(), 4);
    }

    #[test]
    fn every_place_of_the_template_is_filled() {
        assert_eq!(fill("Version: @V@\n", &[("V", "1")]).unwrap(), "Version: 1\n");
        assert!(fill("Version: @W@\n", &[("V", "1")]).is_err());
    }

    #[test]
    fn the_c_library_is_as_new_as_the_newest_symbol() {
        assert_eq!(newest_glibc(b"xGLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0"), "2.34");
    }
}
