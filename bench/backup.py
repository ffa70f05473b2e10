"""What backups cost, beside tar and zstd over the same files.

    backup.py [MiB of the memory tree [PART ...]]

One Troupe; its memory tree has files of 1 to 16 MiB that compress to about
half.  In one run, each goal of backup.md beside its own yardstick, which is as
nice as a backup is (PACE_NICE), or on a machine that others use it would be
ahead of it; CPU time, which they move little, stands beside:

  throughput   a backup of the tree against `tar | zstd -3` of it, and the
               anonymous memory that it adds at its peak
  restore      of the tree against `cp -r` and `sync` of it
  latency      99th percentile of 5 000 writes a second and of other requests
               beside them: without a backup, with one, and with `tar | zstd`
  drill        CPU time of a scheduled drill, of one core, after those writes
"""

import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import program

MIB = 1 << 20
STEADY = program.ROOT / "build/release/bench_steady"
DATABASE = "store.lmdb/data.mdb"
WRITES_S, WRITERS = 5000, 512
OTHERS_S, OTHERS = 100, 8
ROUNDS = 3
ALONE_S = 8
LOOK_S = 0.02
PACE_NICE = 19

WRITE = ("POST", "/api/v1/events/agents",
         {"event_type": "bench", "payload": {"n": 1}})


def fill(folder, mib):
    """Random bytes, each followed by as many that repeat."""
    dice = random.Random(7)
    while mib > 0:
        size = min(mib, dice.choice((1, 2, 4, 8, 16)))
        name = Path(folder, f"{dice.randrange(8)}", f"{mib:06d}")
        name.parent.mkdir(parents=True, exist_ok=True)
        with open(name, "wb") as file:
            for _ in range(size * 16):
                file.write(dice.randbytes(32 << 10) + b"abcd" * (8 << 10))
        mib -= size
    os.sync()


def timed(work):
    since = time.monotonic()
    work()
    return time.monotonic() - since


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def nicely(command):
    """A yardstick: its wall time and its CPU time."""
    before = children_cpu_s()
    took = timed(lambda: subprocess.run(
        ["nice", "-n", str(PACE_NICE), "sh", "-c", command], check=True))
    return took, children_cpu_s() - before


def ours(p, work):
    before = program.cpu_s(p.pid)
    took = timed(work)
    return took, program.cpu_s(p.pid) - before


def anonymous_bytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024


class Peak:
    """Looks at memory until it is told to stop."""

    def __init__(self, pid):
        self.before = self.most = anonymous_bytes(pid)
        self.pid = pid
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended.wait(LOOK_S):
            self.most = max(self.most, anonymous_bytes(self.pid))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.most - self.before


def backup(p, components=("memory",)):
    """Until it is there, however often it has to be asked for."""
    command = [program.TROUPE, "backup", "create", "--json", "--data", p.home]
    for name in components:
        command += ["--component", name]
    done = subprocess.run(command, capture_output=True, check=True)
    return json.loads(done.stdout)["data"]["backup_id"]


def delete(p, backup_id):
    subprocess.run([program.TROUPE, "backup", "delete", backup_id, "--data",
                    p.home], capture_output=True, check=True)


def restore(p, backup_id):
    subprocess.run([program.TROUPE, "backup", "restore", backup_id, "--yes",
                    "--data", p.home], capture_output=True, check=True)


def throughput(p, mib):
    """Ours, theirs, ours, theirs; and what ours took of memory."""
    theirs, mine, peaks = [], [], []
    with tempfile.NamedTemporaryFile(dir=p.home) as out:
        for _ in range(3):
            theirs.append(nicely(
                f"tar -C {p.home} -cf - memory | zstd -q -f -3 -o {out.name}"
                f" && sync {out.name}"))
            made = []
            peak = Peak(p.pid)
            mine.append(ours(p, lambda: made.append(backup(p))))
            peaks.append(peak.end())
            delete(p, made[0])
    best = {k: min(wall for wall, _ in v)
            for k, v in (("theirs", theirs), ("ours", mine))}
    return {
        "tar_zstd_wall_cpu_s": [[round(x, 2) for x in r] for r in theirs],
        "backup_wall_cpu_s": [[round(x, 2) for x in r] for r in mine],
        "tar_zstd_mib_s": round(mib / best["theirs"]),
        "backup_mib_s": round(mib / best["ours"]),
        "ratio_best": round(best["theirs"] / best["ours"], 2),
        "ratio_cpu": round(min(c for _, c in theirs) /
                           min(c for _, c in mine), 2),
        "peak_extra_mib": round(max(peaks) / MIB, 1),
    }


class Steady:
    """Requests at a rate, as a process of its own: see steady.c."""

    def __init__(self, p, rate, connections, method, path, body=None):
        command = [STEADY, str(p.port), p.token, str(rate), str(connections),
                   method, path]
        if body is not None:
            command.append(json.dumps(body))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def warm(self):
        assert self.process.stdout.readline() == "warm\n"

    def end(self):
        return json.loads(self.process.communicate()[0])


