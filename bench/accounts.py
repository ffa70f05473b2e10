"""How fast a revocation counts, and what a storm of log-ins does to others.

    accounts.py [revoke] [storm] [start]     default: all

revoke   DELETE of a session to its 204, with 8 gateways; and to the close of
         its open socket, 4003; between them what the disk takes for one bare
         page, written and synced
storm    p99 of GET /api/v1/auth/me while 16 clients log in without pause.  Who
         asks is a process of its own, ahead of all others if the system lets
         it: what is told is what the program took, not what the asker waited
         for a processor.
start    with 100 000 live sessions, and with as many revoked ones: to ready,
         CPU time until then, and memory that an empty one does not have
"""

import asyncio
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import websockets

import program

GATEWAYS = 8
ROUNDS = 200
STARTS = 3
SESSIONS = 100000
FILL = program.ROOT / "build/release/bench_sessions"
STORM_S = 10
STORM_CLIENTS = 16
UNLIMITED = ("api.ws_tickets_per_minute=0",
             "api.auth.tries_per_minute=0",
             "api.auth.max_concurrent_sessions=0",
             "api.server.requests_max=1000000000")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


def gateways_topology():
    """What `troupe run` does with no file, but so many gateways."""
    text = (program.ROOT / "ops/topologies/one-loop.yaml").read_text()
    actors = re.search(r"actors: \[(.*)\]", text)[1].split(", ")
    lines = "".join(
        f"      {name}: {{ shards: {GATEWAYS} }}\n" if name == "gateway"
        else f"      {name}: {{ loop: 0 }}\n" for name in actors)
    return f"nodes:\n  all:\n    loops: 1\n    actors:\n{lines}"


class Person:
    def __init__(self, troupe, token=None):
        self.http = http.client.HTTPConnection(troupe.host, troupe.port)
        self.token = token

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        self.http.request(method, "/api/v1/" + path,
                          json.dumps(body) if body else None, headers)
        reply = self.http.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if text else None

    def log_in(self):
        status, body = self.ask("POST", "auth/login", program.USER)
        assert status == 200, body
        self.token = body["data"]["token"]
        self.session = body["data"]["session_id"]
        return self


