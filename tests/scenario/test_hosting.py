"""What stands around a request: proxies, traces, origins, reloads."""

import json
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from certificate import Authority
from client import Client
from server import SPLIT, TROUPE

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def address_of(first, **headers):
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    answer = first.get("/api/v1/connection", **names)
    assert answer.status == 200, answer.brief
    return answer.data["address"]


def get(client, path, **headers):
    return client.get(path, **{k.replace("_", "-"): v for k, v in headers.items()})


def login_address(client, server):
    """Where the newest session says it came from."""
    sessions = client.get("/api/v1/auth/sessions").data
    return sessions[0]["ip_address"]


# ---- 69: forwarding headers ----


def test_69_without_trusted_proxies_headers_mean_nothing(server, ceo):
    seen = ceo.get("/api/v1/connection").data
    assert seen["address"] == seen["peer"]
    assert address_of(ceo, X_Forwarded_For="1.2.3.4") == seen["peer"]
    assert address_of(ceo, Forwarded="for=1.2.3.4") == seen["peer"]


def test_69_a_trusted_peer_is_believed_from_the_right(start):
    ceo = Client(start(api__trusted_proxies="127.0.0.0/8"))
    assert ceo.setup().status == 201
    assert address_of(ceo, X_Forwarded_For="1.2.3.4") == "1.2.3.4"
    assert address_of(ceo, X_Forwarded_For="6.6.6.6, 1.2.3.4") == "1.2.3.4"
    assert address_of(ceo, Forwarded='for="[2001:db8::1]"') == "2001:db8::1"
    peer = ceo.get("/api/v1/connection").data["peer"]
    assert address_of(ceo, X_Forwarded_For="rubbish") == peer
    assert (
        address_of(ceo, X_Forwarded_For="1.1.1.1", Forwarded="for=2.2.2.2")
        == "1.1.1.1"
    )
    secure = get(ceo, "/api/v1/connection", X_Forwarded_Proto="https")
    assert secure.data["secure"] is True
    assert "max-age=" in secure.headers["Strict-Transport-Security"]


def test_69_the_session_records_it(start):
    server = start(api__trusted_proxies="127.0.0.0/8")
    ceo = Client(server)
    assert ceo.setup().status == 201
    body = {"username": "ada", "password": "correct horse battery"}
    answer = ceo.request(
        "POST", "/api/v1/auth/login", body, {"X-Forwarded-For": "9.9.9.9, 1.2.3.4"}
    )
    assert answer.status == 200
    assert login_address(ceo, server) == "1.2.3.4"


def test_69_an_untrusted_peer_is_not_believed(start):
    ceo = Client(start(api__trusted_proxies="10.0.0.0/8"))
    assert ceo.setup().status == 201
    peer = ceo.get("/api/v1/connection").data["peer"]
    assert address_of(ceo, X_Forwarded_For="1.2.3.4") == peer


