#!/usr/bin/env python3
"""Reads what `records --output parquet` writes with DuckDB, and holds it against `--output ndjson` and docs/columnar.md.

    python3 tests/columnar/run.py --bin target/debug/meshwhy

One line a check; the last line is `N passed, N failed`. DuckDB comes from PyPI, into target/python; without it says SKIPPED.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import pypi  # noqa: E402

pypi.require(HERE / "requirements.txt")

import duckdb  # noqa: E402

PAGE = (ROOT / "docs" / "columnar.md").read_text(encoding="utf-8")
NUMBERS = ["response_code", "bytes_received", "bytes_sent", "duration", "upstream_service_time"]
# What docs/columnar.md says, in DuckDB's words.
TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "list of string": "VARCHAR[]",
    "timestamp, microseconds, UTC": "TIMESTAMP WITH TIME ZONE",
}
FAILED = ("app_error", "proxy_error")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ROWS = 250_000
MEMORY_MIB = 192


class Failure(Exception):
    """A check that did not hold."""


def expect(holds, what):
    if not holds:
        raise Failure(what)


class Bench:
    """The program, a folder, and DuckDB in it."""

    def __init__(self, binary, work):
        self.binary, self.work = str(binary), work
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")

    def write(self, form, *args, name="records", expected=0):
        path = self.work / f"{name}.{form}"
        with open(path, "wb") as out:
            done = subprocess.run([self.binary, "records", "--quiet", "--output", form, *map(str, args)], stdout=out, stderr=subprocess.PIPE, timeout=300)
        expect(done.returncode == expected, f"exit code {done.returncode}: {done.stderr.decode()}")
        return path

    def rows(self, path):
        """Rows as dictionaries; times as whole microseconds, which no float rounds."""
        columns = [row[0] for row in self.db.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
        chosen = ", ".join(f'epoch_us("{c}")' if c == "start_time_utc" else f'"{c}"' for c in columns)
        return [dict(zip(columns, row)) for row in self.db.execute(f"SELECT {chosen} FROM '{path}'").fetchall()]


def expected(line):
    """The row that a line of ndjson must be."""
    row = json.loads(line)
    row["start_time_utc"] = micros(row["start_time"])
    row["not_numbers"] = []
    for key in NUMBERS:
        value = row[key]
        if value is not None and not (isinstance(value, int) and value < 2**63):
            row["not_numbers"].append(f"{key}={value}")
            row[key] = None
    return row


def micros(text):
    """Microseconds since 1970 of an RFC 3339 text, read by Python's own parser."""
    if not re.match(r"\d{4}-\d\d-\d\d[T ]", text or ""):
        return int(text) * 1_000_000 if re.fullmatch(r"\d{9,11}", text or "") else None
    if text[-1] not in "Zz" and not re.search(r"[+-]\d\d:?\d\d$", text):
        text += "Z"
    return (datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)) - EPOCH) // datetime.timedelta(microseconds=1)


def same(bench, *args, **more):
    """Writes both forms of the same input, compares them row by row, and returns the rows."""
    parquet, ndjson = bench.write("parquet", *args, **more), bench.write("ndjson", *args, **more)
    found = bench.rows(parquet)
    wanted = [expected(line) for line in ndjson.read_text(encoding="utf-8").splitlines()]
    expect(len(found) == len(wanted), f"{len(found)} rows for {len(wanted)} lines")
    for number, (row, other) in enumerate(zip(found, wanted), 1):
        expect(row == other, f"row {number}: {[(k, row.get(k), other.get(k)) for k in {*row, *other} if row.get(k) != other.get(k)]}")
    return found


LINE = (
    b'[%s] "%s %s HTTP/1.1" %s %s %s - "-" 0 95 %s 3 "-" "%s" "%s" "reviews:9080" "10.0.0.7:9080" '
    b"outbound|9080||reviews.default.svc.cluster.local 10.0.0.2:41000 10.96.0.4:9080 10.0.0.2:50000 - default\n"
)


def line(time=b"2026-03-01T12:00:00.000Z", method=b"GET", path=b"/reviews", code=b"200", flags=b"-", details=b"via_upstream", duration=b"4", agent=b"curl", request=b"r-1"):
    return LINE % (time, method, path, code, flags, details, duration, agent, request)


def samples(bench):
    rows = same(bench, ROOT / "sample-logs")
    expect(len(rows) > 5_000 and len({r["format"] for r in rows}) > 15, "the samples were not read")
    return f"{len(rows)} rows of the samples"


