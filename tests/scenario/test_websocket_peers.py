"""Live sockets spoken to by clients that are not ours.

python3-websockets and python3-autobahn here; npm's ws and Chromium are with the
JavaScript client (gateway/client-js/test/peers.test.js).
"""

import asyncio
import json
import os

import pytest
import websockets
from autobahn.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
)
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
)

from client import Client
from frames import ANSWER, ASK, BYTES
from test_hub import publish
from test_metrics import scrape_all, total
from wire import WIRE_S

# Short and long, dull and not: each a message of its own.
PAYLOADS = [{"k": "x" * 1}, {"k": "xyz" * 100}, {"k": "x" * 30000},
            {"k": "".join(map(chr, range(0x4e00, 0x5200)))}]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "deflate"])
def tight(request):
    return request.param


@pytest.fixture(scope="module")
def first(start_shared, tight):
    ceo = Client(
        start_shared(
            api__ws_max_connections_per_user=0,
            api__ws_deflate="true" if tight else "false",
        )
    )
    assert ceo.setup().status == 201
    return ceo


def address(first):
    host, port = first.server.address
    return host, port, f"ws://{host}:{port}/api/v1/ws?ticket={first.ticket()}"


async def in_thread(work, *arguments):
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def tell_all(first):
    for payload in PAYLOADS:
        answer = publish(first, "agents", payload=payload, durable=False)
        assert answer.status == 201, answer.body


async def speak_websockets(first, tight, window):
    offer = ClientPerMessageDeflateFactory(
        client_max_window_bits=window or True, server_max_window_bits=window
    )
    async with websockets.connect(
        address(first)[2], extensions=[offer], ping_interval=None
    ) as live:
        assert len(live.extensions) == tight
        assert json.loads(await live.recv()) == {"action": "auth_ok"}
        await live.send(list(ASK.decode()))
        assert json.loads(await live.recv()) == {"action": "pong"}
        await (await live.ping(os.urandom(125)))
        await live.send('{"action":"subscribe","channels":["agents"]}')
        assert "agents" in json.loads(await live.recv())["channels"]
        await in_thread(tell_all, first)
        heard = [json.loads(await live.recv()) for _ in PAYLOADS]
        assert [e["payload"] for e in heard] == PAYLOADS
        await live.send(ASK.decode() + " " * 2000)
        assert json.loads(await live.recv()) == {"action": "pong"}
        await live.close(4321, "bye")
        return live.close_code


@pytest.mark.parametrize("window", [None, 9, 10, 11, 12, 13, 14, 15])
def test_websockets_speaks_with_it(first, tight, window):
    """Fragments, pings, windows and events, by python3-websockets."""
    talk = speak_websockets(first, tight, window)
    assert asyncio.run(asyncio.wait_for(talk, WIRE_S * 3)) == 4321


async def send_empty_fragments(first, count):
    """A message of so many, by python3-websockets; how it ends."""
    async with websockets.connect(
        address(first)[2], compression=None, ping_interval=None
    ) as live:
        assert json.loads(await live.recv()) == {"action": "auth_ok"}
        # The library ends a message with an empty fragment of its own.
        await live.send([""] * (count - 1) + [ASK.decode()])
        try:
            return json.loads(await live.recv())
        except websockets.ConnectionClosed as end:
            return end.rcvd.code, end.rcvd.reason


def test_empty_fragments_have_a_bound_and_are_counted(start):
    ceo = Client(start(api__metrics__listen="127.0.0.1:0"))
    assert ceo.setup().status == 201

    def sent(count):
        talk = send_empty_fragments(ceo, count)
        return asyncio.run(asyncio.wait_for(talk, WIRE_S))

    assert sent(64) == {"action": "pong"}
    assert sent(65) == (1008, "Too many empty frames")
    pages = scrape_all(ceo.server)
    assert total(pages, "troupe_gateway_sockets_flooding_total") == 1


class Autobahn(WebSocketClientProtocol):
    """Sends a message frame by frame, byte by byte, then pings, then ends."""

    def onMessage(self, payload, is_binary):
        self.factory.heard.append((is_binary, payload))
        if len(self.factory.heard) == 1:
            self.beginMessage()
            for at in range(len(ASK)):
                self.sendMessageFrame(ASK[at : at + 1])
            self.endMessage()
        elif len(self.factory.heard) == 2:
            self.sendMessage(ASK + b" " * 2000)
        else:
            self.sendPing(BYTES)

    def onPong(self, payload):
        self.factory.heard.append(("pong", payload))
        self.sendClose(4322, "bye")

    def onClose(self, was_clean, code, reason):
        self.factory.agreed = self.websocket_extensions_in_use
        self.factory.done.set_result((was_clean, code))


def accept(response):
    assert isinstance(response, PerMessageDeflateResponse)
    assert response.client_no_context_takeover
    assert response.server_no_context_takeover
    return PerMessageDeflateResponseAccept(response)


async def speak_autobahn(first, offers):
    loop = asyncio.get_running_loop()
    host, port, url = address(first)
    factory = WebSocketClientFactory(url, loop=loop)
    factory.protocol = Autobahn
    factory.heard, factory.done = [], loop.create_future()
    factory.setProtocolOptions(
        perMessageCompressionOffers=offers,
        perMessageCompressionAccept=accept,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
    )
    await loop.create_connection(factory, host, port)
    return factory, await factory.done


@pytest.mark.parametrize("window", [None, 0, 9, 12, 15])
def test_autobahn_speaks_with_it(first, tight, window):
    """Without an offer, with one, and with one that names a window."""
    offers = [] if window is None else [
        PerMessageDeflateOffer(request_max_window_bits=window)
    ]
    talk = speak_autobahn(first, offers)
    factory, end = asyncio.run(asyncio.wait_for(talk, WIRE_S * 3))
    assert factory.heard == [
        (False, b'{"action":"auth_ok"}'),
        (False, ANSWER[1]),
        (False, ANSWER[1]),
        ("pong", BYTES),
    ]
    assert len(factory.agreed) == (tight and window is not None)
    assert end == (True, 4322)
