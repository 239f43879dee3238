"""meshwhy beside a running Envoy: it reads each log from a pipe while the log is written, and its answer is held against the truth."""

import asyncio
import collections
import contextlib
import json
import subprocess

import clients
import config

BYSTANDER = "rates"


class Reading:
    """One meshwhy that is fed one growing file."""

    def __init__(self, path, command):
        self.path, self.command, self.file = path, command, None

    async def start(self):
        self.path.touch()
        self.file = self.path.open("rb")
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*self.command, stdin=pipe, stdout=pipe, stderr=pipe)
        self.answer = asyncio.create_task(self._answer())

    async def _answer(self):
        out, err = await asyncio.gather(self.process.stdout.read(), self.process.stderr.read())
        return await self.process.wait(), out, err

    async def feed(self):
        """Hands on what was written since the last time."""
        data = self.file.read()
        if data:
            with contextlib.suppress(ConnectionError):
                self.process.stdin.write(data)
                await self.process.stdin.drain()

    async def finish(self):
        try:
            await self.feed()
            self.process.stdin.close()
            code, out, err = await asyncio.wait_for(self.answer, 60)
        except asyncio.TimeoutError:
            return None, "no answer within a minute"
        finally:
            self.file.close()
            if self.process.returncode is None:
                self.process.kill()
        if code != 0:
            return None, f"exit {code}: {err.decode(errors='replace').strip()[-300:]}"
        return json.loads(out), ""


class Watch:
    """The three readings of one scenario, and the loop that feeds them."""

    def __init__(self, binary, folder, vantage, configuration, formats):
        base = [str(binary), "--output", "json", "--quiet"]
        told = {"custom": custom_format(str(binary), configuration)} if "custom" in formats else {}
        self.readings = {name: Reading(folder / f"{vantage}.{name}.log", base + told.get(name, [])) for name in formats}

    async def __call__(self):
        for reading in self.readings.values():
            await reading.start()
        while True:
            for reading in self.readings.values():
                await reading.feed()
            await asyncio.sleep(0.05)

    async def finish(self):
        return {name: await reading.finish() for name, reading in self.readings.items()}


_options = {}


def custom_format(binary, path):
    """The option for the mesh's own format: out of Envoy's configuration, by the program itself where it can."""
    if binary not in _options:
        run = subprocess.run([binary, "--help"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        _options[binary] = "--format-from" in run.stdout
    return ["--format-from", str(path)] if _options[binary] else ["--format-string", config.CUSTOM.rstrip("\n")]


def together(binary, paths):
    """What meshwhy says of several finished logs."""
    run = subprocess.run([str(binary), "--output", "json", "--quiet", *map(str, paths)], capture_output=True, timeout=60)
    return json.loads(run.stdout)


def judge(truth, answer, seen, service, clusters=True):
    """What is wrong with an answer, as sentences; an empty list is what we want. `clusters`: the log names them."""
    wrong = []
    findings = [f for f in answer["findings"] if f["severity"] != "note"]
    ids = [f["id"] for f in findings]
    first = ids[0] if ids else "-"
    if first not in truth.first:
        wrong.append(f"first finding {first}, wanted {' or '.join(truth.first)} (all: {' '.join(ids) or '-'})")
    wrong += [f"{one} is missing (all: {' '.join(ids) or '-'})" for one in truth.also if one not in ids]
    said = {f["id"] for f in answer["findings"]} | {a["id"] for f in answer["findings"] for a in f.get("alternatives", [])[:3]}
    if truth.named and not said & set(truth.named):
        wrong.append(f"none of {' '.join(truth.named)} is named")
    for extra in sorted(set(ids) - set(truth.first) - set(truth.also) - set(truth.named)):
        wrong.append(f"beyond the truth: {extra}")
    for finding in findings:
        if BYSTANDER + ".bank" in json.dumps(finding["scope"]):
            wrong.append(f"blames the healthy service: {finding['id']}")
    if findings and first in truth.first:
        wrong += _first(truth, findings[0], seen, service, clusters)
    return wrong + _counts(truth, answer, seen)


def _first(truth, finding, seen, service, clusters):
    wrong, scope = [], finding["scope"]
    cluster = truth.scope if "|" in truth.scope else service and truth.vantage == "outbound" and service.cluster
    if clusters and cluster and cluster not in (scope.get("upstream"), *scope.get("upstreams", [])):
        wrong.append(f"scope of {finding['id']} is {json.dumps(scope)}, wanted {cluster}")
    wanted = truth.counted
    if wanted is True and (service or not truth.scope):
        failed = sum(not clients.went_well(end) for one, end in seen if service in (one, None))
        wanted = (failed, failed)
    elif type(wanted) is int:
        wanted = (wanted, wanted)
    if isinstance(wanted, tuple) and not wanted[0] <= finding["requests"] <= wanted[1]:
        wrong.append(f"{finding['id']} counts {finding['requests']} requests, the callers saw {wanted[0]}..{wanted[1]}")
    return wrong


def _counts(truth, answer, seen):
    wrong, entry = [], answer["input"]
    if entry["rejected_lines"] or entry["other_lines"]:
        wrong.append(f"{entry['rejected_lines']} lines rejected, {entry['other_lines']} taken for something else")
    if truth.vantage != "outbound":
        return wrong
    sent = [s for s in seen if s[1] != "refused"]
    if answer["totals"]["requests"] != len(sent):
        wrong.append(f"totals say {answer['totals']['requests']} requests, {len(sent)} were sent")
    in_one_cluster = truth.scope and "|" not in truth.scope
    by_service = collections.Counter(service.cluster for service, _ in sent)
    for row in answer["upstreams"]:
        sent_there = by_service.get(row["upstream"])
        if sent_there is None:
            continue
        # Otherwise the proxy answered some of them itself, or a route split them, and they count elsewhere.
        if row["requests"] > sent_there or (in_one_cluster and row["requests"] < sent_there):
            wrong.append(f"{row['upstream']}: {row['requests']} requests, {sent_there} were sent")
    return wrong
