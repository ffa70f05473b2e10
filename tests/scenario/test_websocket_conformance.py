"""Every rule of RFC 6455 for a server, frame by frame.

The groups are those of the well-known test suites: framing, pings, reserved
bits, opcodes, fragments, UTF-8, close, limits, handshake.  What libraries that
are not ours say is in test_websocket_peers.py, compression in
test_websocket_deflate.py.
"""

import base64
import hashlib
import json
import socket

import pytest

from frames import (
    ANSWER,
    ASK,
    BAD_TEXT,
    BINARY,
    BYTES,
    CLOSE,
    CONTINUE,
    HELLO,
    LARGE,
    NORMAL,
    PING,
    PONG,
    POLICY,
    PROTOCOL,
    REQUEST,
    TEXT,
    TOO_BIG,
    UNSUPPORTED,
    UPGRADE,
    Live,
    cases,
    check,
    closing,
    fragments,
    frame,
    head_of,
    padded,
    person_of,
)
from wire import Wire

REFUSE_MAX = 1 << 20
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture(scope="module")
def topology():
    """Frames end in the gateway: where the rest lives changes nothing."""
    return "one"


@pytest.fixture(scope="module")
def first(start_shared):
    return person_of(start_shared)


@pytest.fixture
def live(first):
    live = Live(first)
    yield live
    live.close()


# ---- the table ----

def pong(payload):
    return PONG, payload


FRAMING = cases(
    ("1.1-empty", frame(TEXT), [(TEXT, b'{"error":"Invalid JSON"}')], None),
    *(
        (f"1.1-{n}", frame(TEXT, padded(n)), [ANSWER], None)
        for n in (17, 124, 125, 126, 127, 128, 255, 256, 4095, 4096)
    ),
    ("1.2-empty", frame(BINARY), [], UNSUPPORTED),
    *(
        (f"1.2-{n}", frame(BINARY, b"\xfe" * n), [], UNSUPPORTED)
        for n in (1, 125, 126, 127, 128, 4096)
    ),
    ("1.3-two-at-once", frame(TEXT, ASK) * 2, [ANSWER] * 2, None),
    ("1.4-mask-of-zeros", frame(TEXT, ASK, mask=bytes(4)), [ANSWER], None),
    ("1.4-mask-of-ones", frame(TEXT, ASK, mask=b"\xff" * 4), [ANSWER], None),
    ("1.5-unmasked-text", frame(TEXT, ASK, mask=None), [], PROTOCOL),
    ("1.5-unmasked-empty", frame(TEXT, mask=None), [], PROTOCOL),
    ("1.5-unmasked-ping", frame(PING, mask=None), [], PROTOCOL),
    ("1.5-unmasked-close", closing(1000, mask=None), [], PROTOCOL),
    ("1.6-2-bytes-for-125", frame(TEXT, padded(125), form=2), [], PROTOCOL),
    ("1.6-2-bytes-for-0", frame(TEXT, form=2), [], PROTOCOL),
    ("1.6-8-bytes-for-125", frame(TEXT, padded(125), form=8), [], PROTOCOL),
    ("1.6-8-bytes-for-126", frame(TEXT, padded(126), form=8), [], PROTOCOL),
    ("1.6-8-bytes-for-65535", frame(TEXT, padded(65535), form=8), [], PROTOCOL),
    ("1.7-top-bit-of-length", head_of(TEXT, 1 << 63), [], PROTOCOL),
    ("1.7-all-bits-of-length", head_of(TEXT, (1 << 64) - 1), [], PROTOCOL),
    ("1.7-largest-length", head_of(TEXT, (1 << 63) - 1), [], TOO_BIG),
)

PINGS = cases(
    *(
        (f"2-ping-{len(p)}-{i}", frame(PING, p), [pong(p)], None)
        for i, p in enumerate((b"", HELLO, BYTES, b"\xfe" * 124, b"\xfe" * 125))
    ),
    ("2.5-ping-126", frame(PING, b"\xfe" * 126), [], PROTOCOL),
    ("2.5-pong-126", frame(PONG, b"\xfe" * 126), [], PROTOCOL),
    ("2.5-ping-8-bytes", frame(PING, form=8), [], PROTOCOL),
    ("2.5-ping-2-bytes", frame(PING, HELLO, form=2), [], PROTOCOL),
    ("2.7-pong-unasked", frame(PONG), [], None),
    ("2.8-pong-unasked-full", frame(PONG, BYTES), [], None),
    (
        "2.9-pong-then-ping",
        frame(PONG, b"none") + frame(PING, HELLO),
        [pong(HELLO)],
        None,
    ),
    (
        "2.10-ten-pings",
        b"".join(frame(PING, b"%d" % n) for n in range(10)),
        [pong(b"%d" % n) for n in range(10)],
        None,
    ),
)

