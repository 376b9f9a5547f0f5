//! A whole description, Swagger 2.0 or OpenAPI 3.1, as facts.
//!
//! Keys read like `POST /identities/{}/:issueAccessToken request.scopes[]`; parameters of a path are counted
//! instead of named, because their names never reach the wire.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::reference::{Documents, Node};
use super::schema::describe;

/// What a description says: where -> what.
pub(crate) type Facts = BTreeMap<String, String>;

const METHODS: &[&str] = &["get", "put", "post", "delete", "patch", "head", "options"];

/// Flattens `document`, which was read from `file`.
pub(crate) fn facts(document: &Value, file: &Path) -> Result<Facts> {
    let documents = Documents::new(document, file);
    let mut facts = Facts::new();
    let base = document["basePath"].as_str().unwrap_or_default().trim_end_matches('/');
    for section in ["paths", "x-ms-paths"] {
        for (path, item) in document[section].as_object().into_iter().flatten() {
            let path = format!("{base}{path}");
            for method in METHODS {
                if item[method].is_object() {
                    let item = Documents::top(item, file);
                    operation(&documents, &item, method, &path, &mut facts)?;
                }
            }
        }
    }
    Ok(facts)
}

fn operation(documents: &Documents, item: &Node, method: &str, path: &str, facts: &mut Facts) -> Result<()> {
    let value = &item.value[method];
    let at = format!("{} {}", method.to_uppercase(), without_names(path));
    facts.insert(at.clone(), format!("operation {}", value["operationId"].as_str().unwrap_or("without id")));
    let own = value["parameters"].as_array();
    let shared = item.value["parameters"].as_array();
    for reference in own.into_iter().flatten().chain(shared.into_iter().flatten()) {
        let (parameter, _) = documents.resolve(&Documents::child(item, reference))?;
        describe_parameter(documents, &parameter, path, &at, facts)?;
    }
    if value["requestBody"].is_object() {
        let (body, _) = documents.resolve(&Documents::child(item, &value["requestBody"]))?;
        let required = body.value["required"] == true;
        if let Some(schema) = content(&body.value) {
            describe(
                documents,
                &Documents::child(&body, schema),
                &format!("{at} request"),
                required,
                &[],
                facts,
            )?;
        }
    }
    for (status, reference) in value["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        let (response, _) = documents.resolve(&Documents::child(item, reference))?;
        facts.insert(format!("{at} {status}"), "success".to_owned());
        let schema = content(&response.value).or_else(|| response.value.get("schema"));
        if let Some(schema) = schema {
            let body = Documents::child(&response, schema);
            describe(documents, &body, &format!("{at} {status} body"), true, &[], facts)?;
        }
    }
    Ok(())
}

fn describe_parameter(
    documents: &Documents,
    parameter: &Node,
    path: &str,
    at: &str,
    facts: &mut Facts,
) -> Result<()> {
    let value = &parameter.value;
    let name = value["name"].as_str().unwrap_or_default();
    let required = value["required"] == true;
    let place = match value["in"].as_str().unwrap_or_default() {
        "body" => {
            let schema = Documents::child(parameter, &value["schema"]);
            return describe(documents, &schema, &format!("{at} request"), required, &[], facts);
        }
        "path" => {
            let position = path.split('{').skip(1).position(|part| part.starts_with(&format!("{name}}}")));
            format!("path {}", position.map_or_else(|| name.to_owned(), |index| (index + 1).to_string()))
        }
        "header" => format!("header {}", name.to_lowercase()),
        place => format!("{place} {name}"),
    };
    // Swagger 2.0 writes the schema into the parameter itself.
    let schema = if value["schema"].is_null() { without_required(value) } else { value["schema"].clone() };
    let schema = Documents::child(parameter, &schema);
    describe(documents, &schema, &format!("{at} parameter {place}"), required, &[], facts)
}

/// `required: true` of a parameter is not the list of required properties that a schema has.
fn without_required(parameter: &Value) -> Value {
    let mut schema = parameter.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("required".to_owned(), json!([]));
    }
    schema
}

/// The schema of the first media type of an OpenAPI 3 body.
fn content(body: &Value) -> Option<&Value> {
    body["content"].as_object()?.values().next()?.get("schema")
}