def revoke(troupe, rounds):
    ceo = Person(troupe, troupe.token)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(what):
        return asyncio.run_coroutine_threadsafe(what, loop).result(30)

    async def open_socket(ticket):
        live = await websockets.connect(
            f"ws://{troupe.host}:{troupe.port}/api/v1/ws", ping_interval=None)
        await live.send(json.dumps({"action": "auth", "ticket": ticket}))
        await live.recv()
        return live

    async def closed(live):
        await live.wait_closed()
        return time.monotonic(), live.close_code

    answered, shut, disk = [], [], []
    page = os.open(f"{troupe.home}/page", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(rounds):
        person = Person(troupe).log_in()
        ticket = person.ask("POST", "auth/ws-ticket")[1]["data"]["ticket"]
        live = run(open_socket(ticket))
        closing = asyncio.run_coroutine_threadsafe(closed(live), loop)
        began = time.monotonic()
        status, _ = ceo.ask("DELETE", "auth/sessions/" + person.session)
        answered.append((time.monotonic() - began) * 1e3)
        assert status == 204
        ended, code = closing.result(10)
        assert code == 4003, code
        shut.append((ended - began) * 1e3)
        began = time.monotonic()
        os.pwrite(page, os.urandom(4096), 0)
        os.fdatasync(page)
        disk.append((time.monotonic() - began) * 1e3)
    os.close(page)
    return answered, shut, disk


def child(part, troupe, seconds):
    """This program again, as one part of the storm."""
    return subprocess.Popen(
        [sys.executable, __file__, part, troupe.host, str(troupe.port),
         troupe.token, str(seconds)], stdout=subprocess.PIPE, text=True)


def heard(process):
    text, _ = process.communicate(timeout=60)
    return json.loads(text)


def storm(troupe, seconds):
    """Milliseconds that others took before and during it; its answers."""
    quiet = heard(child("others", troupe, 2))
    logins = child("logins", troupe, seconds + 2)
    busy = heard(child("others", troupe, seconds))
    return quiet, busy, heard(logins)


def logins(troupe, seconds):
    """The statuses that so many clients got who log in without pause."""
    end, answers = time.monotonic() + seconds, []

    def log_in_until_the_end():
        person = Person(troupe)
        while time.monotonic() < end:
            answers.append(person.ask("POST", "auth/login", program.USER)[0])

    threads = [threading.Thread(target=log_in_until_the_end)
               for _ in range(STORM_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def others(troupe, seconds):
    """Milliseconds of each request of somebody who has a token."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("others: waits for a processor like everybody", file=sys.stderr)
    person, took, pause = Person(troupe, troupe.token), [], threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert person.ask("GET", "auth/me")[0] == 200
        took.append((time.monotonic() - began) * 1e3)
        pause.wait(0.002)
    return took


class Elsewhere:
    """A program that another process has started."""

    def __init__(self, host, port, token):
        self.host, self.port, self.token = host, int(port), token


def revoke_figures():
    with program.Program(*UNLIMITED, topology=gateways_topology()) as troupe:
        troupe.log_in()
        answered, shut, disk = revoke(troupe, ROUNDS)
    return {
        "revoke_ms": statistics.median(answered),
        "revoke_p99_ms": percentile(answered, .99),
        "close_ms": statistics.median(shut),
        "close_p99_ms": percentile(shut, .99),
        "disk_ms": statistics.median(disk),
        "disk_p99_ms": percentile(disk, .99),
    }


def storm_figures():
    with program.Program(*UNLIMITED) as troupe:
        troupe.log_in()
        quiet, busy, answers = storm(troupe, STORM_S)
    return {
        "quiet_p99_ms": percentile(quiet, .99),
        "storm_p50_ms": statistics.median(busy),
        "storm_p99_ms": percentile(busy, .99),
        "storm_max_ms": max(busy),
        "logins_per_s": answers.count(200) / (STORM_S + 2),
        "logins_unanswered": len(answers) - answers.count(200),
    }


def start(folder):
    """Milliseconds to ready, CPU milliseconds, and bytes, of one start."""

    def fill(home):
        shutil.copytree(folder, home, dirs_exist_ok=True)

    with program.Program(fill=fill) as troupe:
        return (troupe.ready_ms, program.cpu_s(troupe.pid) * 1e3,
                program.resident_bytes(troupe.pid, "RssAnon"))


def starts(live, revoked):
    """Medians of several, each on the same sessions."""
    with tempfile.TemporaryDirectory(prefix="troupe-bench-") as folder:
        if live + revoked > 0:
            subprocess.run([FILL, folder, str(live), str(revoked)],
                           check=True, stdout=subprocess.DEVNULL)
        rows = [start(folder) for _ in range(STARTS)]
    return map(statistics.median, zip(*rows))


def start_figures():
    told, empty = {}, None
    for name, counts in (("empty", (0, 0)), ("live", (SESSIONS, 0)),
                         ("revoked", (0, SESSIONS))):
        ready, cpu, size = starts(*counts)
        empty = size if empty is None else empty
        told |= {f"{name}_ready_ms": ready, f"{name}_cpu_ms": cpu,
                 f"{name}_more_mib": (size - empty) / 2**20}
    return told


PARTS = {"revoke": revoke_figures, "storm": storm_figures,
         "start": start_figures}


CHILDREN = {"others": others, "logins": logins}


def main():
    if len(sys.argv) > 1 and sys.argv[1] in CHILDREN:
        part, *where, seconds = sys.argv[1:]
        print(json.dumps(CHILDREN[part](Elsewhere(*where), float(seconds))))
        return
    told = {"bench": "accounts"}
    for part in sys.argv[1:] or PARTS:
        told |= {k: round(v, 2) for k, v in PARTS[part]().items()}
    told["load"] = program.load()
    for name, value in told.items():
        print(f"{name:16} {value}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
