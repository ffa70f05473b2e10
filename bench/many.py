"""Idle live sockets over several gateway processes, and what each costs.

    many.py [sockets [gateways]]

One process here per gateway opens its share of sockets there.  A process may
open 20 000 files where this was written.  Says how many were open at once, and
the growth of the gateways' resident memory for each.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import program
import sockets

TOPOLOGY = """
nodes:
{edges}
  core:
    listen: "ipc://${{data}}/core.ipc"
    actors: [settings, session-registry, ticket-store, event-hub, tasks,
             scheduler, cost-aggregator, store, backup]
"""
EDGE = '  edge{0}: {{listen: "ipc://${{data}}/edge{0}.ipc", actors: [gateway]}}'
SETTINGS = {
    "api.ws_max_connections_total": 20000,
    "api.ws_max_connections_per_user": 0,
    "api.ws_max_connections_per_address": 0,
    "api.server.connections_max": 20000,
    "api.server.requests_max": 1000000000,
    "api.server.ws_ping_interval": 0,
    "api.ws_frame_timeout_seconds": 600,
    "api.ws_ticket_max_pending_per_user": 50,
    "api.ws_tickets_per_minute": 0,
}


class Reachable:
    """What Socket and Rest want to know of a program."""

    def __init__(self, host, port, token=None):
        self.host, self.port, self.token = host, port, token


def call(at, path, body):
    request = urllib.request.Request(
        f"http://{at.host}:{at.port}{path}", json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=program.PATIENCE_S) as reply:
        return json.load(reply)["data"]


def open_share(at, number, count, wire):
    """In a child: opens its share, says how many, waits to be told to end."""
    rest, opened = sockets.Rest(at), []
    try:
        while len(opened) < count:
            s = sockets.Socket(at)
            ticket = rest.post("/api/v1/auth/ws-ticket")["ticket"]
            answer = s.say({"action": "auth", "ticket": ticket})
            if b"auth_ok" not in answer:
                raise SystemExit(f"not authenticated: {answer!r}")
            opened.append(s)
    except (OSError, SystemExit) as error:
        print(f"child {number}: {error}", file=sys.stderr)
    wire.write(f"{len(opened)}\n".encode())
    wire.readline()


def fork_shares(doors, count):
    shares = []
    for number, at in enumerate(doors):
        here, there = sockets.socket.socketpair()
        pid = os.fork()
        if pid == 0:
            here.close()
            open_share(
                at, number, count // len(doors), there.makefile("rwb", 0))
            os._exit(0)
        there.close()
        shares.append((pid, here.makefile("rwb", 0)))
    return shares


def start(home, gateways):
    edges = "\n".join(EDGE.format(n) for n in range(gateways))
    file = Path(home, "many.yaml")
    file.write_text(TOPOLOGY.format(edges=edges))
    command = [program.TROUPE, "up", "--topology", str(file), "--data", home,
               "--listen", "127.0.0.1:0"]
    for name, value in SETTINGS.items():
        command += ["--set", f"{name}={value}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def read_ready(process, gateways):
    """Where they listen, and the process ids of the gateways."""
    pids, doors = {}, []
    while len(pids) < gateways + 1 or len(doors) < gateways:
        line = process.stdout.readline()
        if not line:
            raise SystemExit("it ended before it was ready")
        node = re.search(r"node=(\S+) pid=(\d+)", line)
        where = re.search(r"http=(\S+):(\d+)", line)
        if node:
            pids[node[1]] = int(node[2])
        if where:
            doors.append(Reachable(where[1], int(where[2])))
    return doors, [p for name, p in pids.items() if name != "core"]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 54000
    gateways = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="troupe-many-") as home:
        process = start(home, gateways)
        doors, pids = read_ready(process, gateways)
        call(doors[0], "/api/v1/auth/setup", program.USER)
        for at in doors:
            at.token = call(at, "/api/v1/auth/login", program.USER)["token"]
        before = sum(map(program.resident_bytes, pids))
        shares = fork_shares(doors, count)
        held = [int(wire.readline()) for _, wire in shares]
        grown = sum(map(program.resident_bytes, pids)) - before
        files = [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]
        for pid, wire in shares:
            wire.write(b"end\n")
            os.waitpid(pid, 0)
        process.terminate()
        process.wait(program.STOP_S)
    print(json.dumps({"bench": "many", "asked": count, "held": sum(held),
                      "by_gateway_files": files, "files_max": hard,
                      "socket_bytes": round(grown / max(sum(held), 1)),
                      "load": program.load()}))


if __name__ == "__main__":
    main()
