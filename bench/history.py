"""Durable events: published a second, and 10 000 of them recovered.

    history.py [events]

Every answer says that its event is on disk.  First MANY connections with one
request under way each: a connection of HTTP/1.1 is answered in order, so what
is sent ahead on one waits for what was sent before.  Then as many events in
batches, BATCH in a request, WINDOW requests ahead on each of FEW connections.
Then a fresh socket recovers all of it: the time from its subscription to the
last event, and the server's CPU time.
"""

import json
import selectors
import socket
import sys
import time

import program
from sockets import Rest, Socket, text_frame

FEW, MANY = 16, 512
WINDOW = 64
BATCH = 64
ONE = {"event_type": "bench", "payload": {"n": 1}}
RUNS = 5


class Publisher:
    def __init__(self, troupe, share, window, path, body):
        body = json.dumps(body)
        self.request = (
            f"POST /api/v1/events/{path} HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {troupe.token}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self.stream = socket.create_connection(
            (troupe.host, troupe.port), program.PATIENCE_S)
        self.left, self.owed, self.tail = share, 0, b""
        self.window = window

    def send(self):
        count = min(self.window, self.left)
        self.left -= count
        self.owed = count
        self.stream.sendall(self.request * count)

    def hear(self):
        """True: all its share is on disk."""
        self.tail += self.stream.recv(65536)
        done = self.tail.count(b"HTTP/1.1 201")
        self.owed -= done
        if done:
            self.tail = self.tail[self.tail.rfind(b"HTTP/1.1 201") + 12:]
        if self.owed > 0:
            return False
        if self.left > 0:
            self.send()
        return self.owed == 0


def publish(troupe, events, connections, window, path="agents", body=ONE,
            batch=1):
    """Events a second, and the server's CPU us for each."""
    poll = selectors.DefaultSelector()
    share = events // connections // batch
    for _ in range(connections):
        one = Publisher(troupe, share, window, path, body)
        poll.register(one.stream, selectors.EVENT_READ, one)
    began, cpu = time.monotonic(), program.cpu_s(troupe.pid)
    for key in list(poll.get_map().values()):
        key.data.send()
    while poll.get_map():
        for key, _ in poll.select(program.PATIENCE_S):
            if key.data.hear():
                poll.unregister(key.fileobj)
    took = time.monotonic() - began
    return events / took, (program.cpu_s(troupe.pid) - cpu) * 1e6 / events


def recover(troupe, rest, events):
    live = Socket(troupe)
    ticket = rest.post("/api/v1/auth/ws-ticket")["ticket"]
    live.say({"action": "auth", "ticket": ticket})
    cpu, began = program.ran_s(troupe.pid), time.monotonic()
    live.stream.sendall(text_frame({
        "action": "subscribe", "channels": ["agents"],
        "since": {"epoch": 0, "offset": 0}}))
    last, tail = f'"offset":{events}}}'.encode(), live.buffer
    while tail.count(last) < 1:
        tail = tail[-64:] + live.stream.recv(1 << 20)
    took = time.monotonic() - began
    live.stream.close()
    return took * 1000, (program.ran_s(troupe.pid) - cpu) * 1000


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10240
    events -= events % (FEW * BATCH)
    with program.Program("api.server.requests_max=1000000000") as troupe:
        troupe.log_in()
        rest = Rest(troupe)
        rate, cpu_us = publish(troupe, events, MANY, 1)
        many = {"events": [ONE] * BATCH}
        batch_rate, batch_us = publish(
            troupe, events, FEW, WINDOW, "messages/batch", many, BATCH)
        runs = sorted(recover(troupe, rest, events) for _ in range(RUNS))
        result = {"bench": "history", "events": events,
                  "load": program.load(), "durable_per_s": round(rate),
                  "durable_cpu_us": round(cpu_us, 1),
                  "batched_per_s": round(batch_rate),
                  "batched_cpu_us": round(batch_us, 1),
                  "recovery_ms": round(runs[RUNS // 2][0], 1),
                  "recovery_best_ms": round(runs[0][0], 1),
                  "recovery_cpu_ms": round(
                      sorted(cpu for _, cpu in runs)[RUNS // 2], 1)}
    for name, value in result.items():
        print(f"{name:<20}{value}", file=sys.stderr)
    print(json.dumps(result))


main()
