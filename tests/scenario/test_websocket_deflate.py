"""RFC 7692, byte by byte: what is agreed on, and what may be said then.

Off by default, and then declined.  On, no side keeps a context, so each
message is a stream of its own; the client's window is its own business.
"""

import zlib

import pytest

from frames import (
    ANSWER,
    ASK,
    BAD_TEXT,
    BINARY,
    CONTINUE,
    LARGE,
    NORMAL,
    PING,
    PONG,
    PROTOCOL,
    TEXT,
    TOO_BIG,
    UNSUPPORTED,
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

TIGHT = "permessage-deflate"
AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
RSV1 = 4


@pytest.fixture(scope="module")
def topology():
    """Frames end in the gateway: where the rest lives changes nothing."""
    return "one"


@pytest.fixture(scope="module")
def plain(start_shared):
    return person_of(start_shared)


@pytest.fixture(scope="module")
def tight(start_shared):
    return person_of(start_shared, api__ws_deflate="true")


@pytest.fixture
def live(tight):
    live = Live(tight, extensions=TIGHT)
    yield live
    live.close()


# ---- what is agreed on ----

OFFERS = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=15",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=7",
    'permessage-deflate; server_max_window_bits="10"',
    "permessage-deflate; unknown=1, permessage-deflate",
    "permessage-deflate, permessage-deflate; client_max_window_bits",
    "x-webkit-deflate-frame",
    "bbf-usp-protocol; a=1",
    ";;,",
]

# Offer, and what is named beyond AGREED; None: nothing is agreed on.
TAKEN = [
    ("permessage-deflate", ""),
    ("PerMessage-Deflate", ""),
    ("permessage-deflate; client_max_window_bits", ""),
    *((f"permessage-deflate; client_max_window_bits={n}", "") for n in range(8, 16)),
    *(
        (
            f"permessage-deflate; server_max_window_bits={n}",
            f"; server_max_window_bits={n}",
        )
        for n in range(8, 16)
    ),
    ('permessage-deflate; server_max_window_bits="10"', "; server_max_window_bits=10"),
    ("permessage-deflate; server_no_context_takeover", ""),
    ("permessage-deflate; client_no_context_takeover", ""),
    ("permessage-deflate; unknown=1, permessage-deflate", ""),
    ("x-other, permessage-deflate", ""),
    ("permessage-deflate; server_max_window_bits", None),
    ("permessage-deflate; server_max_window_bits=7", None),
    ("permessage-deflate; server_max_window_bits=16", None),
    ("permessage-deflate; server_max_window_bits=08", None),
    ("permessage-deflate; client_max_window_bits=7", None),
    ("permessage-deflate; client_max_window_bits=16", None),
    ("permessage-deflate; server_no_context_takeover=1", None),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
    ("x-webkit-deflate-frame", None),
    (";;,", None),
]


@pytest.mark.parametrize("offer", OFFERS)
def test_12_offered_extensions_are_declined(plain, offer):
    """Nothing was agreed on: a compressed frame breaks the protocol."""
    live = Live(plain, extensions=offer)
    assert live.status == 101
    assert "sec-websocket-extensions" not in live.head
    live.send(frame(TEXT, ASK))
    assert live.receive() == ANSWER
    live.send(frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=RSV1))
    assert live.ends_with() == PROTOCOL
    live.close()


@pytest.mark.parametrize("offer, named", TAKEN)
def test_12_offers_are_taken_or_passed_over(tight, offer, named):
    live = Live(tight, extensions=offer)
    lines = live.head.split("\r\n")
    said = [x for x in lines if x.startswith("sec-websocket-extensions:")]
    if named is None:
        assert said == []
        check(live, frame(TEXT, pressed(ASK), rsv=RSV1), [], PROTOCOL)
    else:
        assert said == [f"sec-websocket-extensions: {AGREED}{named}"]
        check(live, frame(TEXT, pressed(ASK), rsv=RSV1), [ANSWER], None)
    live.close()


# ---- what may be said then ----


def pressed(data, bits=15, level=6, strategy=zlib.Z_DEFAULT_STRATEGY):
    """A message as RFC 7692 sends it, without the tail of its flush."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
    data = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(b"\0\0\xff\xff")
    return data[:-4]


def in_blocks(data, size):
    """The same, a block for every `size` bytes."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    out = b""
    for at in range(0, len(data), size):
        out += stream.compress(data[at : at + size])
        out += stream.flush(zlib.Z_SYNC_FLUSH)
    return out[:-4]


def ended(data):
    """With a block that says it is the last: 7.2.3.4."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush(zlib.Z_FINISH) + b"\0"


def leaning(first, second):
    """Two messages of which the second leans on the first's context."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    both = []
    for data in (first, second):
        piece = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
        both.append(frame(TEXT, piece[:-4], rsv=RSV1))
    return b"".join(both)


def tight_frame(data, **more):
    return frame(TEXT, data, rsv=RSV1, **more)


def tight_fragments(data, step, between=b""):
    """RSV1 stands in the first frame only."""
    parts = [data[i : i + step] for i in range(0, len(data), step)]
    sent = tight_frame(parts[0], fin=len(parts) == 1)
    for part in parts[1:-1]:
        sent += between + frame(CONTINUE, part, fin=False)
    if len(parts) > 1:
        sent += between + frame(CONTINUE, parts[-1])
    return sent


