//! The nested shapes: where products and shippers keep the fields of a record.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::JsonKeys;
use super::general::Offers;
use super::keys::tell;
use super::values;
use crate::record::Field;

/// The value at a path: `a.b.c` may be nested at any of its dots, or stand as one key.
pub(super) fn at<'v>(object: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| at(object.get(&path[..dot])?.as_object()?, &path[dot + 1..]))
}

/// Offers what any of the known shapes holds.
pub(super) fn offer_all<'v>(object: &'v Map<String, Value>, offers: &mut Offers<'v>) {
    pod(object, offers);
    google(object, offers);
    elastic(object, offers);
    access_log_service(object, offers);
}

fn paths<'v>(object: &'v Map<String, Value>, rows: &[(&str, Field, u8)], offers: &mut Offers<'v>) {
    for (path, field, rank) in rows {
        if let Some(value) = at(object, path) {
            offers.put_value(*field, *rank, value);
        }
    }
}

/// Pod, namespace and container, as shippers write them.
fn pod<'v>(object: &'v Map<String, Value>, offers: &mut Offers<'v>) {
    use Field::{Container, Namespace, Pod};
    const ROWS: &[(&str, Field, u8)] = &[
        ("kubernetes.pod_name", Pod, 0),
        ("kubernetes.pod.name", Pod, 1),
        ("kubernetes.namespace_name", Namespace, 0),
        ("kubernetes.pod_namespace", Namespace, 1),
        ("kubernetes.namespace", Namespace, 2),
        ("kubernetes.container_name", Container, 0),
        ("kubernetes.container.name", Container, 1),
        ("resource.labels.pod_name", Pod, 2),
        ("resource.labels.namespace_name", Namespace, 3),
        ("resource.labels.container_name", Container, 2),
        ("podName", Pod, 3),
        ("pod", Pod, 4),
        ("namespace", Namespace, 5),
        ("containerName", Container, 3),
        ("container", Container, 4),
        ("k8s.pod.name", Pod, 5),
        ("k8s.namespace.name", Namespace, 6),
        ("k8s.container.name", Container, 5),
    ];
    paths(object, ROWS, offers);
}

/// Cloud Logging's `httpRequest`, and the labels that Istio's Stackdriver filter puts beside it.
fn google<'v>(object: &'v Map<String, Value>, offers: &mut Offers<'v>) {
    const ROWS: &[(&str, Field, u8)] = &[
        ("httpRequest.requestMethod", Field::Method, 6),
        ("httpRequest.requestUrl", Field::Path, 6),
        ("httpRequest.protocol", Field::Protocol, 6),
        ("httpRequest.status", Field::Code, 6),
        ("httpRequest.latency", Field::Duration, 6),
        ("httpRequest.requestSize", Field::BytesReceived, 6),
        ("httpRequest.responseSize", Field::BytesSent, 6),
        ("httpRequest.userAgent", Field::UserAgent, 6),
        ("httpRequest.remoteIp", Field::DownstreamRemote, 6),
        ("labels.response_flag", Field::Flags, 2),
        ("labels.response_flags", Field::Flags, 3),
        ("labels.response_details", Field::Details, 2),
        ("labels.response_code_details", Field::Details, 3),
        ("labels.upstream_cluster", Field::UpstreamCluster, 3),
        ("labels.upstream_host", Field::UpstreamHost, 3),
        ("labels.route_name", Field::RouteName, 3),
        ("labels.requested_server_name", Field::ServerName, 3),
        ("labels.upstream_transport_failure_reason", Field::TransportFailure, 3),
        ("labels.request_id", Field::RequestId, 6),
        ("labels.destination_service_host", Field::Authority, 7),
        ("labels.total_received_bytes", Field::BytesReceived, 7),
        ("labels.total_sent_bytes", Field::BytesSent, 7),
    ];
    let labels = object.get("labels").and_then(Value::as_object);
    let istio = labels.is_some_and(|l| l.contains_key("response_flag") || l.contains_key("response_details"));
    let request = object.get("httpRequest").and_then(Value::as_object);
    let mesh_log = object
        .get("logName")
        .and_then(Value::as_str)
        .is_some_and(|name| name.ends_with("accesslog-stackdriver") || name.ends_with("accesslog"));
    // A load balancer's log has an `httpRequest` too; without a word of the mesh it is not ours.
    if !(istio || (request.is_some() && mesh_log)) {
        return;
    }
    offers.tells |= tell::CODE | tell::FLAGS;
    offers.product = Some("gcp-json");
    paths(object, ROWS, offers);
    if let Some(url) = request.and_then(|r| r.get("requestUrl")).and_then(Value::as_str) {
        let (authority, path) = split_url(url);
        offers.put(Field::Path, 6, path.into());
        if let Some(authority) = authority {
            offers.put(Field::Authority, 6, authority.into());
        }
    }
}

