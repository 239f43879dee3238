#!/usr/bin/env python3
"""Runs docs/spark/meshwhy_spark.py on a small cluster of its own and holds the result against one machine's, byte for byte.

    python3 tests/spark/run.py --bin target/debug/meshwhy [-v]

Executors are processes of their own (Spark's local-cluster); one of them is killed while it reads. One line a check; the last line is
`N passed, N failed`. Needs Java 17; PySpark comes from PyPI, into target/python; without them says SKIPPED.
"""

import argparse
import gzip
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import pypi  # noqa: E402

if not shutil.which("java"):
    pypi.skip("Spark needs Java 17 (apt-get install openjdk-17-jre-headless)")
pypi.require(HERE / "requirements.txt")

import pyspark  # noqa: E402

JOB = ROOT / "docs" / "spark" / "meshwhy_spark.py"
# Two executors with one core each.
CLUSTER = "local-cluster[2,1,1024]"
# One process: for what has nothing to do with processes.
ONE = "local[2]"
HOURS, LINES = 12, 400
BUDGET = 400
LOSS = re.compile(r"Lost executor (\d+) on")


class Failure(Exception):
    """A check that did not hold."""


def expect(holds, what):
    if not holds:
        raise Failure(what)


FAULTS = [
    b'503 UF upstream_reset_before_response_started{connection_failure} - "delayed_connect_error:_111"',
    b'503 UH no_healthy_upstream - "-"',
    b'504 UT upstream_response_timeout - "-"',
    b'500 - via_upstream - "-"',
    b'0 DC downstream_remote_disconnect - "-"',
]


