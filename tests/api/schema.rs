//! The OpenAPI document, and whether an answer is one that it allows. A keyword that is not known here fails a test: it
//! would be one that nobody checks.

use serde_json::Value;

use crate::client::Answer;

pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn new(document: Value) -> Self {
        Self(document)
    }

    /// Method, path and what is said of it; the path behind the prefix.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (String, &str, &Value)> {
        let paths = self.0["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").iter();
            methods.map(|(method, told)| (method.to_uppercase(), path.as_str(), told))
        })
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// Panics unless the document allows that answer to a request for an operation that it has.
    pub(crate) fn check(&self, method: &str, target: &str, answer: &Answer) {
        let path = target.split('?').next().unwrap_or_default();
        let Some(path) = path.strip_prefix("/api/v1") else { return };
        let fits = |template: &str| {
            let (parts, names) = (path.split('/'), template.split('/'));
            parts.clone().count() == names.clone().count()
                && parts.zip(names).all(|(part, name)| part == name || name.starts_with('{'))
        };
        let Some((_, _, told)) = self.operations().find(|(known, path, _)| known == method && fits(path))
        else {
            return;
        };
        let response = &told["responses"][answer.status.to_string()];
        assert!(!response.is_null(), "{method} {target} may not answer {answer:?}");
        let response = self.resolve(response);
        let kind = answer.header("content-type").unwrap_or_default();
        let schema = &response["content"][kind]["schema"];
        assert!(!schema.is_null(), "{method} {target}: no {kind} in {response}");
        self.validate(schema, &answer.body, &format!("{method} {target}"));
        for (name, _) in response["headers"].as_object().into_iter().flatten() {
            assert!(answer.header(&name.to_lowercase()).is_some(), "{method} {target}: no {name}");
        }
    }

    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(place) => {
                let found = self.0.pointer(place.trim_start_matches('#'));
                self.resolve(found.unwrap_or_else(|| panic!("{place} leads nowhere")))
            }
            None => value,
        }
    }

    /// Panics unless `value` is what the schema says.
    fn validate(&self, schema: &Value, value: &Value, place: &str) {
        let schema = self.resolve(schema);
        let Some(keywords) = schema.as_object() else {
            assert_eq!(schema, &Value::Bool(true), "{place}");
            return;
        };
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "type" => {
                    let kinds =
                        wanted.as_array().map_or_else(|| vec![wanted], |kinds| kinds.iter().collect());
                    let is_one = kinds.iter().any(|kind| is_kind(value, kind.as_str().unwrap_or_default()));
                    assert!(is_one, "{place}: {value} is no {wanted}");
                }
                "properties" => {
                    for (name, schema) in wanted.as_object().expect("properties") {
                        if let Some(value) = value.get(name) {
                            self.validate(schema, value, &format!("{place}/{name}"));
                        }
                    }
                }
                "required" => {
                    for name in wanted.as_array().expect("names") {
                        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: no {name} in {value}");
                    }
                }
                "items" => {
                    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.validate(wanted, item, &format!("{place}/{number}"));
                    }
                }
                "enum" => assert!(wanted.as_array().unwrap().contains(value), "{place}: {value} in {wanted}"),
                "const" => assert_eq!(wanted, value, "{place}"),
                "minimum" => assert!(value.as_f64() >= wanted.as_f64(), "{place}: {value} < {wanted}"),
                "maximum" => assert!(value.as_f64() <= wanted.as_f64(), "{place}: {value} > {wanted}"),
                "maxLength" => {
                    let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
                    assert!(length <= wanted.as_u64().unwrap(), "{place}: {value}");
                }
                "additionalProperties" if *wanted == Value::Bool(true) => {}
                "additionalProperties" => {
                    assert_eq!(wanted, &Value::Bool(false), "{place}");
                    let known = &keywords["properties"];
                    for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
                        assert!(known.get(name).is_some(), "{place}: {name}");
                    }
                }
                // One of several words; those that have a description stand alone.
                "oneOf" if alternatives(wanted).all(|one| !words(one).is_empty()) => {
                    let is_one = alternatives(wanted).any(|one| words(one).contains(&value));
                    assert!(is_one, "{place}: {value} in {wanted}");
                }
                "oneOf" | "anyOf" => panic!("{place}: {keyword} is not checked here"),
                "$schema" | "title" | "description" | "default" | "format" => {}
                other => panic!("{place}: {other} is not checked here"),
            }
        }
    }
}

fn alternatives(schemas: &Value) -> impl Iterator<Item = &Value> {
    schemas.as_array().into_iter().flatten()
}

/// The words of a schema that has nothing but words.
fn words(schema: &Value) -> Vec<&Value> {
    schema.get("const").into_iter().chain(schema["enum"].as_array().into_iter().flatten()).collect()
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}