def beside(p, work):
    """What writers and others have felt while work was done."""
    writes = Steady(p, WRITES_S, WRITERS, *WRITE)
    others = Steady(p, OTHERS_S, OTHERS, "GET", "/api/v1/services")
    for one in (writes, others):
        one.warm()
    work()
    return {"writes": writes.end(), "others": others.end()}


def pause(seconds):
    program.select.select([], [], [], seconds)


def stored_mib(p, mib):
    """The tree, and the database as large as it is now."""
    return mib + Path(p.home, DATABASE).stat().st_size / MIB


def one_backup(p, mib):
    """A backup of all there is beside the writers."""
    made, took = [], []
    mib = stored_mib(p, mib)
    peak = Peak(p.pid)
    felt = beside(p, lambda: took.append(
        ours(p, lambda: made.append(backup(p, ("persistence", "memory"))))))
    delete(p, made[0])
    return {**felt, "peak_extra_mib": round(peak.end() / MIB, 1),
            "wall_cpu_s": [round(x, 2) for x in took[0]],
            "mib_s": round(mib / took[0][0])}


def one_tar(p, mib):
    """The same by tar and zstd."""
    took = []
    mib = stored_mib(p, mib)
    with tempfile.NamedTemporaryFile(dir=p.home) as out:
        felt = beside(p, lambda: took.append(nicely(
            f"tar -C {p.home} -cf - memory {DATABASE} 2>/dev/null |"
            f" zstd -q -f -3 -o {out.name} && sync {out.name}")))
    return {**felt, "wall_cpu_s": [round(x, 2) for x in took[0]],
            "mib_s": round(mib / took[0][0])}


def latency(p, mib):
    """In turn, so that all see the same neighbours."""
    rounds = {"alone": [], "backup": [], "tar_zstd": []}
    for _ in range(ROUNDS):
        rounds["alone"].append(beside(p, lambda: pause(ALONE_S)))
        rounds["backup"].append(one_backup(p, mib))
        rounds["tar_zstd"].append(one_tar(p, mib))

    def of(who, *names):
        def value(r):
            for name in names:
                r = r[name]
            return r
        return statistics.median(map(value, rounds[who]))

    def p99(who):
        with_it, without = (of(k, who, "p99_us") for k in ("backup", "alone"))
        return (f"{without / 1000:.1f} -> {with_it / 1000:.1f} ms"
                f" ({with_it / without:.2f}x)")

    return {**rounds, "line": (
        f"{mib / 1024:.1f} GiB, {WRITES_S} writes/s asked,"
        f" {of('alone', 'writes', 'reached_s'):.0f} reached without and"
        f" {of('backup', 'writes', 'reached_s'):.0f} with a backup;"
        f" p99 of others {p99('others')}, of writes {p99('writes')};"
        f" throughput {of('backup', 'mib_s')} MiB/s,"
        f" tar | zstd -3 {of('tar_zstd', 'mib_s')}"
        f" ({of('backup', 'mib_s') / of('tar_zstd', 'mib_s'):.2f}x);"
        " extra memory at its peak "
        f"{max(r['peak_extra_mib'] for r in rounds['backup'])} MiB")}


def restoring(p, mib):
    """The safety backup that comes first is no part of it: none is needed
    to copy; it is timed by itself, right before and right after."""
    made = backup(p)
    safe, rounds = [], []
    for _ in range(2):
        with tempfile.TemporaryDirectory(dir=p.home) as to:
            copied = nicely(f"cp -r {p.home}/memory {to}/copy && sync")
        everything = ("persistence", "memory", "config")
        safety = ours(p, lambda: safe.append(backup(p, everything)))
        whole = ours(p, lambda: restore(p, made))
        rounds.append({
            "copy_wall_cpu_s": [round(x, 2) for x in copied],
            "safety_wall_cpu_s": [round(x, 2) for x in safety],
            "restore_wall_cpu_s": [round(x, 2) for x in whole],
            "ratio_without_safety": round(
                (whole[0] - safety[0]) / copied[0], 2),
            "ratio_whole": round(whole[0] / copied[0], 2)})
        delete(p, safe.pop())
    return rounds


def drill(p, mib):
    """As the scheduler runs it."""
    backup(p, ("persistence", "memory", "config"))
    before = program.cpu_s(p.pid)
    since = time.monotonic()
    p.call("POST", "/api/v1/services/backup-drill/wake")
    while p.call("GET", "/api/v1/backups/status")["data"]["doing"] != "drill":
        pass
    while p.call("GET", "/api/v1/backups/status")["data"]["doing"]:
        program.select.select([], [], [], LOOK_S * 10)
    took = time.monotonic() - since
    used = program.cpu_s(p.pid) - before
    return {"seconds": round(took, 1), "cpu_s": round(used, 2),
            "of_one_core": round(used / took, 3)}


PARTS = {"throughput": throughput, "restore": restoring, "latency": latency,
         "drill": drill}


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with program.Program("backup.bytes_per_second=0",
                         "api.server.requests_max=1000000000") as p:
        p.log_in()
        fill(Path(p.home, "memory"), mib)
        result = {"mib": mib, "load": program.load()}
        for part in sys.argv[2:] or PARTS:
            result[part] = PARTS[part](p, mib)
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
