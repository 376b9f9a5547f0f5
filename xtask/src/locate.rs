//! `cargo xtask where`: from a request to the code that answers it.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::operations::{self, Operation, snake_case};
use crate::{server, specs, workspace};

/// Shows where a request is answered: operation id, handler, tests, published description.
///
/// Takes a method and a path as they stand in a packet capture:
/// `cargo xtask where "POST /identities/8:acs:x_y/:issueAccessToken?api-version=2023-10-01"`.
#[derive(Args)]
pub(crate) struct WhereArguments {
    /// Method and path; a query is ignored.
    request: String,
}

/// `cargo xtask where`.
pub(crate) fn run(arguments: &WhereArguments) -> Result<ExitCode> {
    let (method, path) = read_request(&arguments.request)?;
    let operations = operations::list(&server::build()?)?;
    if let Some(operation) = best(&operations, &method, &path) {
        print_operation(operation)?;
        return Ok(ExitCode::SUCCESS);
    }
    let published = find_published(&method, &path);
    for (file, id, template) in &published {
        println!("not routed; published as {id} ({method} {template}) in {file}");
    }
    if published.is_empty() {
        println!("not routed, and no published description knows {method} {path}");
    }
    Ok(ExitCode::FAILURE)
}

fn read_request(request: &str) -> Result<(String, String)> {
    let mut words = request.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        bail!("expected a method and a path, such as \"POST /identities\"");
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // An absolute address from a log works too.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => path,
    };
    Ok((method.to_uppercase(), path.to_owned()))
}

/// The matching operation with the most literal template.
fn best<'a>(operations: &'a [Operation], method: &str, path: &str) -> Option<&'a Operation> {
    operations
        .iter()
        .filter(|operation| operation.method == method && matches(&operation.path, path))
        .max_by_key(|operation| literal_length(&operation.path))
}

fn literal_length(template: &str) -> usize {
    template.split('{').enumerate().map(|(i, part)| if i == 0 { part } else { after_brace(part) }.len()).sum()
}

fn after_brace(part: &str) -> &str {
    part.split_once('}').map_or("", |(_, rest)| rest)
}

/// Whether `path` fits `template`. A parameter takes one segment or, before a literal, a part of one; a
/// template is also matched by itself.
fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) =
        (template.trim_end_matches('/').split('/'), path.trim_end_matches('/').split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(segment), Some(value)) if segment_matches(segment, value) => {}
            _ => return false,
        }
    }
}

fn segment_matches(segment: &str, value: &str) -> bool {
    let Some((before, rest)) = segment.split_once('{') else { return segment == value };
    let after = after_brace(rest);
    value.len() > before.len() + after.len() && value.starts_with(before) && value.ends_with(after)
}

fn print_operation(operation: &Operation) -> Result<()> {
    let name = snake_case(&operation.id);
    println!("operation  {}  ({} {})", operation.id, operation.method, operation.path);
    println!("service    {}", operation.service);
    if !operation.versions.is_empty() {
        println!("versions   {}", operation.versions.join(", "));
    }
    let found = search(&name, &operation.id)?;
    for (title, places) in [("defined", found.defined), ("handler", found.handlers), ("tests", found.tests)] {
        if places.is_empty() {
            println!("{title:<10} nowhere: nothing is named `{name}`");
        }
        for place in places {
            println!("{title:<10} {place}");
        }
    }
    for (file, id, _) in find_published(&operation.method, &operation.path) {
        println!("published  {file} ({id})");
    }
    Ok(())
}

/// Places in the checkout that carry the name of an operation.
#[derive(Default)]
struct Places {
    defined: Vec<String>,
    handlers: Vec<String>,
    tests: Vec<String>,
}

fn search(name: &str, id: &str) -> Result<Places> {
    let mut places = Places::default();
    for path in workspace::files()? {
        if is_test_of(&path, id) {
            places.tests.push(path.clone());
        }
        let is_code = path.strip_suffix(".rs").is_some_and(|stem| !stem.contains("/tests"));
        if !path.starts_with("crates/") || !is_code {
            continue;
        }
        let text =
            std::fs::read_to_string(workspace::root().join(&path)).context("cannot read the source")?;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", number + 1);
            if line.contains(&format!("\"{id}\"")) {
                places.defined.push(place.clone());
            }
            if line.contains(&format!("fn {name}(")) || line.contains(&format!("fn {name}<")) {
                places.handlers.push(place);
            }
        }
    }
    Ok(places)
}