RESERVED = cases(
    *(
        (f"3-rsv{rsv}-{name}", sent, [], PROTOCOL)
        for rsv in range(1, 8)
        for name, sent in (
            ("text", frame(TEXT, ASK, rsv=rsv)),
            ("binary", frame(BINARY, BYTES, rsv=rsv)),
            ("ping", frame(PING, rsv=rsv)),
            ("pong", frame(PONG, rsv=rsv)),
            ("close", closing(1000, rsv=rsv)),
        )
    ),
    (
        "3-after-text",
        frame(TEXT, ASK) + frame(TEXT, ASK, rsv=4) + frame(PING),
        [ANSWER],
        PROTOCOL,
    ),
    (
        "3-in-continuation",
        frame(TEXT, ASK, fin=False) + frame(CONTINUE, b" ", rsv=4),
        [],
        PROTOCOL,
    ),
    *(
        (f"4-opcode-{op}-{n}", frame(op, b"x" * n), [], PROTOCOL)
        for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        for n in (0, 5, 126)
    ),
    (
        "4-after-text",
        frame(TEXT, ASK) + frame(5) + frame(PING),
        [ANSWER],
        PROTOCOL,
    ),
    ("4-unfinished", frame(3, b"x", fin=False), [], PROTOCOL),
)

A, B, C = ASK[:5], ASK[5:9], ASK[9:]
FRAGMENTS = cases(
    ("5.1-ping", frame(PING, b"f", fin=False) + frame(CONTINUE), [], PROTOCOL),
    ("5.2-pong", frame(PONG, b"f", fin=False) + frame(CONTINUE), [], PROTOCOL),
    ("5.2-close", closing(1000, fin=False), [], PROTOCOL),
    ("5.3-two", fragments(A, B + C), [ANSWER], None),
    ("5.3-three", fragments(A, B, C), [ANSWER], None),
    (
        "5.3-of-one-byte",
        fragments(*(ASK[i : i + 1] for i in range(len(ASK)))),
        [ANSWER],
        None,
    ),
    ("5.3-empty-first", fragments(b"", ASK), [ANSWER], None),
    ("5.3-empty-last", fragments(ASK, b""), [ANSWER], None),
    ("5.3-empty-middle", fragments(A, b"", b"", B + C), [ANSWER], None),
    ("5.3-empty-64", fragments(*[b""] * 64, ASK), [ANSWER], None),
    ("5.3-empty-65", fragments(*[b""] * 65, ASK), [], POLICY),
    (
        "5.3-all-empty",
        fragments(b"", b"", b""),
        [(TEXT, b'{"error":"Invalid JSON"}')],
        None,
    ),
    (
        "5.6-ping-between",
        fragments(A, B + C, between=frame(PING, HELLO)),
        [pong(HELLO), ANSWER],
        None,
    ),
    (
        "5.6-many-pings-between",
        fragments(A, B, C, between=frame(PING, BYTES) + frame(PONG)),
        [pong(BYTES), pong(BYTES), ANSWER],
        None,
    ),
    (
        "5.7-full-ping-between-full-parts",
        fragments(
            padded(2048), b" " * 2048, between=frame(PING, b"\xfe" * 125)
        ),
        [pong(b"\xfe" * 125), ANSWER],
        None,
    ),
    ("5.9-nothing-continued", frame(CONTINUE, ASK), [], PROTOCOL),
    ("5.10-nothing-continued-on", frame(CONTINUE, ASK, fin=False), [], PROTOCOL),
    (
        "5.12-continued-after-the-end",
        fragments(A, B + C) + frame(CONTINUE, b" "),
        [ANSWER],
        PROTOCOL,
    ),
    (
        "5.15-second-message-inside",
        frame(TEXT, A, fin=False) + frame(TEXT, ASK),
        [],
        PROTOCOL,
    ),
    (
        "5.16-binary-inside-text",
        frame(TEXT, A, fin=False) + frame(BINARY, b"x", fin=False),
        [],
        PROTOCOL,
    ),
    (
        "5.18-close-inside",
        frame(TEXT, A, fin=False) + closing(1000),
        [],
        NORMAL,
    ),
    ("5.19-binary", fragments(b"a", b"b", opcode=BINARY), [], UNSUPPORTED),
)


