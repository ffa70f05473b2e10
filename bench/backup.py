"""What backups cost, beside tar and zstd over the same files.

    backup.py [MiB of the memory tree]

One Troupe; its memory tree has files of 1 to 16 MiB that compress to about
half.  In one run, each goal of backup.md beside its own yardstick:

  throughput   a backup of the tree against `tar | zstd -3` of it
  memory       anonymous memory that the backup adds at its peak
  latency      99th percentile of writes by wrk, with a backup and without
  restore      of the tree against `cp -r` and `sync` of it
  drill        CPU time of a scheduled drill, of one core
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import program

MIB = 1 << 20
CONNECTIONS = 8
WRK_S = 8
LOOK_S = 0.02

LUA = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{{"title":"t","description":"d","project":"p","type":"design"}}'
done = function(summary, latency)
    io.write(string.format("P99 %d RATE %d BAD %d\\n", latency:percentile(99),
        summary.requests * 1000000 / summary.duration, summary.errors.status))
end
"""


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


def tar_and_zstd(p, to):
    subprocess.run(
        f"tar -C {p.home} -cf - memory | zstd -q -f -3 -o {to} && sync {to}",
        shell=True, check=True)


def throughput(p, mib):
    """Ours, theirs, ours, theirs; and what ours took of memory."""
    theirs, ours, peaks = [], [], []
    with tempfile.NamedTemporaryFile() as out:
        for _ in range(2):
            theirs.append(timed(lambda: tar_and_zstd(p, out.name)))
            made = []
            peak = Peak(p.pid)
            ours.append(timed(lambda: made.append(backup(p))))
            peaks.append(peak.end())
            delete(p, made[0])
    return {
        "tar_zstd_mib_s": round(mib / min(theirs)),
        "backup_mib_s": round(mib / min(ours)),
        "ratio": round(min(theirs) / min(ours), 2),
        "peak_extra_mib": round(max(peaks) / MIB, 1),
    }


def wrk(p, script):
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{WRK_S}s", "-s", script,
         p.url + "/api/v1/tasks"],
        capture_output=True, text=True, check=True).stdout
    found = re.search(r"P99 (\d+) RATE (\d+) BAD (\d+)", said)
    return {"p99_us": int(found[1]), "writes_s": int(found[2]),
            "refused": int(found[3])}


def latency(p):
    """Alternating, so that both see the same neighbours."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(token=p.token))
        script.flush()
        rounds = {"alone": [], "with_backup": []}
        for _ in range(2):
            rounds["alone"].append(wrk(p, script.name))
            made = []
            thread = threading.Thread(target=lambda: made.append(backup(
                p, ("persistence", "memory"))))
            thread.start()
            rounds["with_backup"].append(wrk(p, script.name))
            thread.join()
            delete(p, made[0])
    p99 = {k: statistics.median(r["p99_us"] for r in v)
           for k, v in rounds.items()}
    return {**rounds, "ratio": round(p99["with_backup"] / p99["alone"], 2)}


def restoring(p, mib):
    """The safety backup that comes first is no part of it: none is needed
    to copy; it is timed by itself."""
    made = backup(p)
    with tempfile.TemporaryDirectory(dir=p.home) as to:
        copied = timed(lambda: subprocess.run(
            f"cp -r {p.home}/memory {to}/copy && sync", shell=True,
            check=True))
    safe = []
    safety = timed(lambda: safe.append(backup(p)))
    delete(p, safe[0])
    whole = timed(lambda: restore(p, made))
    return {"copy_s": round(copied, 2), "restore_s": round(whole, 2),
            "safety_backup_s": round(safety, 2),
            "ratio_without_safety": round((whole - safety) / copied, 2),
            "ratio_whole": round(whole / copied, 2)}


def drill(p):
    """As the scheduler runs it."""
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


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with program.Program("backup.bytes_per_second=0") as p:
        p.log_in()
        fill(Path(p.home, "memory"), mib)
        result = {"mib": mib, "load": program.load()}
        result["throughput"] = throughput(p, mib)
        result["restore"] = restoring(p, mib)
        result["latency"] = latency(p)
        result["drill"] = drill(p)
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
