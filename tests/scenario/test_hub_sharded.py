"""Two shards of the hub: each has its channels, and nobody notices."""

import re

import pytest

from client import Client, Patient, claims
from server import SPLIT, Server
from test_hub import publish, wait_presence

CHANNELS = ["agents", "messages", "reviews", "tasks", "project:a", "project:b"]
SHARDS = 2


def shard(actors):
    """A list of actors as the map that it must be to say so."""
    each = {name.strip(): "{}" for name in actors[1].split(",")}
    each["event-hub"] = f"{{shards: {SHARDS}}}"
    return "{" + ", ".join(f"{k}: {v}" for k, v in each.items()) + "}"


class Sharded(Server):
    """As split, with two shards of the hub in its process."""

    def command(self):
        mine = self.home / "sharded.yaml"
        mine.write_text(re.sub(r"\[(.*event-hub.*)\]", shard, SPLIT.read_text()))
        return [str(mine) if a == str(SPLIT) else a for a in super().command()]


@pytest.fixture
def ceo():
    server = Sharded("split")
    try:
        person = Client(server.start())
        assert person.setup().status == 201
        yield person
    finally:
        assert server.close() in (0, None)
    if not server.killed:
        assert server.events_of_level("error") == []


def shard_of(channel):
    """FNV-1a, as the gateways and the hub compute it."""
    value = 2166136261
    for byte in channel.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value % SHARDS


def hear(live, count):
    """Offsets of so many events, by channel, in the order they came."""
    heard = {}
    for _ in range(count):
        event = live.event()
        heard.setdefault(event["channel"], []).append(event["offset"])
    return heard


def tell(person, times):
    for _ in range(times):
        for channel in CHANNELS:
            assert publish(person, channel).status == 201


def test_channels_of_both_shards_are_heard_and_recovered(ceo):
    assert {shard_of(channel) for channel in CHANNELS} == set(range(SHARDS))
    live = ceo.socket()
    live.subscribe(*CHANNELS)
    tell(ceo, 3)
    assert hear(live, 18) == {channel: [1, 2, 3] for channel in CHANNELS}
    for channel in CHANNELS:
        assert publish(ceo, channel, durable=False).status == 201
    assert hear(live, 6) == {channel: [0] for channel in CHANNELS}
    wait_presence(ceo, {claims(ceo.token)["sub"]: 1})

    late = ceo.socket()
    begin = {channel: {"epoch": 0, "offset": 0} for channel in CHANNELS}
    answer = late.subscribe(*CHANNELS, since=begin)
    assert all(at["recovered"] for at in answer["positions"].values())
    assert hear(late, 18) == {channel: [1, 2, 3] for channel in CHANNELS}
    wait_presence(ceo, {claims(ceo.token)["sub"]: 2})


def test_killed_shards_lose_and_repeat_nothing(ceo):
    live = ceo.socket()
    live.subscribe(*CHANNELS)
    tell(ceo, 1)
    ceo.server.kill_node("core")
    patient = Patient(ceo.server, ceo.token)
    for n in range(2):
        for channel in CHANNELS:
            key = {"Idempotency-Key": f"{channel}-{n}"}
            assert publish(patient, channel, key).status == 201
    assert hear(live, 18) == {channel: [1, 2, 3] for channel in CHANNELS}
    assert live.ping() == {"action": "pong"} and live.behind == []
