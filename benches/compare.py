#!/usr/bin/env python3
"""meshwhy beside the tools that people use today, on the same files, in turns.

    cargo build --release
    python3 benches/compare.py [--bin target/release/meshwhy] [--mb 1000] [--turns 5] [--dir DIR] [--install]

Makes its corpora from a seed, checks every answer it can check, and prints a Markdown table of medians and of the median
ratio of neighbouring turns: on a shared machine times drift, ratios less. A tool that is not installed is left out and
named. --install fetches those that the registries have (needs root for the Debian packages)."""

import argparse
import gzip
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEBIAN = ["ripgrep", "mawk", "goaccess", "isal"]
PYTHON = ["duckdb"]
SERVICES = [(name, port) for name in ("cart", "catalog", "checkout", "orders", "payments", "search", "users", "web")
            for port in (8080, 9090)]


def records(size):
    """Requests until about `size` bytes of text are written: 2 % failures, of one service."""
    dice = random.Random(20260122)
    written, at = 0, 0
    while written < size:
        name, port = SERVICES[dice.randrange(len(SERVICES))]
        failed = dice.random() < 0.02
        seconds, ms = divmod(at * 5, 1000)
        at += 1
        if failed:
            name, port = SERVICES[0]
        host = f"{name}.shop.svc.cluster.local"
        record = {
            "authority": f"{host}:{port}",
            "bytes_received": 0,
            "bytes_sent": 152 if failed else dice.randrange(20, 20_000),
            "connection_termination_details": None,
            "downstream_local_address": f"10.96.0.{len(name)}:{port}",
            "downstream_remote_address": f"10.1.2.3:{dice.randrange(32768, 61000)}",
            "duration": dice.randrange(1, 40),
            "method": "GET" if dice.random() < 0.8 else "POST",
            "path": f"/api/v1/items/{dice.randrange(5000)}?page=2",
            "protocol": "HTTP/1.1",
            "request_id": f"{dice.getrandbits(32):08x}-3c1f-4a52-9d7e-5f0c{dice.getrandbits(32):08x}",
            "requested_server_name": None,
            "response_code": 503 if failed else 200,
            "response_code_details": "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111}"
            if failed else "via_upstream",
            "response_flags": "UF,URX" if failed else "-",
            "route_name": "default",
            "start_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_767_225_600 + seconds)) + f".{ms:03d}Z",
            "upstream_cluster": f"outbound|{port}||{host}",
            "upstream_host": f"10.8.{port % 7}.{dice.randrange(1, 7)}:{port}",
            "upstream_local_address": None if failed else f"10.1.2.3:{dice.randrange(32768, 61000)}",
            "upstream_service_time": None if failed else "3",
            "upstream_transport_failure_reason": "delayed_connect_error:_111" if failed else None,
            "user_agent": dice.choice(["okhttp/4.12.0", "curl/8.5.0", "Go-http-client/1.1"]),
            "x_forwarded_for": None,
        }
        line = text_of(record)
        written += len(line) + 1
        yield record, line, failed


def text_of(record):
    r = {key: "-" if value is None else value for key, value in record.items()}
    return (
        '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} {response_code_details} '
        '{connection_termination_details} "{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} {duration} '
        '{upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" "{upstream_host}" '
        "{upstream_cluster} {upstream_local_address} {downstream_local_address} {downstream_remote_address} "
        "{requested_server_name} {route_name}".format(**r)
    )


def corpora(folder, size):
    """The text, the same as JSON (as many bytes), the text as one .gz and as eight; and what must be counted."""
    paths = {"text": folder / "a.log", "json": folder / "a.json", "gz": folder / "a.log.gz"}
    answers = {"text": [0, 0], "json": [0, 0]}
    json_bytes = 0
    pieces = [open(folder / f"part{i}.log", "w") for i in range(8)]
    piece_bytes = size / 8
    with open(paths["text"], "w") as text, open(paths["json"], "w") as lines:
        written = 0
        for record, line, failed in records(size):
            text.write(line + "\n")
            pieces[min(7, int(written / piece_bytes))].write(line + "\n")
            written += len(line) + 1
            answers["text"][0] += 1
            answers["text"][1] += failed
            if json_bytes < size:
                packed = json.dumps(record, separators=(",", ":"), sort_keys=True)
                lines.write(packed + "\n")
                json_bytes += len(packed) + 1
                answers["json"][0] += 1
                answers["json"][1] += failed
    for piece in pieces:
        piece.close()
        subprocess.run(["gzip", "-6", piece.name], check=True)
    with open(paths["text"], "rb") as plain, gzip.open(paths["gz"], "wb", 6) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    paths["gz8"] = sorted(folder.glob("part*.gz"))
    answers["gz"] = answers["gz8"] = answers["text"]
    return paths, answers


def wall(command):
    start = time.perf_counter()
    done = subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode} {done.stderr.decode()[:300]}")
    return seconds


