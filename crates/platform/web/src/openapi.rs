//! The published OpenAPI 3.1 documents, made from the operations and their types.
//!
//! A field that appeared in a later api-version carries `#[schemars(extend("x-since" = "2024-03-07"))]`:
//! it is left out of the documents of earlier versions, and out of their replies ([`LaterFields`]).

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::operation::{Allow, Operation};

/// The extension that says in which api-version a field appeared.
const SINCE: &str = "x-since";

/// The scheme of operations that take the token in a header of its own.
const TOKEN_SCHEME: &str = "SkypeToken";

/// The document of one service in one version; `version` is `""` for a service of our own.
pub fn document(service: &str, version: &str, operations: &[&'static Operation]) -> Value {
    let mut generator = generator();
    let mut paths = Map::new();
    let of_version = |operation: &&&'static Operation| {
        operation.service == service && (version.is_empty() || operation.versions.contains(&version))
    };
    for operation in operations.iter().filter(of_version) {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = describe(operation, &mut generator);
    }
    let mut schemes = json!({
        "ResourceKey": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=…",
        },
        "Bearer": { "type": "http", "scheme": "bearer" },
    });
    if let Some(name) = operations.iter().filter(of_version).find_map(|operation| operation.token_header) {
        schemes[TOKEN_SCHEME] = json!({
            "type": "apiKey", "in": "header", "name": name, "description": "The user's token, bare.",
        });
    }
    let mut schemas = Value::Object(generator.take_definitions(true));
    leave_out_later(&mut schemas, version);
    let mut paths = Value::Object(paths);
    leave_out_later(&mut paths, version);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Trunkline {service}"),
            "version": if version.is_empty() { env!("CARGO_PKG_VERSION") } else { version },
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Error": error_response() },
            "securitySchemes": schemes,
        },
    })
}

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = operation
        .path_parameters()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !operation.versions.is_empty() {
        parameters.push(json!({
            "name": "api-version", "in": "query", "required": true, "schema": { "type": "string" },
        }));
    }
    parameters.extend(operation.query.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "required": false,
            "description": parameter.description, "schema": { "type": parameter.kind },
        })
    }));
    let mut success = json!({ "description": "Success" });
    if let Some(reply) = operation.reply {
        success["content"] = json!({ "application/json": { "schema": reply(generator) } });
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            operation.success.to_string(): success,
            "default": { "$ref": "#/components/responses/Error" },
        },
        "security": security(operation),
    });
    if let Some(schema) = body_schema(operation.body, generator) {
        let content_type = match operation.body {
            crate::RequestBody::MergePatch(_) => "application/merge-patch+json",
            crate::RequestBody::Form(_) => "application/x-www-form-urlencoded",
            crate::RequestBody::Binary => "application/octet-stream",
            crate::RequestBody::Text => "text/plain",
            _ => "application/json",
        };
        let is_required = !matches!(operation.body, crate::RequestBody::OptionalJson(_));
        described["requestBody"] = json!({
            "required": is_required,
            "content": { content_type: { "schema": schema } },
        });
    }
    described
}

fn body_schema(body: crate::RequestBody, generator: &mut SchemaGenerator) -> Option<Value> {
    match body {
        crate::RequestBody::Binary => Some(json!({ "type": "string", "format": "binary" })),
        crate::RequestBody::Text => Some(json!({ "type": "string" })),
        _ => body.schema().map(|schema| schema(generator).into()),
    }
}

fn security(operation: &Operation) -> Value {
    let scheme = |allow: &Allow| match allow {
        Allow::ResourceKey => json!({ "ResourceKey": [] }),
        Allow::Application(_)
        | Allow::Sender(_)
        | Allow::Management(_)
        | Allow::DirectoryUser
        | Allow::User(_)
        | Allow::Operator(_) => match operation.token_header {
            Some(_) => json!({ TOKEN_SCHEME: [] }),
            None => json!({ "Bearer": [] }),
        },
        Allow::Anyone => json!({}),
    };
    let mut schemes: Vec<Value> = operation.allow.iter().map(scheme).collect();
    schemes.dedup();
    Value::Array(schemes)
}

fn error_response() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "description": "Error",
        "headers": { "x-ms-error-code": { "schema": text } },
        "content": { "application/json": { "schema": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": text, "message": text, "target": text,
                    "innererror": { "type": "object", "properties": { "code": text } },
                },
            } },
        } } },
    })
}

/// Removes what appeared after `version`, and the mark itself.
fn leave_out_later(value: &mut Value, version: &str) {
    match value {
        Value::Array(items) => {
            // Alternatives of an enumeration that came later.
            items.retain(|item| !is_later(item, version));
            for item in items {
                leave_out_later(item, version);
            }
        }
        Value::Object(fields) => {
            leave_out_later_properties(fields, version);
            fields.remove(SINCE);
            fields.values_mut().for_each(|field| leave_out_later(field, version));
        }
        _ => {}
    }
}

fn is_later(schema: &Value, version: &str) -> bool {
    schema[SINCE].as_str().is_some_and(|since| is_after(since, version))
}

/// Whether `since` came after `version`. Operations of our own have no version and know every field.
fn is_after(since: &str, version: &str) -> bool {
    !version.is_empty() && since > version
}

fn leave_out_later_properties(schema: &mut Map<String, Value>, version: &str) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    let later: Vec<String> = properties
        .iter()
        .filter(|(_, property)| is_later(property, version))
        .map(|(name, _)| name.clone())
        .collect();
    properties.retain(|name, _| !later.contains(name));
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !later.iter().any(|gone| gone == name)));
    }
}

