"""TLS: sessions.md 2.6, scenarios 65 and 66, with clients that are not ours."""

import asyncio
import json
import socket
import ssl
import subprocess
import threading

import pytest
import websockets

from certificate import Authority
from server import TROUPE

PASSPHRASE = "of a key that is locked"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("localhost")


@pytest.fixture
def tls(start, pair):
    """Starts a server with TLS and more settings."""

    def begin(**settings):
        return start(
            api__ssl_certfile=pair[0], api__ssl_keyfile=pair[1], **settings
        )

    return begin


def context(authority, **options):
    ctx = ssl.create_default_context(cafile=str(authority.path))
    for key, value in options.items():
        setattr(ctx, key, value)
    return ctx


def connect(server, ctx, alpn=None):
    if alpn:
        ctx.set_alpn_protocols(alpn)
    raw = socket.create_connection(server.address, 10)
    return ctx.wrap_socket(raw, server_hostname="localhost")


def ask(stream, path="/livez"):
    stream.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    answer = b""
    while chunk := stream.recv(65536):
        answer += chunk
    return answer


def s_client(server, *options):
    host, port = server.address
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", *options],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
    )


def curl(server, authority, path, *options):
    host, port = server.address
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "--cacert",
            str(authority.path),
            "-w",
            "\n%{http_version} %{http_code}",
            *options,
            f"https://localhost:{port}{path}",
            "--resolve",
            f"localhost:{port}:{host}",
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )
    return done.stdout.rsplit("\n", 1) if done.returncode == 0 else done


def test_65_a_pair_serves_tls_and_nothing_else(tls, authority):
    server = tls()
    told = server.wait_event("api.tls.configured")[0]
    assert told["subject"] == "CN=localhost"
    with connect(server, context(authority)) as stream:
        assert stream.version() == "TLSv1.3"
        assert ask(stream).startswith(b"HTTP/1.1 200")
    with socket.create_connection(server.address, 10) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not plain.recv(1000).startswith(b"HTTP")


@pytest.mark.parametrize(
    "given, missing",
    [
        (["ssl_certfile"], "ssl_keyfile is required when ssl_certfile is set"),
        (["ssl_keyfile"], "ssl_certfile is required when ssl_keyfile is set"),
        (["ssl_ca_certs"], "ssl_certfile is required when ssl_ca_certs is set"),
        (
            ["ssl_ca_certs", "ssl_keyfile"],
            "ssl_certfile is required when ssl_ca_certs is set",
        ),
    ],
)
def test_65_half_a_pair_does_not_start(tmp_path, given, missing):
    sets = [f"--set=api.{name}=/some/file" for name in given]
    done = subprocess.run(
        [TROUPE, "run", "--data", str(tmp_path), *sets],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert missing in done.stderr


def test_66_blank_paths_are_no_tls_and_do_not_hide_exposure(start):
    server = start(
        api__ssl_certfile="   ",
        api__ssl_keyfile="",
        api__server__listen="0.0.0.0:0",
    )
    assert "api.network.exposure_warning host=0.0.0.0:0" in server.log_text()
    host, port = server.address
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        assert ask(plain).startswith(b"HTTP/1.1 200")


def broken(authority, pair, what):
    good = authority.folder
    other = authority.issue("other")
    bad = good / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    locked = good / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", pair[1], "-out", locked, "-aes256",
         "-passout", f"pass:{PASSPHRASE}"], check=True)
    return {
        "missing": (good / "no.pem", pair[1]),
        "garbage": (bad, pair[1]),
        "empty": ("/dev/null", pair[1]),
        "of another": (pair[0], other[1]),
        "a folder": (good, pair[1]),
        "locked": (pair[0], locked),
    }[what]


@pytest.mark.parametrize(
    "what", ["missing", "garbage", "empty", "of another", "a folder", "locked"]
)
def test_bad_certificates_do_not_start(tmp_path, authority, pair, what):
    cert, key = broken(authority, pair, what)
    done = subprocess.run(
        [
            TROUPE,
            "run",
            "--data",
            str(tmp_path),
            "--listen=127.0.0.1:0",
            f"--set=api.ssl_certfile={cert}",
            f"--set=api.ssl_keyfile={key}",
        ],
        capture_output=True,
        text=True,
        timeout=20,
        input=f"{PASSPHRASE}\n",  # which nobody asks for
        start_new_session=True,
    )
    assert done.returncode == 1
    last = done.stderr.strip().split("\n")
    assert any("certificate" in line for line in last)
    assert "ready" not in done.stdout
    assert "PRIVATE" not in done.stderr