def hostile(bench):
    log = bench.work / "hostile.log"
    log.write_bytes(
        line(path=b"/a\xff\xfe\x00b", agent=b"\xe4\xbd\xa0\xe5\xa5\xbd \\x41 \xf0\x9f")
        + line(time=b"2026-03-01T13:00:00.123456789+01:00", flags=b"URX,UF", code=b"503")
        + line(duration=b"99999999999999999999", agent=b"")
        + line(duration=b"18446744073709551615", request=b"-")
        + line(flags=b"UpstreamConnectionFailure,XYZ", code=b"503", path=b"/'; DROP TABLE records; --")
        + line(agent=b"x" * 100_000)
        + line()[:180]
    )
    rows = same(bench, log, name="hostile")
    expect(len(rows) == 7 and rows[0]["path"] == "/a\\xff\\xfe\0b", f"{rows[0]}")
    expect(rows[1]["start_time_utc"] == micros("2026-03-01T12:00:00.123456Z") and rows[1]["flags"] == ["UF", "URX"], f"{rows[1]}")
    expect(rows[2]["duration"] is None and rows[2]["not_numbers"] == ["duration=99999999999999999999"], f"{rows[2]}")
    expect(rows[3]["request_id"] is None and rows[2]["user_agent"] == "", "null and empty are two things")
    expect(not rows[6]["complete"], "the last line is cut")
    return "bytes that are no text, numbers that are none, times with a zone, a line that is cut"


def documented(bench):
    """The table of the page is the schema: names, order, types, what may be null."""
    told = []
    for names, kind, null in re.findall(r"^\| ((?:`\w+` ?)+)\| ([^|]+) \| (yes|no) \|", PAGE, re.M):
        told += [(name, TYPES[kind], null == "yes") for name in re.findall(r"`(\w+)`", names)]
    path = bench.work / "records.parquet"
    types = {row[0]: row[1] for row in bench.db.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()}
    # Columns are the children of the root: those of a list are its own.
    schema = bench.db.execute(f"SELECT name, repetition_type FROM parquet_schema('{path}')").fetchall()
    null = {name: repetition == "OPTIONAL" for name, repetition in schema if name in types}
    found = [(name, kind, null[name]) for name, kind in types.items()]
    expect(found == told, f"the file has {found}\nthe page says {told}")
    version = bench.db.execute(f"SELECT decode(value) FROM parquet_kv_metadata('{path}') WHERE decode(key) = 'meshwhy.schema'").fetchall()
    expect(version == [("meshwhy.records/1",)] and version[0][0] in PAGE, f"{version}")
    return f"{len(found)} columns as documented"


def by_cluster(rows, found):
    wanted = Counter((r["upstream_cluster"], r["response_code"], r["response_flags"]) for r in rows if r["outcome"] in FAILED)
    expect(len(found) == min(20, len(wanted)), f"{len(found)} rows")
    expect([row[3] for row in found] == sorted(wanted.values(), reverse=True)[:20], "not the largest")
    expect(all(wanted[row[:3]] == row[3] for row in found), "wrong counts")


