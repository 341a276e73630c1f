//! The OpenAPI document (version 3.1), made from the table of routes and the types of the wire.

use std::collections::BTreeMap;

use axum::Extension;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::PREFIX;
use super::route::{Access, Route};
use super::signature::Output;
use crate::admin::wire::Problem;

/// The document as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Document(Bytes);

/// What is said of one operation.
pub(super) struct Sheet<'s> {
    schemas: &'s mut SchemaGenerator,
    /// The names in the path, in their order.
    path: Vec<&'static str>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
}

pub(super) async fn show(Extension(Document(text)): Extension<Document>) -> Shown {
    Shown(text)
}

/// The answer that is the document.
pub(super) struct Shown(Bytes);

impl Document {
    pub(super) fn of(routes: &[Route]) -> Self {
        let settings = SchemaSettings::draft2020_12();
        let settings = settings.with(|settings| settings.definitions_path = "/components/schemas".into());
        let mut schemas = settings.into_generator();
        let problem = schemas.subschema_for::<Problem>();
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for route in routes {
            let told = told(route, &mut schemas);
            paths.entry(route.path).or_default().insert(route.method.as_str().to_lowercase(), told);
        }
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "perch administration",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Every operation of an administrator of a perch server.",
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "servers": [{ "url": PREFIX }],
            "paths": paths,
            "components": {
                "schemas": schemas.take_definitions(true),
                "responses": {
                    "Problem": {
                        "description": "It was not done; the answer says why.",
                        "content": { "application/problem+json": { "schema": problem } },
                    },
                },
                "securitySchemes": {
                    "bearer": { "type": "http", "scheme": "bearer", "description": "A token of this server." },
                    "basic": { "type": "http", "scheme": "basic", "description": "An account's address and password." },
                },
            },
        });
        Self(document.to_string().into())
    }
}

fn told(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let names = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    let mut sheet =
        Sheet { schemas, path: names, parameters: Vec::new(), body: None, answers: BTreeMap::new() };
    (route.describe)(&mut sheet);
    if route.access != Access::Open {
        sheet.refuses(&[StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN]);
    }
    sheet.refuses(&[StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE]);
    sheet.refuses(route.refusals);
    let security = match route.access {
        Access::Open => json!([]),
        Access::Token(operation) => json!([{ "bearer": [operation.scope().as_str()] }]),
        Access::TokenOrPassword(operation) => {
            json!([{ "bearer": [operation.scope().as_str()] }, { "basic": [] }])
        }
    };
    let mut told = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": sheet.parameters,
        "responses": sheet.answers,
        "security": security,
    });
    if let Some(body) = sheet.body {
        told["requestBody"] = body;
    }
    told
}

impl Sheet<'_> {
    /// Parameters in the path: one, or as many as a tuple has.
    pub(super) fn takes_path<T: JsonSchema>(&mut self) {
        let schema = inline::<T>();
        let schemas = match schema.get("prefixItems").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![schema],
        };
        for (name, schema) in self.path.clone().into_iter().zip(schemas) {
            self.parameters.push(json!({ "in": "path", "name": name, "required": true, "schema": schema }));
        }
        // What is no such name, and what names nothing.
        self.refuses(&[StatusCode::UNPROCESSABLE_ENTITY, StatusCode::NOT_FOUND]);
    }

    /// Each field of a structure is a parameter in the query.
    pub(super) fn takes_query<T: JsonSchema>(&mut self) {
        let schema = inline::<T>();
        let is_required = |name: &String| {
            schema["required"].as_array().is_some_and(|required| required.contains(&json!(name)))
        };
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let mut field = field.clone();
            // What may be left out is no JSON null in a query.
            if let Some(kinds) = field["type"].as_array() {
                field["type"] = kinds.iter().find(|kind| **kind != "null").cloned().unwrap_or_default();
            }
            let description = field.as_object_mut().and_then(|field| field.remove("description"));
            self.parameters.push(json!({
                "in": "query",
                "name": name,
                "required": is_required(name),
                "description": description.unwrap_or_default(),
                "schema": field,
            }));
        }
    }

    pub(super) fn takes_header(&mut self, name: &str, description: &str, schema: Value) {
        self.parameters.push(json!({
            "in": "header",
            "name": name,
            "required": false,
            "description": description,
            "schema": schema,
        }));
    }

    pub(super) fn takes_body<T: JsonSchema>(&mut self) {
        let schema = self.schemas.subschema_for::<T>();
        self.body =
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
        self.refuses(&[
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }

    pub(super) fn answers<T: JsonSchema>(&mut self, status: StatusCode, has_tag: bool) {
        let schema = self.schemas.subschema_for::<T>();
        let mut answer = json!({
            "description": status.canonical_reason().unwrap_or_default(),
            "content": { "application/json": { "schema": schema } },
        });
        if has_tag {
            answer["headers"] = json!({ "ETag": { "schema": { "type": "string" } } });
        }
        self.answers.insert(status.as_u16(), answer);
    }

    pub(super) fn refuses(&mut self, statuses: &[StatusCode]) {
        for status in statuses {
            let problem = json!({ "$ref": "#/components/responses/Problem" });
            self.answers.insert(status.as_u16(), problem);
        }
    }
}

/// The schema without references to others.
fn inline<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    T::json_schema(&mut settings.into_generator()).to_value()
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl Output for Shown {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.answers::<Map<String, Value>>(StatusCode::OK, false);
    }
}
