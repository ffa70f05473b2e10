"""What the black-box benchmarks share: a Troupe of their own, and /proc."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TROUPE = os.environ.get("TROUPE", str(ROOT / "build/release/troupe"))
USER = {"username": "ada", "password": "correct horse battery"}
PATIENCE_S = 30
STOP_S = 20
PAUSE_S = 0.02
TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system time that a process has had."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS_S


def busiest(pid):
    """The thread of a process that has run longest."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return max(threads, key=thread_s)


def thread_s(thread):
    """How long it has run, to the ns: waiting for a processor is no part."""
    return int((thread / "schedstat").read_text().split()[0]) / 1e9


def ran_s(pid):
    """cpu_s to the ns, of the threads there are."""
    return sum(map(thread_s, Path(f"/proc/{pid}/task").iterdir()))


def resident_bytes(pid, kind="VmRSS"):
    """RssAnon leaves out what is mapped from files, such as the database."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(kind + r":\s+(\d+)", status)[1]) * 1024


def load():
    """Who wanted to run over the last minute, for each processor."""
    return round(os.getloadavg()[0] / os.cpu_count(), 2)


class Program:
    """`troupe run` in a folder of its own, which `fill` may have filled."""

    def __init__(self, *settings, topology=None, fill=None):
        self.home = tempfile.mkdtemp(prefix="troupe-bench-")
        if fill is not None:
            fill(self.home)
        command = [TROUPE, "run", "--data", self.home, "--listen",
                   "127.0.0.1:0"]
        if topology is not None:
            Path(self.home, "nodes.yaml").write_text(topology)
            command += ["--topology", f"{self.home}/nodes.yaml"]
        for setting in settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        line = self.process.stdout.readline()
        found = re.search(r" ms=(\d+) http=(\S+):(\d+)", line)
        if not found:
            self.close()
            raise SystemExit(f"no start: {line!r}")
        self.ready_ms = int(found[1])
        self.host, self.port = found[2], int(found[3])
        self.pid = self.process.pid
        self.url = f"http://{self.host}:{self.port}"
        self.token = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def log_in(self):
        self.call("POST", "/api/v1/auth/setup", USER)
        self.token = self.call(
            "POST", "/api/v1/auth/login", USER)["data"]["token"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return json.load(reply)

    def text(self, path):
        request = urllib.request.Request(self.url + path)
        request.add_header("Authorization", "Bearer " + self.token)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return reply.read()

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def free_port():
    """A port of loopback that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, within_s):
    """Returns when somebody listens there."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        with socket.socket() as s:
            s.settimeout(within_s)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        select.select([], [], [], PAUSE_S)
    raise SystemExit(f"nobody listens on port {port}")