def test_old_versions_and_weak_suites_are_refused(tls):
    server = tls()
    assert "Cipher    : 0000" in s_client(
        server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"
    ).stdout.replace("Cipher is (NONE)", "Cipher    : 0000")
    weak = s_client(server, "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert "Cipher is (NONE)" in weak.stdout
    good = s_client(server, "-tls1_2")
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in good.stdout
    assert "Secure Renegotiation IS supported" in good.stdout


def test_alpn_chooses_or_refuses(tls, authority):
    server = tls()
    for offer, chosen in (
        (["h2", "http/1.1"], "h2"),
        (["http/1.1"], "http/1.1"),
        (None, None),
    ):
        with connect(server, context(authority), offer) as stream:
            assert stream.selected_alpn_protocol() == chosen
    with pytest.raises(ssl.SSLError, match="(?i)alert"):
        connect(server, context(authority), ["spdy/3"]).recv(1)


def test_curl_speaks_both_versions(tls, authority):
    server = tls()
    assert curl(server, authority, "/livez")[1] == "2 200"
    assert curl(server, authority, "/livez", "--http1.1")[1] == "1.1 200"
    body, status = curl(server, authority, "/openapi.json")
    assert status == "2 200" and json.loads(body)["openapi"] == "3.1.0"
    big = authority.folder / "big"
    big.write_bytes(b"a" * 3000000)
    _, status = curl(
        server,
        authority,
        "/api/v1/auth/login",
        "--data-binary",
        f"@{big}",
        "-HContent-Type: application/json",
    )
    assert status == "2 413"


def test_h2load_has_every_answer(tls):
    """A client that is not ours, with many streams on few connections."""
    host, port = tls(api__server__requests_max=100000).address
    done = subprocess.run(
        ["h2load", "-n", "2000", "-c", "4", "-m", "32",
         f"https://{host}:{port}/livez"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Application protocol: h2\n" in done.stdout
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout
    assert "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx" in done.stdout


def test_client_certificates(tls, authority, tmp_path):
    mine = authority.issue("worker")
    stranger = Authority(tmp_path, "stranger").issue("worker")
    required = tls(
        api__ssl_ca_certs=authority.path, api__ssl_client_auth="required"
    )
    for pair, welcome in ((mine, True), (None, False), (stranger, False)):
        ctx = context(authority)
        if pair:
            ctx.load_cert_chain(*pair)
        try:
            with connect(required, ctx) as stream:
                answer = ask(stream)
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer.startswith(b"HTTP/1.1 200") == welcome
    optional = tls(
        api__ssl_ca_certs=authority.path, api__ssl_client_auth="optional"
    )
    with connect(optional, context(authority)) as stream:
        assert ask(stream).startswith(b"HTTP/1.1 200")


def test_a_certificate_and_a_password(tls, authority):
    """ASVS 6.3.2: neither is enough by itself."""
    cert, key = authority.issue("worker")
    server = tls(
        api__ssl_ca_certs=authority.path, api__ssl_client_auth="required"
    )

    def enter(path, password, *more):
        body = json.dumps({"username": "ada", "password": password})
        answer = curl(
            server, authority, f"/api/v1/auth/{path}",
            "-HContent-Type: application/json", "-d", body, *more,
        )
        return answer[1] if isinstance(answer, list) else "no connection"

    mine = ("--cert", str(cert), "--key", str(key))
    good = "correct horse battery"
    assert enter("setup", good, *mine) == "2 201"
    assert enter("login", good, *mine) == "2 200"
    assert enter("login", "another horse entirely", *mine) == "2 401"
    assert enter("login", good) == "no connection"


def test_a_live_socket_over_tls(tls, authority):
    server = tls()

    async def talk():
        host, port = server.address
        async with websockets.connect(
            f"wss://localhost:{port}/api/v1/ws",
            host=host,
            ssl=context(authority),
            subprotocols=["troupe.json.v1"],
        ) as ws:
            await ws.send('{"action":"auth","ticket":"none"}')
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await ws.recv()
            return closed.value.rcvd.code

    assert asyncio.run(talk()) == 4001


def test_a_handshake_has_its_time_and_its_bound(tls):
    server = tls()
    silent = [socket.create_connection(server.address, 30) for _ in range(3)]
    silent[1].sendall(b"\x16\x03\x01\x02\x00\x01")
    silent[2].sendall(b"\x00" * 100)
    silent[2].settimeout(10)
    while silent[2].recv(100):
        pass
    for s in silent:
        s.close()
    assert server.process.poll() is None


def test_many_bytes_arrive_whole(tls, authority):
    """Answers of many records to clients that read slowly, at once."""
    server = tls()
    first = curl(server, authority, "/openapi.json")[0]

    def read(found):
        with connect(server, context(authority)) as stream:
            for _ in range(20):
                stream.sendall(
                    b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
                )
            stream.sendall(
                b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            whole = b""
            while chunk := stream.recv(3000):
                whole += chunk
            found.append(whole.count(first.encode()))

    found = []
    threads = [threading.Thread(target=read, args=[found]) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert found == [20] * 4


def test_a_log_in_over_tls(tls, authority):
    server = tls()
    body = '{"username":"ada","password":"correct horse battery"}'
    answer, status = curl(
        server,
        authority,
        "/api/v1/auth/setup",
        "-HContent-Type: application/json",
        "-d",
        body,
    )
    assert status == "2 201"
    token = json.loads(answer)["data"]["token"]
    answer, status = curl(
        server, authority, "/api/v1/auth/me", f"-HAuthorization: Bearer {token}"
    )
    assert status == "2 200"
    assert json.loads(answer)["data"]["username"] == "ada"
