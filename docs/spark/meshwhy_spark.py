#!/usr/bin/env python3
"""The triage of an archive by many machines: each task makes a snapshot of some files, and snapshots are merged as a tree.

    spark-submit --master … --files /usr/bin/meshwhy meshwhy_spark.py [OPTION]… ROOT… [-- OPTION OF meshwhy…]

ROOT is a file or a folder that every executor sees under this path, or a URL of Spark's (hdfs://, s3a://, gs://, abfss://),
whose files Spark reads. What stands behind `--` goes to meshwhy where logs are read, such as `-- --since 2026-03-01T00:00:00Z --by route`.

The result goes to standard output or `--output`, the same JSON that one machine gives for these paths. Exit codes are meshwhy's.
docs/spark.md tells the rest.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from pyspark import SparkContext, SparkFiles, StorageLevel
from pyspark.sql import SparkSession

# Snapshots are some dozens of kilobytes to a few megabytes each: so many are one task's worth.
FAN_IN = 32
# meshwhy's exit codes that leave a result: done, a gate tripped, an input not read whole, no record.
RESULT = (0, 1, 3, 4)
NO_TIME = (1 << 63) - 1
# Files that are named in one command.
COMMAND = 1000


def run(arguments, cwd=None):
    """Runs the meshwhy that came with the job; returns its exit code and its output."""
    binary = SparkFiles.get("meshwhy")
    done = subprocess.run([binary, *arguments], cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode not in RESULT or not done.stdout:
        # The task fails and is tried again; a file that stays unreadable fails the job instead of missing in the sum.
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"meshwhy {' '.join(arguments[:8])}: exit code {done.returncode}: {said}")
    return done.returncode, done.stdout


def order_of(snapshot):
    """What meshwhy orders snapshots by: first and last time, then the name. Their second line is JSON."""
    head = json.loads(snapshot[snapshot.index(b"\n") + 1 :].split(b"\n", 1)[0])
    first, last = head["times_us"] or (NO_TIME, NO_TIME)
    return first, last, head["sources"][0]["name"] if head["sources"] else ""


def read(paths, options, threads, cwd=None):
    """A snapshot of files. Their names in the result are these paths."""
    return run(["--output", "snapshot", "--quiet", "--threads", str(threads), *options, "--", *paths], cwd)[1]


def read_copy(url, content, root, options, threads):
    """A snapshot of a file that Spark read: it is laid down under its name, as meshwhy takes a name from the path."""
    with tempfile.TemporaryDirectory(prefix="meshwhy-") as work:
        name = relative(url, root)
        copy = pathlib.Path(work, name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        return read([name], options, threads, cwd=work)


def merge(snapshots, *options):
    """Snapshots become one, or its triage."""
    with tempfile.TemporaryDirectory(prefix="meshwhy-") as work:
        names = [f"{number:06}.snap" for number, _ in enumerate(snapshots)]
        for name, snapshot in zip(names, snapshots):
            pathlib.Path(work, name).write_bytes(snapshot)
        return run(["merge", "--quiet", *options, *names], cwd=work)


def by_folders(path):
    """meshwhy's own order: a folder's entries by name, what is in them where they stand."""
    return [os.fsencode(part) for part in pathlib.PurePath(path).parts]


def relative(url, root):
    """`hdfs://host/logs/a/b.gz` of the root `hdfs://host/logs` is `logs/a/b.gz`."""
    # A name node or a bucket is no part of the path, and Spark may write it otherwise than the user did.
    path, root = (re.sub(r"^[A-Za-z][\w+.-]*:(//[^/]*)?", "", text).strip("/") for text in (url, root))
    return os.path.relpath(path, os.path.dirname(root) or ".")


def listed(roots):
    """Files below the roots with their sizes, in meshwhy's order."""
    found = []
    for root in roots:
        if not os.path.isdir(root):
            found.append((root, os.path.getsize(root)))
            continue
        below = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
        found += [(path, os.path.getsize(path)) for path in sorted(below, key=by_folders)]
    return found


