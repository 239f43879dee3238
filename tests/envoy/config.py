"""Envoy's configuration, built as Istio's proxies have it: names of clusters, listeners and routes, and the access logs."""

import json

TEXT = ('[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
        '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% '
        '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
        '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% '
        '%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n')

CUSTOM = ('ts=%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)% status=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% why=%RESPONSE_CODE_DETAILS% '
          'end="%CONNECTION_TERMINATION_DETAILS%" transport="%UPSTREAM_TRANSPORT_FAILURE_REASON%" '
          'req="%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%" rx=%BYTES_RECEIVED% tx=%BYTES_SENT% ms=%DURATION% '
          'app_ms=%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% up=%UPSTREAM_HOST% cluster=%UPSTREAM_CLUSTER_RAW% from=%DOWNSTREAM_REMOTE_ADDRESS% '
          'to=%DOWNSTREAM_LOCAL_ADDRESS% via=%UPSTREAM_LOCAL_ADDRESS% sni=%REQUESTED_SERVER_NAME% route=%ROUTE_NAME% '
          'host=%REQ(:AUTHORITY)% id=%REQ(X-REQUEST-ID)% agent="%REQ(USER-AGENT)%"\n')

JSON = {
    "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%", "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%", "duration": "%DURATION%", "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%", "user_agent": "%REQ(USER-AGENT)%", "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%", "upstream_host": "%UPSTREAM_HOST%", "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%", "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%", "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%",
}

# The formats by the last part of the file's name; the first is Envoy's own, which it has without being told.
FORMATS = {"default": None, "text": {"text_format_source": {"inline_string": TEXT}}, "json": {"json_format": JSON},
           "custom": {"text_format_source": {"inline_string": CUSTOM}}}

# Istio sets all of them out of reach; Envoy alone allows 1024, and 3 retries at a time.
NO_LIMITS = {"thresholds": [dict.fromkeys(["max_connections", "max_pending_requests", "max_requests", "max_retries"], 4294967295)]}

ISTIO_RETRIES = {"retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes", "num_retries": 2,
                 "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {
                     "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}],
                 "host_selection_retry_max_attempts": "5",
                 "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.1s"}}


def typed(name, kind, **fields):
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/{kind}", **fields}}


def socket(address, port):
    return {"socket_address": {"address": address, "port_value": port}}


def access_log(folder, vantage):
    """All formats at once, one file each."""
    return [typed("envoy.access_loggers.file", "envoy.extensions.access_loggers.file.v3.FileAccessLog",
                  path=str(folder / f"{vantage}.{name}.log"), **({"log_format": how} if how else {})) for name, how in FORMATS.items()]


def http_filter(name, kind, **fields):
    return typed(f"envoy.filters.http.{name}", f"envoy.extensions.filters.http.{kind}", **fields)


def router():
    return http_filter("router", "router.v3.Router")


def http_manager(logs, routes, filters=(), stat="outbound", **more):
    """The network filter that serves HTTP."""
    # A sidecar takes the caller's request id over, so that both ends of a hop have the same.
    settings = {"stat_prefix": stat, "codec_type": "AUTO", "access_log": logs, "route_config": routes, "use_remote_address": False,
                "preserve_external_request_id": True, "http_filters": [*filters, router()], **more}
    return typed("envoy.filters.network.http_connection_manager",
                 "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", **settings)


def tcp_proxy(logs, cluster, **more):
    return typed("envoy.filters.network.tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=cluster,
                 cluster=cluster, access_log=logs, **more)


def listener(name, address, port, chains, logs=None, inspectors=()):
    made = {"name": name, "address": socket(address, port), "filter_chains": chains, "listener_filters": list(inspectors)}
    if logs:
        made["access_log"] = logs
    return made


def tls_inspector():
    return typed("envoy.filters.listener.tls_inspector", "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")


def assignment(cluster, endpoints):
    lb = [{"endpoint": {"address": socket(*e)}} for e in endpoints]
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": lb}] if lb else []}


def h2_options():
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}}


def upstream_tls(ca=None, san=None, sni="", client=None, versions=None):
    common = {}
    if ca:
        common["validation_context"] = {"trusted_ca": {"filename": str(ca)}}
        if san:
            common["validation_context"]["match_typed_subject_alt_names"] = [{"san_type": "DNS", "matcher": {"exact": san}}]
    if client:
        common["tls_certificates"] = [_pair(client)]
    if versions:
        common["tls_params"] = {"tls_minimum_protocol_version": versions[0], "tls_maximum_protocol_version": versions[1]}
    return typed("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", sni=sni,
                 common_tls_context=common)


def downstream_tls(pair, ca=None, versions=None):
    common = {"tls_certificates": [_pair(pair)]}
    if ca:
        common["validation_context"] = {"trusted_ca": {"filename": str(ca)}}
    if versions:
        common["tls_params"] = {"tls_minimum_protocol_version": versions[0], "tls_maximum_protocol_version": versions[1]}
    return typed("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                 common_tls_context=common, require_client_certificate=bool(ca))


def _pair(pair):
    return {"certificate_chain": {"filename": str(pair[0])}, "private_key": {"filename": str(pair[1])}}


def bootstrap(listeners, clusters, lds=None):
    made = {"node": {"id": "sidecar~lab", "cluster": "bank"}, "static_resources": {"clusters": clusters}}
    if lds:
        made["dynamic_resources"] = {"lds_config": file_source(lds)}
    else:
        made["static_resources"]["listeners"] = listeners
    return made


def file_source(path):
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def write_resources(path, kind, resources):
    """A discovery answer in a file; moved into its place, which is what Envoy watches for."""
    body = {"version_info": str(hash(json.dumps(resources))), "resources": [{"@type": f"type.googleapis.com/{kind}", **r} for r in resources]}
    fresh = path.with_suffix(".next")
    fresh.write_text(json.dumps(body))
    fresh.replace(path)
