"""The control socket: commands of the host, without a token."""

import json
import os
import socket
import stat
import subprocess

import pytest

from client import Client
from server import TROUPE


def command(server, *words, env=None):
    return subprocess.run(
        [TROUPE, *words, "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=30,
        env=env,
    )


def call(server, path, *more):
    return command(server, "call", "--path", path, *more)


def control_socket(server):
    return server.data / "run/control.sock"


def test_only_its_owner_may_open_it(server):
    mode = control_socket(server).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_a_command_is_the_system(server):
    done = call(server, "/api/v1/auth/me")
    assert done.returncode == 0, done.stderr
    me = json.loads(done.stdout)
    assert (me["id"], me["username"], me["role"]) == (
        "system",
        "system",
        "system",
    )


def test_a_command_may_do_what_a_ceo_may(server, ceo):
    done = call(server, "/api/v1/settings")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) > 10
    done = call(server, "/api/v1/auth/sessions?scope=all")
    (session,) = json.loads(done.stdout)
    gone = call(
        server,
        f"/api/v1/auth/sessions/{session['session_id']}",
        "--method",
        "DELETE",
    )
    assert gone.returncode == 0, gone.stderr
    assert ceo.get("/api/v1/auth/me").status == 401


def test_64_the_system_gets_no_ticket(server):
    done = call(server, "/api/v1/auth/ws-ticket", "--method", "POST")
    assert done.returncode == 1
    assert "HTTP 401" in done.stderr or "HTTP 403" in done.stderr


def test_a_refusal_is_one_line_and_exit_1(server):
    done = call(server, "/api/v1/nothing")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "troupe call: no such path (HTTP 404, code 3000)\n"
    done = call(server, "/api/v1/nothing", "--json")
    assert json.loads(done.stdout)["error_detail"]["error_code"] == 3000


def test_with_nobody_there_it_says_so(server):
    path = control_socket(server)
    done = command(server, "call", "--path", "/livez", "--socket", "/no/such")
    assert done.returncode == 1
    assert "no Troupe runs here" in done.stderr
    server.stop()
    assert not path.exists()
    assert "no Troupe runs here" in call(server, "/livez").stderr


@pytest.mark.parametrize("words", [["--path", "x"], ["--method", "X"], []])
def test_a_wrong_question_is_exit_2(server, words):
    assert command(server, "call", *words).returncode == 2


def test_what_a_kill_left_is_replaced(start):
    server = start()
    server.kill()
    assert control_socket(server).exists()
    server.restart()
    assert call(server, "/livez").returncode == 0


def test_another_user_is_turned_away(server):
    """Even if somebody opened the folder and the file to all."""
    if os.geteuid() != 0:
        pytest.fail("this test needs root, to become a second user")
    path = control_socket(server)
    for folder in (server.home, server.data, path.parent):
        folder.chmod(0o755)
    path.chmod(0o666)
    ask = (
        "import socket, sys, os; os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /livez HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');"
        "print(s.recv(100))"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-c", ask, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "b''" in done.stdout or "Error" in done.stderr
    assert "200" not in done.stdout
    server.wait_event("api.control.refused", uid=65534)


def test_a_socket_for_clients_needs_a_token(start, topology, tmp_path):
    path = tmp_path / "front.sock"
    server = start(api__server__listen=f"127.0.0.1:0,unix:{path};mode=0660")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(
            b"GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert s.recv(100).startswith(b"HTTP/1.1 401")


def test_several_addresses_are_one_server(start, topology):
    server = start(api__server__listen="127.0.0.1:0,127.0.0.2:0,[::1]:0")
    gateways = 1 if topology == "one" else 2  # and one control socket
    told = server.wait_event("api.listening", 3 * gateways + 1)
    where = [e["address"] for e in told]
    hosts = {a.rsplit(":", 1)[0] for a in where if "unix" not in a}
    assert sorted(hosts) == ["127.0.0.1", "127.0.0.2", "[::1]"]
    client = Client(server)
    assert client.setup().status == 201
    for address in where:
        if "unix" in address:
            continue
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port))) as s:
            s.sendall(
                b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            assert s.recv(100).startswith(b"HTTP/1.1 200")