/// `http://host/path` as host and path; anything else is a path.
fn split_url(url: &str) -> (Option<&str>, &str) {
    let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        return (None, url);
    };
    match rest.find('/') {
        Some(slash) => (Some(&rest[..slash]), &rest[slash..]),
        None => (Some(rest), "/"),
    }
}

/// The Elastic Common Schema, as Filebeat's envoyproxy module fills it.
fn elastic<'v>(object: &'v Map<String, Value>, offers: &mut Offers<'v>) {
    const ROWS: &[(&str, Field, u8)] = &[
        ("http.response.status_code", Field::Code, 7),
        ("http.request.method", Field::Method, 7),
        ("http.version", Field::Protocol, 7),
        ("url.path", Field::Path, 8),
        ("url.original", Field::Path, 7),
        ("url.domain", Field::Authority, 8),
        ("user_agent.original", Field::UserAgent, 7),
        ("http.request.body.bytes", Field::BytesReceived, 8),
        ("source.bytes", Field::BytesReceived, 9),
        ("http.response.body.bytes", Field::BytesSent, 8),
        ("destination.bytes", Field::BytesSent, 9),
        ("source.address", Field::DownstreamRemote, 8),
        ("destination.address", Field::UpstreamHost, 8),
        ("envoyproxy.authority", Field::Authority, 7),
        ("envoyproxy.request_id", Field::RequestId, 7),
        ("envoyproxy.upstream_service_time", Field::ServiceTime, 7),
        ("envoyproxy.response_code_details", Field::Details, 7),
        ("envoyproxy.upstream_cluster", Field::UpstreamCluster, 7),
        ("envoyproxy.response_flags", Field::Flags, 7),
    ];
    let envoy = ["envoyproxy.response_flags", "envoyproxy.upstream_service_time", "envoyproxy.proxy_type"]
        .iter()
        .any(|path| at(object, path).is_some())
        || object.get("envoyproxy").is_some_and(Value::is_object);
    let Some(code) =
        at(object, "http.response.status_code").or_else(|| at(object, "envoyproxy.response_flags"))
    else {
        return;
    };
    // Any web server's log has the schema's code; Envoy's module adds its own corner.
    let ours = offers.tells & (tell::FLAGS | tell::ENVOY) != 0;
    if code.is_null() || !(envoy || ours) {
        return;
    }
    offers.tells |= tell::CODE | tell::FLAGS;
    offers.product = Some("ecs-json");
    paths(object, ROWS, offers);
    if let Some(ns) = at(object, "event.duration").and_then(Value::as_u64)
        && let Some(ms) = values::ms_of_ns(&ns.to_string())
    {
        offers.put(Field::Duration, 7, ms.into());
    }
    if let Some(port) = at(object, "destination.port").and_then(Value::as_u64)
        && let Some(ip) = at(object, "destination.ip").or_else(|| at(object, "destination.address"))
        && let Some(ip) = ip.as_str()
    {
        offers.put(Field::UpstreamHost, 7, host_port(ip, port).into());
    }
}

fn host_port(address: &str, port: u64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// A member under its snake_case name, or the lowerCamelCase that protobuf's JSON printers make of it.
fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| object.get(&camel(name)))
}

fn camel(name: &str) -> String {
    let mut up = false;
    let letters = name.chars().filter_map(|c| {
        let upper = std::mem::replace(&mut up, c == '_');
        (c != '_').then(|| if upper { c.to_ascii_uppercase() } else { c })
    });
    letters.collect()
}

