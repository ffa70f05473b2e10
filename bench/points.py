"""How old is what a lost disk would take: the recovery point while writing.

    points.py [seconds]

One Troupe that ships, and writers that never stop.  The lag is what the
program itself says of it (`GET /api/v1/backups/points`); beside it stands how
long after its answer a write alone is shipped, as a client sees it.
"""

import json
import os
import statistics
import sys
import threading
import time

import program

WRITERS = 4
LOOK_S = 0.05
PAUSE = threading.Event()  # that nobody ends

TASK = {"title": "t", "description": "d", "project": "p", "type": "design"}


def points(server):
    return server.call("GET", "/api/v1/backups/points")["data"]


def current(server):
    for window in points(server)["windows"]:
        if window["is_current"]:
            return window
    return None


def write(server, until, counts):
    while time.monotonic() < until:
        server.call("POST", "/api/v1/tasks", TASK)
        counts.append(1)


def reach(server):
    """Seconds until a write that was answered is shipped."""
    before = current(server)["txid"]
    began = time.monotonic()
    server.call("POST", "/api/v1/tasks", TASK)
    while current(server)["txid"] <= before:
        PAUSE.wait(LOOK_S / 5)
    return time.monotonic() - began


def centile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with program.Program("backup.ship.enabled=true") as server:
        server.log_in()
        while current(server) is None:
            PAUSE.wait(LOOK_S)
        alone = [reach(server) for _ in range(20)]
        until, counts, lags = time.monotonic() + seconds, [], []
        writers = [threading.Thread(target=write,
                                    args=(server, until, counts))
                   for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        while time.monotonic() < until:
            lags.append(points(server)["lag_ms"])
            PAUSE.wait(LOOK_S)
        for writer in writers:
            writer.join()
    print(f"a lone write is shipped after: median "
          f"{statistics.median(alone) * 1000:.0f} ms, "
          f"max {max(alone) * 1000:.0f} ms")
    print(f"lag under {len(counts) / seconds:.0f} writes/s: median "
          f"{statistics.median(lags):.0f} ms, p99 {centile(lags, 0.99)} ms, "
          f"max {max(lags)} ms ({len(lags)} looks)")
    print(json.dumps({
        "bench": "points",
        "alone_ms": round(statistics.median(alone) * 1000),
        "lag_ms": statistics.median(lags),
        "lag_p99_ms": centile(lags, 0.99),
        "writes_per_s": round(len(counts) / seconds),
        "load": os.getloadavg()[0],
    }))


if __name__ == "__main__":
    main()
