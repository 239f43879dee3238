//! Finds the access-log format in the YAML that configures it: MeshConfig (also inside its ConfigMap), IstioOperator,
//! Helm values, EnvoyFilter, EnvoyProxy, Contour's configuration, an Envoy bootstrap.
//!
//! The documents differ in shape and in age, and agree in the names of the keys that hold a format. So the whole
//! document is walked and those keys are looked for, wherever they stand.

use serde::Deserialize;
use serde_yaml_ng::{Mapping, Value};

use super::template;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Field;
use crate::words::Said;

/// An access-log format that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFormat {
    /// An Envoy format string, for [`Template::compile`](super::Template::compile).
    Text(String),
    /// Keys of JSON records and the fields they hold; keys of nested objects are joined by `.`. Keys whose value is
    /// no single known operator are left out.
    Json(Vec<(Field, String)>),
}

/// How deep YAML inside of YAML strings is looked into: a ConfigMap in a List, and one more.
const DEEPEST: usize = 3;

/// Every format in a YAML text of one or more documents, in their order, each once.
///
/// # Errors
/// When the text is no YAML, or holds no format.
pub fn read(yaml: &str) -> Result<Vec<LogFormat>> {
    let mut found = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(yaml) {
        let value =
            Value::deserialize(document).map_err(|e| refuse(both!("not YAML: {e}", "不是 YAML：{e}")))?;
        walk(&value, "", DEEPEST, &mut found);
    }
    let mut once: Vec<LogFormat> = Vec::new();
    for format in found {
        if !once.contains(&format) {
            once.push(format);
        }
    }
    if once.is_empty() {
        return Err(refuse(both!(
            "no access-log format in it: looked for accessLogFormat, logFormat, log_format, text_format, json_format, \
             accesslog-format-string and accessLog settings. A mesh that sets none uses the default, which needs no \
             option",
            "其中没有访问日志格式：已查找 accessLogFormat、logFormat、log_format、text_format、json_format、\
             accesslog-format-string 和 accessLog 配置。没有设置格式的网格使用默认格式，不需要这个选项"
        )));
    }
    Ok(once)
}

fn refuse(message: Said) -> Error {
    Error::from(ErrorKind::Option { message })
}