fn without_names(path: &str) -> String {
    let mut pieces = path.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let rest = piece.split_once('}').map_or(piece, |(_, rest)| rest);
        text + "{}" + rest
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::facts;

    fn swagger() -> Value {
        json!({
            "swagger": "2.0",
            "paths": {"/things/{id}": {
                "parameters": [{"in": "path", "name": "id", "required": true, "type": "string"}],
                "post": {
                    "operationId": "Things_Update",
                    "parameters": [
                        {"$ref": "#/parameters/Version"},
                        {"in": "body", "name": "body", "required": true, "schema": {"$ref": "#/definitions/Thing"}}
                    ],
                    "responses": {"200": {"schema": {"$ref": "#/definitions/Thing"}}, "default": {"schema": {}}}
                }
            }},
            "parameters": {"Version": {"in": "query", "name": "api-version", "required": true, "type": "string"}},
            "definitions": {
                "Color": {"type": "string", "enum": ["red", "blue"]},
                "Thing": {"type": "object", "required": ["color"], "properties": {
                    "color": {"$ref": "#/definitions/Color"},
                    "size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 9, "description": "x"},
                    "parts": {"type": "array", "items": {"$ref": "#/definitions/Thing"}}
                }}
            }
        })
    }

    fn openapi() -> Value {
        let thing = json!({"$ref": "#/components/schemas/Other"});
        let body = json!({"application/json": {"schema": thing}});
        json!({
            "openapi": "3.1.0",
            "paths": {"/things/{thingId}": {"post": {
                "operationId": "Things_Update",
                "parameters": [
                    {"in": "path", "name": "thingId", "required": true, "schema": {"type": "string"}},
                    {"in": "query", "name": "api-version", "required": true, "schema": {"type": "string"}}
                ],
                "requestBody": {"required": true, "content": body},
                "responses": {"200": {"content": body}}
            }}},
            "components": {"schemas": {
                "Other": {"type": "object", "required": ["color"], "properties": {
                    "color": {"oneOf": [{"const": "blue", "type": "string"}, {"const": "red", "type": "string"}]},
                    "size": {"type": ["integer", "null"], "format": "int32", "minimum": 1.0, "maximum": 9},
                    "parts": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Other"}}
                }}
            }}
        })
    }

    #[test]
    fn both_dialects_give_the_same_facts() {
        let published = facts(&swagger(), Path::new("theirs.json")).unwrap();
        assert_eq!(published, facts(&openapi(), Path::new("ours.json")).unwrap());
        let expected = [
            ("POST /things/{}", "operation Things_Update"),
            ("POST /things/{} 200", "success"),
            ("POST /things/{} 200 body", "required object"),
            ("POST /things/{} 200 body.color", "required string one of blue|red"),
            ("POST /things/{} 200 body.parts", "optional array"),
            ("POST /things/{} 200 body.parts[]", "required recursive"),
            ("POST /things/{} 200 body.size", "optional integer int32 minimum=1 maximum=9"),
            ("POST /things/{} parameter path 1", "required string"),
            ("POST /things/{} parameter query api-version", "required string"),
        ];
        for (at, what) in expected {
            assert_eq!(published.get(at).map(String::as_str), Some(what), "{at} in {published:#?}");
        }
    }

    #[test]
    fn joined_schemas_are_one() {
        let document = json!({
            "paths": {"/a": {"get": {"operationId": "A_Get", "responses": {"200": {"schema": {
                "allOf": [{"$ref": "#/definitions/Base"}],
                "properties": {"own": {"type": "boolean"}}
            }}}}}},
            "definitions": {"Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}}
        });
        let facts = facts(&document, Path::new("a.json")).unwrap();
        assert_eq!(facts["GET /a 200 body"], "required object");
        assert_eq!(facts["GET /a 200 body.id"], "required string");
        assert_eq!(facts["GET /a 200 body.own"], "optional boolean");
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_an_error() {
        let document = json!({"paths": {"/a": {"get": {"parameters": [{"$ref": "#/parameters/No"}]}}}});
        assert!(facts(&document, Path::new("a.json")).is_err());
    }
}
