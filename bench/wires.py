"""Messages between two processes, beside ZeroMQ, NATS, Redis and Erlang.

    wires.py [rounds]

Counting: 64-byte messages one way until the receiver has the last; then one
in flight, there and back.  Equal: 64 bytes, one sender, one receiver, one
machine, the rounds in turn.  Not equal: here every message has an envelope,
goes to an actor, is sequenced, acknowledged, bounded by credit and booked;
ZeroMQ and Erlang distribution stop their sender when the peer is slow; NATS
and Redis go through a server, and drop what a slow subscriber leaves.
"""

import json
import subprocess
import sys
import tempfile
import time

import peers
import program

ROUNDS = 5
TRIPS = 2000
NATS_MOST = 1_900_000  # what its client keeps for a subscription
START_S = 10
SOURCES = peers.ROOT / "bench/wires"
ERL = ["erl", "-noshell", "-setcookie", "bench", "-start_epmd", "false",
       "-pa", str(peers.BUILT)]


def built(name, *libraries):
    source = SOURCES / f"{name}.c"
    return peers.build(f"wires_{name}", f"bench/wires/{name}.c",
                       ["gcc", "-O2", f"-I{SOURCES}", source,
                        *(f"-l{lib}" for lib in libraries), "-lpthread",
                        "-o", f"wires_{name}"])


def troupe(scheme, figure):
    """bench_nodes measures both at once: each asks for its own figure."""
    def run(messages):
        ran = subprocess.run(
            [peers.ROOT / "build/release/bench_nodes", "1", scheme],
            capture_output=True, text=True, timeout=peers.PATIENCE_S,
            check=True)
        told = json.loads(ran.stdout)
        if figure == "count":
            return int(told["count"] * 1e6), 1.0
        return messages, messages * told["trip_us"] / 1e6
    return run


def hosts(messages):
    """Two network namespaces, TLS between them; the lab's own figure."""
    ran = subprocess.run(
        [peers.ROOT / "build/release/troupe", "load", "counting",
         "--placement", "hosts:2", "--size", "64", "--messages",
         str(messages), "--json"],
        capture_output=True, text=True, timeout=peers.PATIENCE_S, check=True)
    rate = json.loads(ran.stdout)["per_second"]
    return messages, messages / rate


def simple(binary, kind, where):
    return lambda messages: peers.once([binary, kind, str(messages), where])


class Server:
    """A server on a port of loopback, until it answers connections."""

    def __init__(self, command, port):
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = port
        program.await_port(port, START_S)

    def close(self):
        self.process.terminate()
        self.process.wait()


def servers(home):
    found = {}
    if peers.shutil.which("nats-server"):
        port = program.free_port()
        found["nats"] = Server(
            ["nats-server", "-a", "127.0.0.1", "-p", str(port)], port)
    if peers.shutil.which("redis-server"):
        port = program.free_port()
        found["redis"] = Server(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1",
             "--save", "", "--dir", home], port)
    if peers.build("wires.beam", "bench/wires/wires.erl",
                   ["erlc", "-o", ".", SOURCES / "wires.erl"]):
        port = program.free_port()
        found["erlang"] = Server(
            [*ERL, "-sname", "there@localhost", "-erl_epmd_port", str(port),
             "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
             "-run", "wires", "receive", "it"], port)
    return found


def erlang(kind, port):
    return lambda messages: peers.once(
        [*ERL, "-sname", "here@localhost", "-erl_epmd_port", str(port),
         "-dist_listen", "false", "-run", "wires", "send", kind,
         str(messages), "there@localhost"])


def contenders(kind, running, home):
    probe = peers.PROBE if kind == "count" else TRIPS
    systems = [peers.System(f"troupe {s}", troupe(s, kind), probe)
               for s in ("ipc", "tcp", "tls")]
    if kind == "count":
        systems.append(peers.System("troupe hosts", hosts, probe))
    zeromq = built("zeromq", "czmq", "zmq")
    if zeromq:
        # A name and a port of its own each time: the last may linger.
        for scheme, where in (
                ("ipc", lambda: f"ipc://{home}/{time.monotonic_ns()}"),
                ("tcp", lambda: f"tcp://127.0.0.1:{program.free_port()}")):
            systems.append(peers.System(
                f"zeromq {scheme}",
                lambda m, w=where: simple(zeromq, kind, w())(m), probe))
    for name, libraries in (("nats", ["nats"]), ("redis", ["hiredis"])):
        binary = built(name, *libraries)
        if binary and name in running:
            systems.append(peers.System(
                name, simple(binary, kind, str(running[name].port)), probe,
                NATS_MOST))
    if "erlang" in running:
        systems.append(peers.System(
            "erlang", erlang(kind, running["erlang"].port), probe))
    return systems


def print_row(system, first, kind):
    rate = system.median
    figure = rate / 1e6 if kind == "count" else 1e6 / rate
    print(f"{system.name:14} {figure:10.3f} ±{system.spread:4.0f}% "
          f"{'million/s' if kind == 'count' else 'us a trip':10} "
          f"{first.median / rate:7.2f}", file=sys.stderr)
    return round(figure, 3)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    figures = {}
    with tempfile.TemporaryDirectory(prefix="troupe-wires-") as home:
        running = servers(home)
        try:
            for kind in ("count", "trip"):
                systems = contenders(kind, running, home)
                peers.compete(systems, rounds)
                print(f"{kind:14} {'median':>10} {'':17} ours:it",
                      file=sys.stderr)
                for s in systems:
                    figures[f"{kind}_{s.name.replace(' ', '_')}"] = print_row(
                        s, systems[0], kind)
        finally:
            for server in running.values():
                server.close()
    peers.report("wires", rounds, figures)


if __name__ == "__main__":
    main()
