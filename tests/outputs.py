#!/usr/bin/env python3
"""Reads the program's outputs for scripts with other people's readers: JSON with jsonschema, the exposition with
Prometheus' own client, CSV with the csv module.

    python3 tests/outputs.py --bin target/debug/meshwhy

Exits with 77 when a reader is not installed (pip install jsonschema prometheus-client).
"""

import argparse
import csv
import io
import json
import pathlib
import subprocess
import sys

try:
    from jsonschema import Draft202012Validator
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Names that want to end a line, a label or a cell.
HOSTILE = b"".join(
    b'[2026-01-02T03:04:%02d.000Z] "GET /%s HTTP/1.1" 503 UF upstream_reset - "-" 0 0 1 - "-" "=1+1" "-" "%s" '
    b'"10.0.0.1:80" outbound|80||%s.b.svc.cluster.local - 10.0.0.2:80 10.0.0.3:1000 - default\n' % (n, name, name, name)
    for n, name in enumerate([b"a\\", b"b\\n", b"c}1", b'd","e', b"\xff\xfe", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[31m", b"=1+1", b"{}#"])
)


def schema(name):
    found = json.loads((ROOT / "docs/schema" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--bin", required=True)
    program = str(pathlib.Path(args.parse_args().bin).resolve())
    schemas = {name: schema(name) for name in ("triage", "report", "compare", "records")}
    killed = str(ROOT / "sample-logs/istio-text/checkout-killed.log")

    def run(words, stdin=b""):
        ended = subprocess.run([program, *words, "--no-config"], input=stdin, capture_output=True)
        assert ended.returncode in (0, 4), (words, ended.returncode, ended.stderr)
        return ended.stdout

    def keeps_to(name, text, what):
        for error in schemas[name].iter_errors(json.loads(text)):
            raise SystemExit(f"{what}: {name}: {error.json_path}: {error.message}")

    def exposition(text, what):
        series = {}
        for family in text_string_to_metric_families(text.decode()):
            assert family.documentation, (what, family.name)
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in series, (what, key)
                series[key] = sample.value
        return series

    samples = sorted(p for p in (ROOT / "sample-logs").rglob("*") if p.is_file() and p.suffix != ".md")
    inputs = [([str(path)], b"") for path in samples] + [([], HOSTILE), ([], b""), ([], b"no log\n")]
    for words, stdin in inputs:
        what = words[0] if words else repr(stdin[:30])
        triage = run(["--output", "json", "--by", "upstream,code", *words], stdin)
        keeps_to("triage", triage, what)
        keeps_to("report", run(["report", "--output", "json", "--slo", "99", *words], stdin), what)
        if words:
            keeps_to("compare", run(["compare", "--output", "json", "--before", killed, "--after", *words]), what)
        for line in run(["records", *words], stdin).splitlines():
            keeps_to("records", line, what)
        counts = json.loads(triage)
        series = exposition(run(["--output", "prometheus", "--by", "upstream,host", *words], stdin), what)
        for family in ("meshwhy_requests_total",):
            total = sum(n for (name, _), n in series.items() if name == family)
            assert total == counts["totals"]["requests"], (what, total)
        kinds = {dict(labels)["kind"]: n for (name, labels), n in series.items() if name == "meshwhy_lines_total"}
        assert sum(kinds.values()) == counts["input"]["lines"], (what, kinds)
        assert len(series) < 10_000, (what, len(series))
        for by in ([], ["--by", "path,code"]):
            rows = list(csv.reader(io.StringIO(run(["--output", "csv", *by, *words], stdin).decode(), newline="")))
            assert len({len(row) for row in rows}) == 1, (what, by)
            head = rows[0]
            requests = sum(int(row[head.index("requests")]) for row in rows[1:])
            assert requests >= counts["totals"]["requests"], (what, by, requests)
            assert not any(cell.startswith(("=", "+", "@")) for row in rows[1:] for cell in row), what
        rows = list(csv.reader(io.StringIO(run(["records", "--output", "csv", *words], stdin).decode(), newline="")))
        assert len(rows) == 1 + sum(1 for _ in run(["records", *words], stdin).splitlines()), what
    hostile = exposition(run(["--output", "prometheus"], HOSTILE), "hostile")
    names = {dict(labels).get("upstream") for (name, labels) in hostile if name == "meshwhy_upstream_requests_total"}
    assert len(names) == 10, names
    print(f"{len(inputs)} inputs: JSON keeps to its schemas, the exposition and the CSV are read by others")


main()