/// The fields of an operation's reply that appeared after its first version.
#[derive(Debug, Default)]
pub struct LaterFields(Vec<Later>);

#[derive(Debug)]
struct Later {
    since: String,
    /// Field names from the root; `*` stands for every item or entry.
    path: Vec<String>,
}

/// How deep the reply's schema is followed: deeper than any published one, and an end for recursive types.
const SCHEMA_DEPTH_MAX: usize = 12;

impl LaterFields {
    /// Reads them off the schema of the operation's reply.
    pub fn of(operation: &Operation) -> Self {
        let Some(reply) = operation.reply else { return Self::default() };
        let mut generator = generator();
        let schema = Value::from(reply(&mut generator));
        let definitions = generator.take_definitions(true);
        let mut found = Vec::new();
        collect(&schema, &definitions, &mut Vec::new(), &mut found);
        Self(found)
    }

    /// Whether a reply in `version` must lose a field.
    pub fn concern(&self, version: &str) -> bool {
        self.0.iter().any(|later| is_after(&later.since, version))
    }

    /// Removes what `version` does not know.
    pub fn remove(&self, version: &str, reply: &mut Value) {
        for later in self.0.iter().filter(|later| is_after(&later.since, version)) {
            remove(reply, &later.path);
        }
    }
}

fn collect(schema: &Value, definitions: &Map<String, Value>, path: &mut Vec<String>, found: &mut Vec<Later>) {
    if path.len() > SCHEMA_DEPTH_MAX {
        return;
    }
    if let Some(definition) =
        schema["$ref"].as_str().and_then(|name| definitions.get(name.rsplit('/').next()?))
    {
        collect(definition, definitions, path, found);
    }
    for alternative in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[alternative].as_array().into_iter().flatten() {
            collect(schema, definitions, path, found);
        }
    }
    let mut step = |name: &str, schema: &Value| {
        path.push(name.to_owned());
        if let Some(since) = schema[SINCE].as_str() {
            found.push(Later { since: since.to_owned(), path: path.clone() });
        }
        collect(schema, definitions, path, found);
        path.pop();
    };
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        step(name, field);
    }
    for each in ["items", "additionalProperties"] {
        if schema[each].is_object() {
            step("*", &schema[each]);
        }
    }
}

fn remove(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match value {
        Value::Array(items) if first == "*" => items.iter_mut().for_each(|item| remove(item, rest)),
        Value::Object(fields) if first == "*" => fields.values_mut().for_each(|field| remove(field, rest)),
        Value::Object(fields) if rest.is_empty() => {
            fields.remove(first);
        }
        Value::Object(fields) => {
            if let Some(field) = fields.get_mut(first) {
                remove(field, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;
    use crate::operation::{Method, schema_of};

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Outer {
        old: String,
        #[schemars(extend("x-since" = "2024-01-01"))]
        new: String,
        items: Vec<Inner>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Inner {
        #[schemars(extend("x-since" = "2025-01-01"))]
        newest: Option<i64>,
        name: String,
    }

    static OPERATION: Operation = Operation {
        service: "test",
        versions: &["2023-01-01", "2024-01-01", "2025-01-01"],
        reply: Some(schema_of::<Outer>),
        ..Operation::own("Test_Get", Method::Get, "/test/{id}", &[Allow::ResourceKey])
    };

    #[test]
    fn documents_of_earlier_versions_lack_later_fields() {
        let fields = |version: &str| {
            let document = document("test", version, &[&OPERATION]);
            let names = |schema: &str| -> Vec<String> {
                let properties = document["components"]["schemas"][schema]["properties"].as_object();
                properties.expect("an object").keys().cloned().collect()
            };
            (names("Outer"), names("Inner"))
        };
        let (outer, inner) = fields("2023-01-01");
        assert_eq!((outer, inner), (vec!["items".to_owned(), "old".to_owned()], vec!["name".to_owned()]));
        let (outer, inner) = fields("2025-01-01");
        assert_eq!((outer.len(), inner.len()), (3, 2));
    }

    #[test]
    fn a_token_in_a_header_of_its_own_is_a_scheme_of_its_own() {
        static POLL: Operation = Operation {
            service: "test",
            token_header: Some("x-skypetoken"),
            ..Operation::own("Test_Poll", Method::Get, "/poll", &[Allow::User(&["chat"])])
        };
        let described = document("test", "", &[&OPERATION, &POLL]);
        assert_eq!(described["paths"]["/poll"]["get"]["security"], json!([{ "SkypeToken": [] }]));
        let scheme = &described["components"]["securitySchemes"]["SkypeToken"];
        assert_eq!((&scheme["in"], &scheme["name"]), (&json!("header"), &json!("x-skypetoken")));
        let described = document("test", "", &[&OPERATION]);
        assert_eq!(described["components"]["securitySchemes"]["SkypeToken"], Value::Null);
    }

    #[test]
    fn replies_to_earlier_versions_lack_later_fields() {
        let later = LaterFields::of(&OPERATION);
        let reply = json!({ "old": "a", "new": "b", "items": [{ "newest": 1, "name": "n" }] });
        let in_version = |version: &str| {
            let mut reply = reply.clone();
            later.remove(version, &mut reply);
            (later.concern(version), reply)
        };
        assert_eq!(in_version("2023-01-01"), (true, json!({ "old": "a", "items": [{ "name": "n" }] })));
        assert_eq!(
            in_version("2024-01-01"),
            (true, json!({ "old": "a", "new": "b", "items": [{ "name": "n" }] }))
        );
        assert_eq!(in_version("2025-01-01"), (false, reply.clone()));
        // Our own operations, which show what published ones do, have no version.
        assert_eq!(in_version(""), (false, reply.clone()));
    }
}
