#!/usr/bin/env python3
"""How far a finding's confidence can be trusted: the reliability table, and the curve that makes it true.

    calibration.py --bin target/debug/meshwhy [--lab DIR --accept FILE] [--situations DIR] [--fit] [--jobs N]

Every case is a log and the ids that may stand first. It is read whole and made harder in several ways: its first 3, 5 and 10
failing lines alone, without details, without all that names the reason, and mixed with another case's. A case counts where there
is a finding above note; it is right when the first of them is one of those ids (of a mixture: of either log's).

Cases: tests/calibration.tsv (sample-logs), the examples of the catalogue's pages, with --situations those that
`MESHWHY_SITUATIONS=DIR cargo test --test it situations` writes, with --lab a folder of recordings and the ids accepted for them.
Cases of an odd number are the half that the curve is fitted to; the other half only checks it. Exit 0 when in every bucket
of the table with at least 20 cases share and mean confidence are within 10 points, else 1. Standard library only (3.11).
"""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
CURVE = ROOT / "src/diagnosis/calibration.toml"
FAILURES = "app_error,proxy_error,denied,client_gone,client_error"
REASONS = ("response_code_details", "upstream_transport_failure_reason", "connection_termination_details")
ENOUGH = 20  # cases that a bucket's share needs to mean something
WITHIN = 0.10


@dataclasses.dataclass
class Case:
    """A log and what may be said of it first."""

    number: int  # of the story: all its forms and variants belong to one half
    name: str
    accepted: set
    paths: list
    hard: bool = True  # also in its harder variants


@dataclasses.dataclass
class Said:
    case: Case
    variant: str
    first: str
    confidence: float

    @property
    def right(self):
        return self.first in self.case.accepted

    @property
    def fitted(self):
        return self.case.number % 2 == 1


