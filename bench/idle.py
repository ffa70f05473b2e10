#!/usr/bin/python3
"""What Troupe costs while nobody uses it, one JSON line per process.

usage: bench/idle.py [PROGRAM]

ready_ms  from its start until it says that it is ready
rss_kib   resident memory at the end
cpu_pct   of one core, over SPAN_S
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPAN_S = 10
STOP_S = 20
READY_MS_MAX = 100
RSS_KIB_MAX = 20 * 1024
CPU_PCT_MAX = 0.5

TICKS = os.sysconf("SC_CLK_TCK")
SPLIT = ["--topology", str(ROOT / "ops/topologies/split.yaml")]
CASES = {"one": (["run"], 1), "split": (["up", *SPLIT], 3)}


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def read_ready(process, count):
    """The name, process id and milliseconds of each node, as they come."""
    nodes = {}
    for line in process.stdout:
        said = re.match(r"ready node=(\S+) pid=(\d+) ms=(\d+)", line)
        if said:
            nodes[said[1]] = int(said[2]), int(said[3])
        if len(nodes) == count:
            return nodes
    raise SystemExit("it ended before it was ready")


def let_pass(process, seconds):
    """Only the end of the process could end it earlier."""
    watch = os.pidfd_open(process.pid)
    if select.select([watch], [], [], seconds)[0]:
        raise SystemExit("it ended while it was watched")
    os.close(watch)


def measure(program, topology, words, count):
    with tempfile.TemporaryDirectory(prefix="troupe-idle-") as home:
        process = subprocess.Popen(
            [program, *words, "--data", home, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        nodes = read_ready(process, count)
        nodes.setdefault("parent", (process.pid, 0))
        if topology == "one":
            del nodes["parent"]
        before = {name: cpu_s(pid) for name, (pid, _) in nodes.items()}
        let_pass(process, SPAN_S)
        for name, (pid, ready_ms) in nodes.items():
            yield {
                "topology": topology,
                "node": name,
                "ready_ms": ready_ms,
                "rss_kib": rss_kib(pid),
                "cpu_pct": round(
                    100 * (cpu_s(pid) - before[name]) / SPAN_S, 2
                ),
            }
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


def is_good(found):
    return (
        found["ready_ms"] <= READY_MS_MAX
        and found["rss_kib"] <= RSS_KIB_MAX
        and found["cpu_pct"] <= CPU_PCT_MAX
    )


def main():
    program = (sys.argv + [str(ROOT / "build/release/troupe")])[1]
    good = True
    for topology, (words, count) in CASES.items():
        for found in measure(program, topology, words, count):
            print(json.dumps(found))
            good &= is_good(found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
