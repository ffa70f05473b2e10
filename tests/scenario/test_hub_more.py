"""The event hub: batches, channels that users publish to, compression."""

import pytest
from websockets.extensions import permessage_deflate

from client import JSON_V1, MSGPACK_V1, Client, Socket
from people import hire
from test_hub import publish, since


def batch(person, channel, events, **headers):
    return person.post(f"events/{channel}/batch", {"events": events}, **headers)


def numbered(first, last, **more):
    return [
        {"event_type": "build.step", "payload": {"n": n}, **more}
        for n in range(first, last + 1)
    ]


def test_a_batch_is_told_in_order_and_once(ceo):
    live = ceo.socket()
    live.subscribe("agents")
    key = {"Idempotency-Key": "k"}
    told = batch(ceo, "agents", numbered(1, 64), **key)
    assert told.status == 201, told.body
    assert [e["offset"] for e in told.data["events"]] == list(range(1, 65))
    again = batch(ceo, "agents", numbered(1, 64), **key)
    assert again.data["events"] == [
        {**e, "duplicate": True} for e in told.data["events"]
    ]
    assert batch(ceo, "agents", numbered(1, 2), **key).brief == (422, 2004)
    assert batch(ceo, "tasks", numbered(1, 64), **key).brief == (422, 2004)
    assert publish(ceo, "agents", payload={"n": 65}).data["offset"] == 65
    heard = [live.event() for _ in range(65)]
    assert [e["payload"]["n"] for e in heard] == list(range(1, 66))
    assert [e["offset"] for e in heard] == list(range(1, 66))


def test_events_of_a_batch_are_known_by_their_ids(ceo):
    ids = [f"6f1c5a52-5f0e-4a0d-9a43-0c4f6a7b8c9{n}" for n in range(3)]
    made = [
        {"event_type": "x.y", "payload": {"n": n}, "event_id": name}
        for n, name in enumerate(ids)
    ]
    assert publish(ceo, "agents", event_id=ids[1]).data["offset"] == 1
    first = batch(ceo, "agents", made).data["events"]
    assert [(e["offset"], e["duplicate"]) for e in first] == [
        (2, False),
        (1, True),
        (3, False),
    ]
    second = batch(ceo, "agents", made).data["events"]
    assert [(e["offset"], e["duplicate"]) for e in second] == [
        (2, True),
        (1, True),
        (3, True),
    ]


@pytest.mark.parametrize(
    "channel, events",
    [
        ("nonsense", numbered(1, 1)),
        ("agents", []),
        ("agents", numbered(1, 65)),
        ("agents", numbered(1, 2) + [{"event_type": " ", "payload": {}}]),
        ("agents", numbered(1, 2) + [{"event_type": "x"}]),
        ("agents", numbered(1, 1, durable=False)),
        ("agents", numbered(1, 1) + [{"event_type": "x", "payload": []}]),
    ],
)
def test_a_batch_with_a_mistake_tells_nothing(ceo, channel, events):
    assert batch(ceo, channel, events).brief == (422, 2000)
    assert publish(ceo, "agents").data["offset"] == 1


def test_users_publish_where_the_settings_say(start):
    open_to_all = "messages, project:apollo,budget"
    ceo = Client(start(event_stream__user_publish=open_to_all))
    assert ceo.setup().status == 201
    user = hire(ceo, "olga")
    live = user.socket()
    since(live, "messages")
    mine = {"event_type": "user.said", "payload": {"text": "hello"}}
    told = publish(user, "messages", **mine)
    assert told.status == 201, told.body
    echo = live.event()
    assert echo["event_id"] == told.data["event_id"]
    assert publish(user, "project:apollo", durable=False, **mine).status == 201
    assert batch(user, "messages", [mine, mine]).status == 201
    for channel in ("agents", "project:other", "budget", f"user:{'x' * 8}"):
        assert publish(user, channel, **mine).status == 403
    spoof = {**mine, "event_type": "task.created"}
    assert publish(user, "messages", **spoof).status == 403
    assert batch(user, "messages", [mine, spoof]).status == 403


@pytest.mark.parametrize(
    "value, status",
    [
        ("nonsense", 422),
        ("messages,user:", 422),
        ("messages,", 422),
        ('["messages", "project:a b"]', 200),
        ("", 200),
    ],
)
def test_where_users_publish_is_a_list_of_channels(ceo, value, status):
    path = "settings/event_stream/user_publish"
    assert ceo.put(path, {"value": value}).status == status


def test_users_publish_nowhere_by_default(ceo):
    user = hire(ceo, "olga")
    assert publish(user, "messages", event_type="user.said").status == 403


@pytest.mark.parametrize(
    "subprotocols, bits", [((), None), ((), 8), ((MSGPACK_V1,), 10)]
)
def test_messages_are_compressed_where_agreed(start, subprotocols, bits):
    ceo = Client(start(api__ws_deflate="true"))
    assert ceo.setup().status == 201
    offer = permessage_deflate.ClientPerMessageDeflateFactory(
        server_max_window_bits=bits, client_max_window_bits=True
    )
    live = Socket(
        ceo.server, *subprotocols, compression=None, extensions=[offer]
    )
    agreed = live.live.response_headers["Sec-WebSocket-Extensions"]
    assert agreed.startswith("permessage-deflate; server_no_context_takeover")
    assert ("server_max_window_bits" in agreed) == (bits is not None)
    assert live.authenticate(ceo.ticket()) == {"action": "auth_ok"}
    since(live, "agents")
    sent = [{"k": "x" * size} for size in (1, 100, 500, 5000, 30000)]
    for payload in sent:
        assert publish(ceo, "agents", payload=payload).status == 201
    assert [live.event()["payload"] for _ in sent] == sent
    assert live.ask({"action": "ping"}) == {"action": "pong"}


def test_compression_is_off_by_default(ceo):
    live = ceo.socket()
    assert "Sec-WebSocket-Extensions" not in live.live.response_headers


def long_event(size):
    return {"event_type": "x", "payload": {"a": "y" * (size - 9)}}


def test_what_is_taken_is_told_however_long(ceo):
    """An event that no frame can bear is refused, and leaves no hole."""
    live = ceo.socket(JSON_V1)
    live.subscribe("agents")
    told = 0
    for size in (32400, 32500, 32600, 32700, 32768):
        answer = publish(ceo, "agents", **long_event(size))
        assert answer.brief in ((201, None), (422, 2000)), answer.body
        one = batch(ceo, "agents", [long_event(size)])
        assert one.status == answer.status
        for _ in range(2 if answer.status == 201 else 0):
            told += 1
            assert live.event()["offset"] == told
    assert 0 < told < 10
