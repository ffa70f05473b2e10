"""What an authenticated GET /api/v1/auth/me costs, beside nginx.

    rest.py [seconds of each run [rounds]]

One Troupe with one gateway; one nginx worker that answers with a file of the
same size (B), or from its configuration with no file at all (C).  wrk drives
each with 32 keep-alive connections, A B C A B C.  What counts is CPU time per
request of the server's process, from /proc: a busy machine hardly moves it.
"""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import program

PATH = "/api/v1/auth/me"
CONNECTIONS = 32
GOAL_RATIO = 1.3
START_S = 10

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    default_type application/json;
    client_body_temp_path {home}/a; proxy_temp_path {home}/b;
    fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d;
    scgi_temp_path {home}/e;
    server {{
        listen 127.0.0.1:{port};
        location = {path} {{ alias {home}/me.json; }}
        location = /fixed {{ return 200 '{body}'; }}
    }}
}}
"""


class Nginx:
    """Its master in the foreground, and one worker, which is measured."""

    def __init__(self, body):
        self.home = tempfile.mkdtemp(prefix="troupe-bench-")
        self.port = program.free_port()
        Path(self.home, "me.json").write_text(body)
        Path(self.home, "conf").write_text(NGINX.format(
            user="user root;" if os.geteuid() == 0 else "",
            home=self.home, port=self.port, path=PATH, body=body))
        self.master = subprocess.Popen(
            ["nginx", "-c", f"{self.home}/conf", "-e",
             f"{self.home}/error.log"], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        self.pid = self.wait_worker()

    def wait_worker(self):
        children = Path(
            f"/proc/{self.master.pid}/task/{self.master.pid}/children")
        while self.master.poll() is None:
            try:
                socket.create_connection(
                    ("127.0.0.1", self.port), START_S).close()
            except ConnectionRefusedError:
                continue
            pids = children.read_text().split()
            if pids:
                return int(pids[0])
        raise SystemExit("nginx did not start")

    def close(self):
        self.master.send_signal(signal.SIGTERM)
        self.master.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def drive(pid, url, token, seconds):
    """One run: CPU us per request of pid, and requests a second."""
    before = program.cpu_s(pid)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H",
         f"Authorization: Bearer {token}", url],
        capture_output=True, text=True, check=True).stdout
    used = program.cpu_s(pid) - before
    if "Non-2xx" in out:
        raise SystemExit(out)
    requests = int(re.search(r"(\d+) requests in", out)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    return used * 1e6 / requests, rate


def measure(seconds, rounds):
    with program.Program("api.server.requests_max=1000000000") as troupe:
        troupe.log_in()
        body = troupe.text(PATH).decode()
        nginx = Nginx(body)
        try:
            runs = {"troupe": [], "nginx_file": [], "nginx_fixed": []}
            for _ in range(rounds):
                for name, pid, url in (
                        ("troupe", troupe.pid, troupe.url + PATH),
                        ("nginx_file", nginx.pid, nginx.url + PATH),
                        ("nginx_fixed", nginx.pid, nginx.url + "/fixed")):
                    runs[name].append(
                        drive(pid, url, troupe.token, seconds))
        finally:
            nginx.close()
    return len(body), runs


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool):
            print(f"rest: skipped, {tool} is not installed "
                  "(ops/setup --bench)", file=sys.stderr)
            return
    size, runs = measure(seconds, rounds)
    result = {"bench": "rest", "load": program.load(), "body_bytes": size}
    print(f"{'GET ' + PATH:<24}{'CPU us/request':>16}{'requests/s':>14}",
          file=sys.stderr)
    for name, taken in runs.items():
        cpu = statistics.median(t[0] for t in taken)
        rate = statistics.median(t[1] for t in taken)
        result[name + "_cpu_us"] = round(cpu, 3)
        result[name + "_per_s"] = round(rate)
        print(f"{name:<24}{cpu:>16.2f}{rate:>14.0f}", file=sys.stderr)
    for peer in ("nginx_file", "nginx_fixed"):
        ratio = statistics.median(
            a[0] / b[0] for a, b in zip(runs["troupe"], runs[peer]))
        result["ratio_" + peer] = round(ratio, 3)
        goal = f"goal <= {GOAL_RATIO}" if peer == "nginx_file" else ""
        print(f"{'CPU, ours / ' + peer:<24}{ratio:>16.2f}  {goal}",
              file=sys.stderr)
    print(json.dumps(result))


main()
