//! Which key holds which field, under all the names that products and log shippers give it.
//!
//! Several keys may claim one field. Each has a rank, different for each key of a field, and the lowest rank that is
//! there wins; so the order of the keys in the line does not matter. Istio's own keys have rank 0.

use crate::record::Field;

/// What a key tells of the object it stands in. Bits of [`Key::tells`].
pub(super) mod tell {
    /// A response code under a name that only access logs use.
    pub(in super::super) const CODE: u32 = 1;
    /// Response flags.
    pub(in super::super) const FLAGS: u32 = 1 << 1;
    /// A key that only a proxy of Envoy's family writes: makes a record of a weakly named code.
    pub(in super::super) const ENVOY: u32 = 1 << 2;
    /// `start_time`.
    pub(in super::super) const START: u32 = 1 << 3;
    /// `requested_server_name`.
    pub(in super::super) const SNI: u32 = 1 << 4;
    /// `upstream_cluster`.
    pub(in super::super) const CLUSTER: u32 = 1 << 5;
    /// Envoy Gateway's own keys.
    pub(in super::super) const GATEWAY: u32 = 1 << 6;
    /// `@timestamp`.
    pub(in super::super) const AT_TIME: u32 = 1 << 7;
    /// Contour's own keys.
    pub(in super::super) const CONTOUR: u32 = 1 << 8;
    /// OSM's own key.
    pub(in super::super) const OSM: u32 = 1 << 9;
    /// A shape with fields below the top: only the general reader can read it.
    pub(in super::super) const DEEP: u32 = 1 << 10;
    /// A key under which a whole record may hang.
    pub(in super::super) const HOLDER: u32 = 1 << 11;
    /// An object with pod, namespace and container.
    pub(in super::super) const KUBERNETES: u32 = 1 << 12;
    /// `level`.
    pub(in super::super) const LEVEL: u32 = 1 << 13;
    /// `msg`.
    pub(in super::super) const MESSAGE: u32 = 1 << 14;
    /// `scope`.
    pub(in super::super) const SCOPE: u32 = 1 << 15;
}

/// Objects that may hold the record, whole. Each has a row in [`lookup`], too.
pub(super) const HOLDERS: [&str; 25] = [
    "jsonPayload",
    "log",
    "message",
    "body",
    "Body",
    "log_processed",
    "fields",
    "event",
    "attributes",
    "_source",
    "json",
    "data",
    "payload",
    "record",
    "line",
    "msg",
    "access_log",
    "access",
    "accesslog",
    "accessLog",
    "access-log",
    "envoy",
    "istio",
    "parsed",
    "content",
];

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// The field it holds, if any.
    pub(super) field: Option<Field>,
    /// Lower wins.
    pub(super) rank: u8,
    /// Bits of [`tell`].
    pub(super) tells: u32,
}

const fn is(field: Field) -> Option<Key> {
    told(field, 0)
}

const fn told(field: Field, tells: u32) -> Option<Key> {
    Some(Key { field: Some(field), rank: 0, tells })
}

const fn alias(field: Field, rank: u8, tells: u32) -> Option<Key> {
    Some(Key { field: Some(field), rank, tells })
}

const fn mark(tells: u32) -> Option<Key> {
    Some(Key { field: None, rank: 0, tells })
}

