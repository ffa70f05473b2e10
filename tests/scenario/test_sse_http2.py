"""Server-sent events on a stream of HTTP/2, beside other requests."""

import json

import h2.events as ev
import pytest

from client import PASSWORD, PREFIX, USERNAME
from test_http2 import Polite, authority, server  # noqa: F401: fixtures

EVENT = {"event_type": "build.finished", "payload": {"n": 1}}


class Person:
    """One connection; logged in by its set-up."""

    def __init__(self, server, authority):
        self.polite = Polite(server, authority)
        body = {"username": USERNAME, "password": PASSWORD}
        status, said = self.post("auth/setup", body, ())
        if status != 201:
            status, said = self.post("auth/login", body, ())
        assert status < 300, said
        token = said["data"]["token"]
        self.proof = (("authorization", f"Bearer {token}"),)

    def post(self, path, body, proof=None):
        data = json.dumps(body).encode()
        stream = self.polite.ask(
            f"{PREFIX}/{path}",
            "POST",
            ends=False,
            more=(
                ("content-type", "application/json"),
                *(self.proof if proof is None else proof),
            ),
        )
        self.polite.h2.send_data(stream, data, end_stream=True)
        self.polite.flush()
        return self.polite.status(stream), json.loads(self.body(stream))

    def body(self, stream):
        """All of it, in however many frames it comes."""
        data = b""
        while True:
            event = self.polite.until((ev.DataReceived, ev.StreamEnded), stream)
            if isinstance(event, ev.StreamEnded):
                return data
            data += event.data

    def listen(self, channels, *more):
        stream = self.polite.ask(
            f"{PREFIX}/events?channels={channels}", more=(*self.proof, *more)
        )
        assert self.polite.status(stream) == 200
        return Listening(self.polite, stream)


class Listening:
    def __init__(self, polite, stream):
        self.polite, self.stream, self.text, self.last = polite, stream, b"", ""

    def next(self):
        while b"\n\n" not in self.text:
            self.text += self.polite.until(ev.DataReceived, self.stream).data
        block, self.text = self.text.split(b"\n\n", 1)
        lines = dict(
            line.split(": ", 1)
            for line in block.decode().split("\n")
            if ": " in line and not line.startswith(":")
        )
        self.last = lines.get("id", self.last)
        return json.loads(lines["data"]) if "data" in lines else self.next()


@pytest.fixture
def person(server, authority):  # noqa: F811
    return Person(server, authority)


def test_streams_share_a_connection_and_recover(person):
    one, two = person.listen("agents"), person.listen("agents,messages")
    first = one.next()["positions"]["agents"]["offset"]
    two.next()
    for _ in range(3):
        assert person.post("events/agents", EVENT)[0] == 201
    offsets = [first + n for n in (1, 2, 3)]
    assert [one.next()["offset"] for _ in offsets] == offsets
    assert [two.next()["offset"] for _ in offsets] == offsets
    person.polite.h2.reset_stream(one.stream)
    person.polite.flush()
    assert person.post("events/agents", EVENT)[0] == 201
    assert two.next()["offset"] == first + 4
    again = person.listen("agents", ("last-event-id", one.last))
    assert again.next()["positions"]["agents"]["recovered"]
    assert again.next()["offset"] == first + 4


def test_a_stream_that_takes_nothing_holds_up_nobody(server, authority, person):
    slow = Person(server, authority)
    held = slow.listen("agents")
    held.next()
    live = person.listen("agents")
    live.next()
    large = {**EVENT, "payload": {"k": "x" * 12000}}
    for _ in range(8):  # far more than the window of a stream
        assert person.post("events/agents", large)[0] == 201
    assert [len(live.next()["payload"]["k"]) for _ in range(8)] == [12000] * 8
