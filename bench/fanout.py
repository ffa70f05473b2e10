"""What it costs to tell one event to many live sockets, beside others.

    fanout.py [sockets [seconds [first word of a name ...]]]
    fanout.py latency SOCKETS RATE BATCH [first word of a name ...]

Each server gets the same sockets of the same client; batches of BATCH
messages are told to all of them, AHEAD at a time (saturation), then at
half that rate (latency).  CPU time of the server per delivery is the
figure to trust.  drain.c reads, and throws away most of it unseen.
The second form tells RATE deliveries a second, BATCH events at a time, and
looks at nothing but how long they take.

Beside it: flood.c, which is the kernel's part alone.  Peers: nats-server over
its WebSocket; uWebSockets, which is what `bun` serves WebSockets with, if
TROUPE_BENCH_BUN names one.
"""

import base64
import http.client
import json
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import program

BATCH = 16
AHEAD = 3  # batches under way at saturation
LATENCY_S = 4
EVERY = 16  # one socket of so many is read; of the others bytes are counted
FLOOD = program.ROOT / "build/release/bench_flood"
DRAIN = program.ROOT / "build/release/bench_drain"
BUN = """
const server = Bun.serve({
  port: %d, hostname: "127.0.0.1",
  fetch(request, server) {
    if (server.upgrade(request)) return;
    return new Response("", {status: 404});
  },
  websocket: {
    open(ws) { ws.subscribe("bench"); },
    message(ws, text) { for (const one of JSON.parse(text)) server.publish("bench", one); },
  },
});
"""


def pause(seconds):
    select.select([], [], [], seconds)


def stamp():
    return f"~{time.monotonic_ns():020d}"


def client_frame(data, opcode=1):
    size = (bytes([0x80 | len(data)]) if len(data) < 126
            else b"\xfe" + struct.pack(">H", len(data)))
    return bytes([0x80 | opcode]) + size + bytes(4) + data


def upgrade(host, port, path):
    s = socket.create_connection((host, port), program.PATIENCE_S)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: ".encode()
              + base64.b64encode(os.urandom(16)) + b"\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(4096)
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise SystemExit(head.decode())
    return s, head.partition(b"\r\n\r\n")[2]


class Troupe:
    name = "troupe"
    every = EVERY

    def __init__(self):
        self.program = program.Program(
            "api.ws_max_connections_total=20000",
            "api.ws_max_connections_per_user=0",
            "api.ws_tickets_per_minute=0",
            "api.ws_max_connections_per_address=0",
            "api.server.connections_max=20000",
            "api.server.requests_max=1000000000",
            "api.ws_frame_timeout_seconds=600",
            "api.server.ws_ping_interval=0")
        self.program.log_in()
        self.pids = [self.program.pid]
        self.rest = self.connect()
        self.probe = self.connect()

    def connect(self):
        return http.client.HTTPConnection(
            self.program.host, self.program.port, timeout=program.PATIENCE_S)

    def headers(self):
        return {"Authorization": "Bearer " + self.program.token,
                "Content-Type": "application/json"}

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, body, self.headers())
        reply = connection.getresponse()
        data = reply.read()
        if reply.status >= 300:
            raise SystemExit(f"{path}: {reply.status} {data!r}")
        return data

    def open(self):
        ticket = json.loads(self.ask(
            self.rest, "POST", "/api/v1/auth/ws-ticket"))["data"]["ticket"]
        s, rest = upgrade(self.program.host, self.program.port, "/api/v1/ws")
        for say, until in (
                ({"action": "auth", "ticket": ticket}, b"auth_ok"),
                ({"action": "subscribe", "channels": ["agents"]},
                 b"subscribed")):
            s.sendall(client_frame(json.dumps(say).encode()))
            while until not in rest:
                rest += s.recv(4096)
        return s

    def start(self):
        self.raw = socket.create_connection(
            (self.program.host, self.program.port), program.PATIENCE_S)
        self.taken = b""

    def tell(self, count):
        """One write of many requests; the answers are read."""
        ask = b""
        for _ in range(count):
            body = json.dumps({
                "event_type": "bench", "durable": False,
                "payload": {"at": stamp(), "fill": "x" * 16}}).encode()
            head = "".join(f"{k}: {v}\r\n" for k, v in self.headers().items())
            ask += (f"POST /api/v1/events/agents HTTP/1.1\r\nHost: bench\r\n"
                    f"{head}Content-Length: {len(body)}\r\n\r\n"
                    ).encode() + body
        self.raw.sendall(ask)
        while self.taken.count(b"HTTP/1.1 201") < count:
            self.taken += self.raw.recv(65536)
        self.taken = b""

    def rest_ms(self):
        began = time.monotonic()
        self.ask(self.probe, "GET", "/api/v1/auth/me")
        return (time.monotonic() - began) * 1000

    def close(self):
        self.program.close()