/// What a key means. Sorted by length first: a line has two dozen keys, and most comparisons are spared that way.
#[inline]
pub(super) fn lookup(key: &[u8]) -> Option<Key> {
    use Field::*;
    use tell::*;
    match key.len() {
        0..=5 => match key {
            b"path" => is(Path),
            b"log" | b"body" | b"Body" | b"json" | b"data" | b"event" | b"line" | b"envoy" | b"istio" => {
                mark(HOLDER)
            }
            b"level" => mark(LEVEL),
            b"msg" => mark(MESSAGE | HOLDER),
            b"scope" => mark(SCOPE),
            b"host" => alias(Authority, 5, 0),
            b"time" => alias(StartTime, 4, 0),
            b"ts" => alias(StartTime, 6, 0),
            b"date" => alias(StartTime, 8, 0),
            b"code" => alias(Code, 5, 0),
            b"flags" => alias(Flags, 4, 0),
            b"uri" => alias(Path, 9, 0),
            b"url" => alias(Path, 8, DEEP),
            b"http" => mark(DEEP),
            _ => None,
        },
        6 => match key {
            b"method" => is(Method),
            b"status" => alias(Code, 4, 0),
            b"fields" | b"record" | b"access" | b"parsed" => mark(HOLDER),
            _ => None,
        },
        7 => match key {
            b"payload" | b"message" | b"_source" | b"content" => mark(HOLDER),
            b"latency" => alias(Duration, 2, 0),
            _ => None,
        },
        8 => match key {
            b"duration" => is(Duration),
            b"protocol" => is(Protocol),
            b"resource" => mark(DEEP),
            _ => None,
        },
        9 => match key {
            b"authority" => is(Authority),
            b"requestId" => alias(RequestId, 3, 0),
            b"userAgent" => alias(UserAgent, 2, 0),
            b"timestamp" => alias(StartTime, 3, 0),
            b"startTime" => alias(StartTime, 9, 0),
            b"bytesSent" => alias(BytesSent, 1, 0),
            b"routeName" => alias(RouteName, 1, 0),
            b"accesslog" | b"accessLog" => mark(HOLDER),
            b"scopeLogs" => mark(DEEP),
            _ => None,
        },
        10 => match key {
            b"start_time" => told(StartTime, START),
            b"bytes_sent" => is(BytesSent),
            b"request_id" => is(RequestId),
            b"user_agent" => is(UserAgent),
            b"user-agent" => alias(UserAgent, 1, 0),
            b"route_name" => is(RouteName),
            b"@timestamp" => alias(StartTime, 1, AT_TIME),
            b":authority" => alias(Authority, 1, GATEWAY | ENVOY),
            b"httpMethod" => alias(Method, 2, 0),
            b"systemTime" => alias(StartTime, 2, 0),
            b"kubernetes" => mark(KUBERNETES),
            b"attributes" | b"envoyproxy" | b"logRecords" => mark(DEEP),
            b"access_log" | b"access-log" => mark(HOLDER),
            _ => None,
        },
        11 => match key {
            b"grpc_status" => is(GrpcStatus),
            b"status_code" => alias(Code, 3, 0),
            b"httpRequest" => mark(DEEP),
            b"jsonPayload" => mark(HOLDER | DEEP),
            b"request_uri" => alias(Path, 5, 0),
            _ => None,
        },
        12 => match key {
            b"responseCode" => alias(Code, 1, CODE),
            b"x-request-id" => alias(RequestId, 1, 0),
            b"x_request_id" => alias(RequestId, 2, 0),
            b"upstreamName" => alias(UpstreamCluster, 2, ENVOY),
            b"request_path" => alias(Path, 4, 0),
            b"resourceLogs" | b"timeUnixNano" => mark(DEEP),
            b"upstreamHost" => alias(UpstreamHost, 1, ENVOY),
            _ => None,
        },
        13 => match key {
            b"response_code" => told(Code, CODE),
            b"upstream_host" => is(UpstreamHost),
            b"response_flag" => alias(Flags, 2, FLAGS),
            b"responseFlags" => alias(Flags, 1, FLAGS),
            b"xForwardedFor" => alias(ForwardedFor, 2, 0),
            b"bytesReceived" => alias(BytesReceived, 1, 0),
            b"httpAuthority" => alias(Authority, 2, 0),
            b"log_processed" => mark(HOLDER),
            b"uber_trace_id" => mark(CONTOUR),
            _ => None,
        },
        14 => match key {
            b"response_flags" => told(Flags, FLAGS),
            b"bytes_received" => is(BytesReceived),
            b"request_method" => alias(Method, 1, 0),
            b"clientDuration" => alias(Duration, 1, 0),
            b"targetDuration" => alias(ServiceTime, 4, 0),
            b"client_address" => alias(DownstreamRemote, 2, 0),
            _ => None,
        },
        15 => match key {
            b"x_forwarded_for" => is(ForwardedFor),
            b"x-forwarded-for" => alias(ForwardedFor, 1, 0),
            b"access_log_type" => told(LogType, ENVOY),
            b"request_command" => alias(Method, 3, 0),
            b"upstreamCluster" => alias(UpstreamCluster, 1, ENVOY),
            _ => None,
        },
        16 => match key {
            b"upstream_cluster" => told(UpstreamCluster, CLUSTER | ENVOY),
            b"request_protocol" => alias(Protocol, 1, 0),
            b"response_details" => alias(Details, 2, ENVOY),
            b"commonProperties" => mark(DEEP),
            _ => None,
        },
        17 => match key {
            b"common_properties" => mark(DEEP),
            _ => None,
        },
        18 => match key {
            b"time_to_first_byte" => mark(OSM),
            b"grpc_status_number" => alias(GrpcStatus, 1, CONTOUR),
            b"upstream_host_name" => alias(UpstreamHost, 2, ENVOY),
            _ => None,
        },
        19 => match key {
            b"x-envoy-origin-path" => alias(Path, 1, GATEWAY | ENVOY),
            b"x_envoy_origin_path" => alias(Path, 2, ENVOY),
            b"requestedServerName" => alias(ServerName, 1, ENVOY),
            b"responseCodeDetails" => alias(Details, 1, ENVOY),
            b"upstreamServiceTime" => alias(ServiceTime, 5, ENVOY),
            _ => None,
        },
        21 => match key {
            b"upstream_service_time" => told(ServiceTime, ENVOY),
            b"requested_server_name" => told(ServerName, SNI | ENVOY),
            b"response_code_details" => told(Details, ENVOY),
            b"upstream_request_time" => alias(ServiceTime, 3, 0),
            _ => None,
        },
        22 => match key {
            b"upstream_local_address" => told(UpstreamLocal, ENVOY),
            _ => None,
        },
        24 => match key {
            b"downstream_local_address" => told(DownstreamLocal, ENVOY),
            _ => None,
        },
        _ => lookup_long(key),
    }
}