def by_minute(rows, found):
    wanted = defaultdict(lambda: [0, 0])
    for r in rows:
        if r["start_time_utc"] is not None:
            count = wanted[r["start_time_utc"] // 60_000_000, r["upstream_cluster"]]
            count[0] += 1
            count[1] += r["outcome"] in FAILED
    got = {(int((minute - EPOCH).total_seconds()) // 60, cluster): (n, rate) for minute, cluster, n, rate in found}
    expect(got.keys() == wanted.keys() and len(found) == len(wanted), "other minutes or upstreams")
    expect(all(got[k][0] == n and abs(got[k][1] - f / n) < 1e-12 for k, (n, f) in wanted.items()), "wrong rates")


def slow(rows, found):
    wanted = defaultdict(list)
    for r in rows:
        if r["kind"] == "http" and r["outcome"] != "client_gone":
            wanted[r["authority"], r["path"].split("?")[0] if r["path"] is not None else None].append(r)
    p99 = lambda values: sorted(values)[max(0, -(-99 * len(values) // 100) - 1)] if values else None
    known = {k: (len(v), p99([r["duration"] for r in v if r["duration"] is not None])) for k, v in wanted.items() if len(v) >= 20}
    expect(len(found) == min(20, len(known)), f"{len(found)} rows")
    expect(all(known[row[0], row[1]] == row[2:4] for row in found), "wrong counts or quantiles")


def by_flag(rows, found):
    wanted = Counter(flag for r in rows for flag in r["flags"])
    expect({row[0]: row[1] for row in found} == dict(wanted), "wrong counts")


def in_several(rows, found):
    wanted = defaultdict(list)
    for r in rows:
        if r["request_id"] is not None:
            wanted[r["request_id"]].append(r)
    hit = {k: v for k, v in wanted.items() if len(v) > 1 and any(r["outcome"] in FAILED for r in v)}
    expect(len(found) == min(50, len(hit)), f"{len(found)} rows for {len(hit)}")
    for request, lines, _, sources, codes in found:
        at = hit[request]
        expect(lines == len(at) and sources == sorted({r["source"] for r in at}), request)
        expect(codes == sorted({r["response_code"] for r in at if r["response_code"] is not None}), request)


def queries(bench):
    """The five queries of the page, against the same counts made in Python."""
    found = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
    checks = [by_cluster, by_minute, slow, by_flag, in_several]
    expect(len(found) == len(checks), f"the page has {len(found)} queries")
    rows = bench.rows(bench.work / "records.parquet")
    before = os.getcwd()
    os.chdir(bench.work)
    try:
        for query, check in zip(found, checks):
            answer = bench.db.execute(query).fetchall()
            expect(answer, f"no row for\n{query}")
            try:
                check(rows, answer)
            except Failure as e:
                raise Failure(f"{check.__name__}: {e}") from e
    finally:
        os.chdir(before)
    return f"the {len(found)} queries of docs/columnar.md"


def large(bench):
    """Many rows, down a pipe: several row groups, one file for any number of threads, memory that stays."""
    log, chance = bench.work / "large.log", random.Random(7)
    with open(log, "wb") as out:
        for n in range(ROWS):
            code = b"503" if n % 50 == 0 else b"200"
            time = b"2026-03-01T%02d:%02d:%02d.%03dZ" % (n // 36_000 % 24, n // 600 % 60, n // 10 % 60, n % 1000)
            out.write(line(time=time, code=code, duration=b"%d" % chance.randrange(900), request=b"%032x" % chance.getrandbits(128)))
    files = []
    for threads in (1, 2):
        path = bench.work / f"large-{threads}.parquet"
        with open(path, "wb") as out:
            command = [bench.binary, "records", "--quiet", "--output", "parquet", "--threads", str(threads), "-"]
            with open(log, "rb") as text, subprocess.Popen(command, stdin=text, stdout=subprocess.PIPE) as child:
                while piece := child.stdout.read(1 << 16):
                    out.write(piece)
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
        expect(child.returncode == 0, f"exit code {child.returncode}")
        kept = usage.ru_maxrss / 1024 if sys.platform == "linux" else 0
        expect(kept < MEMORY_MIB, f"{kept:.0f} MiB with {threads} threads")
        files.append(path.read_bytes())
    expect(files[0] == files[1], "one thread and two write different files")
    groups = bench.db.execute(f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('{path}') ORDER BY ALL").fetchall()
    expect([n for _, n in groups[:-1]] == [122_880] * (len(groups) - 1) and len(groups) == -(-ROWS // 122_880), f"row groups {groups}")
    counted = bench.db.execute(f"SELECT count(*), count(DISTINCT request_id), count(*) FILTER (response_code = 503), max(line) FROM '{path}'").fetchall()
    expect(counted == [(ROWS, ROWS, ROWS // 50, ROWS)], f"{counted}")
    return f"{ROWS} rows in {len(groups)} row groups, {kept:.0f} MiB, {log.stat().st_size >> 20} MiB of log in {path.stat().st_size >> 20} MiB"


def filtered(bench):
    path = bench.write("parquet", ROOT / "sample-logs", "--flag", "UF", name="filtered")
    rows = bench.rows(path)
    expect(rows and all("UF" in row["flags"] for row in rows), "other rows passed the filter")
    nothing = bench.write("parquet", ROOT / "sample-logs", "--flag", "NOSUCH", name="nothing")
    expect(bench.rows(nothing) == [], "rows from nowhere")
    return f"{len(rows)} rows with UF; no row is a file, too"


def broken(bench):
    """What was read before an archive breaks off is a whole file, and exit code 3 says that something is missing."""
    whole = gzip.compress(b"".join(line(request=b"%d" % n) for n in range(20_000)), 1)
    archive = bench.work / "broken.log.gz"
    archive.write_bytes(whole[: len(whole) // 2])
    rows = same(bench, archive, name="broken", expected=3)
    expect(1_000 < len(rows) < 20_000, f"{len(rows)} rows")
    return f"{len(rows)} rows of an archive that breaks off"


def closed(bench):
    """A reader that has seen enough is no failure."""
    command = [bench.binary, "records", "--quiet", "--output", "parquet", str(bench.work / "large.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        head = child.stdout.read(4)
        child.stdout.close()
        said = child.stderr.read()
    expect(head == b"PAR1" and child.wait() == 0 and not said, f"{head}, exit code {child.returncode}, {said}")
    return "a closed pipe"


def terminal(bench):
    """A screen is no place for it."""
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run([bench.binary, "records", "--output", "parquet", str(ROOT / "sample-logs")], stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(theirs)
    os.close(ours)
    expect(done.returncode == 2 and "terminal" in done.stderr, f"exit code {done.returncode}: {done.stderr}")
    return "a terminal is refused"


def main():
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("--bin", type=pathlib.Path, default=ROOT / "target" / "debug" / "meshwhy", help="built with --features parquet")
    binary = it.parse_args().bin.resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(binary, pathlib.Path(work))
        for check in (samples, documented, queries, hostile, large, filtered, broken, closed, terminal):
            try:
                said = check(bench)
            except (Failure, duckdb.Error, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f"FAILED  {check.__name__}: {e}")
            else:
                passed += 1
                print(f"ok      {check.__name__}: {said}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