class Nats:
    name = "nats-server"
    every = 1  # how many messages share a frame is up to it

    def __init__(self):
        self.port, self.tcp = program.free_port(), program.free_port()
        self.home = tempfile.TemporaryDirectory(prefix="troupe-bench-")
        config = Path(self.home.name) / "nats.conf"
        config.write_text(
            f'host: "127.0.0.1"\nport: {self.tcp}\nmax_connections: 20000\n'
            f'websocket {{ host: "127.0.0.1", port: {self.port}, '
            "no_tls: true }\n")
        self.process = subprocess.Popen(
            ["nats-server", "-c", str(config)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        program.await_port(self.port, 10)
        self.pids = [self.process.pid]

    def open(self):
        s, _ = upgrade("127.0.0.1", self.port, "/")
        s.sendall(client_frame(
            b'CONNECT {"verbose":false}\r\nSUB bench 1\r\nPING\r\n', 2))
        rest = b""
        while b"PONG" not in rest:
            rest += s.recv(4096)
        return s

    def start(self):
        self.raw = socket.create_connection(("127.0.0.1", self.tcp), 10)
        self.raw.sendall(b'CONNECT {"verbose":false}\r\n')

    def tell(self, count):
        data = b""
        for _ in range(count):
            body = message()
            data += f"PUB bench {len(body)}\r\n".encode() + body + b"\r\n"
        self.raw.sendall(data)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.home.cleanup()


class Flood:
    name = "bare writes"
    every = EVERY

    def __init__(self):
        self.port = program.free_port()
        self.process = subprocess.Popen([str(FLOOD), str(self.port)])
        program.await_port(self.port, 10)
        self.pids = [self.process.pid]

    def open(self):
        return upgrade("127.0.0.1", self.port, "/")[0]

    def start(self):
        self.raw = upgrade("127.0.0.1", self.port, "/tell")[0]

    def tell(self, count):
        data = b"".join(
            b"\x81\x7e" + struct.pack(">H", len(one)) + one
            for one in (message() for _ in range(count)))
        self.raw.sendall(struct.pack("<I", len(data)) + data)

    def close(self):
        self.process.terminate()
        self.process.wait()


class Uws:
    name = "uWebSockets (bun)"
    every = EVERY

    def __init__(self):
        self.port = program.free_port()
        self.home = tempfile.TemporaryDirectory(prefix="troupe-bench-")
        script = Path(self.home.name) / "serve.js"
        script.write_text(BUN % self.port)
        self.process = subprocess.Popen(
            [os.environ["TROUPE_BENCH_BUN"], str(script)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        program.await_port(self.port, 10)
        self.pids = [self.process.pid]

    def open(self):
        return upgrade("127.0.0.1", self.port, "/")[0]

    def start(self):
        self.raw = self.open()

    def tell(self, count):
        self.raw.sendall(client_frame(json.dumps(
            [message().decode() for _ in range(count)]).encode()))

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.home.cleanup()


def message():
    """As long as an event of ours, so that all send as many bytes."""
    return json.dumps({
        "event_type": "bench", "channel": "agents",
        "timestamp": "2026-01-01T00:00:00.000000+00:00",
        "payload": {"at": stamp(), "fill": "x" * 16}, "version": 1,
        "event_id": "00000000-0000-4000-8000-000000000000",
        "epoch": 0, "offset": 0}, separators=(",", ":")).encode()


class Drain:
    def __init__(self, sockets, every):
        fds = [s.fileno() for s in sockets]
        self.process = subprocess.Popen(
            [str(DRAIN), ",".join(map(str, fds)), str(every)], pass_fds=fds,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for s in sockets:
            s.close()

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def ask(self):
        self.say("go")
        return tuple(map(int, self.process.stdout.readline().split()))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def await_all(drain, count):
    end, come = time.monotonic() + program.PATIENCE_S, 0
    while come < count:
        if time.monotonic() > end:
            raise SystemExit(f"{count - come} of {count} did not come")
        pause(0.001)
        come += drain.ask()[0]


class Ahead:
    """Tells batches so that AHEAD of them are always under way."""

    def __init__(self, server, drain, count):
        self.server, self.drain, self.count = server, drain, count
        self.owed = 0

    def tell(self):
        self.server.tell(BATCH)
        self.owed += BATCH * self.count
        while self.owed > (AHEAD - 1) * BATCH * self.count:
            self.hear()

    def hear(self):
        pause(0.001)
        self.owed -= self.drain.ask()[0]

    def finish(self):
        end = time.monotonic() + program.PATIENCE_S
        while self.owed > 0:
            if time.monotonic() > end:
                raise SystemExit(f"{self.owed} messages did not come")
            self.hear()


def saturate(server, drain, count, seconds):
    drain.say("lazy")
    ahead = Ahead(server, drain, count)
    cpu = sum(map(program.cpu_s, server.pids))
    began, told = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        ahead.tell()
        told += BATCH
    ahead.finish()
    took = time.monotonic() - began
    cpu = sum(map(program.cpu_s, server.pids)) - cpu
    return cpu * 1e6 / (told * count), told * count / took


def at_rate(server, drain, count, rate, seconds, batch=BATCH):
    """The 99th percentile from publish to receive, in ms, and what the rate
    was; REST is asked meanwhile."""
    step, told = batch * count / rate, 0
    drain.say("eager")
    drain.ask()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        server.tell(batch)
        told += 1
        if batch == BATCH and hasattr(server, "rest_ms"):
            server.rest_ms()
        pause(max(0, began + told * step - time.monotonic()))
    took = time.monotonic() - began
    pause(0.2)
    return drain.ask()[2] / 1000, told * batch * count / took


def idle_ms(idle):
    began = time.monotonic()
    upgrade("127.0.0.1", idle.port, "/")[0].close()
    return (time.monotonic() - began) * 1000


def percentile(times, part):
    return round(sorted(times)[int(len(times) * part)], 2)


def rest_while_saturated(server, drain, count, seconds):
    """
    A batch is always being told when the request comes.  Beside it: what the
    server's loop did until the answer was there, in ms it ran, whoever else
    wanted the processor; and what a program that has nothing else to do
    needs to answer just then.
    """
    drain.say("lazy")
    idle, ahead = Flood(), Ahead(server, drain, count)
    loop = program.busiest(server.pids[0])
    times, ran, others = [], [], []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        ahead.tell()
        for _ in range(5):
            before = program.thread_s(loop)
            times.append(server.rest_ms())
            ran.append((program.thread_s(loop) - before) * 1000)
            others.append(idle_ms(idle))
    ahead.finish()
    idle.close()
    return {"rest_p99_ms": percentile(times, 0.99),
            "rest_loop_p50_ms": percentile(ran, 0.5),
            "rest_loop_p99_ms": percentile(ran, 0.99),
            "idle_p99_ms": percentile(others, 0.99)}


def measure(kind, count, seconds):
    server = kind()
    try:
        sockets = [server.open() for _ in range(count)]
        drain = Drain(sockets, server.every)
        server.start()
        server.tell(BATCH)
        await_all(drain, BATCH * count)
        cpu_us, rate = saturate(server, drain, count, seconds)
        p99_ms, _ = at_rate(server, drain, count, rate / 2, seconds)
        found = {"cpu_us": round(cpu_us, 3), "per_s": round(rate),
                 "half_rate_p99_ms": round(p99_ms, 2)}
        if hasattr(server, "rest_ms"):
            found |= rest_while_saturated(server, drain, count, seconds)
        drain.close()
        return found
    finally:
        server.close()


def latency(kind, count, rate, batch):
    server = kind()
    try:
        drain = Drain([server.open() for _ in range(count)], server.every)
        server.start()
        server.tell(BATCH)
        await_all(drain, BATCH * count)
        began, cpu = time.monotonic(), sum(map(program.cpu_s, server.pids))
        p99_ms, had = at_rate(server, drain, count, rate, LATENCY_S, batch)
        cpu = sum(map(program.cpu_s, server.pids)) - cpu
        drain.close()
        return {"p99_ms": round(p99_ms, 2), "per_s": round(had),
                "busy": round(cpu / (time.monotonic() - began), 2)}
    finally:
        server.close()


def choose(names):
    kinds = [Troupe, Flood, Nats]
    if "TROUPE_BENCH_BUN" in os.environ:
        kinds.append(Uws)
    names = names or ["troupe", "bare", "nats-server", "uWebSockets"]
    return [kind for kind in kinds if kind.name.split()[0] in names]


def main_latency(count, rate, batch, *names):
    result = {"bench": "fanout_latency", "sockets": int(count),
              "per_s": float(rate), "batch": int(batch),
              "load": program.load()}
    for kind in choose(names):
        result[kind.name] = latency(kind, int(count), float(rate), int(batch))
        print(f"{kind.name:<20}{result[kind.name]}", file=sys.stderr)
    print(json.dumps(result))


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1:2] == ["latency"]:
        main_latency(*sys.argv[2:])
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
    result = {"bench": "fanout", "sockets": count, "load": program.load()}
    kinds = choose(sys.argv[3:])
    for kind in kinds:
        result[kind.name] = found = measure(kind, count, seconds)
        print(f"{kind.name:<20}{found}", file=sys.stderr)
    ours = result.get("troupe", {}).get("cpu_us", 0)
    for kind in kinds if ours else []:
        result[f"ratio {kind.name}"] = round(
            ours / result[kind.name]["cpu_us"], 2)
        print(f"ours : {kind.name}  {result[f'ratio {kind.name}']}",
              file=sys.stderr)
    print(json.dumps(result))


main()
