"""Message benchmarks after Savina, beside Erlang/OTP, CAF, Go and bare loops.

    savina.py [rounds [row]]

Each row runs on one loop (one scheduler thread, pinned) and on two.  Equal:
the rows, 64 bytes of message, the processors, the time each runs.  Not equal:
mailboxes are bounded here and in Go, unbounded in Erlang and CAF; here a
message is encoded, decoded, has a deadline and is booked, there it is a
pointer or a copy; actors stand on the loop that bench/savina.c says, the
peers' schedulers decide for themselves.  `bare` is no actor system but the
limit: the same rows on libuv loops with rings between them, placed and
credited as ours; it is in no ratio.
"""

import shutil
import sys

import peers

ROUNDS = 5
ROWS = ["ping-pong", "counting", "thread-ring", "fan-in", "fan-out", "big"]
PINNED = {1: "0", 2: "0,1"}
LIMIT = "bare"
SOURCES = peers.ROOT / "bench/savina"


def commands():
    """name -> (row, threads, messages) -> command and environment."""
    troupe = peers.ROOT / "build/release/bench_savina"
    found = {"troupe": lambda row, n, m: ([troupe, row, str(n), str(m)], {})}
    erl = peers.build("savina.beam", "bench/savina/savina.erl",
                      ["erlc", "-o", ".", SOURCES / "savina.erl"])
    if erl:
        found["erlang"] = lambda row, n, m: (
            ["erl", "-noshell", "+S", f"{n}:{n}", "-pa", str(peers.BUILT),
             "-run", "savina", "main", row, str(m)], {})
    caf = peers.build("savina_caf", "bench/savina/savina.cpp",
                      ["g++", "-O2", "-std=c++17", SOURCES / "savina.cpp",
                       "-lcaf_core", "-lpthread", "-o", "savina_caf"])
    if caf:
        found["caf"] = lambda row, n, m: ([caf, row, str(n), str(m)], {})
    go = peers.build("savina_go", "bench/savina/savina.go",
                     ["go", "build", "-o", "savina_go", SOURCES / "savina.go"])
    if go:
        found["go"] = lambda row, n, m: (
            [go, row, str(m)], {"GOMAXPROCS": str(n)})
    bare = peers.build("savina_bare", "bench/savina/bare.c",
                       ["gcc", "-O2", SOURCES / "bare.c", "-luv", "-lpthread",
                        "-o", "savina_bare"])
    if bare:
        found[LIMIT] = lambda row, n, m: ([bare, row, str(n), str(m)], {})
    return found


def contender(name, command, row, threads):
    def run(messages):
        words, env = command(row, threads, messages)
        pinned = ["taskset", "-c", PINNED[threads]] if pin else []
        return peers.once(pinned + [str(w) for w in words], env)
    pin = shutil.which("taskset")
    return peers.System(name, run)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    rows = [sys.argv[2]] if len(sys.argv) > 2 else ROWS
    found, figures = commands(), {}
    head = "".join(f"{name:>16}" for name in found)
    print(f"million messages/s {'':10}{head}  ours:best peer", file=sys.stderr)
    for row in rows:
        for threads in (1, 2):
            systems = [contender(name, command, row, threads)
                       for name, command in found.items()]
            peers.compete(systems, rounds)
            best = max((s.median for s in systems[1:] if s.name != LIMIT),
                       default=0)
            ratio = systems[0].median / best if best else 0
            cells = "".join(f"{s.median / 1e6:9.2f} ±{s.spread:4.0f}%"
                            for s in systems)
            print(f"{row:14} {threads} thread{'s' * (threads > 1):1}     "
                  f"{cells}  {ratio:6.2f}", file=sys.stderr, flush=True)
            key = f"{row.replace('-', '_')}_{threads}"
            for s in systems:
                figures[f"{key}_{s.name}"] = round(s.median / 1e6, 3)
            figures[f"{key}_ratio"] = round(ratio, 2)
    peers.report("savina", rounds, figures)


if __name__ == "__main__":
    main()