/// Looks at a value that stands under `key`.
fn walk(value: &Value, key: &str, depth: usize, found: &mut Vec<LogFormat>) {
    match value {
        Value::Mapping(map) => {
            formats_of(map, key, found);
            for (name, inner) in map {
                walk(inner, name.as_str().unwrap_or(""), depth, found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, key, depth, found)),
        Value::String(text) if depth > 0 && holds_yaml(text) => {
            if let Ok(inner) = serde_yaml_ng::from_str::<Value>(text) {
                walk(&inner, "", depth - 1, found);
            }
        }
        Value::Tagged(tagged) => walk(&tagged.value, key, depth, found),
        _ => {}
    }
}

/// A ConfigMap holds the configuration as one long string.
fn holds_yaml(text: &str) -> bool {
    let names = ["accessLogFormat", "accesslog-format-string", "logFormat", "log_format", "access_log"];
    text.contains('\n') && names.iter().any(|name| text.contains(name))
}

/// The formats that a mapping under `key` holds itself.
fn formats_of(map: &Mapping, key: &str, found: &mut Vec<LogFormat>) {
    let string = |names: &[&str]| {
        names.iter().find_map(|name| map.get(*name)?.as_str()).filter(|text| !text.trim().is_empty())
    };
    let mapping = |names: &[&str]| names.iter().find_map(|name| map.get(*name)?.as_mapping());

    // Istio's mesh: one string, which is JSON when the encoding says so. Contour: text.
    if let Some(text) = string(&["accessLogFormat"]) {
        let json =
            string(&["accessLogEncoding"]).is_some_and(|encoding| encoding.eq_ignore_ascii_case("JSON"));
        match serde_yaml_ng::from_str::<Value>(text) {
            Ok(Value::Mapping(keys)) if json => found.push(json_keys(&keys)),
            _ => found.push(LogFormat::Text(text.to_owned())),
        }
    }
    if let Some(text) = string(&["accesslog-format-string"]) {
        found.push(LogFormat::Text(text.to_owned()));
    }
    // Envoy's own: `log_format: {text_format_source: {inline_string: …}}`, and what it was before.
    if let Some(text) = string(&["text_format", "textFormat"]) {
        found.push(LogFormat::Text(text.to_owned()));
    }
    if let Some(text) = string(&["inline_string", "inlineString"])
        .filter(|_| key.starts_with("text_format") || key.starts_with("textFormat"))
    {
        found.push(LogFormat::Text(text.to_owned()));
    }
    if let Some(keys) = mapping(&["json_format", "jsonFormat", "typed_json_format"]) {
        found.push(json_keys(keys));
    }
    // Istio's providers (`logFormat`), Envoy Gateway's settings (`format`), OpenTelemetry's attributes (`labels`).
    if matches!(key, "logFormat" | "log_format" | "format") {
        if let Some(text) = string(&["text"]) {
            found.push(LogFormat::Text(text.to_owned()));
        }
        if let Some(keys) = mapping(&["labels", "json"]) {
            found.push(json_keys(keys));
        }
    }
    // A file access log of Envoy before 1.16: `{path: /dev/stdout, format: "…"}`.
    if let Some(text) = string(&["format"]).filter(|text| map.contains_key("path") && text.contains('%')) {
        found.push(LogFormat::Text(text.to_owned()));
    }
}

fn json_keys(map: &Mapping) -> LogFormat {
    let mut keys = Vec::new();
    collect_keys(map, "", &mut keys);
    LogFormat::Json(keys)
}

fn collect_keys(map: &Mapping, prefix: &str, keys: &mut Vec<(Field, String)>) {
    for (name, value) in map {
        let Some(name) = name.as_str() else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        match value {
            Value::Mapping(inner) => collect_keys(inner, &path, keys),
            Value::String(text) => keys.extend(template::field_of(text).map(|field| (field, path))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(yaml: &str) -> String {
        match read(yaml).expect(yaml).as_slice() {
            [LogFormat::Text(text)] => text.trim_end().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_formats_are_found_wherever_they_are_configured() {
        let cases = [
            "accessLogFormat: \"%RESPONSE_CODE% x\\n\"",
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  meshConfig:\n    accessLogFormat: '%RESPONSE_CODE% x'",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  mesh: |-\n    accessLogFile: /dev/stdout\n    accessLogFormat: |\n      %RESPONSE_CODE% x\n",
            "spec:\n  meshConfig:\n    extensionProviders:\n    - name: a\n      envoyFileAccessLog:\n        path: /dev/stdout\n        logFormat:\n          text: \"%RESPONSE_CODE% x\"",
            "kind: EnvoyFilter\nspec:\n  configPatches:\n  - patch:\n      value:\n        typed_config:\n          access_log:\n          - name: a\n            typed_config:\n              path: /dev/stdout\n              log_format:\n                text_format_source:\n                  inline_string: \"%RESPONSE_CODE% x\\n\"\n          http_filters:\n          - typed_config:\n              default_source_code:\n                inline_string: \"function lua() end\"",
            "kind: EnvoyProxy\nspec:\n  telemetry:\n    accessLog:\n      settings:\n      - format:\n          type: Text\n          text: |\n            %RESPONSE_CODE% x\n        sinks: []",
            "static_resources:\n  listeners:\n  - access_log:\n    - config:\n        path: /dev/stdout\n        format: \"%RESPONSE_CODE% x\"",
            "kind: ConfigMap\ndata:\n  contour.yaml: |\n    accesslog-format: envoy\n    accesslog-format-string: \"%RESPONSE_CODE% x\"\n",
        ];
        for yaml in cases {
            assert_eq!(text(yaml), "%RESPONSE_CODE% x", "{yaml}");
        }
    }

    #[test]
    fn json_formats_give_their_keys() {
        let wanted = [LogFormat::Json(vec![
            (Field::Code, "status".to_owned()),
            (Field::Method, "req.verb".to_owned()),
        ])];
        for yaml in [
            "json_format:\n  status: '%RESPONSE_CODE%'\n  req:\n    verb: '%REQ(:METHOD)%'\n    both: '%PROTOCOL% %DURATION%'\n    fixed: x",
            "accessLogEncoding: JSON\naccessLogFormat: '{\"status\": \"%RESPONSE_CODE%\", \"req\": {\"verb\": \"%REQ(:METHOD)%\"}}'",
            "logFormat:\n  labels:\n    status: '%RESPONSE_CODE%'\n    req.verb: '%REQ(:METHOD)%'",
            "settings:\n- format:\n    type: JSON\n    json:\n      status: '%RESPONSE_CODE%'\n      req.verb: '%REQ(:METHOD)%'",
        ] {
            assert_eq!(read(yaml).expect(yaml), wanted, "{yaml}");
        }
    }

    #[test]
    fn several_documents_give_each_format_once() {
        let yaml = "accessLogFormat: '%RESPONSE_CODE% a'\n---\naccessLogFormat: '%RESPONSE_CODE% a'\n---\naccessLogFormat: '%RESPONSE_CODE% b'";
        assert_eq!(read(yaml).unwrap().len(), 2);
    }

    #[test]
    fn what_holds_no_format_is_refused_with_a_reason() {
        for yaml in [
            "a: b",
            "accessLogFormat: ''",
            "",
            "{a: [}",
            "kind: Telemetry\nspec: {accessLogging: [{providers: [{name: envoy}]}]}",
        ] {
            let error = read(yaml).expect_err(yaml).to_string();
            assert!(error.contains("format") || error.contains("not YAML"), "{error}");
        }
    }
}
