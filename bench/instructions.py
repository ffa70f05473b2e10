"""Instructions per message: the regression gate of the hot path.

    instructions.py            compares with bench/instructions.json
    instructions.py --write    measures, and writes it

callgrind counts instructions, which repeat where seconds do not.  Each row of
bench_savina runs twice, with different numbers of messages; the difference
leaves out start and stop.  A row fails that needs LIMIT more than what is
written down.  Exit status: 0 all within, 1 some not, 2 no valgrind.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile

import peers

ROWS = ["ping-pong", "counting", "thread-ring", "fan-in", "fan-out", "big"]
FEW, MANY = 20_000, 60_000
LIMIT = 1.05
KEPT = peers.ROOT / "bench/instructions.json"
BENCH = peers.ROOT / "build/release/bench_savina"


def counted(row, messages):
    """All instructions of a run on one loop, and how many messages it had."""
    with tempfile.TemporaryDirectory(prefix="troupe-grind-") as home:
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={home}/out",
             BENCH, row, "1", str(messages)],
            capture_output=True, text=True, timeout=300, check=True)
    total = int(re.search(r"Collected : (\d+)", ran.stderr)[1])
    return total, int(ran.stdout.split()[0])


def per_message(row):
    few, many = counted(row, FEW), counted(row, MANY)
    return (many[0] - few[0]) / (many[1] - few[1])


def main():
    if not shutil.which("valgrind"):
        print("instructions: valgrind is not installed", file=sys.stderr)
        return 2
    now = {row: round(per_message(row)) for row in ROWS}
    if "--write" in sys.argv[1:]:
        KEPT.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    print(f"{'instructions/message':22}{'now':>8}{'kept':>8}", file=sys.stderr)
    worse = [row for row in ROWS if now[row] > kept[row] * LIMIT]
    for row in ROWS:
        print(f"{row:22}{now[row]:8}{kept[row]:8}"
              f"{'  WORSE' if row in worse else ''}", file=sys.stderr)
    print(json.dumps({"bench": "instructions", **now}))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
