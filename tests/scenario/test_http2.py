"""HTTP/2, frame by frame: the cases of h2spec told by python's h2 and by hand.

A generic HTTP/2 server test sends what a client must not, and looks at the
answer: a GOAWAY or RST_STREAM with the code of RFC 9113, or a status.
"""

import socket
import ssl
import struct

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2 import events as ev
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from certificate import Authority

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT = range(
    10
)
END_STREAM, ACK, END_HEADERS, PADDED, PRIO = 1, 1, 4, 8, 32
WAIT_S = 10


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(start_shared, authority):
    cert, key = authority.issue("localhost")
    return start_shared(api__ssl_certfile=cert, api__ssl_keyfile=key)


def dial(server, authority):
    ctx = ssl.create_default_context(cafile=str(authority.path))
    ctx.set_alpn_protocols(["h2"])
    raw = socket.create_connection(server.address, WAIT_S)
    stream = ctx.wrap_socket(raw, server_hostname="localhost")
    assert stream.selected_alpn_protocol() == "h2"
    return stream


class Polite:
    """A well-behaved client, by h2."""

    def __init__(self, server, authority, **config):
        self.stream = dial(server, authority)
        self.h2 = H2Connection(
            H2Configuration(
                client_side=True, header_encoding="utf-8", **config
            )
        )
        self.h2.initiate_connection()
        self.flush()
        self.events = []

    def flush(self):
        self.stream.sendall(self.h2.data_to_send())

    def ask(self, path="/livez", method="GET", ends=True, more=()):
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream_id,
            [
                (":method", method),
                (":path", path),
                (":scheme", "https"),
                (":authority", "localhost"),
                *more,
            ],
            end_stream=ends,
        )
        self.flush()
        return stream_id

    def until(self, kind, stream_id=None):
        while True:
            for event in self.events:
                if isinstance(event, kind) and stream_id in (
                    None,
                    getattr(event, "stream_id", None),
                ):
                    self.events.remove(event)
                    return event
            data = self.stream.recv(65536)
            if not data:
                raise ConnectionError("the server has ended")
            for event in self.h2.receive_data(data):
                if isinstance(event, ev.DataReceived):
                    self.h2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                self.events.append(event)
            self.flush()

    def status(self, stream_id):
        headers = self.until(ev.ResponseReceived, stream_id).headers
        return int(dict(headers)[":status"])


@pytest.fixture
def polite(server, authority):
    return Polite(server, authority)


class Rude:
    """Frames by hand."""

    def __init__(self, server, authority, greet=True):
        self.stream = dial(server, authority)
        self.buffer = b""
        if greet:
            self.stream.sendall(PREFACE)
            self.frame(SETTINGS, 0, 0, b"")

    def frame(self, kind, flags, stream_id, payload, length=None):
        size = len(payload) if length is None else length
        try:
            self.stream.sendall(
                struct.pack(">I", size)[1:]
                + struct.pack(">BBI", kind, flags, stream_id)
                + payload
            )
        except OSError:
            pass

    def next(self):
        """(kind, flags, stream, payload), or None at the end."""
        while True:
            if len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + size:
                    head, body = self.buffer[:9], self.buffer[9 : 9 + size]
                    self.buffer = self.buffer[9 + size :]
                    kind, flags, sid = struct.unpack(">BBI", head[3:])
                    return kind, flags, sid, body
            try:
                data = self.stream.recv(65536)
            except OSError:
                data = b""
            if not data:
                return None
            self.buffer += data

    def verdict(self):
        """What it ended with: ("goaway" or "reset", code), or "closed"."""
        while (frame := self.next()) is not None:
            kind, flags, sid, body = frame
            if kind == GOAWAY:
                return "goaway", int.from_bytes(body[4:8], "big")
            if kind == RST:
                return "reset", int.from_bytes(body, "big")
            if kind == HEADERS:
                return "answer", sid
        return "closed"


