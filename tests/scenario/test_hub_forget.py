"""Channels that are silent are forgotten, and nobody is told that all is well.

The wall clock is set on: see server.Clock.
"""

import pytest

from client import Client
from server import Clock
from test_hub import place, publish, since
from test_hub_more import batch
from test_hub_sharded import Sharded, shard_of

AGE = 60


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def settings(**more):
    return {
        "event_stream__forget_seconds": AGE,
        "event_stream__retain_seconds": 1,
        "event_stream__prune_interval_seconds": 3600,
    } | more


@pytest.fixture
def ceo(start, clock):
    person = Client(start(env=clock.env, **settings()))
    assert person.setup().status == 201
    return person


def tell(person, channel):
    answer = publish(person, channel)
    assert answer.status == 201, answer.body
    return place(answer.data)


def forget(person, channels):
    """A run of the pruner, which finds so many channels to forget."""
    assert person.post("services/journal-prune/wake").status == 200
    told = person.server.wait_event("event_stream.forgotten")
    assert sum(e["channels"] for e in told) == channels


def test_place_in_a_history_that_was_forgotten_is_not_recovered(ceo, clock):
    tell(ceo, "project:kept")
    live = ceo.socket()
    kept = place(since(live, "project:kept"))
    none = place(since(live, "project:late"))
    old = tell(ceo, "project:old")
    gone = tell(ceo, "project:late")
    clock.advance(AGE + 1)
    forget(ceo, 1)
    ceo = Client(ceo.server, ceo.token)
    other = ceo.socket()
    at = since(other, "project:old", old)
    assert (at["offset"], at["recovered"]) == (0, False)
    assert at["epoch"] != old["epoch"]
    again = tell(ceo, "project:old")
    assert again == {"epoch": at["epoch"], "offset": 1}
    assert place(other.event()) == again
    assert not since(other, "project:old", old)["recovered"]
    # Whoever listened has lost nothing: its channels stay.
    assert place(live.event()) == gone
    assert since(live, "project:kept", kept)["recovered"]
    assert since(live, "project:late", none)["recovered"]
    assert place(live.event()) == gone


def test_none_is_a_place_too_and_ends_with_the_history_after_it(ceo, clock):
    """What came and was forgotten while one was away was missed."""
    live = ceo.socket()
    none = place(since(live, "project:p"))
    assert none["offset"] == 0 and none["epoch"] > 0
    live.close()
    live = ceo.socket()
    assert since(live, "project:p", none)["recovered"]
    live.close()
    tell(ceo, "project:p")
    clock.advance(AGE + 1)
    forget(ceo, 1)
    live = ceo.socket()
    now = since(live, "project:p", none)
    assert not now["recovered"]
    assert since(live, "project:p", place(now))["recovered"]
    assert tell(ceo, "project:p") == {"epoch": now["epoch"], "offset": 1}
    assert live.event()["offset"] == 1
    assert live.ping() == {"action": "pong"}
    assert live.behind == []


def test_forgotten_stays_so_after_a_crash(ceo, clock):
    old = tell(ceo, "user:nobody")
    mine = f"project:{'m' * 30}"
    first = tell(ceo, mine)
    clock.advance(AGE + 1)
    forget(ceo, 2)
    ceo.server.kill()
    ceo.server.start()
    ceo = Client(ceo.server, ceo.token)
    live = ceo.socket()
    assert not since(live, mine, first)["recovered"]
    second = tell(ceo, mine)
    assert second["offset"] == 1 and second["epoch"] != first["epoch"]
    assert old["epoch"] == 0  # of somebody else: no place is told


def test_so_many_channels_have_a_history_and_no_more(start):
    ceo = Client(
        start(
            event_stream__channels_max=64,
            api__metrics__listen="127.0.0.1:0",
        )
    )
    assert ceo.setup().status == 201
    full = None
    for n in range(65):
        full = publish(ceo, f"project:{n}")
    assert full.brief == (429, 5010)
    assert batch(ceo, "project:x", [{"event_type": "x", "payload": {}}]).brief == (
        429,
        5010,
    )
    assert publish(ceo, "project:0").status == 201
    assert publish(ceo, "tasks").status == 201
    assert publish(ceo, "project:x", durable=False).status == 201


def test_each_shard_has_its_own_channels_forgotten(clock):
    server = Sharded("split", {k.replace("__", "."): v for k, v in settings().items()})
    server.env = clock.env
    try:
        ceo = Client(server.start())
        assert ceo.setup().status == 201
        names = [f"project:{n}" for n in range(8)]
        assert {shard_of(name) for name in names} == {0, 1}
        places = {name: tell(ceo, name) for name in names}
        clock.advance(AGE + 1)
        assert ceo.post("services/journal-prune/wake").status == 200
        told = server.wait_event("event_stream.forgotten", 2)
        assert sum(e["channels"] for e in told) == len(names)
        live = ceo.socket()
        for name in names:
            assert not since(live, name, places[name])["recovered"]
    finally:
        assert server.close() in (0, None)