def rows(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield (line.split("\t") + ["", ""])[:3]


def of_samples():
    for at, (story, files, accepted) in enumerate(rows(ROOT / "tests/calibration.tsv")):
        yield Case(at, f"sample:{story}", set(accepted.split(",")), [ROOT / "sample-logs" / one for one in files.split("+")])


def of_pages(folder):
    for at, page in enumerate(sorted((ROOT / "src/diagnosis/catalog").glob("*.md"))):
        for nth, lines in enumerate(re.findall(r"```log fires\n(.*?)```", page.read_text(encoding="utf-8"), re.S)):
            path = folder / f"page-{page.stem}-{nth}.log"
            path.write_text(lines, encoding="utf-8")
            yield Case(at, f"page:{page.stem}", {page.stem}, [path], hard=False)


def of_situations(folder):
    for at, truth in enumerate(sorted(folder.glob("*.truth"))):
        ids = truth.read_text(encoding="utf-8").split()
        # Of several faults at once any may be asked for first; their order is the severity's business.
        yield Case(at, f"situation:{truth.stem}", set(ids) or {"-"}, [truth.with_suffix(".log")])


def of_lab(lab, accept):
    numbers = {}
    for story, files, accepted in rows(accept):
        number = numbers.setdefault(story, len(numbers))
        for kind in ("text", "json", "envoy"):
            paths = [lab / story / one.replace(".text.", f".{kind}.") for one in files.split("+")]
            if all(path.exists() for path in paths):
                yield Case(number, f"lab:{story}.{kind}", set(accepted.split(",")), paths)


class Program:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, *args):
        command = [self.binary, *map(str, args)]
        run = subprocess.run(command, capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
        if run.returncode not in (0, 4):
            raise SystemExit(f"{command}: exit {run.returncode}: {run.stderr.decode(errors='replace')}")
        return run.stdout

    def first(self, paths):
        """The first finding above note and how sure it is; none without one."""
        loud = [f for f in json.loads(self.run("--output", "json", "--quiet", *paths))["findings"] if f["severity"] != "note"]
        return (loud[0]["id"], loud[0]["confidence"]) if loud else None

    def written(self, case, variant, data):
        path = self.folder / f"{abs(hash((case.name, tuple(case.paths), variant))):x}.log"
        path.write_bytes(data)
        return [path]

    def variants(self, case):
        """The names of the variants, and the files of each."""
        yield "whole", case.paths
        if not case.hard:
            return
        failing = self.run("records", "--output", "raw", "--quiet", "--outcome", FAILURES, *case.paths).splitlines(True)
        for n in (3, 5, 10):
            if len(failing) > n:
                yield f"first {n}", self.written(case, f"first {n}", b"".join(failing[:n]))
        records = [json.loads(line) for line in self.run("records", "--quiet", *case.paths).splitlines()]
        if not records or any(record["kind"] == "ztunnel" for record in records):
            return
        for variant, gone in (("no details", REASONS[:1]), ("no reasons", REASONS)):
            if any(record[key] for record in records for key in gone):
                lines = [json.dumps({k: None if k in gone else v for k, v in record.items()}) + "\n" for record in records]
                yield variant, self.written(case, variant, "".join(lines).encode())

    def said(self, case):
        out = []
        for variant, paths in self.variants(case):
            first = self.first(paths)
            if first:
                out.append(Said(case, variant, *first))
        return out


def mixtures(cases):
    """Pairs of cases of the same half and the same form, each case twice at most."""
    for half in (0, 1):
        same = [c for c in cases if c.hard and c.number % 2 == half and "-" not in c.accepted]
        for kind in sorted({c.paths[0].suffixes[0] if c.paths[0].suffixes else "" for c in same}):
            alike = [c for c in same if (c.paths[0].suffixes or [""])[0] == kind]
            for a, b in zip(alike, alike[len(alike) // 2 :]):
                yield Case(a.number, f"{a.name} + {b.name}", a.accepted | b.accepted, a.paths + b.paths, hard=False)


def curve():
    return [tuple(knot) for knot in tomllib.loads(CURVE.read_text(encoding="utf-8"))["knots"]]


def along(knots, x):
    for (x0, y0), (x1, y1) in zip(knots, knots[1:]):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return knots[-1][1]


def fitted(said, knots):
    """The share of right answers as a rising function of the model's own confidence: neighbours are pooled until it rises."""
    back = [(y, x) for x, y in knots]
    points = sorted((along(back, s.confidence), s.right) for s in said)
    size = max(2 * ENOUGH, len(points) // 12)
    blocks = [[]]
    for point in points:
        # Equal confidences stay together.
        if len(blocks[-1]) >= size and blocks[-1][-1][0] != point[0]:
            blocks.append([])
        blocks[-1].append(point)
    if len(blocks) > 1 and len(blocks[-1]) < size // 2:
        blocks[-2] += blocks.pop()
    pools = []
    for block in blocks:
        pools.append(block)
        while len(pools) > 1 and share(pools[-2]) >= share(pools[-1]):
            last = pools.pop()
            pools[-1] = pools[-1] + last
    # A pool is nearly level between its ends, but for the outermost of fifty; the ends of the curve are fixed.
    inner = []
    for pool in pools:
        low, high = pool[len(pool) // 50][0], pool[-1 - len(pool) // 50][0]
        inner += [(round(low, 2), round(share(pool) - 0.005, 3)), (round(high, 2), round(share(pool) + 0.005, 3))]
    out = [(0.0, 0.0)]
    for x, y in inner:
        if out[-1][0] < x < 1 and out[-1][1] < y < 1:
            out.append((x, y))
    return out + [(1.0, 1.0)]


def share(pool):
    """Right ones of all; one of two is the guess where nothing is known."""
    return (sum(right for _, right in pool) + 1) / (len(pool) + 2)


def table(said, title):
    """The reliability table in Markdown; and whether it holds."""
    print(f"\n{title}: {len(said)} first findings, {sum(s.right for s in said)} right\n")
    print("| confidence | cases | mean | right | off by |\n|---|---:|---:|---:|---:|")
    holds, error = True, 0.0
    for tenth in range(10):
        bucket = [s for s in said if min(int(s.confidence * 10), 9) == tenth]
        if not bucket:
            continue
        mean = sum(s.confidence for s in bucket) / len(bucket)
        right = sum(s.right for s in bucket) / len(bucket)
        off = right - mean
        error += abs(off) * len(bucket)
        few = len(bucket) < ENOUGH
        holds &= few or abs(off) <= WITHIN
        mark = " (few)" if few else "" if abs(off) <= WITHIN else " **too far**"
        print(f"| {tenth / 10:.1f}–{tenth / 10 + 0.1:.1f} | {len(bucket)} | {mean:.3f} | {right:.3f} | {off:+.3f}{mark} |")
    print(f"\nMean distance over all cases: {error / max(1, len(said)):.3f}.")
    return holds


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bin", required=True)
    a.add_argument("--lab", type=pathlib.Path)
    a.add_argument("--accept", type=pathlib.Path)
    a.add_argument("--situations", type=pathlib.Path)
    a.add_argument("--fit", action="store_true", help="also print the curve that fits the odd half best")
    a.add_argument("--jobs", type=int, default=2)
    a.add_argument("--show", type=int, default=0, help="print so many of the surest wrong answers")
    o = a.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = Program(o.bin, folder)
        sources = [list(of_samples()), list(of_pages(folder))]
        if o.situations:
            sources.append(list(of_situations(o.situations)))
        if o.lab and o.accept:
            sources.append(list(of_lab(o.lab, o.accept)))
        cases = [case for source in sources for case in source]
        cases += [mixed for source in sources for mixed in mixtures(source)]
        with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
            said = [one for many in pool.map(program.said, cases) for one in many]
    holds = table(said, "All")
    for half, title in ((True, "Odd half (the curve was fitted to it)"), (False, "Even half (it was not)")):
        table([s for s in said if s.fitted is half], title)
    print("\n| variant | cases | mean | right |\n|---|---:|---:|---:|")
    for variant in dict.fromkeys(variant_of(s) for s in said):
        these = [s for s in said if variant_of(s) == variant]
        mean = sum(s.confidence for s in these) / len(these)
        print(f"| {variant} | {len(these)} | {mean:.3f} | {sum(s.right for s in these) / len(these):.3f} |")
    for s in sorted((s for s in said if not s.right), key=lambda s: -s.confidence)[: o.show]:
        print(f"x {s.confidence:.2f} {s.case.name} ({s.variant}): {s.first}, not {'|'.join(sorted(s.case.accepted))}")
    if o.fit:
        knots = fitted([s for s in said if s.fitted], curve())
        print("\nknots = [" + ", ".join(f"[{x}, {y}]" for x, y in knots) + "]")
    sys.exit(0 if holds else 1)


def variant_of(said):
    if " + " in said.case.name:
        return "two logs mixed"
    return f"{said.case.name.split(':')[0]}, {said.variant}"


main()
