"""What a live socket costs: memory while idle, CPU time per delivery.

    sockets.py [sockets [events]]

Opens authenticated WebSockets to one gateway, each with a ticket of its own
used at once, and divides the growth of the server's resident memory by their
number (what the kernel keeps for them is not in it).  Then every socket
subscribes, and each task created over REST is one event to all of them.  The
reader is this script and is slower than the server: CPU time per delivery is
the figure, deliveries a second only say what was seen.
"""

import base64
import http.client
import json
import os
import resource
import select
import socket
import struct
import sys
import time

import program

WARM_UP = 200
FILES_SPARE = 1000
GOAL_BYTES = 2048
TASK = {"title": "Say hello", "description": "To whoever reads this.",
        "project": "bench", "type": "research"}


class Rest:
    """One keep-alive connection of ada's."""

    def __init__(self, troupe):
        self.connection = http.client.HTTPConnection(
            troupe.host, troupe.port, timeout=program.PATIENCE_S)
        self.headers = {"Authorization": "Bearer " + troupe.token,
                        "Content-Type": "application/json"}

    def post(self, path, body=None):
        self.connection.request(
            "POST", path, json.dumps(body) if body else None, self.headers)
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status >= 300:
            raise SystemExit(f"{path}: {reply.status} {text!r}")
        return json.loads(text)["data"]


def text_frame(value):
    """Masked, as a client's must be; the key is zero."""
    data = json.dumps(value).encode()
    size = (bytes([0x80 | len(data)]) if len(data) < 126
            else b"\xfe" + struct.pack(">H", len(data)))
    return b"\x81" + size + bytes(4) + data


class Socket:
    def __init__(self, troupe):
        self.stream = socket.create_connection(
            (troupe.host, troupe.port), program.PATIENCE_S)
        self.stream.sendall(
            b"GET /api/v1/ws HTTP/1.1\r\nHost: bench\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            + base64.b64encode(os.urandom(16)) + b"\r\n\r\n")
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise SystemExit(head.decode())

    def until(self, mark):
        while mark not in self.buffer:
            self.receive()
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def say(self, value):
        """Sends a request and reads its one answer."""
        self.stream.sendall(text_frame(value))
        while (answer := self.next_frame()) is None:
            self.receive()
        return answer

    def receive(self):
        data = self.stream.recv(65536)
        if not data:
            raise SystemExit(f"closed: {self.buffer!r}")
        self.buffer += data

    def next_frame(self):
        """What a whole frame says; None while it is not here."""
        size, head = (self.buffer[1] if len(self.buffer) > 1 else 0), 2
        if size == 126 and len(self.buffer) >= 4:
            size, head = struct.unpack(">H", self.buffer[2:4])[0], 4
        if len(self.buffer) < max(head + size, 2):
            return None
        frame = self.buffer[head:head + size]
        self.buffer = self.buffer[head + size:]
        return frame

    def frames(self):
        """How many have come whole."""
        self.receive()
        count = 0
        while self.next_frame() is not None:
            count += 1
        return count


def open_sockets(troupe, rest, count):
    opened = []
    for _ in range(count):
        s = Socket(troupe)
        ticket = rest.post("/api/v1/auth/ws-ticket")["ticket"]
        answer = s.say({"action": "auth", "ticket": ticket})
        if b"auth_ok" not in answer:
            raise SystemExit(f"not authenticated: {answer!r}")
        opened.append(s)
    return opened


def fan_out(troupe, rest, sockets, events):
    """CPU us per delivery, and deliveries a second as seen here."""
    poll = select.epoll()
    by_fd = {s.stream.fileno(): s for s in sockets}
    for s in sockets:
        s.say({"action": "subscribe", "channels": ["tasks"]})
        poll.register(s.stream, select.EPOLLIN)
    cpu, start = program.cpu_s(troupe.pid), time.monotonic()
    for _ in range(events):
        rest.post("/api/v1/tasks", TASK)
        left = len(sockets)
        while left > 0:
            ready = poll.poll(program.PATIENCE_S)
            if not ready:
                raise SystemExit(f"{left} sockets heard nothing")
            left -= sum(by_fd[fd].frames() for fd, _ in ready)
    deliveries = events * len(sockets)
    took = time.monotonic() - start
    return ((program.cpu_s(troupe.pid) - cpu) * 1e6 / deliveries,
            deliveries / took)


def measure(count, events):
    with program.Program(
            "api.ws_max_connections_total=20000",
            "api.ws_max_connections_per_user=0",
            "api.ws_tickets_per_minute=0",
            "api.ws_max_connections_per_address=0",
            "api.server.connections_max=20000",
            "api.server.requests_max=1000000000",
            "api.ws_frame_timeout_seconds=600",
            "api.server.ws_ping_interval=0") as troupe:
        troupe.log_in()
        rest = Rest(troupe)
        sockets = open_sockets(troupe, rest, WARM_UP)
        before = program.resident_bytes(troupe.pid)
        sockets += open_sockets(troupe, rest, count)
        each = (program.resident_bytes(troupe.pid) - before) / count
        idle_cpu = program.cpu_s(troupe.pid)
        poll = select.epoll()
        poll.register(sockets[0].stream, select.EPOLLIN)
        poll.poll(2)  # nobody speaks: two quiet seconds
        idle_cpu = (program.cpu_s(troupe.pid) - idle_cpu) / 2
        cpu_us, per_s = fan_out(troupe, rest, sockets, events)
        return {"socket_bytes": round(each), "idle_cpu": round(idle_cpu, 4),
                "resident_mib": round(
                    program.resident_bytes(troupe.pid) / 2**20, 1),
                "delivery_cpu_us": round(cpu_us, 3),
                "deliveries_per_s": round(per_s)}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + WARM_UP + FILES_SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    result = {"bench": "sockets", "sockets": count, "load": program.load()}
    result.update(measure(count, events))
    for name, goal in (("socket_bytes", f"goal <= {GOAL_BYTES}"),
                       ("idle_cpu", "of one core, all sockets idle"),
                       ("resident_mib", "the whole program"),
                       ("delivery_cpu_us", "server, with the kernel's part"),
                       ("deliveries_per_s", "as fast as the reader reads")):
        print(f"{name:<20}{result[name]:>12}  {goal}", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
