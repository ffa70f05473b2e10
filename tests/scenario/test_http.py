"""HTTP as liars send it: refused or closed, never a hang.

What is malformed gets one answer at most and then the end of the
connection, so that nothing behind it can be read as another request.
"""

import json
import socket

import pytest

from client import Client, together
from wire import Wire

HOST = "Host: troupe\r\n"
GET = f"GET /livez HTTP/1.1\r\n{HOST}\r\n"
HEADER_BYTES_MAX = 16 * 1024
HEADERS_MAX = 100
BODY_BYTES_MAX = 1024 * 1024
PIPELINED = 50


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared()


@pytest.fixture(scope="module")
def first(server):
    client = Client(server)
    assert client.setup().status == 201
    return client


@pytest.fixture
def ceo(first):
    return first.twin()


@pytest.fixture
def wire(server):
    wire = Wire(server)
    yield wire
    wire.close()


def request(*lines, method="GET", target="/livez", host=HOST, body=""):
    head = "".join(f"{line}\r\n" for line in lines)
    text = f"{method} {target} HTTP/1.1\r\n{host}{head}\r\n{body}"
    return text.encode("latin-1")


def post(*lines, body=""):
    """To a place that reads its body."""
    json_type = "Content-Type: application/json"
    login = "/api/v1/auth/login"
    return request(json_type, *lines, method="POST", target=login, body=body)


CHUNKED = "Transfer-Encoding: chunked"
CHUNK = "5\r\nhello\r\n0\r\n\r\n"

MALFORMED = {
    "no version": b"GET /livez\r\n\r\n",
    "old version": b"GET /livez HTTP/0.9\r\n\r\n",
    "next version": b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n",
    "long version": b"GET /livez HTTP/1.10\r\nHost: x\r\n\r\n",
    "small version": b"GET /livez http/1.1\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab for space": b"GET\t/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "space behind": b"GET /livez HTTP/1.1 \r\nHost: x\r\n\r\n",
    "space before": b" GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare line feeds": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "bare return": b"GET /livez HTTP/1.1\rHost: x\r\r",
    "return in value": request("A: b\rc"),
    "line feed in value": request("A: b\nc"),
    "nul in value": request("A: b\0c"),
    "nul in name": request("A\0: b"),
    "nul in target": request(target="/livez\0"),
    "space in target": request(target="/li vez"),
    "raw byte in target": request(target="/livez\xff"),
    "target without slash": request(target="livez"),
    "dots in target": request(target="/api/../livez"),
    "escaped dots": request(target="/api/%2e%2e/livez"),
    "escaped slash": request(target="/api%2Flivez"),
    "half an escape": request(target="/livez%2"),
    "escaped nul": request(target="/livez%00"),
    "no host": request(host=""),
    "two hosts": request("Host: other"),
    "bad host": request(host="Host: a b\r\n"),
    "space before colon": request("A : b"),
    "no colon": request("A"),
    "no name": request(": b"),
    "space in name": request("A b: c"),
    "folded": request("A: b", " c"),
    "folded first": request(" A: b", host=""),
    "control in value": request("A: b\x01"),
    "delete in value": request("A: \x7f"),
    "braces in name": request("{A}: b"),
    "method of brackets": request(method="<GET>"),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "noise": bytes(range(256)) * 4,
}

