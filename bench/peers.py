"""What the benchmarks with peers share: building them, and fair rounds.

Every system of a row runs once a round, one after the other (A B A B), so
that a noisy neighbour meets all of them; the median of the rounds counts,
and the spread is printed beside it.  How many messages a system gets is
found out first, so that each runs for about as long.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "build/bench/peers"
RUN_S = 0.4
PROBE = 100_000
MESSAGES_MAX = 20_000_000
PATIENCE_S = 120


def build(target, source, command):
    """The target, made anew if its source is younger; None without the tool."""
    out, source = BUILT / target, ROOT / source
    if not shutil.which(command[0]):
        return None
    BUILT.mkdir(parents=True, exist_ok=True)
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        made = subprocess.run(command, cwd=BUILT, capture_output=True,
                              text=True, check=False)
        if made.returncode != 0:
            print(f"{target}: not built: {made.stderr.strip()[-300:]}",
                  file=sys.stderr)
            return None
    return out


def once(command, env=None):
    """A run's own words: how many messages, in how many seconds."""
    ran = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True,
        text=True, timeout=PATIENCE_S, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"{command}: {ran.stderr.strip()[-300:]}")
    messages, seconds = ran.stdout.split()[:2]
    return int(messages), float(seconds)


class System:
    """One contender of one row: run(messages) -> (messages, seconds)."""

    def __init__(self, name, run, probe=PROBE, most=MESSAGES_MAX):
        self.name, self.run, self.probe, self.most = name, run, probe, most
        self.wanted = None
        self.rates = []

    def warm_up(self):
        messages, seconds = self.run(self.probe)
        wanted = int(self.probe * RUN_S / max(seconds, 1e-4))
        self.wanted = max(self.probe // 10, min(self.most, wanted))

    def round(self):
        messages, seconds = self.run(self.wanted)
        self.rates.append(messages / seconds)

    @property
    def median(self):
        return statistics.median(self.rates)

    @property
    def spread(self):
        """Half of what lies between the quartiles, in percent of the median."""
        if len(self.rates) < 3:
            return 0.0
        low, _, high = statistics.quantiles(self.rates, n=4)
        return 50 * (high - low) / self.median


def compete(systems, rounds):
    for system in systems:
        system.warm_up()
    for _ in range(rounds):
        for system in systems:
            system.round()


def load():
    return round(os.getloadavg()[0] / os.cpu_count(), 2)


def report(bench, rounds, figures):
    print(json.dumps({"bench": bench, "rounds": rounds, "load": load(),
                      **figures}))
