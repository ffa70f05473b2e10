"""How fast a revocation counts, and what a storm of log-ins does to others.

    accounts.py [revoke] [storm] [start]     default: all

revoke   DELETE of a session to its 204, with 8 gateways; and to the close of
         its open socket, 4003
storm    p99 of GET /api/v1/auth/me while 16 clients log in without pause
start    with 100 000 live sessions, and with as many revoked ones: to ready,
         CPU time until then, and memory that an empty one does not have
"""

import asyncio
import http.client
import json
import re
import statistics
import subprocess
import sys
import threading
import time

import websockets

import program

GATEWAYS = 8
ROUNDS = 200
STARTS = 5
SESSIONS = 100000
FILL = program.ROOT / "build/release/bench_sessions"
STORM_S = 10
STORM_CLIENTS = 16
UNLIMITED = ("api.auth.tries_per_minute=0",
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

    answered, shut = [], []
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
    return answered, shut


def storm(troupe, seconds):
    """p99 of other requests, in milliseconds, and log-ins a second."""
    stop = threading.Event()
    counts = []

    def log_in_forever():
        person, n = Person(troupe), 0
        while not stop.is_set():
            person.log_in()
            person.token = None
            n += 1
        counts.append(n)

    quiet = others(troupe, 2)
    threads = [threading.Thread(target=log_in_forever)
               for _ in range(STORM_CLIENTS)]
    for thread in threads:
        thread.start()
    busy = others(troupe, seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return quiet, busy, sum(counts) / seconds


def others(troupe, seconds):
    person, took, pause = Person(troupe, troupe.token), [], threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert person.ask("GET", "auth/me")[0] == 200
        took.append((time.monotonic() - began) * 1e3)
        pause.wait(0.002)
    return took


def revoke_figures():
    with program.Program(*UNLIMITED, topology=gateways_topology()) as troupe:
        troupe.log_in()
        answered, shut = revoke(troupe, ROUNDS)
    return {
        "revoke_ms": statistics.median(answered),
        "revoke_p99_ms": percentile(answered, .99),
        "close_ms": statistics.median(shut),
        "close_p99_ms": percentile(shut, .99),
    }


def storm_figures():
    with program.Program(*UNLIMITED) as troupe:
        troupe.log_in()
        quiet, busy, rate = storm(troupe, STORM_S)
    return {
        "quiet_p99_ms": percentile(quiet, .99),
        "storm_p50_ms": statistics.median(busy),
        "storm_p99_ms": percentile(busy, .99),
        "logins_per_s": rate,
    }


def start(live, revoked):
    """Milliseconds to ready, CPU milliseconds, and bytes, of one start."""

    def fill(home):
        if live + revoked > 0:
            subprocess.run([FILL, home, str(live), str(revoked)], check=True,
                           stdout=subprocess.DEVNULL)

    with program.Program(fill=fill) as troupe:
        return (troupe.ready_ms, program.cpu_s(troupe.pid) * 1e3,
                program.resident_bytes(troupe.pid, "RssAnon"))


def start_figures():
    told, empty = {}, None
    for name, counts in (("empty", (0, 0)), ("live", (SESSIONS, 0)),
                         ("revoked", (0, SESSIONS))):
        rows = [start(*counts) for _ in range(STARTS)]
        ready, cpu, size = map(statistics.median, zip(*rows))
        empty = size if empty is None else empty
        told |= {f"{name}_ready_ms": ready, f"{name}_cpu_ms": cpu,
                 f"{name}_more_mib": (size - empty) / 2**20}
    return told


PARTS = {"revoke": revoke_figures, "storm": storm_figures,
         "start": start_figures}


def main():
    told = {"bench": "accounts"}
    for part in sys.argv[1:] or PARTS:
        told |= {k: round(v, 2) for k, v in PARTS[part]().items()}
    told["load"] = program.load()
    for name, value in told.items():
        print(f"{name:16} {value}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