def subscribing(name):
    return b'{"action":"subscribe","channels":["project:' + name + b'"]}'


GOOD_TEXT = {
    "greek": "κόσμε",
    "first-of-1": "\u0001\u007f",
    "first-of-2": "\u0080",
    "last-of-2": "\u07ff",
    "first-of-3": "\u0800",
    "before-surrogates": "\ud7ff",
    "after-surrogates": "\ue000",
    "replacement": "\ufffd",
    "noncharacters": "\ufffe\uffff\ufdd0",
    "byte-order-mark": "\ufeff",
    "first-of-4": "\U00010000",
    "last": "\U0010ffff",
    "noncharacter-of-4": "\U0001fffe",
    "mixed": "Hello-µ@ßöäüàá-UTF-8!! 한국 𝄞",
}
BAD_TEXTS = {
    "lone-continuation": b"\x80",
    "last-continuation": b"\xbf",
    "six-continuations": b"\x80\xbf" * 3,
    "lone-start-of-2": b"\xc2 ",
    "lone-start-of-3": b"\xe0 ",
    "lone-start-of-4": b"\xf0 ",
    "cut-3": b"\xe1\x80 ",
    "cut-4": b"\xf1\x80\x80 ",
    "fe": b"\xfe",
    "ff": b"\xff",
    "overlong-slash-2": b"\xc0\xaf",
    "overlong-slash-3": b"\xe0\x80\xaf",
    "overlong-slash-4": b"\xf0\x80\x80\xaf",
    "overlong-max-2": b"\xc1\xbf",
    "overlong-max-3": b"\xe0\x9f\xbf",
    "overlong-max-4": b"\xf0\x8f\xbf\xbf",
    "overlong-nul": b"\xc0\x80",
    "first-surrogate": b"\xed\xa0\x80",
    "last-surrogate": b"\xed\xbf\xbf",
    "surrogate-pair": b"\xed\xa0\x80\xed\xb0\x80",
    "past-the-last": b"\xf4\x90\x80\x80",
    "f5": b"\xf5\x80\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "six-bytes": b"\xfc\x84\x80\x80\x80\x80",
}

# How many bytes of a text it takes to see that it is none.
SEEN_AT = {
    "cut-3": 3,
    "cut-4": 4,
    "lone-start-of-2": 2,
    "lone-start-of-3": 2,
    "lone-start-of-4": 2,
    "overlong-slash-3": 2,
    "overlong-slash-4": 2,
    "overlong-max-3": 2,
    "overlong-max-4": 2,
    "first-surrogate": 2,
    "last-surrogate": 2,
    "surrogate-pair": 2,
    "past-the-last": 2,
}

CODES_GOOD = (
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
    + [3000, 3999, 4000, 4999]
)
CODES_BAD = (
    [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999]
    + [2000, 2999, 5000, 32768, 65535]
)
CLOSES = cases(
    ("7.1-close", closing(1000), [], NORMAL),
    ("7.1-two-closes", closing(1000) + closing(1001), [], NORMAL),
    ("7.1-ping-after", closing(1000) + frame(PING, HELLO), [], NORMAL),
    ("7.1-text-after", closing(1000) + frame(TEXT, ASK), [], NORMAL),
    ("7.1-nonsense-after", closing(1000) + b"\xff" * 64, [], NORMAL),
    ("7.1-text-before", frame(TEXT, ASK) + closing(1000), [ANSWER], NORMAL),
    ("7.3-empty", closing(), [], "none"),
    ("7.3-one-byte", frame(CLOSE, b"\x03"), [], PROTOCOL),
    ("7.3-code-alone", closing(1000), [], NORMAL),
    ("7.3-reason", closing(1000, HELLO), [], NORMAL),
    ("7.3-longest-reason", closing(1000, b"x" * 123), [], NORMAL),
    ("7.3-too-long-a-reason", closing(1000, b"x" * 124), [], PROTOCOL),
    ("7.3-2-bytes-of-length", closing(1000, form=2), [], PROTOCOL),
    ("7.5-reason-is-no-text", closing(1000, b"\xce\xba\xed\xa0\x80"), [], BAD_TEXT),
    ("7.5-reason-cut-off", closing(1000, b"\xce"), [], BAD_TEXT),
    *((f"7.7-{code}", closing(code), [], code) for code in CODES_GOOD),
    *((f"7.7-{code}-reason", closing(code, b"r"), [], code) for code in (1000, 4999)),
    *((f"7.9-{code}", closing(code), [], PROTOCOL) for code in CODES_BAD),
    *((f"7.9-{code}-reason", closing(code, b"r"), [], PROTOCOL) for code in (1005, 5000)),
)

