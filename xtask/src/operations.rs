//! The operations of the server, and whether `docs/api-coverage.md` tells the truth about them.
//!
//! `trunkline openapi --list` prints one operation a line, tab-separated:
//! `METHOD PATH OPERATION_ID SERVICE VERSIONS`, versions separated by commas.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::shell::Tool;
use crate::{locate, server, specs, workspace};

/// One operation the server routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// HTTP method in capitals.
    pub(crate) method: String,
    /// Path template, parameters in braces.
    pub(crate) path: String,
    /// Operation id of the published description, or our own for operator routes.
    pub(crate) id: String,
    /// The slice that answers.
    pub(crate) service: String,
    /// Published api-versions, oldest first; empty for our own routes.
    pub(crate) versions: Vec<String>,
}

/// Asks a built server for its operations.
pub(crate) fn list(binary: &Path) -> Result<Vec<Operation>> {
    let text = Tool::new(binary).args(["openapi", "--list"]).read()?;
    text.lines().filter(|line| !line.trim().is_empty()).map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<Operation> {
    let fields: Vec<_> = line.split('\t').collect();
    let [method, path, id, service, rest @ ..] = fields.as_slice() else {
        anyhow::bail!("`openapi --list` printed a line with fewer than four fields: {line}");
    };
    let versions = rest.first().copied().unwrap_or_default();
    Ok(Operation {
        method: (*method).to_owned(),
        path: (*path).to_owned(),
        id: (*id).to_owned(),
        service: (*service).to_owned(),
        versions: versions
            .split(',')
            .map(|version| version.trim().to_owned())
            .filter(|v| !v.is_empty())
            .collect(),
    })
}

/// `CommunicationIdentity_IssueAccessToken` -> `communication_identity_issue_access_token`.
pub(crate) fn snake_case(id: &str) -> String {
    let mut name = String::new();
    let mut previous_lower = false;
    for letter in id.chars() {
        if letter.is_uppercase() && previous_lower {
            name.push('_');
        }
        previous_lower = letter.is_lowercase() || letter.is_ascii_digit();
        name.extend(letter.to_lowercase().filter(|c| c.is_alphanumeric() || *c == '_'));
    }
    name
}

/// `cargo xtask check operations`.
pub(crate) fn run() -> Result<ExitCode> {
    let problems = check(&server::build()?)?;
    for problem in &problems {
        println!("{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is wrong with the coverage table, one line each.
pub(crate) fn check(binary: &Path) -> Result<Vec<String>> {
    let file = workspace::root().join("docs/api-coverage.md");
    let table = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let operations = list(binary)?;
    let mut problems = compare(&operations, &table);
    problems.extend(untested(&operations, &workspace::files()?));
    Ok(problems)
}

/// Published operations without a test file of their own in the workspace.
fn untested(operations: &[Operation], files: &[String]) -> Vec<String> {
    let rust: Vec<_> = files.iter().filter(|path| path.rsplit('.').next() == Some("rs")).collect();
    let published = operations.iter().filter(|operation| !operation.versions.is_empty());
    published
        .filter(|operation| !rust.iter().any(|path| locate::is_test_of(path, &operation.id)))
        .map(|operation| {
            format!("{}: no file `tests/{}.rs` tests it", operation.id, snake_case(&operation.id))
        })
        .collect()
}

/// A published operation: two services may have one of the same id, such as `Operations_List`. The service is
/// the heading its row stands under.
type Published<'o> = (&'o str, &'o str);

/// Operations that have no published version are ours (operator routes) and need no line.
fn compare(operations: &[Operation], table: &str) -> Vec<String> {
    let published = operations.iter().filter(|operation| !operation.versions.is_empty());
    let routed: BTreeSet<Published<'_>> =
        published.map(|o| (specs::folder_of(&o.service).unwrap_or(&o.service), o.id.as_str())).collect();
    let (mut listed_routed, mut listed_missing) =
        (BTreeSet::<Published<'_>>::new(), BTreeSet::<Published<'_>>::new());
    let mut heading = "";
    for line in table.lines() {
        heading = line.strip_prefix("## ").map_or(heading, str::trim);
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let ids = cells.iter().filter(|cell| is_operation_id(cell)).map(|id| (heading, *id));
        if cells.contains(&"routed") {
            listed_routed.extend(ids);
        } else if cells.contains(&"missing") {
            listed_missing.extend(ids);
        }
    }
    let mut problems = Vec::new();
    for operation in &routed {
        let (service, id) = operation;
        if !listed_routed.contains(operation) {
            problems.push(format!(
                "docs/api-coverage.md: {id} is routed but not listed as `routed` under {service}"
            ));
        }
        if listed_missing.contains(operation) {
            problems.push(format!(
                "docs/api-coverage.md: {id} is routed but listed as `missing` under {service}"
            ));
        }
    }
    for (service, id) in listed_routed.difference(&routed) {
        problems.push(format!(
            "docs/api-coverage.md: {id} is listed as `routed` under {service} but the server has no such route"
        ));
    }
    problems
}

/// Published ids are `Group_Operation`.
fn is_operation_id(cell: &str) -> bool {
    cell.split_once('_').is_some_and(|(group, operation)| {
        let words = [group, operation];
        words
            .iter()
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::{Operation, compare, parse_line, snake_case, untested};

    fn create() -> Operation {
        parse_line("POST\t/identities\tCommunicationIdentity_Create\tidentity\t2022-10-01,2023-10-01")
            .unwrap()
    }

    #[test]
    fn a_line_of_the_list_is_read() {
        let operation = create();
        assert_eq!(operation.method, "POST");
        assert_eq!(operation.path, "/identities");
        assert_eq!(operation.versions, ["2022-10-01", "2023-10-01"]);
        assert!(parse_line("POST\t/x\tOnly").is_err());
        assert!(
            parse_line("GET\t/trunkline/users\toperator_user_list\toperator\t").unwrap().versions.is_empty()
        );
    }

    #[test]
    fn operation_ids_become_snake_case() {
        assert_eq!(snake_case("Rooms_Create"), "rooms_create");
        assert_eq!(
            snake_case("CommunicationIdentity_IssueAccessToken"),
            "communication_identity_issue_access_token"
        );
        assert_eq!(snake_case("operator_user_list"), "operator_user_list");
    }

    #[test]
    fn every_published_operation_has_a_test_file() {
        let file = "crates/services/identity/src/tests/communication_identity_create.rs".to_owned();
        assert!(untested(&[create()], &[file]).is_empty());
        assert_eq!(untested(&[create()], &[]).len(), 1);
    }

    #[test]
    fn every_routed_operation_stands_in_the_table() {
        let listed = "## Identity\n\n| Operation | State |\n|---|---|\n| `CommunicationIdentity_Create` | routed |\n| `Rooms_Create` | missing |";
        assert!(compare(&[create()], listed).is_empty());
        assert_eq!(compare(&[create()], "").len(), 1);
        assert_eq!(compare(&[], listed).len(), 1);
        let wrong = "## Identity\n| `CommunicationIdentity_Create` | missing |";
        assert_eq!(compare(&[create()], wrong).len(), 2);
    }

    #[test]
    fn equal_ids_of_two_services_are_apart() {
        let list = parse_line(
            "GET\t/providers/Microsoft.Communication/operations\tOperations_List\tarm\t2025-09-01",
        );
        let table = "## ResourceManager.Communication\n| `Operations_List` | routed |\n\
                     ## ResourceManager.EventGrid\n| `Operations_List` | missing |";
        assert!(compare(&[list.unwrap()], table).is_empty());
        assert_eq!(compare(&[], table).len(), 1);
    }
}