/// The booleans of `response_flags` in Envoy's gRPC access log, with the short names of the text formats.
const FLAGS: &[(&str, &str)] = &[
    ("failed_local_healthcheck", "LH"),
    ("no_healthy_upstream", "UH"),
    ("upstream_request_timeout", "UT"),
    ("local_reset", "LR"),
    ("upstream_remote_reset", "UR"),
    ("upstream_connection_failure", "UF"),
    ("upstream_connection_termination", "UC"),
    ("upstream_overflow", "UO"),
    ("no_route_found", "NR"),
    ("delay_injected", "DI"),
    ("fault_injected", "FI"),
    ("rate_limited", "RL"),
    ("unauthorized_details", "UAEX"),
    ("rate_limit_service_error", "RLSE"),
    ("downstream_connection_termination", "DC"),
    ("upstream_retry_limit_exceeded", "URX"),
    ("stream_idle_timeout", "SI"),
    ("invalid_envoy_request_headers", "IH"),
    ("downstream_protocol_error", "DPE"),
    ("upstream_max_stream_duration_reached", "UMSDR"),
    ("response_from_cache_filter", "RFCF"),
    ("no_filter_config_found", "NFCF"),
    ("duration_timeout", "DT"),
    ("upstream_protocol_error", "UPE"),
    ("no_cluster_found", "NC"),
    ("overload_manager", "OM"),
    ("dns_resolution_failure", "DF"),
    ("downstream_remote_reset", "DR"),
];

/// `envoy.data.accesslog.v3` entries as JSON.
fn access_log_service<'v>(object: &'v Map<String, Value>, offers: &mut Offers<'v>) {
    let part = |name| member(object, name).and_then(Value::as_object);
    let Some(common) = part("common_properties") else { return };
    offers.tells |= tell::CODE | tell::FLAGS;
    offers.product = Some("als-json");
    let flags = member(common, "response_flags").and_then(Value::as_object);
    let is_set = |name| {
        let value = flags.and_then(|flags| member(flags, name));
        value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
    };
    let names: Vec<_> = FLAGS.iter().filter(|(name, _)| is_set(name)).map(|(_, short)| *short).collect();
    let names: Cow<'_, str> = if names.is_empty() { "-".into() } else { names.join(",").into() };
    offers.put(Field::Flags, 0, names);
    let mut take = |object: Option<&'v Map<String, Value>>, rows: &[(&str, Field)]| {
        for (name, field) in rows {
            if let Some(value) = object.and_then(|object| member(object, name)) {
                offers.put_value(*field, 0, value);
            }
        }
    };
    take(
        Some(common),
        &[
            ("start_time", Field::StartTime),
            ("upstream_cluster", Field::UpstreamCluster),
            ("upstream_transport_failure_reason", Field::TransportFailure),
            ("downstream_transport_failure_reason", Field::DownstreamFailure),
            ("connection_termination_details", Field::Termination),
            ("route_name", Field::RouteName),
            ("time_to_last_downstream_tx_byte", Field::Duration),
            ("duration", Field::Duration),
            ("upstream_request_attempt_count", Field::Attempts),
            ("access_log_type", Field::LogType),
        ],
    );
    take(
        part("request"),
        &[
            ("request_method", Field::Method),
            ("path", Field::Path),
            ("original_path", Field::Path),
            ("authority", Field::Authority),
            ("user_agent", Field::UserAgent),
            ("forwarded_for", Field::ForwardedFor),
            ("request_id", Field::RequestId),
            ("request_body_bytes", Field::BytesReceived),
        ],
    );
    take(
        part("response"),
        &[
            ("response_code", Field::Code),
            ("response_code_details", Field::Details),
            ("response_body_bytes", Field::BytesSent),
        ],
    );
    take(
        part("connection_properties"),
        &[("received_bytes", Field::BytesReceived), ("sent_bytes", Field::BytesSent)],
    );
    let tls = member(common, "tls_properties").and_then(Value::as_object);
    take(tls, &[("tls_sni_hostname", Field::ServerName)]);
    take_headers(part("response"), offers);
    for (name, field) in [
        ("downstream_remote_address", Field::DownstreamRemote),
        ("downstream_local_address", Field::DownstreamLocal),
        ("upstream_remote_address", Field::UpstreamHost),
        ("upstream_local_address", Field::UpstreamLocal),
    ] {
        if let Some(text) = member(common, name).and_then(address) {
            offers.put(field, 0, text.into());
        }
    }
    let version = match member(object, "protocol_version").and_then(Value::as_str) {
        Some("HTTP10") => Some("HTTP/1.0"),
        Some("HTTP11") => Some("HTTP/1.1"),
        Some("HTTP2") => Some("HTTP/2"),
        Some("HTTP3") => Some("HTTP/3"),
        _ => None,
    };
    if let Some(version) = version {
        offers.put(Field::Protocol, 0, version.into());
    }
    if part("response").is_none_or(|response| member(response, "response_code").is_none()) {
        // Protobuf leaves out what is zero.
        offers.put(Field::Code, 1, "0".into());
    }
}

