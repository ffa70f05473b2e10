"""Two hosts: a server in one network namespace, its clients in another.

The namespaces and the wire between them are this test's own, and gone when
it ends.  It needs root, as CI has.
"""

import json
import os
import subprocess

import pytest

from certificate import Authority
from server import Server

SERVER, CLIENT = "10.99.0.1", "10.99.0.2"


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture
def hosts():
    """Names of two namespaces that see each other."""
    names = [f"troupe{os.getpid()}{end}" for end in "ab"]
    wires = [f"tr{os.getpid() % 100000}{end}" for end in "ab"]
    try:
        for name in names:
            run("ip", "netns", "add", name)
        run("ip", "link", "add", wires[0], "type", "veth", "peer", wires[1])
        for name, wire, address in zip(names, wires, (SERVER, CLIENT)):
            run("ip", "link", "set", wire, "netns", name)
            inside = ("ip", "-n", name)
            run(*inside, "addr", "add", f"{address}/24", "dev", wire)
            run(*inside, "link", "set", wire, "up")
            run(*inside, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            run("ip", "netns", "del", name, check=False)


class Far(Server):
    """A server in a namespace."""

    def __init__(self, topology, settings, host):
        super().__init__(topology, settings)
        self.host = host

    def command(self):
        return ["ip", "netns", "exec", self.host, *super().command()]


def test_clients_of_another_host_over_tls(hosts, topology, tmp_path):
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    server = Far(
        topology,
        {
            "api.server.listen": f"{SERVER}:3443",
            "api.ssl_certfile": cert,
            "api.ssl_keyfile": key,
        },
        hosts[0],
    )
    try:
        server.start()

        def curl(path, *more):
            done = run(
                "ip",
                "netns",
                "exec",
                hosts[1],
                "curl",
                "-sS",
                "--cacert",
                str(authority.path),
                "--connect-to",
                f"localhost:3443:{SERVER}:3443",
                "-w",
                "\n%{http_version} %{http_code}",
                *more,
                f"https://localhost:3443{path}",
            )
            body, status = done.stdout.rsplit("\n", 1)
            return json.loads(body)["data"], status

        account = '{"username":"ada","password":"correct horse battery"}'
        made, status = curl(
            "/api/v1/auth/setup",
            "-HContent-Type: application/json",
            "-d",
            account,
        )
        assert status == "2 201"
        seen, status = curl(
            "/api/v1/connection", f"-HAuthorization: Bearer {made['token']}"
        )
        assert status == "2 200"
        assert seen["address"] == CLIENT
        assert seen["tls_version"] == "TLSv1.3" and seen["secure"]
    finally:
        assert server.close() == 0
