"""Server-sent events: the same channels, rules and recovery as on a socket."""

import http.client
import json

import pytest

from client import ANSWER_S, PREFIX, Client


class Stream:
    """Reads events one by one; knows the last id, as a browser does."""

    def __init__(self, person, channels, last=None, **headers):
        headers["Authorization"] = f"Bearer {person.token}"
        if last is not None:
            headers["Last-Event-ID"] = last
        self.connection = http.client.HTTPConnection(
            *person.server.address, timeout=ANSWER_S
        )
        path = f"{PREFIX}/events?channels={channels}"
        self.connection.request("GET", path, headers=headers)
        self.reply = self.connection.getresponse()
        self.status, self.last = self.reply.status, last

    def next(self):
        """Type and data of the next event that is no comment."""
        kind, data = "message", None
        while True:
            read = self.reply.readline()
            if not read:
                raise EOFError("the stream has ended")
            line = read.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name == "id":
                self.last = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = json.loads(value)
            elif line == "" and data is not None:
                return kind, data

    def close(self):
        self.reply.close()
        self.connection.close()


def make(person, *names):
    for name in names:
        assert person.create_task(name).status == 201


def test_events_come_with_their_ids_and_recover_from_the_last(ceo):
    stream = Stream(ceo, "tasks,agents")
    assert stream.status == 200
    assert stream.reply.getheader("Content-Type") == "text/event-stream"
    kind, answer = stream.next()
    assert kind == "control" and answer["action"] == "subscribed"
    assert answer["channels"] == ["agents", "tasks"]
    make(ceo, "a")
    kind, event = stream.next()
    assert (kind, event["payload"]["title"]) == ("task.created", "a")
    stream.close()

    make(ceo, "b", "c")
    again = Stream(ceo, "agents,tasks", stream.last)
    _, answer = again.next()
    assert answer["positions"]["tasks"]["recovered"]
    make(ceo, "d")
    assert [again.next()[1]["payload"]["title"] for _ in range(3)] == [
        "b",
        "c",
        "d",
    ]
    again.close()


def test_recovery_goes_on_after_a_restart(ceo):
    stream = Stream(ceo, "tasks")
    stream.next()
    make(ceo, "a")
    stream.next()
    make(ceo, "b")
    ceo.server.kill()
    ceo.server.start()
    again = Client(ceo.server, ceo.token)
    stream = Stream(again, "tasks", stream.last)
    assert stream.next()[1]["positions"]["tasks"]["recovered"]
    assert stream.next()[1]["payload"]["title"] == "b"
    stream.close()


def told(ceo, channel):
    answer = ceo.post(f"events/{channel}", {"event_type": "x", "payload": {}})
    assert answer.status == 201, answer.body


def test_a_place_is_of_its_channels_alone(ceo):
    """An id of others says nothing here; of the same in another order, all."""
    for channel in ("project:a", "project:b", "project:b", "project:c"):
        told(ceo, channel)
    stream = Stream(ceo, "project:b,project:a")
    stream.next()
    told(ceo, "project:b")
    told(ceo, "project:a")
    assert [stream.next()[1]["offset"] for _ in range(2)] == [3, 2]
    stream.close()
    last = stream.last
    told(ceo, "project:a")

    stream = Stream(ceo, "project:a,project:b", last)
    at = stream.next()[1]["positions"]
    assert at["project:a"]["recovered"] and at["project:b"]["recovered"]
    event = stream.next()[1]
    assert (event["channel"], event["offset"]) == ("project:a", 3)
    stream.close()
    stream = Stream(ceo, "project:c,project:a", "0.0-0.0")
    assert stream.next()[1]["positions"]["project:c"]["recovered"]
    assert [stream.next()[0] for _ in range(4)] == ["x"] * 4
    stream.close()
    for others in ("project:a,project:c", "project:b,project:c", "tasks,agents"):
        stream = Stream(ceo, others, last)
        at = stream.next()[1]["positions"]
        assert not any(place["recovered"] for place in at.values())
        stream.close()


@pytest.mark.parametrize("last", ["x", "1", "1.2-3.4", "999.1", "1.2.3"])
def test_foreign_ids_recover_nothing(ceo, last):
    make(ceo, "a")
    stream = Stream(ceo, "tasks", last)
    assert not stream.next()[1]["positions"]["tasks"]["recovered"]
    make(ceo, "b")
    assert stream.next()[1]["payload"]["title"] == "b"
    stream.close()


@pytest.mark.parametrize(
    "query, status",
    [
        ("", 422),
        ("nonsense", 403),
        ("tasks,user:somebody", 403),
        ("user:", 403),
        (",".join(f"project:{n}" for n in range(17)), 422),
        ("tasks,", 422),
        (",tasks", 422),
        ("tasks&channels=agents", 422),
        ("tasks&since=0", 422),
    ],
)
def test_streams_that_are_refused(ceo, query, status):
    assert ceo.get(f"events?channels={query}").status == status


def test_streams_count_at_the_address_behind_a_proxy(start):
    ceo = Client(
        start(
            api__trusted_proxies="127.0.0.1",
            api__ws_max_connections_per_address="1",
        )
    )
    assert ceo.setup().status == 201

    def come(address):
        stream = Stream(ceo, "tasks", **{"X-Forwarded-For": address})
        came.append(stream)
        return stream.status

    came = []
    assert [come(a) for a in ("9.9.9.1", "9.9.9.2", "9.9.9.1")] == [200, 200, 503]
    for stream in came:
        stream.close()


def test_nobody_listens_without_a_token(server):
    assert Client(server).get("events?channels=tasks").status == 401


def test_a_revoked_session_ends_its_streams(ceo):
    other = Client(ceo.server)
    assert other.login().status == 200
    stream = Stream(other, "tasks")
    stream.next()
    assert other.logout().status == 204
    assert stream.next() == (
        "close",
        {"code": 4003, "reason": "Session revoked"},
    )
    assert stream.reply.readline() == b""


def test_payload_of_many_lines_is_one_line(ceo):
    stream = Stream(ceo, "agents")
    stream.next()
    body = '{"event_type":"x","payload":{\n"a":\r\n"b\\n"}}'
    answer = ceo.post(
        "events/agents", body, **{"Content-Type": "application/json"}
    )
    assert answer.status == 201, answer.body
    assert stream.next()[1]["payload"] == {"a": "b\n"}
    stream.close()
