"""The program as a process: started, watched, killed, stopped.

Every wait is for something to happen and ends at a bound; none is for time
to pass.
"""

import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TROUPE = os.environ.get("TROUPE", str(ROOT / "build/release/troupe"))
SPLIT = ROOT / "ops/topologies/split.yaml"
TOPOLOGIES = ("one", "split")

CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL,
           signal.SIGFPE)
READY_S = 20
EVENT_S = 15
STOP_S = 9  # less than the drain's deadline: nothing here waits that long


class Lines:
    """The lines that a process prints, read as they come."""

    def __init__(self):
        self.changed = threading.Condition()
        self.out = []
        self.log = []

    def follow(self, stream, into):
        def read():
            for line in stream:
                with self.changed:
                    into.append(line.decode(errors="replace").rstrip("\n"))
                    self.changed.notify_all()

        threading.Thread(target=read, daemon=True).start()

    def follow_end(self, process):
        """Whoever waits for a line looks again when the process has ended."""

        def read():
            process.wait()
            with self.changed:
                self.changed.notify_all()

        threading.Thread(target=read, daemon=True).start()

    def wait(self, found, timeout, what):
        """Returns the first true answer of found()."""
        with self.changed:
            answer = None

            def ask():
                nonlocal answer
                answer = found()
                return answer

            if not self.changed.wait_for(ask, timeout):
                raise TimeoutError(f"{what} did not come in {timeout} s")
            return answer

    def next(self, timeout):
        """Returns at the next line, or after a timeout."""
        with self.changed:
            self.changed.wait(timeout)


def parse_event(line):
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def wait_gone(pid, timeout=STOP_S):
    """Waits for a process that need not be ours to end."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([watch], [], [], timeout)[0]:
            raise TimeoutError(f"process {pid} lives on")
    finally:
        os.close(watch)


class Server:
    """One Troupe, whole: `troupe run`, or `troupe up` with its nodes."""

    def __init__(self, topology, settings=None):
        self.topology = topology
        self.settings = settings or {}
        self.file = None
        self.home = Path(tempfile.mkdtemp(prefix="troupe-"))
        self.data = self.home / "data"
        self.data.mkdir()
        self.lines = Lines()
        self.process = None
        self.killed = False
        self.env = {}
        self.told = {}  # events of the log, by name, as far as was read
        self.read = 0

    def command(self):
        common = ["--data", str(self.data)]
        if "api.server.listen" not in self.settings:
            common += ["--listen", "127.0.0.1:0"]
        common += ["--log", "json"]
        if self.file is not None:
            common += ["--config", str(self.file)]
        for name, value in self.settings.items():
            common += ["--set", f"{name}={value}"]
        if self.topology == "one":
            return [TROUPE, "run", *common]
        return [TROUPE, "up", "--topology", str(SPLIT), *common]

    def faults_allowed(self):
        faulty = any(name.startswith("TROUPE_FAULT") for name in self.env)
        return {"TROUPE_RUNTIME_FAULT_POINTS": "true"} if faulty else {}

    def start(self):
        before = len(self.lines.out)
        self.process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.faults_allowed(), **self.env},
        )
        self.lines.follow(self.process.stdout, self.lines.out)
        self.lines.follow(self.process.stderr, self.lines.log)
        self.lines.follow_end(self.process)
        self.wait_ready(before)
        return self

    def wait_ready(self, before, timeout=READY_S):
        """Waits for a `ready` line after the first `before` lines."""
        self.lines.wait(
            lambda: any(map(is_ready, self.lines.out[before:]))
            or self.process.poll() is not None,
            timeout,
            "the ready line",
        )
        if not any(map(is_ready, self.lines.out[before:])):
            raise RuntimeError(f"no start: exit {self.process.returncode}")

    @property
    def address(self):
        """Where it listens now: a restarted edge says so again."""
        with self.lines.changed:
            found = [is_ready(line) for line in self.lines.out]
        host, port = [match for match in found if match][-1].groups()
        return host, int(port)

    def events(self, name, **fields):
        """Each line is parsed once: a long run has very many."""
        with self.lines.changed:
            for line in self.lines.log[self.read :]:
                event = parse_event(line)
                self.told.setdefault(event.get("event"), []).append(event)
            self.read = len(self.lines.log)
            found = list(self.told.get(name, []))
        return [e for e in found if fields.items() <= e.items()]

    def wait_event(self, name, count=1, timeout=EVENT_S, **fields):
        def enough():
            found = self.events(name, **fields)
            return found if len(found) >= count else None

        return self.lines.wait(enough, timeout, f"event {name} {fields}")

    def events_of_level(self, level):
        with self.lines.changed:
            parsed = [parse_event(line) for line in self.lines.log]
        return [e for e in parsed if e.get("level") == level]

    def log_text(self):
        with self.lines.changed:
            return "\n".join(self.lines.log)

    def nodes(self):
        """The newest process id of each node, by its name."""
        return {e["node"]: e["pid"] for e in self.events("node.start")}

    def stop(self):
        """Asks it to end; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def kill(self):
        """Ends every process of it as a power cut would."""
        self.killed = True
        pids = {self.process.pid, *self.nodes().values()}
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(STOP_S)
        for pid in pids:
            wait_gone(pid)

    def kill_node(self, name):
        """Ends one node of a split; returns once its parent restarted it."""
        self.killed = True
        pid = self.nodes()[name]
        ready = len(self.events("node.ready", node=name))
        said = len(self.lines.out)
        os.kill(pid, signal.SIGKILL)
        self.wait_event("node.ready", ready + 1, READY_S, node=name)
        if name == "edge":
            self.wait_ready(said)

    def restart(self, topology=None):
        self.topology = topology or self.topology
        return self.start()

    def crashed(self):
        """Its processes that ended by a signal that no test sends."""
        ends = [-e["signal"] for e in self.events("node.exit")]
        if self.process is not None and self.process.poll() is not None:
            ends.append(self.process.returncode)
        return [signal.Signals(-end).name for end in ends if -end in CRASHES]

    def close(self):
        """Leaves nothing behind; returns the exit status, None if killed."""
        status = None
        if self.process is not None and self.process.poll() is None:
            try:
                status = self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        shutil.rmtree(self.home, ignore_errors=True)
        return status


class Clock:
    """The wall clock of every process that has its env: a test sets it on."""

    def __init__(self, folder):
        self.file = Path(folder) / "clock"
        self.file.write_bytes(bytes(8))
        self.env = {"TROUPE_FAULT_CLOCK": str(self.file)}
        self.ahead_us = 0

    def advance(self, seconds):
        """In place: the processes have the file's first page mapped."""
        self.ahead_us += int(seconds * 1_000_000)
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", self.ahead_us))


def is_ready(line):
    """The first address of a `ready` line that has one."""
    return re.match(r"ready .*?\bhttps?=([^ ]+):(\d+)", line)