def hour(number):
    """The log of a gateway in one hour; what fails changes by the hour."""
    chance, out = random.Random(number), []
    for n in range(LINES):
        second = n * 3600 // LINES
        at = b"2026-03-01T%02d:%02d:%02d.%03dZ" % (number, second // 60, second % 60, chance.randrange(1000))
        name = chance.choice([b"reviews", b"ratings", b"checkout"])
        bad = chance.randrange(100) < (40 if name == b"checkout" and number in (5, 6) else 2)
        end = FAULTS[number % len(FAULTS)] if bad else b'200 - via_upstream - "-"'
        out.append(
            b'[%s] "GET /%s/%d HTTP/1.1" %s 0 %d %d %d "-" "curl/8" "%032x" "%s.example" "10.0.1.%d:8080" outbound|8080||%s.shop.svc.cluster.local '
            b"10.0.0.2:41000 10.0.0.2:8443 192.0.2.%d:50000 - default\n"
            % (at, name, n % 7, end, chance.randrange(5000), chance.randrange(300), chance.randrange(200), chance.getrandbits(128), name, chance.randrange(3), name, chance.randrange(9))
        )
    out.append(b"2026-03-01T%02d:59:59.999999Z\twarning\tenvoy config\tStreamAggregatedResources gRPC config stream closed: 14, connection refused\n" % number)
    return b"".join(out)


def archive(folder):
    """A folder of logs in order of time, packed and not, and something that is no log."""
    for number in range(HOURS):
        day = folder / f"2026-03-0{1 + number // 24}"
        day.mkdir(parents=True, exist_ok=True)
        text = hour(number)
        if number % 4 == 3:
            (day / f"gateway-{number:02}.log").write_bytes(text)
        else:
            (day / f"gateway-{number:02}.log.gz").write_bytes(gzip.compress(text))
    return folder


class Cluster:
    """spark-submit, and what it said."""

    def __init__(self, work, verbose):
        self.work, self.verbose, self.runs = work, verbose, 0

    def start(self, binary, *arguments, master=CLUSTER):
        """The running job, its result and where its log goes."""
        self.runs += 1
        result, log = self.work / f"result-{self.runs}", self.work / f"log-{self.runs}"
        home = pathlib.Path(pyspark.__file__).parent
        settings = {
            "spark.ui.enabled": "false",
            # An executor that is lost is not waited for longer than needed.
            "spark.network.timeout": "60s",
            "spark.executor.heartbeatInterval": "5s",
            "spark.driver.memory": "512m",
            "spark.local.dir": str(self.work / "spark"),
        }
        command = [str(home / "bin" / "spark-submit"), "--master", master, "--files", str(binary)]
        for key, value in settings.items():
            command += ["--conf", f"{key}={value}"]
        command += [str(JOB), "--output", str(result), *map(str, arguments)]
        environment = {**os.environ, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(self.work / "workers")}
        # Of its own session: what it started can be ended with it.
        job = subprocess.Popen(command, cwd=self.work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(log, "wb"), start_new_session=True)
        return job, result, log

    def finish(self, job, result, log, code=0):
        try:
            job.wait(BUDGET)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
        said = log.read_text(errors="replace")
        if self.verbose or job.returncode != code:
            print(said[-20_000:], file=sys.stderr)
        expect(job.returncode == code, f"exit code {job.returncode}")
        return result.read_bytes(), said

    def run(self, binary, *arguments, code=0, master=CLUSTER):
        return self.finish(*self.start(binary, *arguments, master=master), code=code)


def executor_above(pid):
    """The executor whose child's child … a process is, by /proc."""
    while pid > 1:
        folder = pathlib.Path("/proc", str(pid))
        try:
            if b"CoarseGrainedExecutorBackend" in folder.joinpath("cmdline").read_bytes():
                return pid
            pid = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            return None
    return None


class Bench:
    def __init__(self, binary, work, verbose):
        self.binary, self.work, self.cluster = binary, work, Cluster(work, verbose)
        self.logs = archive(work / "logs")

    def alone(self, *arguments, cwd=None, code=0):
        """What one machine says."""
        done = subprocess.run([self.binary, "--output", "json", "--quiet", *map(str, arguments)], cwd=cwd, capture_output=True, timeout=120)
        expect(done.returncode == code, f"exit code {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def same(self, found, wanted):
        if found != wanted:
            pairs = zip(found.decode().splitlines(), wanted.decode().splitlines())
            raise Failure(next((f"line {n}: {a!r} and not {b!r}" for n, (a, b) in enumerate(pairs, 1) if a != b), "one is longer"))


def folder(bench):
    """A folder that all executors see; a tree of three levels; options of meshwhy."""
    options = ["--by", "upstream", "--code", "!404"]
    found, _ = bench.cluster.run(bench.binary, "--tasks", 7, "--fan-in", 2, bench.logs, "--", *options)
    bench.same(found, bench.alone(*options, bench.logs))
    return f"{HOURS} files, a tree of snapshots: {len(found)} bytes of JSON as from one machine"


def url(bench):
    """Files that Spark reads."""
    found, _ = bench.cluster.run(bench.binary, "--fan-in", 4, bench.logs.as_uri(), master=ONE)
    bench.same(found, bench.alone("logs", cwd=bench.work))
    return "files that Spark reads"


def lost(bench):
    """One of the two executors is killed while it reads; what it had done is done again elsewhere."""
    calls = bench.work / "calls"
    slow = bench.work / "slow" / "meshwhy"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\necho "$$ $*" >>"{calls}"\nsleep 2\nexec "{bench.binary}" "$@"\n')
    slow.chmod(0o755)
    job, result, log = bench.cluster.start(slow, "--tasks", 20 * HOURS, "--fan-in", 3, bench.logs)
    begun = lambda: [line.split(" ", 1) for line in calls.read_text().splitlines() if " --output snapshot " in line and " merge " not in line] if calls.exists() else []
    end, victim = time.monotonic() + BUDGET, None
    while victim is None and job.poll() is None and time.monotonic() < end:
        # In the middle: one that has read some files, and is reading one.
        running = begun()
        victim = executor_above(int(running[-1][0])) if len(running) >= 5 else None
        time.sleep(0.1)
    before = len(begun())
    if victim:
        os.kill(victim, signal.SIGKILL)
    found, said = bench.cluster.finish(job, result, log)
    expect(victim, "no executor was found")
    expect(LOSS.search(said), "Spark did not notice")
    made, different = len(begun()), len({what for _, what in begun()})
    expect(different == HOURS and made > HOURS, f"{made} readings of {different} shares: nothing was read again, so nothing was lost")
    bench.same(found, bench.alone(bench.logs))
    return f"an executor killed when {before} of {HOURS} readings were begun; {made} were made"


def broken(bench):
    """An archive that breaks off: what was read counts, the result names it, and the exit code is 3."""
    logs = archive(bench.work / "broken")
    victim = sorted(logs.rglob("*.gz"))[2]
    victim.write_bytes(victim.read_bytes()[:-4000])
    found, _ = bench.cluster.run(bench.binary, "--tasks", 4, logs, code=3, master=ONE)
    bench.same(found, bench.alone(logs, code=3))
    expect(victim.name.encode() in found.split(b'"warnings"')[1], "the result does not name the file")
    return "an archive that breaks off is named, and ends with 3"


def main():
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("--bin", type=pathlib.Path, default=ROOT / "target" / "debug" / "meshwhy")
    it.add_argument("--only", default="", help="names of checks, with commas")
    it.add_argument("-v", "--verbose", action="store_true", help="print what Spark says")
    o = it.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        bench = Bench(o.bin.resolve(), pathlib.Path(work).resolve(), o.verbose)
        for check in (folder, url, lost, broken):
            if o.only and check.__name__ not in o.only.split(","):
                continue
            begin = time.monotonic()
            try:
                said = check(bench)
            except (Failure, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f"FAILED  {check.__name__}: {e}", flush=True)
            else:
                passed += 1
                print(f"ok      {check.__name__}: {said} ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