fn take_headers<'v>(response: Option<&'v Map<String, Value>>, offers: &mut Offers<'v>) {
    let headers = response.and_then(|r| member(r, "response_headers")).and_then(Value::as_object);
    let Some(headers) = headers else { return };
    if let Some(value) = headers.get("x-envoy-upstream-service-time") {
        offers.put_value(Field::ServiceTime, 0, value);
    }
    if let Some(value) = headers.get("grpc-status") {
        offers.put_value(Field::GrpcStatus, 0, value);
    }
}

/// `envoy.config.core.v3.Address` as the text formats write it.
fn address(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    if let Some(socket) = member(object, "socket_address").and_then(Value::as_object) {
        let host = socket.get("address")?.as_str()?;
        let port = member(socket, "port_value").and_then(Value::as_u64).unwrap_or(0);
        return Some(host_port(host, port));
    }
    if let Some(path) = object.get("pipe").and_then(|pipe| pipe.get("path")) {
        return Some(path.as_str()?.to_owned());
    }
    let inner = member(object, "envoy_internal_address")?.as_object()?;
    let name = member(inner, "server_listener_name")?.as_str()?;
    let endpoint = member(inner, "endpoint_id").and_then(Value::as_str).unwrap_or("");
    Some(format!("envoy://{name}/{endpoint}"))
}

/// OpenTelemetry: a log record with attributes, or an export with one record in it. An export with several records
/// is a container, and is taken apart before lines are read. `depth` is at least 1.
pub(super) fn open_telemetry<'v>(
    keys: &JsonKeys,
    object: &'v Map<String, Value>,
    offers: &mut Offers<'v>,
    depth: usize,
) {
    let before = offers.tells;
    for name in ["resourceLogs", "scopeLogs", "logRecords"] {
        let first = member(object, name).and_then(Value::as_array).and_then(|list| list.first());
        if let Some(Value::Object(inner)) = first {
            if let Some(resource) = inner.get("resource").and_then(Value::as_object) {
                attributes(keys, resource.get("attributes"), offers);
            }
            keys.gather(inner, offers, depth.saturating_sub(1));
        }
    }
    attributes(keys, object.get("attributes"), offers);
    let body =
        object.get("body").and_then(|body| body.get("kvlistValue")).and_then(|list| list.get("values"));
    attributes(keys, body, offers);
    if offers.tells & (tell::CODE | tell::FLAGS) != before & (tell::CODE | tell::FLAGS) {
        offers.product.get_or_insert("otlp-json");
    }
    if let Some(time) = object.get("timeUnixNano") {
        offers.put_value(Field::StartTime, 7, time);
    }
}

/// A list of `{"key":…,"value":{"stringValue":…}}`.
fn attributes<'v>(keys: &JsonKeys, list: Option<&'v Value>, offers: &mut Offers<'v>) {
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        let (Some(name), Some(Value::Object(value))) =
            (item.get("key").and_then(Value::as_str), item.get("value"))
        else {
            continue;
        };
        // `stringValue`, `intValue`, …: whichever it is.
        let Some(value) = value.values().next() else { continue };
        match name {
            "k8s.pod.name" => offers.put_value(Field::Pod, 5, value),
            "k8s.namespace.name" => offers.put_value(Field::Namespace, 6, value),
            "k8s.container.name" => offers.put_value(Field::Container, 5, value),
            _ => {
                let Some(key) = keys.lookup(name.as_bytes()) else { continue };
                offers.tells |= key.tells & !tell::DEEP;
                if let Some(field) = key.field {
                    offers.put_value(field, key.rank, value);
                }
            }
        }
    }
}
