//! Following `$ref`, inside a document and into its neighbours.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A node of a document together with the place it was found, so that its own references can be followed.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The JSON there.
    pub(crate) value: Value,
    /// The file it stands in.
    file: PathBuf,
}

/// Documents read so far.
pub(crate) struct Documents(RefCell<BTreeMap<PathBuf, Rc<Value>>>);

impl Documents {
    /// Starts with one document.
    pub(crate) fn new(document: &Value, file: &Path) -> Self {
        Self(RefCell::new([(file.to_owned(), Rc::new(document.clone()))].into()))
    }

    /// A part of `parent`'s own JSON.
    pub(crate) fn child(parent: &Node, value: &Value) -> Node {
        Node { value: value.clone(), file: parent.file.clone() }
    }

    /// The top of the document in `file`.
    pub(crate) fn top(value: &Value, file: &Path) -> Node {
        Node { value: value.clone(), file: file.to_owned() }
    }

    /// Follows references until there is none; answers the node and the references followed.
    pub(crate) fn resolve(&self, node: &Node) -> Result<(Node, Vec<String>)> {
        let mut node = node.clone();
        let mut followed = Vec::new();
        while let Some(reference) = node.value["$ref"].as_str().map(str::to_owned) {
            let (path, pointer) = reference.split_once('#').unwrap_or((&reference, ""));
            let file = if path.is_empty() { node.file.clone() } else { neighbour(&node.file, path) };
            let identity = format!("{}#{pointer}", file.display());
            anyhow::ensure!(!followed.contains(&identity), "`{reference}` refers to itself");
            let document = self.load(&file)?;
            let value = document.pointer(pointer).with_context(|| format!("`{reference}` leads nowhere"))?;
            node = Node { value: value.clone(), file };
            followed.push(identity);
        }
        Ok((node, followed))
    }

    fn load(&self, file: &Path) -> Result<Rc<Value>> {
        if let Some(document) = self.0.borrow().get(file) {
            return Ok(Rc::clone(document));
        }
        let document = Rc::new(super::read(file)?);
        self.0.borrow_mut().insert(file.to_owned(), Rc::clone(&document));
        Ok(document)
    }
}

/// Upstream's `Common/stable/V/common.json` and `common-types/X` stand elsewhere in our copy (its README).
fn neighbour(file: &Path, reference: &str) -> PathBuf {
    let specs = file.ancestors().nth(3).unwrap_or(Path::new(""));
    if let Some((_, rest)) = reference.split_once("/Common/") {
        let rest = rest.trim_start_matches("stable/").trim_start_matches("preview/");
        return specs.join("Common").join(rest);
    }
    if let Some((_, rest)) = reference.split_once("common-types/") {
        return specs.join("common-types").join(rest);
    }
    file.parent().unwrap_or(Path::new("")).join(reference)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::neighbour;

    #[test]
    fn upstream_paths_are_mapped_to_the_copy() {
        let file = Path::new("specs/Identity/2023-10-01/CommunicationIdentity.json");
        let check =
            |reference: &str, expected: &str| assert_eq!(neighbour(file, reference), Path::new(expected));
        check("../../../Common/stable/2022-07-13/common.json", "specs/Common/2022-07-13/common.json");
        check(
            "../../../../../common-types/data-plane/v1/types.json",
            "specs/common-types/data-plane/v1/types.json",
        );
        check("./other.json", "specs/Identity/2023-10-01/./other.json");
    }
}