def bins(files, count):
    """Neighbours together, about the same number of bytes each; the largest bin first, as it takes longest."""
    total, out, bin_, size = sum(size for _, size in files), [], [], 0
    limit = max(1, -(-total // count))
    for path, bytes_ in files:
        if bin_ and (size + bytes_ > limit or len(bin_) == COMMAND):
            out.append((size, bin_))
            bin_, size = [], 0
        bin_.append(path)
        size += bytes_
    if bin_:
        out.append((size, bin_))
    return [paths for _, paths in sorted(out, key=lambda bin_: -bin_[0])]


def warn_of_skew(files, slots):
    """A compressed file has one reader: one that is larger than a fair share sets the time of the job."""
    total = sum(size for _, size in files)
    path, size = max(files, key=lambda file: file[1])
    if slots > 1 and size * slots > total and size > 64 << 20:
        say(f"{path} holds {100 * size // total} % of the bytes and is one task: the job takes as long as this file")


def say(text):
    print(f"meshwhy_spark: {text}", file=sys.stderr, flush=True)


def snapshots_of(context, roots, tasks, options, threads):
    """The files, and an RDD of their snapshots: one a task where executors see the files, else one a file."""
    urls = [root for root in roots if "://" in root]
    if urls and len(roots) > 1:
        raise SystemExit("meshwhy_spark: a URL stands alone: its names are relative to it")
    if urls:
        root = urls[0]
        table = SparkSession(context).read.format("binaryFile").option("recursiveFileLookup", True).load(root)
        files = [(row.path, row.length) for row in table.select("path", "length").collect()]
        rows = table.select("path", "content").rdd
        return files, rows.map(lambda row: read_copy(row.path, bytes(row.content), root, options, threads))
    files = listed(roots)
    cut = bins(files, tasks)
    return files, context.parallelize(cut, max(1, len(cut))).map(lambda paths: read(paths, options, threads))


def merged(context, parts, fan_in):
    """The few snapshots at the top of the tree, in order of time.

    Neighbours in time are merged with each other, as meshwhy would merge them all at once; so the tree changes nothing.
    """
    # What was read is kept: to put it in order must not read it again. A lost executor's part is.
    parts = parts.map(lambda snapshot: (order_of(snapshot), snapshot)).persist(StorageLevel.DISK_ONLY)
    place = {key: number for number, key in enumerate(sorted(parts.keys().collect()))}
    places = context.broadcast(place)
    level, count = parts.map(lambda part: (places.value[part[0]], part[1])), len(place)
    while count > fan_in:
        count = -(-count // fan_in)
        grouped = level.map(lambda part: (part[0] // fan_in, part)).groupByKey(count)
        level = grouped.mapValues(lambda group: merge([snapshot for _, snapshot in sorted(group)], "--output", "snapshot")[1])
    return [snapshot for _, snapshot in sorted(level.collect())]


def options():
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("roots", nargs="+", metavar="ROOT")
    it.add_argument("--output", type=pathlib.Path, help="file of the result; standard output otherwise")
    it.add_argument("--form", default="json", help="form of the result: json, markdown, html, snapshot, … (any of `meshwhy merge`)")
    it.add_argument("--tasks", type=int, help="snapshots that are made; three for each core of the cluster otherwise")
    it.add_argument("--fan-in", type=int, default=FAN_IN, help="snapshots that are merged at once")
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    o = it.parse_args(given[:cut])
    o.fan_in = max(2, o.fan_in)
    return o, given[cut + 1 :]


def main():
    o, passed_on = options()
    context = SparkContext.getOrCreate()
    slots = context.defaultParallelism
    threads = int(context.getConf().get("spark.task.cpus", "1"))
    files, parts = snapshots_of(context, o.roots, o.tasks or 3 * slots, passed_on, threads)
    if not files:
        say("there is no file")
        return 3
    warn_of_skew(files, slots)
    top = merged(context, parts, o.fan_in)
    code, result = merge(top, "--output", o.form)
    say(f"{len(files)} files, {sum(size for _, size in files)} bytes, {sum(map(len, top))} bytes of snapshots at the top")
    if o.output:
        o.output.write_bytes(result)
    else:
        sys.stdout.buffer.write(result)
        sys.stdout.flush()
    return code


if __name__ == "__main__":
    # The exit code is the job's; Spark's own end is at interpreter exit.
    sys.exit(main())
