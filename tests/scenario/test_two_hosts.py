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

SERVER, CLIENT, PORT = "10.99.0.1", "10.99.0.2", 3443


def run(*words, check=True, **more):
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=30,
        **more)
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


class Near:
    """Programs that are not ours, on the clients' host."""

    def __init__(self, host, authority):
        self.host, self.authority = host, authority

    def run(self, *words, **more):
        return run("ip", "netns", "exec", self.host, *words, **more)

    def curl(self, path, *more):
        """The body, as JSON if there is any, and "version status"."""
        done = self.run(
            "curl", "-sS", "--cacert", str(self.authority.path),
            "--connect-to", f"localhost:{PORT}:{SERVER}:{PORT}",
            "-w", "\n%{http_version} %{http_code}", *more,
            f"https://localhost:{PORT}{path}")
        body, status = done.stdout.rsplit("\n", 1)
        return json.loads(body) if body else None, status


@pytest.fixture
def far(hosts, topology, tmp_path):
    """A server on one host, and what asks it from the other."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    server = Far(
        topology,
        {
            "api.server.listen": f"{SERVER}:{PORT}",
            "api.ssl_certfile": cert,
            "api.ssl_keyfile": key,
        },
        hosts[0],
    )
    try:
        yield server.start(), Near(hosts[1], authority)
    finally:
        assert server.close() == 0


def test_clients_of_another_host_over_tls(far):
    """Log-in, the address that is seen, and a revocation that counts."""
    _, near = far
    made, status = near.curl(
        "/api/v1/auth/setup", "-HContent-Type: application/json", "-d",
        '{"username":"ada","password":"correct horse battery"}')
    assert status == "2 201"
    mine = f"-HAuthorization: Bearer {made['data']['token']}"
    seen, status = near.curl("/api/v1/connection", mine)
    assert status == "2 200"
    assert seen["data"]["address"] == CLIENT
    assert seen["data"]["tls_version"] == "TLSv1.3" and seen["data"]["secure"]
    sessions, status = near.curl("/api/v1/auth/sessions", mine, "--http1.1")
    assert status == "1.1 200"
    assert [s["ip_address"] for s in sessions["data"]] == [CLIENT]
    assert near.curl("/api/v1/auth/logout", mine, "-XPOST") == (None, "2 204")
    refused, status = near.curl("/api/v1/auth/me", mine)
    assert status == "2 401"
    assert refused["error_detail"]["error_code"] == 1002


def test_other_programs_on_another_host(far):
    """openssl, h2load, and those who trust somebody else or speak no TLS."""
    _, near = far
    said = near.run(
        "openssl", "s_client", "-connect", f"{SERVER}:{PORT}",
        "-servername", "localhost", "-verify_hostname", "localhost",
        "-CAfile", str(near.authority.path), "-alpn", "h2",
        "-verify_return_error", stdin=subprocess.DEVNULL).stdout
    assert "Verify return code: 0 (ok)" in said
    assert "ALPN protocol: h2" in said and "TLSv1.3" in said
    load = near.run("h2load", "-n", "300", "-c", "3", "-m", "10",
                    f"https://{SERVER}:{PORT}/livez").stdout
    assert "300 succeeded, 0 failed, 0 errored, 0 timeout" in load
    stranger = near.run(
        "curl", "-sS", f"https://{SERVER}:{PORT}/livez", check=False)
    assert stranger.returncode == 60, "the authority is not known"
    plain = near.run(
        "curl", "-sS", f"http://{SERVER}:{PORT}/livez", check=False)
    assert plain.returncode != 0 and plain.stdout == ""
