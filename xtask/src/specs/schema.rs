//! A schema, Swagger 2.0 or JSON Schema, as facts about each field.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::flatten::Facts;
use super::reference::{Documents, Node};

/// Bounds that are compared, in the order they are printed.
const BOUNDS: &[&str] =
    &["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "pattern"];

/// Adds what `schema` says at `at`: the value itself, its properties (`at.name`), its items (`at[]`) and its
/// further properties (`at.*`). `open` holds the references being followed, to end recursion.
pub(crate) fn describe(
    documents: &Documents,
    schema: &Node,
    at: &str,
    required: bool,
    open: &[String],
    facts: &mut Facts,
) -> Result<()> {
    let (node, followed) = documents.resolve(schema)?;
    let need = if required { "required" } else { "optional" };
    if followed.iter().any(|reference| open.contains(reference)) {
        facts.insert(at.to_owned(), format!("{need} recursive"));
        return Ok(());
    }
    let open: Vec<_> = open.iter().cloned().chain(followed).collect();
    let parts = parts(documents, &node, &open)?;
    facts.insert(at.to_owned(), format!("{need} {}", summary(&parts)));
    let required_names: BTreeSet<_> = parts
        .iter()
        .flat_map(|part| part.value["required"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    for part in &parts {
        for (name, property) in part.value["properties"].as_object().into_iter().flatten() {
            let below = format!("{at}.{name}");
            let property = Documents::child(part, property);
            describe(documents, &property, &below, required_names.contains(name), &open, facts)?;
        }
        if part.value["items"].is_object() {
            let items = Documents::child(part, &part.value["items"]);
            describe(documents, &items, &format!("{at}[]"), true, &open, facts)?;
        }
        let further = &part.value["additionalProperties"];
        if further.as_object().is_some_and(|schema| !schema.is_empty()) {
            describe(documents, &Documents::child(part, further), &format!("{at}.*"), false, &open, facts)?;
        }
    }
    Ok(())
}

/// The schema itself and everything it is joined from; "or null" alternatives are dropped, because Swagger
/// 2.0 cannot say them.
fn parts(documents: &Documents, node: &Node, open: &[String]) -> Result<Vec<Node>> {
    let mut parts = vec![node.clone()];
    for word in ["allOf", "anyOf", "oneOf"] {
        let choices = node.value[word].as_array().cloned().unwrap_or_default();
        let choices: Vec<_> = choices.into_iter().filter(|choice| choice["type"] != "null").collect();
        if word != "allOf" && choices.len() != 1 {
            continue;
        }
        for choice in choices {
            let (joined, followed) = documents.resolve(&Documents::child(node, &choice))?;
            if !followed.iter().any(|reference| open.contains(reference)) {
                let open: Vec<_> = open.iter().cloned().chain(followed).collect();
                parts.extend(self::parts(documents, &joined, &open)?);
            }
        }
    }
    Ok(parts)
}

fn summary(parts: &[Node]) -> String {
    let mut words = Vec::new();
    let mut allowed = BTreeSet::new();
    let mut kind = None;
    for Node { value, .. } in parts {
        kind = kind.or_else(|| kind_of(value));
        allowed.extend(constants(value));
    }
    if kind.is_none() && !allowed.is_empty() {
        kind = Some("string".to_owned());
    }
    words.push(kind.unwrap_or_else(|| "any".to_owned()));
    words.extend(parts.iter().find_map(|part| part.value["format"].as_str().map(str::to_owned)));
    if !allowed.is_empty() {
        words.push(format!("one of {}", allowed.into_iter().collect::<Vec<_>>().join("|")));
    }
    for bound in BOUNDS {
        if let Some(value) = parts.iter().map(|part| &part.value[bound]).find(|value| !value.is_null()) {
            words.push(format!("{bound}={}", number(value)));
        }
    }
    words.join(" ")
}

fn kind_of(value: &Value) -> Option<String> {
    let named = match &value["type"] {
        Value::String(kind) => Some(kind.clone()),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").map(str::to_owned)
        }
        _ => None,
    };
    let shaped = || {
        let is_object = value["properties"].is_object() || value["additionalProperties"].is_object();
        is_object.then(|| "object".to_owned())
    };
    named.or_else(shaped)
}

/// Values of `enum`, of `const`, and of alternatives that are all constants.
fn constants(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(values) = value["enum"].as_array() {
        return values.iter().filter(|value| !value.is_null()).map(text).collect();
    }
    if !value["const"].is_null() {
        return vec![text(&value["const"])];
    }
    let choices = ["oneOf", "anyOf"].iter().filter_map(|word| value[*word].as_array()).flatten();
    let choices: Vec<_> = choices.filter(|choice| choice["type"] != "null").map(constants).collect();
    if choices.iter().any(Vec::is_empty) { Vec::new() } else { choices.concat() }
}

/// `60` and `60.0` are the same bound.
fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(number) => number.to_string(),
        None => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}
