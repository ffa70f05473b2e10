"""Raw live sockets: frames as a liar may send them, checked one by one.

Each case is what a client sends, the frames it gets, and the close code that
ends it, or none: then the socket must still answer.
"""

import socket
import struct

import pytest

from client import Client
from wire import Wire

CONTINUE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NORMAL, PROTOCOL, UNSUPPORTED, BAD_TEXT = 1000, 1002, 1003, 1007
POLICY, TOO_BIG = 1008, 1009

ASK = b'{"action":"ping"}'
ANSWER = (TEXT, b'{"action":"pong"}')
LARGE = (TEXT, b'{"error":"Message too large"}')
HELLO = b"Hello"
BYTES = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
REQUEST = "GET /api/v1/ws HTTP/1.1"


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", form=None):
    """One frame; form: in how many bytes the length stands."""
    size = len(payload)
    if form is None:
        form = 0 if size < 126 else 2 if size < 65536 else 8
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if form == 0:
        head += bytes([bit | size])
    elif form == 2:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    masked = bytes(c ^ mask[i % 4] for i, c in enumerate(payload))
    return head + mask + masked


def head_of(opcode, size):
    """A masked frame of which only the head has come."""
    return bytes([0x80 | opcode, 0xFF]) + struct.pack(">Q", size) + bytes(4)


def closing(code=None, reason=b"", **more):
    payload = b"" if code is None else struct.pack(">H", code) + reason
    return frame(CLOSE, payload, **more)


def fragments(*parts, opcode=TEXT, between=b""):
    """A message in parts, with something between each two."""
    sent = b""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        sent += frame(opcode if i == 0 else CONTINUE, part, fin=last)
        sent += b"" if last else between
    return sent


def padded(size):
    return ASK + b" " * (size - len(ASK))


class Live:
    """A raw live socket; what the server sends is checked frame by frame."""

    def __init__(self, person, extensions=None, authenticated=True):
        self.wire = Wire(person.server)
        self.wire.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        query = f"?ticket={person.ticket()}" if authenticated else ""
        lines = [f"GET /api/v1/ws{query} HTTP/1.1", *UPGRADE]
        if extensions is not None:
            lines.append(f"Sec-WebSocket-Extensions: {extensions}")
        self.wire.send("\r\n".join([*lines, "", ""]).encode())
        head = self.wire.until(b"\r\n\r\n").decode("latin-1")
        self.status = int(head.split(" ")[1])
        self.head = head.lower()
        if authenticated:
            assert self.receive() == (TEXT, b'{"action":"auth_ok"}')

    def send(self, data, chop=None):
        step = chop or max(1, len(data))
        for at in range(0, len(data), step):
            if not self.wire.send(data[at : at + step]):
                return

    def receive(self):
        """Opcode and payload; None at the end of the connection."""
        while len(self.wire.buffer) < 2:
            if not self.wire.more():
                assert self.wire.buffer == b"", "ended within a frame"
                return None
        first, second = self.wire.take(2)
        assert first & 0xF0 == 0x80, "whole frames without reserved bits"
        assert second < 0x80, "a server masks nothing"
        size = second
        if second == 126:
            (size,) = struct.unpack(">H", self.wire.take(2))
            assert size > 125
        elif second == 127:
            (size,) = struct.unpack(">Q", self.wire.take(8))
            assert size > 65535
        return first & 0x0F, self.wire.take(size)

    def ends_with(self):
        """The close code, None without one; then nothing but the end."""
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload)
        payload[2:].decode()
        self.send(frame(CLOSE, payload))
        assert self.receive() is None
        return struct.unpack(">H", payload[:2])[0] if payload else None

    def is_open(self):
        self.send(frame(PING, b"still there?"))
        return self.receive() == (PONG, b"still there?")

    def close(self):
        self.wire.close()


UPGRADE = [
    "Host: troupe",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]


def person_of(start_shared, **settings):
    """Whose sockets are as many as there are cases, with pings without end."""
    ceo = Client(
        start_shared(
            api__ws_max_connections_per_user=0,
            api__ws_control_per_second=10000,
            **settings,
        )
    )
    assert ceo.setup().status == 201
    return ceo


def cases(*rows):
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def check(live, sent, gets, code, chop=None):
    live.send(sent, chop)
    for expected in gets:
        assert live.receive() == expected
    if code is None:
        assert live.is_open()
    else:
        assert live.ends_with() == code
