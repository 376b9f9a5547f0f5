//! Open files: a connection is one in the generator and one in the server, which inherits the limit.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Ten thousand clients, and what a server has open besides.
const NEEDED: u64 = 12_000;

/// Raises this process's limit of open files as far as may be.
///
/// **Errors**: the hard limit is too low; it says how that is raised.
pub(crate) fn raise_open_files() -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if maximum.is_some_and(|maximum| maximum < NEEDED) {
        bail!("at most {maximum:?} files may be open here; raise that first: `ulimit -Hn {NEEDED}` as root");
    }
    if current.is_some_and(|current| current < NEEDED) {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(())
}