LIMITS = cases(
    *(
        (f"9.1-{n}", frame(TEXT, padded(n)), [LARGE], None)
        for n in (4097, 65535, 65536, 65537, REFUSE_MAX)
    ),
    ("9.1-too-big", head_of(TEXT, REFUSE_MAX + 1), [], TOO_BIG),
    ("9.2-too-big-binary", head_of(BINARY, REFUSE_MAX + 1), [], TOO_BIG),
    (
        "9.3-parts-up-to-the-limit",
        fragments(padded(2048), b" " * 2048),
        [ANSWER],
        None,
    ),
    (
        "9.3-parts-past-the-limit",
        fragments(padded(2048), b" " * 2048, b" "),
        [LARGE],
        None,
    ),
    (
        "9.4-parts-too-big",
        frame(TEXT, b" " * REFUSE_MAX, fin=False) + frame(CONTINUE, b" "),
        [],
        TOO_BIG,
    ),
    (
        "9.5-small-after-large",
        frame(TEXT, padded(70000)) + frame(TEXT, ASK),
        [LARGE, ANSWER],
        None,
    ),
    (
        "9.6-ping-inside-large",
        fragments(b" " * 5000, b" " * 5000, between=frame(PING, HELLO)),
        [pong(HELLO), LARGE],
        None,
    ),
)

TABLE = FRAMING + PINGS + RESERVED + FRAGMENTS + CLOSES + LIMITS


@pytest.mark.parametrize("sent, gets, code", TABLE)
def test_frames(live, sent, gets, code):
    if code == "none":
        live.send(sent)
        assert live.ends_with() is None
    else:
        check(live, sent, gets, code)


SMALL = [p for p in TABLE if len(p.values[0]) < 600 and p.values[2] != "none"]


@pytest.mark.parametrize("sent, gets, code", SMALL)
def test_frames_byte_by_byte(live, sent, gets, code):
    check(live, sent, gets, code, chop=1)


@pytest.mark.parametrize("text", GOOD_TEXT.values(), ids=GOOD_TEXT)
@pytest.mark.parametrize("chop", [None, 1])
def test_6_utf8_is_taken_whole_and_in_parts(live, text, chop):
    """Also in frames that end within a character."""
    name = "".join(c if c >= " " else "\\u%04x" % ord(c) for c in text)
    message = subscribing(name.encode())
    parts = [message[i : i + 1] for i in range(len(message))]
    for sent in (frame(TEXT, message), fragments(*parts)):
        live.send(sent, chop)
        opcode, payload = live.receive()
        assert opcode == TEXT
        assert f"project:{text}" in json.loads(payload)["channels"]
    assert live.is_open()


@pytest.mark.parametrize("name", BAD_TEXTS)
@pytest.mark.parametrize("chop", [None, 1])
def test_6_what_is_not_utf8_is_refused(first, name, chop):
    message = subscribing(BAD_TEXTS[name])
    parts = [message[i : i + 1] for i in range(len(message))]
    for sent in (frame(TEXT, message), fragments(*parts)):
        live = Live(first)
        check(live, sent, [], BAD_TEXT, chop)
        live.close()


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_6_refused_at_the_first_byte_that_shows_it(live, name):
    """The rest of the frame never comes."""
    bad = BAD_TEXTS[name][: SEEN_AT.get(name, 1)]
    whole = frame(TEXT, b"ok " + bad + b"x" * 100)
    assert live.is_open()
    live.send(whole[: 6 + 3 + len(bad)])
    assert live.ends_with() == BAD_TEXT


@pytest.mark.parametrize("cut", [b"\xce", b"\xe1\x80", b"\xf0\x90\x80"])
def test_6_text_that_ends_within_a_character(first, cut):
    for sent in (frame(TEXT, b"a" + cut), fragments(b"a", cut)):
        live = Live(first)
        check(live, sent, [], BAD_TEXT)
        live.close()


def test_6_binary_need_not_be_utf8(live):
    check(live, frame(BINARY, b"\xff\xfe"), [], UNSUPPORTED)