/// Whether a file is named for the tests of an operation: `tests/communication_identity_create.rs`,
/// `tests/create.rs` inside the service, `test_communication_identity_create.py`,
/// `communication-identity-create.test.js`.
pub(crate) fn is_test_of(path: &str, id: &str) -> bool {
    let name = snake_case(id);
    // Inside a service the group of the id may be left out.
    let short = id.split_once('_').map_or_else(|| name.clone(), |(_, operation)| snake_case(operation));
    let Some((folder, file)) = path.rsplit_once('/') else { return false };
    let stem = file.split('.').next().unwrap_or_default().replace('-', "_");
    let stem = stem.strip_prefix("test_").unwrap_or(&stem);
    if folder.starts_with("conformance/") {
        return stem == name;
    }
    let in_tests = folder.split('/').any(|part| part == "tests");
    in_tests && (stem == name || (stem == short && folder.starts_with("crates/services/")))
}

/// Published operations that a request fits: file, operation id, path template.
fn find_published(method: &str, path: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for file in specs::published() {
        let Ok(document) = specs::read(&file) else { continue };
        for section in ["paths", "x-ms-paths"] {
            for (template, item) in document[section].as_object().into_iter().flatten() {
                let id = item[method.to_lowercase()]["operationId"].as_str();
                if let (true, Some(id)) = (matches(template, path), id) {
                    found.push((shorten(&file), id.to_owned(), template.clone()));
                }
            }
        }
    }
    found
}

fn shorten(file: &std::path::Path) -> String {
    let specs = workspace::published_specs();
    let inside = file.strip_prefix(specs).map_or(file, |inside| inside);
    format!("../shared/specs/{}", inside.display())
}

#[cfg(test)]
mod tests {
    use super::{best, is_test_of, matches, read_request};
    use crate::operations::Operation;

    #[test]
    fn requests_are_read_as_they_stand_in_a_capture() {
        let check = |request: &str, path: &str| {
            assert_eq!(read_request(request).unwrap(), ("POST".to_owned(), path.to_owned()), "{request}");
        };
        check("post /identities?api-version=2023-10-01", "/identities");
        check("POST https://a.localhost:8443/identities HTTP/1.1", "/identities");
        assert!(read_request("/identities").is_err());
    }

    #[test]
    fn templates_match_segments_and_parts_of_them() {
        let check =
            |template, path, expected| assert_eq!(matches(template, path), expected, "{template} {path}");
        check("/identities/{id}", "/identities/8:acs:a_b", true);
        check("/identities/{id}", "/identities", false);
        check("/identities/{id}/:issueAccessToken", "/identities/{id}/:issueAccessToken", true);
        check("/routing/jobs/{jobId}:cancel", "/routing/jobs/7:cancel", true);
        check("/routing/jobs/{jobId}:cancel", "/routing/jobs/7:close", false);
        check("/files/{*rest}", "/files/a/b", true);
    }

    #[test]
    fn tests_of_an_operation_are_known_by_their_file() {
        let check =
            |path, expected| assert_eq!(is_test_of(path, "CommunicationIdentity_Create"), expected, "{path}");
        check("crates/services/identity/src/tests/communication_identity_create.rs", true);
        check("crates/services/identity/src/tests/create.rs", true);
        check("crates/services/identity/src/create.rs", false);
        check("conformance/python/test_communication_identity_create.py", true);
        check("conformance/js/communication-identity-create.test.js", true);
        check("conformance/python/test_create.py", false);
    }

    #[test]
    fn the_more_literal_template_wins() {
        let operation = |path: &str| Operation {
            method: "POST".to_owned(),
            path: path.to_owned(),
            id: path.to_owned(),
            service: "jobs".to_owned(),
            versions: Vec::new(),
        };
        let operations = [operation("/jobs/{id}"), operation("/jobs/{id}:cancel")];
        assert_eq!(best(&operations, "POST", "/jobs/7:cancel").unwrap().id, "/jobs/{id}:cancel");
        assert!(best(&operations, "GET", "/jobs/7").is_none());
    }
}