# A head in HPACK: GET / https localhost, of the static table.
HEAD = bytes([0x82, 0x84, 0x87, 0x41, 0x09]) + b"localhost"
OPEN = (HEADERS, END_STREAM | END_HEADERS, 1, HEAD)
PROTOCOL, FLOW, CLOSED, SIZE, COMPRESSION = (
    ErrorCodes.PROTOCOL_ERROR,
    ErrorCodes.FLOW_CONTROL_ERROR,
    ErrorCodes.STREAM_CLOSED,
    ErrorCodes.FRAME_SIZE_ERROR,
    ErrorCodes.COMPRESSION_ERROR,
)
CALM = ErrorCodes.ENHANCE_YOUR_CALM


def literal(name, value):
    return (
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
    )


def setting(code, value):
    return struct.pack(">HI", code, value)


def head_with(*fields):
    return (HEADERS, END_STREAM | END_HEADERS, 1, HEAD + b"".join(fields))


# Name: frames after the greeting, and the codes that may come.  The numbers
# are sections of RFC 9113.
CASES = {
    "4.2 a frame over the largest size": (
        [(DATA, 0, 1, b"x" * 20000)],
        {SIZE, PROTOCOL},
    ),
    "4.3 a broken header block": (
        [(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 20)],
        {COMPRESSION},
    ),
    "5.1 data on an idle stream": ([(DATA, 0, 1, b"x")], {PROTOCOL}),
    "5.1 reset of an idle stream": ([(RST, 0, 1, b"\0" * 4)], {PROTOCOL}),
    "5.1 window of an idle stream": (
        [(WINDOW, 0, 1, b"\0\0\0\1")],
        {PROTOCOL},
    ),
    "5.1 continuation of nothing": ([(CONT, 4, 1, HEAD)], {PROTOCOL}),
    "5.1.1 an even stream": (
        [(HEADERS, END_STREAM | END_HEADERS, 2, HEAD)],
        {PROTOCOL},
    ),
    "5.1.1 a smaller stream than before": (
        [
            (HEADERS, END_STREAM | END_HEADERS, 5, HEAD),
            (HEADERS, END_STREAM | END_HEADERS, 3, HEAD),
        ],
        {PROTOCOL, CLOSED},
    ),
    "5.3.1 a stream that depends on itself": (
        [
            (
                HEADERS,
                END_STREAM | END_HEADERS | PRIO,
                1,
                b"\0\0\0\1\0" + HEAD,
            )
        ],
        {PROTOCOL},
    ),
    "6.1 data on stream 0": ([(DATA, 0, 0, b"x")], {PROTOCOL}),
    "6.1 more padding than frame": (
        [
            (HEADERS, END_HEADERS, 1, HEAD),
            (DATA, PADDED, 1, b"\x20abc"),
        ],
        {PROTOCOL},
    ),
    "6.2 headers on stream 0": ([(HEADERS, 5, 0, HEAD)], {PROTOCOL}),
    "6.2 headers broken by another frame": (
        [(HEADERS, END_STREAM, 1, HEAD), (PING, 0, 0, b"12345678")],
        {PROTOCOL},
    ),
    "6.2 more padding than headers": (
        [(HEADERS, 5 | PADDED, 1, b"\xff" + HEAD)],
        {PROTOCOL},
    ),
    "6.3 priority on stream 0": ([(PRIORITY, 0, 0, b"\0" * 5)], {PROTOCOL}),
    "6.3 priority of another size": (
        [OPEN, (PRIORITY, 0, 1, b"\0" * 4)],
        {SIZE},
    ),
    "6.4 reset on stream 0": ([(RST, 0, 0, b"\0" * 4)], {PROTOCOL}),
    "6.4 reset of another size": ([OPEN, (RST, 0, 1, b"\0" * 3)], {SIZE}),
    "6.5 an acknowledgement with a body": (
        [(SETTINGS, ACK, 0, b"\0" * 6)],
        {SIZE},
    ),
    "6.5 settings of a stream": ([(SETTINGS, 0, 1, b"")], {PROTOCOL}),
    "6.5 settings of another size": ([(SETTINGS, 0, 0, b"\0" * 5)], {SIZE}),
    "6.5.2 push neither 0 nor 1": (
        [(SETTINGS, 0, 0, setting(2, 2))],
        {PROTOCOL},
    ),
    "6.5.2 a window that is too large": (
        [(SETTINGS, 0, 0, setting(4, 2**31))],
        {FLOW},
    ),
    "6.5.2 frames that are too small": (
        [(SETTINGS, 0, 0, setting(5, 1000))],
        {PROTOCOL},
    ),
    "6.6 a client that pushes": (
        [OPEN, (PUSH, END_HEADERS, 1, b"\0\0\0\2" + HEAD)],
        {PROTOCOL},
    ),
    "6.7 ping of a stream": ([(PING, 0, 1, b"12345678")], {PROTOCOL}),
    "6.7 ping of another size": ([(PING, 0, 0, b"1234567")], {SIZE}),
    "6.8 goaway of a stream": ([(GOAWAY, 0, 1, b"\0" * 8)], {PROTOCOL}),
    "6.9 a window that does not grow": (
        [(WINDOW, 0, 0, b"\0" * 4)],
        {PROTOCOL},
    ),
    "6.9 a window of another size": ([(WINDOW, 0, 0, b"\0" * 3)], {SIZE}),
    "6.9.1 a window over its largest": (
        [(WINDOW, 0, 0, b"\x7f\xff\xff\xff")] * 2,
        {FLOW},
    ),
    "6.10 continuation of another stream": (
        [(HEADERS, END_STREAM, 1, HEAD), (CONT, 4, 3, b"")],
        {PROTOCOL},
    ),
    "8.1 a second head without end": (
        [(HEADERS, END_HEADERS, 1, HEAD), (HEADERS, END_HEADERS, 1, HEAD)],
        {PROTOCOL},
    ),
    "8.2 an upper-case name": ([head_with(literal(b"X-Up", b"1"))], {PROTOCOL}),
    "8.2.2 a connection header": (
        [head_with(literal(b"connection", b"close"))],
        {PROTOCOL},
    ),
    "8.2.2 te that is not trailers": (
        [head_with(literal(b"te", b"gzip"))],
        {PROTOCOL},
    ),
    "8.2.2 transfer-encoding": (
        [head_with(literal(b"transfer-encoding", b"chunked"))],
        {PROTOCOL},
    ),
    "8.3 an unknown pseudo field": (
        [head_with(literal(b":new", b"1"))],
        {PROTOCOL},
    ),
    "8.3 a pseudo field of answers": (
        [head_with(literal(b":status", b"200"))],
        {PROTOCOL},
    ),
    "8.3 a pseudo field behind others": (
        [
            (
                HEADERS,
                5,
                1,
                HEAD[:2] + literal(b"x", b"1") + HEAD[2:],
            )
        ],
        {PROTOCOL},
    ),
    "8.3.1 no path": ([(HEADERS, 5, 1, HEAD[:1] + HEAD[2:])], {PROTOCOL}),
    "8.3.1 no method": ([(HEADERS, 5, 1, HEAD[1:])], {PROTOCOL}),
    "8.3.1 a method twice": ([(HEADERS, 5, 1, b"\x82" + HEAD)], {PROTOCOL}),
    "8.1.1 a length that is not the body's": (
        [
            (HEADERS, END_HEADERS, 1, HEAD + literal(b"content-length", b"9")),
            (DATA, END_STREAM, 1, b"abc"),
        ],
        {PROTOCOL},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_no_client_may_send(server, authority, case):
    frames, codes = CASES[case]
    rude = Rude(server, authority)
    for frame in frames:
        rude.frame(*frame)
    verdict = rude.verdict()
    while verdict != "closed" and verdict[0] == "answer":
        verdict = rude.verdict()  # to what was good before
    assert verdict == "closed" or verdict[1] in codes, verdict
    # and nobody else is disturbed
    other = Polite(server, authority)
    assert other.status(other.ask()) == 200


def test_3_4_a_preface_that_is_none(server, authority):
    rude = Rude(server, authority, greet=False)
    rude.stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".ljust(64))
    assert rude.verdict() in (("goaway", PROTOCOL), "closed")


def test_unknown_frames_settings_and_flags_are_passed_over(server, authority):
    rude = Rude(server, authority)
    rude.frame(0x77, 0xFF, 0, b"whatever")
    rude.frame(SETTINGS, 0, 0, setting(0x7777, 1))
    rude.frame(PING, 0xFE, 0, b"12345678")
    rude.frame(HEADERS, 5 | 0xC0, 1, HEAD)
    while (frame := rude.next())[0] != HEADERS:
        assert frame[0] in (SETTINGS, PING, WINDOW)
    assert frame[2] == 1


def test_a_reset_storm_ends_the_connection(server, authority):
    """Rapid reset: requests that are given up at once."""
    rude = Rude(server, authority)
    for i in range(1200):
        rude.frame(HEADERS, 5, 2 * i + 1, HEAD)
        rude.frame(RST, 0, 2 * i + 1, b"\0\0\0\x08")
    while (verdict := rude.verdict()) != "closed":
        if verdict[0] == "goaway":
            break
    assert verdict == "closed" or verdict[1] == CALM


@pytest.mark.parametrize(
    "frame",
    [
        (PING, 0, 0, b"12345678"),
        (SETTINGS, 0, 0, b""),
        (PRIORITY, 0, 3, b"\0\0\0\0\1"),
    ],
    ids=["ping", "settings", "priority"],
)
def test_a_flood_of_control_frames_ends_the_connection(
    server, authority, frame
):
    rude = Rude(server, authority)
    for _ in range(2500):
        rude.frame(*frame)
    while (verdict := rude.verdict()) != "closed":
        if verdict[0] == "goaway":
            break
    assert verdict == "closed" or verdict[1] == CALM


def test_a_flood_of_empty_data_ends_the_connection(server, authority):
    rude = Rude(server, authority)
    rude.frame(HEADERS, END_HEADERS, 1, HEAD)
    for _ in range(2500):
        rude.frame(DATA, 0, 1, b"")
    while (verdict := rude.verdict()) != "closed":
        if verdict[0] == "goaway":
            break
    assert verdict == "closed" or verdict[1] == CALM


def test_endless_continuations_end_the_connection(server, authority):
    rude = Rude(server, authority)
    rude.frame(HEADERS, END_STREAM, 1, HEAD)
    for i in range(3000):
        rude.frame(CONT, 0, 1, literal(b"x-%d" % (i % 10), b"y" * 100))
    verdict = rude.verdict()
    assert verdict == "closed" or verdict[0] in ("goaway", "reset")
    other = Polite(server, authority)
    assert other.status(other.ask()) == 200


def test_more_streams_than_allowed_are_refused(server, authority):
    polite = Polite(server, authority)
    polite.until(ev.RemoteSettingsChanged)
    most = polite.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS]
    assert most == 128
    rude = Rude(server, authority)
    head = HEAD[:1] + bytes([0x04, 0x12]) + b"/api/v1/auth/login" + HEAD[2:]
    head = b"\x83" + head[1:] + literal(b"content-type", b"application/json")
    for i in range(most + 20):
        rude.frame(HEADERS, END_HEADERS, 2 * i + 1, head)
    seen = set()
    while (verdict := rude.verdict()) != "closed":
        seen.add(verdict)
        if verdict[0] in ("reset", "goaway"):
            break
    assert verdict[1] in (ErrorCodes.REFUSED_STREAM, PROTOCOL)


def test_a_head_that_is_too_large_is_431(polite):
    sid = polite.ask(more=[("x-long", "y" * 8000), ("x-more", "z" * 9000)])
    assert polite.status(sid) == 431
    assert polite.status(polite.ask()) == 200


@pytest.mark.parametrize(
    "path, method, status",
    [
        ("/livez", "GET", 200),
        ("/livez", "HEAD", 200),
        ("/nothing", "GET", 404),
        ("/livez", "DELETE", 405),
        ("/a/../livez", "GET", 400),
        ("/%zz", "GET", 400),
        ("/livez", "BREW", 501),
        ("*", "OPTIONS", 400),
        ("/api/v1/auth/me", "GET", 401),
    ],
)
def test_a_request_is_judged_as_in_http_1(polite, path, method, status):
    assert polite.status(polite.ask(path, method)) == status


def test_a_body_comes_in_any_cut(polite):
    body = b'{"username":"nobody","password":"none at all"}'
    sid = polite.ask(
        "/api/v1/auth/login",
        "POST",
        ends=False,
        more=[("content-type", "application/json")],
    )
    for i in range(len(body)):
        polite.h2.send_data(sid, body[i : i + 1])
        polite.flush()
    polite.h2.end_stream(sid)
    polite.flush()
    assert polite.status(sid) == 401


def test_a_body_over_its_bound_is_413_and_others_go_on(polite):
    sid = polite.ask(
        "/api/v1/auth/login",
        "POST",
        ends=False,
        more=[("content-type", "application/json")],
    )
    sent = 0
    while sent < 1100000:
        size = min(
            polite.h2.local_flow_control_window(sid), 16384, 1100000 - sent
        )
        if size == 0:
            polite.until(ev.WindowUpdated)
            continue
        polite.h2.send_data(sid, b"x" * size)
        polite.flush()
        sent += size
    assert polite.status(sid) == 413
    assert polite.status(polite.ask()) == 200


def test_many_answers_share_a_connection(polite):
    ids = [polite.ask("/openapi.json") for _ in range(20)]
    sizes = dict.fromkeys(ids, 0)
    left = set(ids)
    while left:
        event = polite.until((ev.DataReceived, ev.StreamEnded))
        if isinstance(event, ev.DataReceived):
            sizes[event.stream_id] += len(event.data)
        else:
            left.discard(event.stream_id)
    assert len(set(sizes.values())) == 1 and sizes[ids[0]] > 10000


def test_a_client_that_gives_no_window_gets_no_body(server, authority):
    """And costs nothing but what it asked for; others are served."""
    slow = Polite(server, authority)
    slow.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    slow.flush()
    slow.until(ev.SettingsAcknowledged)
    sid = slow.ask("/openapi.json")
    assert slow.status(sid) == 200
    other = Polite(server, authority)
    assert other.status(other.ask()) == 200
    slow.h2.increment_flow_control_window(2**20, sid)
    slow.flush()
    assert slow.until(ev.DataReceived, sid).data


def test_a_reset_of_a_request_frees_its_place(polite):
    for _ in range(300):
        sid = polite.ask(
            "/api/v1/auth/login",
            "POST",
            ends=False,
            more=[("content-type", "application/json")],
        )
        polite.h2.reset_stream(sid, ErrorCodes.CANCEL)
        polite.flush()
    assert polite.status(polite.ask()) == 200


def test_cookies_in_crumbs_and_a_host_of_its_own(server, authority):
    polite = Polite(server, authority, validate_outbound_headers=False)
    sid = polite.ask(
        more=[("cookie", "a=1"), ("cookie", "b=2"), ("host", "localhost")]
    )
    assert polite.status(sid) == 200
    assert polite.status(polite.ask(more=[("host", "another")])) == 400


class Masked:
    """A live socket on one stream (RFC 8441)."""

    def __init__(self, polite):
        self.polite = polite
        polite.until(ev.RemoteSettingsChanged)
        self.id = polite.h2.get_next_available_stream_id()
        polite.h2.send_headers(
            self.id,
            [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":path", "/api/v1/ws"),
                (":scheme", "https"),
                (":authority", "localhost"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-protocol", "troupe.json.v1"),
            ],
        )
        polite.flush()

    def send(self, text):
        data = text.encode()
        frame = bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data
        self.polite.h2.send_data(self.id, frame)
        self.polite.flush()


def test_a_live_socket_on_a_stream(server, authority):
    polite = Polite(server, authority, validate_outbound_headers=False)
    live = Masked(polite)
    assert polite.status(live.id) == 200
    live.send('{"action":"auth","ticket":"none"}')
    said = b""
    while b"\x0f\xa1" not in said:
        said += polite.until(ev.DataReceived, live.id).data
    assert b"Invalid or expired ticket" in said
    assert polite.status(polite.ask()) == 200
