//! Every payload has the fields of the published model, and asks for those that clients rely on.

use std::collections::BTreeMap;

use serde_json::Value;
use trunkline_catalogue::{EVENT_TYPES, NAME_PREFIX};

#[path = "spec_fields/published.rs"]
mod published;

#[test]
fn payloads_have_the_published_fields() {
    for (known, (name, fields)) in EVENT_TYPES.iter().zip(published::FIELDS) {
        assert_eq!(known.name.strip_prefix(NAME_PREFIX), Some(*name));
        let expected: BTreeMap<&str, bool> =
            fields.split(' ').map(|field| (field.trim_end_matches('!'), field.ends_with('!'))).collect();
        let schema = (known.schema)(&mut schemars::SchemaGenerator::default());
        let members =
            schema.pointer("/properties").and_then(Value::as_object).expect("a payload is an object");
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        let mut published: Vec<&str> = expected.keys().copied().collect();
        let mut found = names.clone();
        found.sort_unstable();
        published.sort_unstable();
        assert_eq!(found, published, "{name}");
        // Lists and maps are always written, and read as empty when absent, so a schema cannot ask for them.
        let required = schema.pointer("/required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (field, is_relied_on) in expected {
            let is_list =
                matches!(members[field].pointer("/type").and_then(Value::as_str), Some("array" | "object"));
            let is_required = required.iter().any(|value| value == field);
            assert_eq!(is_required, is_relied_on && !is_list, "{name}.{field}");
        }
    }
    assert_eq!(EVENT_TYPES.len(), published::FIELDS.len());
}
