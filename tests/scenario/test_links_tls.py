"""Nodes of two hosts: actors that speak to each other over TLS.

Each host has a data folder of its own and what `troupe certify` made for it;
on loopback, and in network namespaces with a wire that is cut.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from client import Client, Patient, task
from server import EVENT_S, READY_S, TROUPE, Server

ACTORS = {
    "front": "gateway, settings, session-registry, ticket-store, event-hub, "
    "tasks, scheduler, cost-aggregator",
    "vault": "store, backup",
}
WIRED = {"front": "10.98.0.1", "vault": "10.98.0.2"}


def run(*words, check=True):
    done = subprocess.run(
        [str(w) for w in words],
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


class Node(Server):
    """One node of the deployment, as on a host of its own."""

    def __init__(self, deployment, name):
        super().__init__("one")
        self.deployment, self.name = deployment, name
        shutil.rmtree(self.data)

    def command(self):
        made = self.deployment.made / self.name
        if not self.data.exists():
            shutil.copytree(made, self.data)
        words = [TROUPE, "run", "--topology", str(self.deployment.file)]
        words += ["--node", self.name, "--data", str(self.data)]
        words += ["--listen", "127.0.0.1:0", "--log", "json"]
        settings = {
            "runtime.link.certfile": self.data / "link.pem",
            "runtime.link.keyfile": self.data / "link.key",
            "runtime.link.ca_certs": self.data / "ca.pem",
            **self.settings,
        }
        for name, value in settings.items():
            words += ["--set", f"{name}={value}"]
        return [*self.deployment.inside.get(self.name, []), *words]

    def wait_ready(self, before, timeout=READY_S):
        if self.name == "front":
            super().wait_ready(before, timeout)

    def refusals(self, why):
        return [e for e in self.events("link.tls.refused") if why in e["why"]]

    def wait_refused(self, why):
        self.lines.wait(lambda: self.refusals(why), EVENT_S, why)


class Deployment:
    """A front and a vault, each with its own folder."""

    def __init__(self, folder, addresses, inside=None):
        self.file = folder / "two.yaml"
        self.made = folder / "made"
        self.addresses = addresses
        self.inside = inside or {}
        text = "nodes:\n"
        for name, address in addresses.items():
            text += f'  {name}: {{listen: "tls+tcp://{address}", '
            text += f"actors: [{ACTORS[name]}]}}\n"
        self.file.write_text(text)
        self.certify()
        self.front, self.vault = (Node(self, n) for n in ("front", "vault"))

    def certify(self, out=None):
        return run(
            *(TROUPE, "certify", "--topology", self.file),
            *("--out", out or self.made),
        )

    def start(self):
        self.vault.start()
        self.front.start()
        return self

    def close(self):
        statuses = [self.front.close(), self.vault.close()]
        assert set(statuses) <= {0, None}, statuses


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def two(tmp_path):
    addresses = {n: f"127.0.0.1:{free_port()}" for n in ACTORS}
    deployment = Deployment(tmp_path, addresses)
    try:
        yield deployment
    finally:
        deployment.close()


def connect(deployment, name):
    host, port = deployment.addresses[name].split(":")
    return socket.create_connection((host, int(port)), EVENT_S)


def test_requests_cross_the_link_and_survive_the_other_host(two):
    two.start()
    ceo = Client(two.front)
    assert ceo.setup().status == 201
    titles = [f"task {n}" for n in range(20)]
    for n, title in enumerate(titles):
        assert ceo.create_task(title, key=f"key-{n}").status == 201
        if n == 10:
            two.vault.kill()
            two.vault.start()
            ceo = Patient(two.front, ceo.token)
    assert sorted(t["title"] for t in ceo.tasks()) == sorted(titles)
    names = ("certfile", "keyfile", "ca_certs")
    words = [f"--set=runtime.link.{name}=x" for name in names]
    words += ["--data", two.front.data, "--topology", two.file]
    rows, end = [], time.monotonic() + EVENT_S
    while not any(row["to"].startswith("link:") for row in rows):
        assert time.monotonic() < end, rows
        said = run(TROUPE, "status", "--books", "--json", *words, check=False)
        front = json.loads(said.stdout)["nodes"][0]
        rows = front["books"]
    assert all(row["missing"] == 0 for row in rows)


def test_strangers_at_the_port_are_refused_by_name(two):
    two.start()
    ceo = Client(two.front)
    assert ceo.setup().status == 201
    with connect(two, "vault") as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while s.recv(1000):
            pass
    two.vault.wait_refused("does not speak TLS")
    host, port = two.addresses["vault"].split(":")
    run("openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_3",
        check=False)
    two.vault.wait_refused("no certificate")
    run("openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2",
        check=False)
    two.vault.wait_refused("does not speak TLS 1.3")
    with contextlib.suppress(OSError), connect(two, "vault") as s:
        for _ in range(50):
            s.sendall(os.urandom(1000))
    assert ceo.create_task("as before").status == 201


def test_new_certificates_are_taken_up_without_a_cut(two):
    two.start()
    ceo = Client(two.front)
    assert ceo.setup().status == 201
    ups = len(two.front.events("link.state", now="UP"))
    two.certify()
    for node in (two.front, two.vault):
        shutil.copy(two.made / node.name / "link.pem", node.data)
        shutil.copy(two.made / node.name / "link.key", node.data)
        node.process.send_signal(signal.SIGHUP)
        told = node.wait_event("link.tls.configured", 2)
        assert told[0]["fingerprint"] != told[1]["fingerprint"]
    assert ceo.create_task("meanwhile").status == 201
    assert len(two.front.events("link.state", now="UP")) == ups
    (two.vault.data / "link.pem").write_text("none\n")
    two.vault.process.send_signal(signal.SIGHUP)
    two.vault.wait_event("link.tls.reload_failed")
    assert ceo.create_task("all the same").status == 201


def test_a_host_of_another_authority_stays_out(two):
    others = two.made.parent / "others"
    two.certify(others)
    for file in ("link.pem", "link.key", "ca.pem"):
        shutil.copy(others / "vault" / file, two.made / "vault" / file)
    two.vault.start()
    two.front.wait_ready = lambda before: None
    two.front.start()
    two.front.wait_refused("another authority")
    two.vault.wait_refused("another authority")
    assert two.front.events("link.state", now="UP") == []


def test_what_is_missing_is_told_before_a_start(two):
    done = run(TROUPE, "check", "--topology", two.file, check=False)
    assert done.returncode == 2
    assert "runtime.link.certfile" in done.stderr
    two.vault.settings["runtime.link.certfile"] = two.made / "front/link.pem"
    two.vault.settings["runtime.link.keyfile"] = two.made / "front/link.key"
    done = run(*two.vault.command(), check=False)
    assert done.returncode == 1
    assert "this node" in done.stderr.splitlines()[-1]


@pytest.fixture
def wired(tmp_path):
    """A front and a vault in namespaces of their own; it needs root, as CI
    has."""
    spaces = {n: f"troupe{os.getpid()}{n[0]}" for n in ACTORS}
    wires = {n: f"tl{os.getpid() % 100000}{n[0]}" for n in ACTORS}
    try:
        for space in spaces.values():
            run("ip", "netns", "add", space)
        run("ip", "link", "add", wires["front"], "type", "veth",
            "peer", wires["vault"])
        for name, space in spaces.items():
            run("ip", "link", "set", wires[name], "netns", space)
            inside = ("ip", "-n", space)
            run(*inside, "addr", "add", f"{WIRED[name]}/24", "dev",
                wires[name])
            run(*inside, "link", "set", wires[name], "up")
            run(*inside, "link", "set", "lo", "up")
        deployment = Deployment(
            tmp_path,
            {n: f"{address}:7100" for n, address in WIRED.items()},
            {n: ["ip", "netns", "exec", s] for n, s in spaces.items()},
        )
        deployment.cut = lambda how: run(
            "ip", "-n", spaces["front"], "link", "set", wires["front"], how
        )
        try:
            yield deployment
        finally:
            deployment.close()
    finally:
        for space in spaces.values():
            run("ip", "netns", "del", space, check=False)


def test_two_hosts_and_a_wire_that_is_cut(wired):
    wired.start()
    host, port = wired.front.address

    def curl(path, *more):
        done = run(*wired.inside["front"], "curl", "-sS", "--max-time", "15",
                   "-w", "\n%{http_code}", "-HContent-Type: application/json",
                   *more, f"http://{host}:{port}/api/v1/{path}")
        body, status = done.stdout.rsplit("\n", 1)
        return status, json.loads(body)

    account = '{"username":"ada","password":"correct horse battery"}'
    status, made = curl("auth/setup", "-d", account)
    assert status == "201", made
    bearer = f"-HAuthorization: Bearer {made['data']['token']}"

    def create(n):
        return curl("tasks", bearer, f"-HIdempotency-Key: key-{n}",
                    "-d", json.dumps(task(f"task {n}")))

    assert create(0)[0] == "201"
    for n in range(1, 4):
        lost = len(wired.front.events("link.state", now="LOST"))
        ups = len(wired.front.events("link.state", now="UP"))
        wired.cut("down")
        wired.front.wait_event("link.state", lost + 1, now="LOST")
        wired.cut("up")
        wired.front.wait_event("link.state", ups + 1, now="UP")
        assert create(n)[0] == "201"
    status, told = curl("tasks", bearer)
    assert status == "200"
    titles = sorted(t["title"] for t in told["data"]["tasks"])
    assert titles == [f"task {n}" for n in range(4)], told
    assert wired.front.events("link.state", now="UP")[-1]["why"] == "resumed"