SMUGGLED = {
    "length and chunks": post(CHUNKED, "Content-Length: 4", body=CHUNK),
    "chunks and length": post("Content-Length: 4", CHUNKED, body=CHUNK),
    "two lengths": post("Content-Length: 5", "Content-Length: 6", body="hello"),
    "list of lengths": post("Content-Length: 5, 6", body="hello"),
    "signed length": post("Content-Length: +5", body="hello"),
    "negative length": post("Content-Length: -1"),
    "hex length": post("Content-Length: 0x5", body="hello"),
    "spaced length": post("Content-Length: 5 5", body="hello"),
    "empty length": post("Content-Length:", body="hello"),
    "word as length": post("Content-Length: five", body="hello"),
    "huge length": post("Content-Length: 18446744073709551621", body="hello"),
    "unknown coding": post("Transfer-Encoding: gzip", body="hello"),
    "chunked not last": post("Transfer-Encoding: chunked, gzip", body=CHUNK),
    "chunked twice": post(CHUNKED, CHUNKED, body=CHUNK),
    "chunked in a list": post("Transfer-Encoding: x, chunked", body=CHUNK),
    "disguised coding": post("Transfer-Encoding: xchunked", body=CHUNK),
    "tab before coding": post("Transfer-Encoding:\x0bchunked", body=CHUNK),
    "quoted coding": post('Transfer-Encoding: "chunked"', body=CHUNK),
    "space before colon": post("Transfer-Encoding : chunked", body=CHUNK),
    "coding in 1.0": b"POST /api/v1/auth/login HTTP/1.0\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK.encode(),
    "no chunk size": post(CHUNKED, body="\r\nhello\r\n0\r\n\r\n"),
    "bad chunk size": post(CHUNKED, body="x\r\nhello\r\n0\r\n\r\n"),
    "signed chunk size": post(CHUNKED, body="+5\r\nhello\r\n0\r\n\r\n"),
    "prefixed chunk size": post(CHUNKED, body="0x5\r\nhello\r\n0\r\n\r\n"),
    "huge chunk size": post(CHUNKED, body="10000000000000005\r\nhello\r\n"),
    "short chunk": post(CHUNKED, body="4\r\nhello\r\n0\r\n\r\n"),
    "chunk by line feed": post(CHUNKED, body="5\nhello\n0\n\n"),
    "feed in extension": post(CHUNKED, body="5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "space before size": post(CHUNKED, body=" 5\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_head(wire, name):
    wire.send(MALFORMED[name] + GET.encode())
    answers = wire.answers()
    assert [a.status for a in answers] in ([], [400], [505]), name


@pytest.mark.parametrize("name", SMUGGLED)
def test_nothing_is_smuggled(wire, name):
    wire.send(SMUGGLED[name] + GET.encode())
    answers = wire.answers()
    assert [a.status for a in answers] in ([], [400], [413], [501]), name


OVERSIZED = {
    "target": (request(target="/" + "x" * HEADER_BYTES_MAX), {414, 431}),
    "long target": (request(target="/" + "x" * 9000), {404, 414}),
    "value": (request("A: " + "b" * HEADER_BYTES_MAX), {431}),
    "name": (request("A" * HEADER_BYTES_MAX + ": b"), {431}),
    "many": (request(*["A: b"] * (HEADERS_MAX + 1)), {431}),
    "body": (post(f"Content-Length: {BODY_BYTES_MAX + 1}"), {413}),
    "chunk": (post(CHUNKED, body=f"{BODY_BYTES_MAX + 1:x}\r\n"), {413}),
    "extension": (
        post(CHUNKED, body="1;" + "x" * BODY_BYTES_MAX),
        {400, 413, 431},
    ),
}


@pytest.mark.parametrize("name", OVERSIZED)
def test_oversized(wire, name):
    text, statuses = OVERSIZED[name]
    wire.send(text)
    answer = wire.answer()
    assert answer is None or answer.status in statuses


def test_many_small_chunks_are_too_large(wire, ceo):
    head = request(
        CHUNKED,
        "Content-Type: application/json",
        f"Authorization: Bearer {ceo.token}",
        method="POST",
        target="/api/v1/tasks",
    )
    wire.send(head)
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    for _ in range(BODY_BYTES_MAX // 0x1000 + 2):
        if not wire.send(chunk):
            break
    answer = wire.answer()
    assert answer is None or answer.status == 413


@pytest.mark.parametrize("name", ["header", "body", "idle"])
def test_slow_client_is_let_go(start_shared, name):
    server = start_shared(**{f"api__server__{name}_timeout_ms": 200})
    sent = {
        "header": GET.encode()[:-2],
        "body": post("Content-Length: 5", body="hell"),
        "idle": b"",
    }
    wire = Wire(server)
    wire.send(sent[name])
    assert [a.status for a in wire.answers()] in ([], [408])


def test_slow_head_in_many_pieces_is_let_go(start_shared):
    """Each byte in time is not enough: the whole head has a deadline."""
    wire = Wire(start_shared(api__server__header_timeout_ms=300))
    wire.stream.settimeout(0.05)
    wire.send(b"GET /livez HTTP/1.1\r\nA: ")
    for _ in range(200):
        if not wire.send(b"b"):
            break
        try:
            if not wire.more():
                break
        except TimeoutError:
            continue
    else:
        pytest.fail("it never let go")


def test_client_that_hangs_up_harms_nobody(server, wire):
    for text in (GET.encode()[:-3], post("Content-Length: 9", body="x"), b""):
        gone = Wire(server)
        gone.send(text)
        gone.close()
    for text in (GET.encode(), GET.encode()[:9]):
        reset = Wire(server)
        reset.stream.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        reset.send(text)
        reset.close()
    wire.send(GET.encode())
    assert wire.answer().status == 200


def test_half_closed_client_gets_its_answer(wire):
    wire.send(GET.encode())
    wire.stream.shutdown(socket.SHUT_WR)
    assert [a.status for a in wire.answers()] == [200]


def test_connection_is_kept(wire):
    for _ in range(3):
        wire.send(GET.encode())
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    "text",
    [
        request("Connection: close"),
        request("Connection: x, Close"),
        b"GET /livez HTTP/1.0\r\n\r\n",
    ],
)
def test_connection_is_closed_as_asked(wire, text):
    wire.send(text)
    assert [a.status for a in wire.answers()] == [200]


@pytest.mark.parametrize("size", [1, 2, 7, 4096])
def test_pipelined_in_pieces(wire, size):
    text = GET.encode() * 5 + request("Connection: close")
    for at in range(0, len(text), size):
        wire.send(text[at : at + size])
    assert [a.status for a in wire.answers()] == [200] * 6


def test_head_has_no_body(wire):
    wire.send(request(method="HEAD"))
    answer = wire.answer(head_only=True)
    assert answer.status in (200, 405)
    wire.send(request("Connection: close"))
    assert [a.status for a in wire.answers()] == [200]


def test_chunked_body_is_one_body(wire, ceo):
    body = json.dumps(
        {"username": "ada", "password": "wrong but long enough"}
    )
    half = len(body) // 2
    chunks = "".join(
        f"{len(part):x};x=y\r\n{part}\r\n" for part in (body[:half], body[half:])
    )
    wire.send(
        request(
            CHUNKED,
            "Content-Type: application/json",
            method="POST",
            target="/api/v1/auth/login",
            body=chunks + "0\r\nTrailer: x\r\n\r\n" + GET,
        )
    )
    assert wire.answer().brief == (401, 1000)
    assert wire.answer().status == 200


def test_continue_is_said(wire):
    wire.send(
        request(
            "Expect: 100-continue",
            "Content-Type: application/json",
            "Content-Length: 2",
            method="POST",
            target="/api/v1/auth/login",
        )
    )
    assert wire.answer().status == 100
    wire.send(b"{}")
    assert wire.answer().brief == (422, 2000)


def test_answers_come_in_the_order_of_requests(wire, ceo):
    """Fast and slow ones, answered by different actors."""
    made = [ceo.create_task(f"task {n}").data["id"] for n in range(5)]
    targets = [
        target
        for n in range(PIPELINED // 5)
        for target in (
            f"/api/v1/tasks/{made[n % 5]}",
            "/livez",
            "/api/v1/auth/me",
            "/nonsense",
            f"/api/v1/tasks/{made[(n + 1) % 5]}",
        )
    ]
    bearer = f"Authorization: Bearer {ceo.token}"
    wire.send(b"".join(request(bearer, target=t) for t in targets))
    for target in targets:
        answer = wire.answer()
        if "tasks" in target:
            assert answer.data["id"] == target.rsplit("/", 1)[1]
        elif "me" in target:
            assert answer.data["username"] == "ada"
        else:
            assert answer.status == (404 if "nonsense" in target else 200)


def test_nobody_gets_another_ones_answer(server, ceo):
    """Many clients, each with requests of its own, all interleaved."""
    made = [ceo.create_task(f"task {n}").data["id"] for n in range(8)]
    bearer = f"Authorization: Bearer {ceo.token}"

    def work(n):
        wire = Wire(server)
        one = request(bearer, target=f"/api/v1/tasks/{made[n]}")
        text = one * PIPELINED
        for at in range(0, len(text), 333):
            assert wire.send(text[at : at + 333])
        got = [wire.answer().data["id"] for _ in range(PIPELINED)]
        wire.close()
        return got

    for n, got in enumerate(together(8, work)):
        assert got == [made[n]] * PIPELINED


def test_client_that_never_reads_harms_nobody(server, ceo, wire):
    """It asks for far more than any buffer holds, and takes nothing."""
    greedy = Wire(server)
    greedy.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    greedy.stream.settimeout(0.5)
    one = request(target="/openapi.json") * 100
    try:
        for _ in range(200):
            if not greedy.send(one):
                break
    except TimeoutError:
        pass  # the server takes no more: the bound works
    wire.send(GET.encode())
    assert wire.answer().status == 200
    greedy.close()


def test_upgrade_without_its_key(wire):
    wire.send(
        request(
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            target="/api/v1/ws",
        )
    )
    assert wire.answer().status == 400


def test_upgrade_to_another_version(wire):
    wire.send(
        request(
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 12",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            target="/api/v1/ws",
        )
    )
    answer = wire.answer()
    assert answer.status == 426
    assert answer.headers["Sec-WebSocket-Version"] == "13"
