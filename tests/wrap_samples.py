#!/usr/bin/env python3
"""Puts recorded lines of sample-logs into the wrappers and JSON products of the field.

    python3 tests/wrap_samples.py

Reads sample-logs/istio-text/connect-timeout.log and sample-logs/istio-json/subset-missing.jsonl, and writes the files of
twelve lines below sample-logs/wrapped, and one file below the folder of each product's format. The same input gives the
same output: nothing is random, nothing is asked of the clock.
"""

import csv
import io
import json
import pathlib

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / "sample-logs"
POD, NAMESPACE, CONTAINER = "web-6f7c9b5d8-x2k4q", "shop", "istio-proxy"
SECOND = "2026-11-22T14:07:39"

lines = (SAMPLES / "istio-text/connect-timeout.log").read_text().splitlines()
failed = [line for line in lines if '" 503 ' in line]
LINES = [line for line in lines if line not in failed][:6] + failed[:6]
RECORDS = [json.loads(line) for line in (SAMPLES / "istio-json/subset-missing.jsonl").open()]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write(path, lines):
    path = SAMPLES / path
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))


def wrapped(name, wrap):
    write(f"wrapped/{name}", [wrap(line) for line in LINES])


def nano(i):
    return f"{SECOND}.{100 + i:03}345678Z"


KUBERNETES = {"pod_name": POD, "namespace_name": NAMESPACE, "container_name": CONTAINER}
LABELS = {"container": CONTAINER, "namespace": NAMESPACE, "pod": POD}
BEATS = {"namespace": NAMESPACE, "pod": {"name": POD}, "container": {"name": CONTAINER}}
TIME = f"{SECOND}.112Z"

wrapped("kubectl-prefix-timestamps.log", lambda line: f"[pod/{POD}/{CONTAINER}] {nano(1)} {line}")
wrapped("stern-pod.log", lambda line: f"{POD} {CONTAINER} {line}")
wrapped("stern-coloured.log", lambda line: f"\x1b[38;5;12m{POD}\x1b[0m \x1b[94m{CONTAINER}\x1b[0m {line}")
wrapped(
    "stern.jsonl",
    lambda line: compact(
        {"message": line, "nodeName": "n1", "namespace": NAMESPACE, "podName": POD, "containerName": CONTAINER}
    ),
)
wrapped("stern-ext.jsonl", lambda line: json.dumps({"pod": POD, "container": CONTAINER, "message": line}))
wrapped("compose.log", lambda line: f"web-1  | {line}")
wrapped(
    "fluentd.jsonl",
    lambda line: compact(
        {"log": line + "\n", "stream": "stdout", "docker": {"container_id": "4f1e"}, "kubernetes": KUBERNETES}
    ),
)
wrapped("fluentd-file.log", lambda line: f"{SECOND}+00:00\tkubernetes.web\t{line}")
wrapped("logcli.log", lambda line: f'{SECOND}Z {{container="{CONTAINER}", namespace="{NAMESPACE}", pod="{POD}"}} {line}')
wrapped("logcli.jsonl", lambda line: compact({"labels": LABELS, "line": line, "timestamp": TIME}))
wrapped(
    "gcloud.jsonl",
    lambda line: compact(
        {
            "insertId": "x",
            "resource": {"type": "k8s_container", "labels": KUBERNETES},
            "textPayload": line,
            "timestamp": TIME,
        }
    ),
)
wrapped("filebeat.jsonl", lambda line: compact({"@timestamp": TIME, "message": line, "stream": "stdout", "kubernetes": BEATS}))
wrapped(
    "vector.jsonl",
    lambda line: compact(
        {
            "file": f"/var/log/pods/{NAMESPACE}_{POD}_0b1c/{CONTAINER}/0.log",
            "kubernetes": {"pod_name": POD, "pod_namespace": NAMESPACE, "container_name": CONTAINER},
            "message": line,
            "source_type": "kubernetes_logs",
        }
    ),
)
wrapped("splunk.jsonl", lambda line: compact({"event": line, "sourcetype": "envoy", "fields": {"cluster": "c1"}}))
wrapped("grep.log", lambda line: f"logs/gateway.log:12:{line}")
wrapped("syslog.log", lambda line: f"Nov 22 14:07:39 node-1 envoy[12]: {line}")
wrapped("emissary.log", lambda line: f"ACCESS {line}")
wrapped(
    "otlp-body.jsonl",
    lambda line: compact(
        {
            "resourceLogs": [
                {"scopeLogs": [{"logRecords": [{"timeUnixNano": "1795356459112000000", "body": {"stringValue": line}}]}]}
            ]
        }
    ),
)