@pytest.mark.parametrize(
    "sent, code",
    [
        (frame(TEXT, ASK, rsv=4), PROTOCOL),
        (frame(3), PROTOCOL),
        (frame(TEXT, b"\xff"), BAD_TEXT),
        (head_of(TEXT, REFUSE_MAX + 1), TOO_BIG),
        (frame(CONTINUE), PROTOCOL),
        (frame(TEXT, ASK, mask=None), PROTOCOL),
        (closing(1000), NORMAL),
    ],
)
def test_strangers_are_told_the_same(first, sent, code):
    live = Live(first, authenticated=False)
    live.send(sent)
    assert live.ends_with() == code
    live.close()


def test_strangers_are_answered_pings(first):
    live = Live(first, authenticated=False)
    assert live.is_open()
    live.close()


def test_7_the_end_of_the_connection_is_an_end(first):
    """Half closed, without a close frame: no code is made up."""
    live = Live(first)
    live.wire.stream.shutdown(socket.SHUT_WR)
    assert live.receive() is None
    live.close()


# ---- the handshake ----


def handshake(first, *lines, rest=b""):
    wire = Wire(first.server)
    wire.send("\r\n".join([*lines, "", ""]).encode() + rest)
    head = wire.until(b"\r\n\r\n").decode("latin-1")
    wire.close()
    first_line, *fields = head.split("\r\n")
    names = dict(field.split(": ", 1) for field in fields)
    return int(first_line.split(" ")[1]), names


def without(name, *more):
    return [x for x in UPGRADE if not x.startswith(name + ":")] + list(more)


def test_handshake_accepts_the_key(first):
    status, names = handshake(first, REQUEST, *UPGRADE)
    digest = hashlib.sha1(b"dGhlIHNhbXBsZSBub25jZQ==" + GUID).digest()
    assert status == 101
    assert names["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode()
    assert names["Upgrade"].lower() == "websocket"
    assert names["Connection"].lower() == "upgrade"


@pytest.mark.parametrize(
    "lines",
    [
        without("Upgrade", "Upgrade: WebSocket"),
        without("Upgrade", "upgrade: h2c, websocket"),
        without("Connection", "Connection: keep-alive, Upgrade"),
        without("Connection", "connection: uPGRADE"),
    ],
)
def test_handshake_in_other_words(first, lines):
    assert handshake(first, REQUEST, *lines)[0] == 101


@pytest.mark.parametrize(
    "status, first_line, lines",
    [
        (426, REQUEST, without("Upgrade")),
        (426, REQUEST, without("Upgrade", "Upgrade: h2c")),
        (426, REQUEST, without("Sec-WebSocket-Version")),
        (426, REQUEST, without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")),
        (426, REQUEST, without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 14")),
        (400, REQUEST, without("Sec-WebSocket-Key")),
        (400, REQUEST, without("Sec-WebSocket-Key", "Sec-WebSocket-Key: ")),
        (400, REQUEST, without("Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ=")),
        (400, REQUEST, without("Sec-WebSocket-Key", "Sec-WebSocket-Key: " + "=" * 24)),
        (400, REQUEST, [*UPGRADE, "Content-Type: application/json", "Content-Length: 1"]),
        (400, REQUEST, [*UPGRADE, "Transfer-Encoding: chunked"]),
        (426, REQUEST, without("Connection")),
        (426, REQUEST.replace("1.1", "1.0"), UPGRADE),
    ],
)
def test_handshake_refused(first, status, first_line, lines):
    body = {"Content-Length: 1": b"0", "Transfer-Encoding: chunked": b"0\r\n\r\n"}
    rest = body.get(lines[-1], b"")
    found, names = handshake(first, first_line, *lines, rest=rest)
    assert found == status
    if status == 426:
        assert names["Sec-WebSocket-Version"] == "13"


def test_handshake_with_frames_right_behind(first):
    """They need not wait for the answer."""
    wire = Wire(first.server)
    ticket = json.dumps({"action": "auth", "ticket": first.ticket()}).encode()
    lines = "\r\n".join([REQUEST, *UPGRADE, "", ""]).encode()
    wire.send(lines + frame(TEXT, ticket) + frame(TEXT, ASK))
    assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101")
    assert wire.take(22)[2:] == b'{"action":"auth_ok"}'
    assert wire.take(19)[2:] == ANSWER[1]
    wire.close()