def beside(name, ours, theirs, turns):
    """One row: both commands in turns."""
    wall(ours), wall(theirs)
    pairs = [(wall(ours), wall(theirs)) for _ in range(turns)]
    mine, other = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"| {name} | {mine:.2f} s | {other:.2f} s | {ratio:.2f} |", flush=True)


def check(binary, arguments, answer):
    out = subprocess.run(f"{binary} --output json {arguments}", shell=True, stdout=subprocess.PIPE, check=True).stdout
    totals = json.loads(out)["totals"]
    got = [totals["requests"], totals["failed"]]
    assert got == answer, f"{arguments}: {got}, not {answer}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/release/meshwhy")
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--dir", help="where the corpora are made (and removed) [default: the system's]")
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    if options.install:
        subprocess.run(["apt-get", "install", "-y", "-qq", *DEBIAN], check=False)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *PYTHON], check=False)
    binary = os.path.abspath(options.bin)
    try:
        import duckdb  # noqa: F401
        has_duckdb = True
    except ImportError:
        has_duckdb = False
    has = {tool: shutil.which(tool) is not None for tool in ("rg", "mawk", "goaccess", "igzip", "agrind")}
    has["duckdb"] = has_duckdb

    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        paths, answers = corpora(Path(folder), options.mb * 1_000_000)
        text, lines, packed = paths["text"], paths["json"], paths["gz"]
        eight = " ".join(map(str, paths["gz8"]))
        for kind, arguments in [("text", text), ("text", f"--threads 1 {text}"), ("text", f"< {text}"), ("json", lines),
                                ("gz", packed), ("gz8", eight)]:
            check(binary, arguments, answers[kind])
        load = os.getloadavg()[0]
        print(f"{options.mb} MB, {answers['text'][0]} lines; {os.cpu_count()} cores; load before: {load:.1f}\n")
        print("| work | meshwhy | beside it | ratio |\n|---|---|---|---|")

        def row(name, arguments, theirs):
            beside(name, f"{binary} --no-progress {arguments}", theirs, options.turns)

        row("text; `wc -l`", text, f"wc -l {text}")
        row("text, `--threads 1`; `wc -l`", f"--threads 1 {text}", f"wc -l {text}")
        beside("text from a pipe; `cat \\| wc -l`", f"cat {text} | {binary} --no-progress", f"cat {text} | wc -l", options.turns)
        row("JSON; `wc -l`", lines, f"wc -l {lines}")
        unpack = "igzip" if has["igzip"] else "gzip"
        row(f"one .gz; `{unpack} -dc`", packed, f"{unpack} -dc {packed}")
        row(f"eight .gz; `xargs -P2 {unpack} -dc`", eight, f"printf '%s\\n' {eight} | xargs -P2 -n1 {unpack} -dc")
        if has["rg"]:
            row("text; `rg -c` of one flag", text, f"rg -c ' UF,URX ' {text}")
        if has["mawk"]:
            row("text; mawk, cluster and flags counted", text, f"mawk '{{n[$5]++}} END {{for (k in n) print k, n[k]}}' {text}")
        if has["duckdb"]:
            split = "string_split(column0, ' ')"
            query = (f"SELECT {split}[-6], {split}[6], count(*) FROM read_csv('{text}', delim='\\x01', header=false, quote='', "
                     f"columns={{'column0':'VARCHAR'}}) GROUP BY 1, 2")
            script = Path(folder) / "text.py"
            script.write_text(f"import duckdb\nduckdb.sql({query!r}).fetchall()\n")
            row("text; DuckDB, cluster and flags only", text, f"{sys.executable} {script}")
            query = (f"SELECT upstream_cluster, response_flags, count(*) FROM read_json('{lines}', format='newline_delimited', "
                     f"columns={{upstream_cluster:'VARCHAR',response_flags:'VARCHAR'}}) GROUP BY 1, 2")
            script = Path(folder) / "json.py"
            script.write_text(f"import duckdb\nduckdb.sql({query!r}).fetchall()\n")
            row("JSON; DuckDB, cluster and flags only", lines, f"{sys.executable} {script}")
        if has["agrind"]:
            row("JSON; angle-grinder, the same", lines,
                f"agrind -f {lines} '* | json | count by upstream_cluster, response_flags'")
        if has["goaccess"]:
            form = "--log-format='[%dT%t.%^] \"%m %U %H\" %s %^ %^ %^ \"%^\" %^ %b %D %^ \"%^\" \"%u\" \"%^\" \"%v\" \"%h:%^\" %^'"
            row("text; GoAccess", text, f"goaccess {text} {form} --date-format=%Y-%m-%d --time-format=%H:%M:%S -o json")
        missing = [tool for tool, there in has.items() if not there]
        if missing:
            print(f"\nnot installed, left out: {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