# Documents: one JSON value for the whole file.
hits = [{"_index": "envoy", "_id": str(i), "_source": {"message": line, "kubernetes": BEATS}} for i, line in enumerate(LINES)]
write("wrapped/elasticsearch.json", [json.dumps({"took": 3, "hits": {"total": {"value": 12}, "hits": hits}}, indent=2)])
write("wrapped/elasticdump.jsonl", [compact(hit) for hit in hits])
bits = [compact({"log": line + "\n", "stream": "stdout", "kubernetes": KUBERNETES}) for line in LINES]
events = [{"logStreamName": POD, "timestamp": 1795356459112 + i, "message": bit, "eventId": str(i)} for i, bit in enumerate(bits)]
write("wrapped/cloudwatch-nested.json", [json.dumps({"events": events}, indent=2)])

# A line above Docker's 16 KiB comes in pieces; only the last ends in a newline. CRI marks the pieces with P.
LONG = [line.replace(' "curl', f' "{"long-agent/1.0 " * 1500}curl', 1) if i % 4 == 0 else line for i, line in enumerate(LINES)]


def pieces(line):
    return [line[at : at + 16384] for at in range(0, len(line), 16384)]


docker, cri = [], []
for i, line in enumerate(LONG):
    parts = pieces(line)
    for at, part in enumerate(parts):
        last = at + 1 == len(parts)
        docker.append(compact({"log": part + ("\n" if last else ""), "stream": "stdout", "time": nano(i)}))
        cri.append(f"{nano(i)} stdout {'F' if last else 'P'} {part}")
write("wrapped/docker-json-partial.log", docker)
write("wrapped/cri-partial.log", cri)


# Products with JSON of their own.
def pick(record, keys):
    return {key: record[key] for key in keys.split()}


def product(name, convert, file="subset-missing.jsonl"):
    write(f"{name}/{file}", [compact(convert(record)) for record in RECORDS])


def text(value):
    return "-" if value is None else str(value)


def gateway(record):
    renamed = {
        "authority": ":authority",
        "path": "x-envoy-origin-path",
        "upstream_service_time": "x-envoy-upstream-service-time",
        "x_forwarded_for": "x-forwarded-for",
        "user_agent": "user-agent",
        "request_id": "x-request-id",
    }
    return {renamed.get(key, key): value for key, value in record.items()}


CONTOUR = (
    "authority bytes_received bytes_sent downstream_local_address downstream_remote_address duration method path protocol "
    "request_id requested_server_name response_code response_flags upstream_cluster upstream_host upstream_local_address "
    "upstream_service_time user_agent x_forwarded_for"
)
OSM = (
    "start_time method path protocol response_code response_code_details upstream_cluster response_flags bytes_received "
    "bytes_sent duration upstream_service_time x_forwarded_for user_agent request_id requested_server_name authority "
    "upstream_host"
)
# `AttributeName` of an access log service message for each flag that the recording has.
ALS = {"NC": "noClusterFound", "UF": "upstreamConnectionFailure"}


def gloo(record):
    return {
        "systemTime": record["start_time"],
        "httpMethod": text(record["method"]),
        "path": text(record["path"]),
        "protocol": text(record["protocol"]),
        "responseCode": text(record["response_code"]),
        "responseFlags": text(record["response_flags"]),
        "clientDuration": text(record["duration"]),
        "targetDuration": text(record["upstream_service_time"]),
        "upstreamName": text(record["upstream_cluster"]),
        "requestId": text(record["request_id"]),
    }


def ecs(record):
    return {
        "@timestamp": record["start_time"],
        "http": {"request": {"method": record["method"]}, "response": {"status_code": record["response_code"]}},
        "url": {"path": record["path"]},
        "envoyproxy": {
            "response_flags": record["response_flags"],
            "upstream_service_time": record["upstream_service_time"],
        },
        "event": {"duration": record["duration"] * 1_000_000},
    }


def gcp(record):
    return {
        "httpRequest": {
            "requestMethod": record["method"],
            "requestUrl": f"http://{record['authority']}{record['path']}",
            "status": record["response_code"],
            "latency": f"{record['duration'] / 1000}s",
            "protocol": "http",
            "userAgent": record["user_agent"],
        },
        "labels": {
            "response_flag": record["response_flags"],
            "response_details": record["response_code_details"],
            "upstream_cluster": record["upstream_cluster"],
        },
        "timestamp": record["start_time"],
        "logName": "projects/shop/logs/client-accesslog-stackdriver",
    }