fn lookup_long(key: &[u8]) -> Option<Key> {
    use Field::*;
    use tell::*;
    match key {
        b"downstream_remote_address" => told(DownstreamRemote, ENVOY),
        b"connection_termination_details" => told(Termination, ENVOY),
        b"upstream_transport_failure_reason" => told(TransportFailure, ENVOY),
        b"downstream_transport_failure_reason" => told(DownstreamFailure, ENVOY),
        b"upstream_request_attempt_count" => told(Attempts, ENVOY),
        b"x-envoy-upstream-service-time" => alias(ServiceTime, 1, ENVOY),
        b"x_envoy_upstream_service_time" => alias(ServiceTime, 2, ENVOY),
        b"upstreamLocalAddress" => alias(UpstreamLocal, 1, ENVOY),
        b"downstreamLocalAddress" => alias(DownstreamLocal, 1, ENVOY),
        b"downstreamRemoteAddress" => alias(DownstreamRemote, 1, ENVOY),
        b"connectionTerminationDetails" => alias(Termination, 1, ENVOY),
        b"upstreamTransportFailureReason" => alias(TransportFailure, 1, ENVOY),
        b"http.response.status_code" | b"envoyproxy.response_flags" | b"httpRequest.status" => mark(DEEP),
        _ => None,
    }
}

/// A key that a shipper made of a nested one: `log_processed.response_code`. It counts less than the same key at its
/// own level.
#[cold]
pub(super) fn lookup_flattened(key: &[u8]) -> Option<Key> {
    const BELOW: u8 = 64;
    let dot = memchr::memrchr(b'.', key)?;
    let holders = key[..dot].split(|b| *b == b'.');
    let held = holders.into_iter().all(|part| HOLDERS.iter().any(|holder| holder.as_bytes() == part));
    let inner =
        lookup(&key[dot + 1..]).filter(|inner| held && inner.tells & (tell::DEEP | tell::HOLDER) == 0)?;
    Some(Key { rank: inner.rank + BELOW, ..inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_istio_has_its_own_key_at_rank_0() {
        for &field in &Field::ALL[..Field::ISTIO] {
            let key = lookup(field.key().as_bytes()).unwrap_or_else(|| panic!("{field:?}"));
            assert_eq!((key.field, key.rank), (Some(field), 0));
        }
    }
}