@pytest.mark.parametrize(
    "entry, good",
    [
        ("10.0.0.1", True),
        ("10.0.0.0/8", True),
        ("10.0.0.5/8", True),
        ("fd00::/8", True),
        ("proxy.local", False),
        ("10.0.0.300", False),
        ('[""]', False),
        ("0.0.0.0/0", False),
        ("::/0", False),
        ("0.0.0.0/1,128.0.0.0/1", False),
        ("::/1,8000::/1", False),
    ],
)
def test_68_proxies_are_addresses_and_not_everybody(
        entry, good, topology, tmp_path):
    done = subprocess.run(
        [TROUPE, "check", "--set", f"api.trusted_proxies={entry}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode == 0) == good, done.stderr
    if not good:
        assert "trusted_proxies" in done.stderr
        named = entry.split(",")[0].strip('[]"')
        assert named in done.stderr, "the entry is named"
    words = ["run"] if topology == "one" else ["up", "--topology", SPLIT]
    if not good:
        done = subprocess.run(
            [TROUPE, *words, "--data", tmp_path, "--listen", "127.0.0.1:0",
             "--set", f"api.trusted_proxies={entry}"],
            capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and "ready" not in done.stdout
        assert named in done.stderr


@pytest.mark.parametrize(
    "host, kept, said",
    [
        ("0.0.0.0", {}, True),
        ("[::]", {}, True),
        ("[::0]", {}, True),
        ("127.0.0.1", {}, False),
        ("0.0.0.0", {"api__trusted_proxies": "10.0.0.0/8"}, False),
        ("0.0.0.0", "certificate", False),
        ("[::]", "certificate", False),
    ],
)
def test_67_exposure_is_told_by_what_the_address_is(
        start, tmp_path, host, kept, said):
    """Also LD-6: whatever its spelling.  The start goes on."""
    if kept == "certificate":
        cert, key = Authority(tmp_path).issue("localhost")
        kept = {"api__ssl_certfile": cert, "api__ssl_keyfile": key}
    server = start(api__server__listen=f"{host}:0", **kept)
    told = "api.network.exposure_warning" in server.log_text()
    assert told is said


def test_67_a_check_tells_it_before_the_start(topology):
    for host, said in (("::0", True), ("0.0.0.0", True), ("127.0.0.1", False)):
        done = subprocess.run(
            [TROUPE, "check", "--json", "--set", f"api.server.host={host}"],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert json.loads(done.stdout)["exposed"] is said


# ---- the PROXY protocol ----


def proxied(server, header, request=b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", cut=0):
    """The answer to a connection that begins with this header."""
    with socket.create_connection(server.address, 10) as s:
        whole = header + request
        for at in range(0, len(whole), cut or len(whole)):
            s.sendall(whole[at : at + (cut or len(whole))])
        try:
            return s.recv(4096)
        except ConnectionResetError:
            return b""


def header_for(address, port=1234):
    return (
        SIGNATURE
        + b"\x21\x11"
        + struct.pack(">H", 12)
        + socket.inet_aton(address)
        + socket.inet_aton("10.0.0.1")
        + struct.pack(">HH", port, 443)
    )


def test_the_proxy_protocol_names_the_client(start):
    server = start(
        api__server__listen="127.0.0.1:0;proxy",
        api__trusted_proxies="127.0.0.0/8",
    )
    setup = json.dumps({"username": "ada", "password": "correct horse battery"})
    request = (
        "POST /api/v1/auth/setup HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(setup)}\r\n\r\n{setup}"
    ).encode()
    answer = proxied(server, header_for("1.2.3.4"), request, cut=7)
    assert answer.startswith(b"HTTP/1.1 201")
    token = json.loads(answer.split(b"\r\n\r\n", 1)[1])["data"]["token"]
    ask = (
        "GET /api/v1/connection HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    seen = json.loads(
        proxied(server, header_for("5.6.7.8"), ask).split(b"\r\n\r\n", 1)[1]
    )["data"]
    assert seen["address"] == seen["peer"] == "5.6.7.8"


@pytest.mark.parametrize(
    "header",
    [b"", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", SIGNATURE + b"\x21\x12\0\x0c"],
)
def test_a_door_for_proxies_is_for_nothing_else(start, header):
    server = start(
        api__server__listen="127.0.0.1:0;proxy",
        api__trusted_proxies="127.0.0.0/8",
    )
    assert proxied(server, header) == b""
    server.wait_event("api.proxy.refused")
    assert proxied(server, header_for("1.2.3.4")).startswith(b"HTTP/1.1 200")


def test_a_proxy_that_is_not_trusted_is_turned_away(start):
    server = start(
        api__server__listen="127.0.0.1:0;proxy",
        api__trusted_proxies="10.0.0.0/8",
    )
    assert proxied(server, header_for("1.2.3.4")) == b""
    server.wait_event("api.proxy.refused")


# ---- request ids and traces ----


def test_every_answer_has_an_id_and_a_trace(first):
    one = first.get("/livez")
    assert re.fullmatch(UUID, one.headers["X-Request-Id"])
    assert re.fullmatch(
        r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", one.headers["traceparent"]
    )
    assert first.get("/livez").headers["X-Request-Id"] != one.headers["X-Request-Id"]
    missing = first.get("/nothing")
    instance = missing.json["error_detail"]["instance"]
    assert instance == missing.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "given, kept",
    [
        ("abc-123_4.5", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ('"quoted"', False),
        ("a\tb", False),
    ],
)
def test_an_id_that_could_harm_is_replaced(first, given, kept):
    answer = get(first, "/livez", X_Request_Id=given)
    assert (answer.headers["X-Request-Id"] == given) == kept


def test_a_trace_goes_on(first):
    answer = get(first, "/livez", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    version, trace, span, flags = answer.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != "00f067aa0ba902b7"
    bad = get(first, "/livez", traceparent=f"00-{TRACE}-0000000000000000-01")
    assert TRACE not in bad.headers["traceparent"]


# ---- browsers ----


def test_headers_that_keep_browsers_safe(first):
    for path in ("/livez", "/nothing", "/openapi.json"):
        headers = first.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
        assert "Access-Control-Allow-Origin" not in headers


def test_options_tells_what_a_path_can_do(first):
    answer = first.request("OPTIONS", "/api/v1/tasks")
    assert answer.status == 204
    assert set(answer.headers["Allow"].split(", ")) == {
        "GET",
        "HEAD",
        "POST",
        "OPTIONS",
    }
    assert first.request("OPTIONS", "/nothing").status == 404


def test_cors_is_for_origins_that_are_listed(start):
    origin = "https://app.example:8443"
    server = start(api__cors__origins=f"{origin},https://two.example")
    client = Client(server)
    ask = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = client.request("OPTIONS", "/api/v1/tasks", None, ask)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Vary"] == "Origin"
    answer = client.get("/livez", Origin=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    for other in (
        "https://app.example",
        "http://app.example:8443",
        "https://app.example:8443.evil.example",
        "null",
        origin.upper(),
    ):
        ask["Origin"] = other
        answer = client.request("OPTIONS", "/api/v1/tasks", None, ask)
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Methods" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


# ---- certificates that change ----


def fingerprint(server, authority):
    ctx = ssl.create_default_context(cafile=str(authority.path))
    raw = socket.create_connection(server.address, 10)
    with ctx.wrap_socket(raw, server_hostname="localhost") as s:
        return s.getpeercert()["serialNumber"]


@pytest.fixture
def renewable(start, tmp_path):
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost", file="live")
    return start(api__ssl_certfile=cert, api__ssl_keyfile=key), authority


def reload(server):
    return subprocess.run(
        [TROUPE, "reload", "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=20,
    )


def asks_on(stream):
    stream.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return stream.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("how", ["command", "HUP"])
def test_a_certificate_changes_without_a_dropped_connection(renewable, how):
    server, authority = renewable
    before = fingerprint(server, authority)
    ctx = ssl.create_default_context(cafile=str(authority.path))
    old = ctx.wrap_socket(
        socket.create_connection(server.address, 10), server_hostname="localhost"
    )
    assert asks_on(old)
    stop, errors, served = threading.Event(), [], []

    def load():
        while not stop.is_set():
            try:
                fingerprint(server, authority)
                served.append(1)
            except Exception as e:
                errors.append(e)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    count = len(server.events("api.tls.configured"))
    authority.issue("localhost", file="live")
    if how == "command":
        done = reload(server)
        assert done.returncode == 0 and "CN=localhost" in done.stdout
    else:
        server.process.send_signal(signal.SIGHUP)
    server.wait_event("api.tls.configured", 2 * count)
    assert fingerprint(server, authority) != before
    stop.set()
    for t in threads:
        t.join(20)
    assert asks_on(old)
    old.close()
    assert not errors and served


def test_a_bad_certificate_changes_nothing(renewable):
    server, authority = renewable
    before = fingerprint(server, authority)
    (authority.folder / "live.pem").write_text("rubbish")
    done = reload(server)
    assert done.returncode == 1
    assert "cannot use the certificate" in done.stderr
    assert "code 2030" in done.stderr
    assert fingerprint(server, authority) == before
    server.wait_event("api.tls.reload_failed")


def test_only_an_operator_may_reload(server, ceo):
    assert ceo.request("POST", "/api/v1/reload").status == 200
    assert Client(server).request("POST", "/api/v1/reload").status == 401


def test_hsts_is_told_over_tls(renewable):
    server, authority = renewable
    ctx = ssl.create_default_context(cafile=str(authority.path))
    with ctx.wrap_socket(
        socket.create_connection(server.address, 10), server_hostname="localhost"
    ) as s:
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"Strict-Transport-Security: max-age=31536000" in s.recv(4096)
