"""What the books cost: CPU time of a message with them and without.

    books.py [layouts [row...]]

The books are two increments a message.  Where a function stands in memory
moves these rows by more than that (T. Mytkowicz et al., "Producing Wrong Data
Without Doing Anything Obviously Wrong!", 2009), so that one build against one
other says nothing.  Here both variants are linked in many layouts, drawn at
random: the order of all functions, the gaps between them, the size of the
environment and so the place of the stack (C. Curtsinger, E. Berger,
"Stabilizer", 2013).  A layout has each function at the same place in both
variants, which run one after the other; the ratios of the layouts are what is
averaged, and their bootstrap says how sure that is.

Each variant is compiled once, below build/books.  A row has met the goal if
all of its median's interval has, and missed it if none of it has; the mean
stands beside it, which neighbours on the machine move further.
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys

import peers

LAYOUTS = 120
TURNS = 4
RUN_S = 0.05
GOAL = 2.0
ROWS = ["ping-pong", "counting", "thread-ring", "fan-in", "fan-out", "big"]
FLAGS = {"with": "-ffunction-sections",
         "without": "-ffunction-sections -DTROUPE_NO_BOOKS"}
HOME = peers.ROOT / "build/books"
MAIN = "CMakeFiles/bench_savina.dir/bench/savina.c.o"
ARCHIVES = ["libruntime.a", "libprotocols.a", "libruntime_base.a"]
ALIGNED = 16
GAPS = 4  # times ALIGNED: all places in a cache line
ENVIRONMENT_MAX = 4096
SAMPLES = 10_000


def told(command, where):
    ran = subprocess.run(command, cwd=where, capture_output=True, text=True,
                         check=False)
    if ran.returncode != 0:
        raise SystemExit(f"{command}: {(ran.stdout + ran.stderr)[-600:]}")
    return ran.stdout


def build(variant):
    """Compiles a variant; the words that link it, the output's name last."""
    where = HOME / variant
    told(["cmake", "--preset", "release", "-B", str(where),
          f"-DCMAKE_C_FLAGS={FLAGS[variant]}"], peers.ROOT)
    told(["ninja", MAIN, *ARCHIVES], where)
    words = told(["ninja", "-t", "commands", "bench_savina"],
                 where).splitlines()[-1].split()
    words = words[words.index("&&") + 1:-2]
    at = words.index("-o")
    words = [w for w in words[:at] + words[at + 2:]
             if not re.fullmatch(r"lib\w+\.a", w) or w in ARCHIVES]
    return [*words, "-Wl,--gc-sections,-S", "-o"]


def functions(variant, link):
    """section -> bytes, of all code of ours that a program has."""
    where, sizes = HOME / variant, {}
    told([*link, "plain", "-Wl,-Map,plain.map"], where)
    listed = re.findall(r"^ (\.text\.\S+)\s+0x0*([0-9a-f]+)\s+0x([0-9a-f]+) ",
                        (where / "plain.map").read_text(), re.MULTILINE)
    for name, address, size in listed:
        if address:
            sizes[name] = (sizes.get(name, 0) +
                           -(-int(size, 16) // ALIGNED) * ALIGNED)
    return sizes


def script_of(usual, slots, dice):
    """The usual linker script, with every function at a place of its own."""
    order, at, lines = sorted(slots), 0, []
    dice.shuffle(order)
    for name in order:
        at += dice.randrange(GAPS) * ALIGNED
        lines.append(f". = {at:#x}; *({name})")
        at += slots[name]
    return re.sub(r"(?m)^  \.text\s*:\s*\{", lambda m: "\n".join(
        [m[0], *lines]), usual, count=1)


def link_all(layouts, seed):
    links = {variant: build(variant) for variant in FLAGS}
    slots = {}
    for variant, link in links.items():
        for name, size in functions(variant, link).items():
            slots[name] = max(size, slots.get(name, 0))
    usual = told([*links["with"], "plain", "-Wl,--verbose"], HOME / "with")
    usual = re.split(r"^={20,}$", usual, flags=re.MULTILINE)[1]
    for layout in range(layouts):
        script = HOME / "layout.ld"
        script.write_text(script_of(usual, slots, random.Random(seed + layout)))
        for variant, link in links.items():
            told([*link, f"savina.{layout}", f"-Wl,-T,{script}"],
                 HOME / variant)


def cpu_ns(variant, layout, row, messages, dice):
    """CPU time of a message, in a process of its own."""
    ran = subprocess.run(
        [HOME / variant / f"savina.{layout}", row, "1", str(messages)],
        env={**os.environ, "LAYOUT": "x" * dice.randrange(ENVIRONMENT_MAX)},
        capture_output=True, text=True, timeout=peers.PATIENCE_S, check=True)
    done, _, cpu_s = ran.stdout.split()
    return float(cpu_s) * 1e9 / int(done)


def ratio(layout, row, messages, dice):
    """with : without, and the first; medians of turns."""
    turns = []
    for turn in range(TURNS):
        order = sorted(FLAGS, reverse=(layout + turn) % 2 == 1)
        turns.append({variant: cpu_ns(variant, layout, row, messages, dice)
                      for variant in order})
    return (statistics.median(t["with"] / t["without"] for t in turns),
            statistics.median(t["with"] for t in turns))


def percent(r):
    return round(100 * (r - 1), 2)


def interval(of, ratios, dice):
    """Of their mean or median, 95 %, by drawing them again."""
    drawn = sorted(of(dice.choices(ratios, k=len(ratios)))
                   for _ in range(SAMPLES))
    return percent(drawn[SAMPLES // 40]), percent(drawn[-SAMPLES // 40])


def measured(row, layouts, dice):
    probe = cpu_ns("with", 0, row, peers.PROBE, dice)
    messages = int(RUN_S * 1e9 / probe)
    pairs = [ratio(n, row, messages, dice) for n in range(layouts)]
    ratios = [r for r, _ in pairs]
    low, high = interval(statistics.median, ratios, dice)
    return {
        "ns": round(statistics.median(ns for _, ns in pairs), 1),
        "median": percent(statistics.median(ratios)),
        "median_95": [low, high],
        "mean": percent(statistics.fmean(ratios)),
        "mean_95": interval(statistics.fmean, ratios, dice),
        "verdict": ("met" if high <= GOAL else
                    "missed" if low > GOAL else "open")}


def main():
    layouts = int(sys.argv[1]) if len(sys.argv) > 1 else LAYOUTS
    rows = sys.argv[2:] or ROWS
    dice, figures = random.Random(layouts), {}
    link_all(layouts, 1)
    os.sched_setaffinity(0, {0})
    print(f"{'books, % of CPU time':22}{'ns':>7}{'median':>8}{'95 %':>18}"
          f"{'mean':>8}{'95 %':>18}", file=sys.stderr)
    for row in rows:
        f = figures[row.replace("-", "_")] = measured(row, layouts, dice)
        spans = ["{:7.2f} to {:6.2f}".format(*f[of])
                 for of in ("median_95", "mean_95")]
        print(f"{row:22}{f['ns']:7}{f['median']:8}{spans[0]:>18}"
              f"{f['mean']:8}{spans[1]:>18}  {f['verdict']}",
              file=sys.stderr, flush=True)
    print(json.dumps({"bench": "books", "layouts": layouts,
                      "load": peers.load(), **figures}))


if __name__ == "__main__":
    main()