def otlp(record):
    attributes = [{"key": key, "value": {"stringValue": text(value)}} for key, value in record.items()]
    log = {"timeUnixNano": "1795356459112000000", "body": {}, "attributes": attributes}
    pod = [{"key": "k8s.pod.name", "value": {"stringValue": POD}}]
    return {"resourceLogs": [{"resource": {"attributes": pod}, "scopeLogs": [{"logRecords": [log]}]}]}


def als(record):
    flags = [flag for flag in (record["response_flags"] or "-").split(",") if flag != "-"]
    return {
        "commonProperties": {
            "startTime": record["start_time"],
            "upstreamCluster": text(record["upstream_cluster"]),
            "responseFlags": {ALS[flag]: True for flag in flags},
            "duration": f"{record['duration'] / 1000}s",
        },
        "protocolVersion": "HTTP11",
        "request": {
            "requestMethod": record["method"],
            "authority": record["authority"],
            "path": record["path"],
            "requestId": record["request_id"],
        },
        "response": {"responseCode": record["response_code"], "responseCodeDetails": record["response_code_details"]},
    }


product("envoy-gateway-json", gateway)
product("contour-json", lambda r: {"@timestamp": r["start_time"], **pick(r, CONTOUR), "uber_trace_id": None})
product("osm-json", lambda r: {**pick(r, OSM), "time_to_first_byte": r["duration"]})
# No format of their own: read by keys that others have, too.
product("json", gloo, "gloo.jsonl")
HIGRESS = {"istio_policy_status": "-", "trace_id": "-", "ai_log": "-"}
product("istio-json", lambda r: {**{k: text(v) for k, v in r.items()}, **HIGRESS}, "higress.jsonl")
product("ecs-json", ecs)
product("gcp-json", gcp)
product("otlp-json", otlp)
product("als-json", als)


def document(name, value, indent=None):
    """One JSON document."""
    (SAMPLES / name).write_text((compact(value) if indent is None else json.dumps(value, indent=indent)) + "\n")


def table(name, rows, **style):
    """A table as consoles export it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **style).writerows(rows)
    (SAMPLES / "wrapped" / name).write_text(out.getvalue())


def export(bodies):
    """OpenTelemetry log records whose bodies are lines."""
    logs = [{"timeUnixNano": "1795356459112000000", "body": {"stringValue": body}} for body in bodies]
    names = {"k8s.pod.name": POD, "k8s.namespace.name": NAMESPACE}
    resource = [{"key": key, "value": {"stringValue": value}} for key, value in names.items()]
    scopes = [{"scope": {}, "logRecords": logs}]
    return {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": scopes}]}


# Many records in one document.
batch = otlp(RECORDS[0])
batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"] = [
    otlp(record)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0] for record in RECORDS
]
document("otlp-json/batch.json", batch)
identifier = {"node": {"id": f"sidecar~127.0.0.1~{POD}.{NAMESPACE}~x", "cluster": "web.shop"}, "logName": "als"}
document("als-json/stream.json", {"identifier": identifier, "httpLogs": {"logEntry": [als(r) for r in RECORDS]}}, 1)
write("wrapped/otlp-many.jsonl", [compact(export(LINES[n : n + 4])) for n in (0, 4, 8)])
document("wrapped/otlp-document.json", export(LINES), 2)
results = [[{"field": "@message", "value": line}] for line in LINES]
document("wrapped/cloudwatch-results.json", {"results": results, "status": "Complete"}, 4)
labels = {"pod_name": POD, "namespace_name": NAMESPACE, "container_name": CONTAINER}
write(
    "wrapped/spread.json",
    [json.dumps({"textPayload": line, "resource": {"type": "k8s_container", "labels": labels}}, indent=2) for line in LINES],
)
document("wrapped/strings.json", LINES, 2)

# Tables.
NAMES = ["kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name"]
rows = [["Nov 22, 2026 @ 14:07:39.112", NAMESPACE, POD, CONTAINER, line] for line in LINES]
table("kibana.csv", [["\ufeff@timestamp", *NAMES, "message"], *rows])
rows = [["2026-11-22 14:07:39.112", compact({"log": line, "kubernetes": KUBERNETES}), POD] for line in LINES]
table("cloudwatch-insights.csv", [["@timestamp", "@message", "@logStream"], *rows])

# Lines that were dressed up on their way.
write("wrapped/string-literals.txt", [f"        {json.dumps(line)}," for line in LINES])
ENTITIES = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;"}
write("wrapped/web-page.txt", ["".join(ENTITIES.get(c, c) for c in line) for line in LINES])
wrapped("quoted-mail.txt", lambda line: f"> {line}")