PRESSED = pressed(ASK)
EMPTY = (TEXT, b'{"error":"Invalid JSON"}')

COMPRESSED = cases(
    *((f"window-{n}", tight_frame(pressed(padded(4096), n)), [ANSWER], None)
      for n in range(9, 16)),
    *((f"level-{n}", tight_frame(pressed(padded(700), level=n)), [ANSWER], None)
      for n in (0, 1, 9)),
    ("fixed-codes", tight_frame(pressed(ASK, strategy=zlib.Z_FIXED)), [ANSWER], None),
    ("codes-only", tight_frame(pressed(ASK, strategy=zlib.Z_HUFFMAN_ONLY)), [ANSWER], None),
    ("in-blocks", tight_frame(in_blocks(ASK, 3)), [ANSWER], None),
    ("with-a-last-block", tight_frame(ended(ASK)), [ANSWER], None),
    ("empty", tight_frame(b"\0"), [EMPTY], None),
    ("plain-may-stay-plain", frame(TEXT, ASK), [ANSWER], None),
    ("in-turns", tight_frame(PRESSED) + frame(TEXT, ASK) + tight_frame(PRESSED),
     [ANSWER] * 3, None),
    ("of-one-byte", tight_fragments(PRESSED, 1), [ANSWER], None),
    ("ping-between", tight_fragments(PRESSED, 5, frame(PING, b"p")),
     [(PONG, b"p")] * (-(-len(PRESSED) // 5) - 1) + [ANSWER], None),
    ("empty-last-part", tight_frame(PRESSED, fin=False) + frame(CONTINUE),
     [ANSWER], None),
    ("plain-fragments", fragments(ASK[:5], ASK[5:]), [ANSWER], None),
    ("up-to-the-limit", tight_frame(pressed(padded(4096))), [ANSWER], None),
    ("past-the-limit", tight_frame(pressed(padded(4097))), [LARGE], None),
    ("bomb", tight_frame(pressed(b" " * (64 << 20))), [LARGE], None),
    ("open-after-a-bomb", tight_frame(pressed(b" " * 4000000)) + tight_frame(PRESSED),
     [LARGE, ANSWER], None),
    ("too-big-at-once", head_of(TEXT, (1 << 20) + 1), [], TOO_BIG),
    ("binary", frame(BINARY, pressed(b"x"), rsv=RSV1), [], UNSUPPORTED),
    ("garbage", tight_frame(b"\xff\xff\xff\xff"), [], BAD_TEXT),
    ("no-bytes", tight_frame(b""), [], BAD_TEXT),
    ("cut-off", tight_frame(PRESSED[:-3]), [], BAD_TEXT),
    ("reserved-block", tight_frame(b"\x06"), [], BAD_TEXT),
    ("stored-length-lies", tight_frame(b"\x00\x05\x00\x05\x00abcde"), [], BAD_TEXT),
    ("looks-back-too-far", leaning(padded(600), padded(600)), [ANSWER], BAD_TEXT),
    ("no-utf8", tight_frame(pressed(b"\xed\xa0\x80")), [], BAD_TEXT),
    ("ends-within-a-character", tight_frame(pressed(b"a\xce")), [], BAD_TEXT),
    ("rsv1-in-continuation", tight_frame(PRESSED[:5], fin=False)
     + frame(CONTINUE, PRESSED[5:], rsv=RSV1), [], PROTOCOL),
    ("rsv1-in-continuation-of-plain", frame(TEXT, ASK[:5], fin=False)
     + frame(CONTINUE, ASK[5:], rsv=RSV1), [], PROTOCOL),
    ("rsv1-ping", frame(PING, b"\0", rsv=RSV1), [], PROTOCOL),
    ("rsv1-pong", frame(PONG, b"\0", rsv=RSV1), [], PROTOCOL),
    ("rsv1-close", closing(1000, rsv=RSV1), [], PROTOCOL),
    *((f"rsv-{n}", frame(TEXT, PRESSED, rsv=n), [], PROTOCOL)
      for n in (1, 2, 3, 5, 6, 7)),
    ("unmasked", tight_frame(PRESSED, mask=None), [], PROTOCOL),
    ("close", tight_frame(PRESSED) + closing(1000), [ANSWER], NORMAL),
)


@pytest.mark.parametrize("sent, gets, code", COMPRESSED)
def test_13_compressed_messages(live, sent, gets, code):
    check(live, sent, gets, code)


SMALL = [p for p in COMPRESSED if len(p.values[0]) < 600]


@pytest.mark.parametrize("sent, gets, code", SMALL)
def test_13_compressed_messages_byte_by_byte(live, sent, gets, code):
    check(live, sent, gets, code, chop=1)


def test_13_a_stranger_may_compress_its_first_message(tight):
    live = Live(tight, extensions=TIGHT, authenticated=False)
    ask = b'{"action":"auth","ticket":"%s"}' % tight.ticket().encode()
    check(live, tight_frame(pressed(ask)), [(TEXT, b'{"action":"auth_ok"}')], None)
    live.close()
