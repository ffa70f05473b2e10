"""What the event hub promises, from outside: EH-01 to EH-10 of integrity.md,
and 45 to 58 of sessions.md as several accounts see them.

The C tests of the same numbers (docs/SCENARIOS.md) look at each bound exactly.
"""

import itertools
import json
import subprocess
import uuid

import pytest

import frames
from client import Client, claims, deadline, wait_for
from people import hire, patch
from server import SPLIT, TROUPE
from test_hub import publish, wait_presence
from test_sse import Stream

DEDUPED = "event_stream.hub.publish_deduped"
DROPPED = "api.ws.backpressure_dropped"
LARGE = "x" * 30000
STUCK_MAX = 1000  # events that fill every buffer on the way, and more


@pytest.fixture(scope="module")
def house(start_shared):
    """The first account of a server that most of these tests share."""
    client = Client(start_shared(api__ws_max_connections_per_user=0))
    assert client.setup().status == 201
    return client


@pytest.fixture
def ceo(house):
    return house.twin()


@pytest.fixture
def alone(start):
    """The first account of a server of its own."""
    client = Client(start())
    assert client.setup().status == 201
    return client


@pytest.fixture
def channel():
    """One that nobody else tells anything."""
    return f"project:{uuid.uuid4()}"


_names = itertools.count()


def somebody(ceo, role="observer"):
    return hire(ceo, f"{role}-{next(_names)}", role)


def tell(person, channel="agents", name=None, **more):
    """An ephemeral event; whether it was taken for one told before."""
    name = name or str(uuid.uuid4())
    told = publish(person, channel, durable=False, event_id=name, **more)
    assert told.status == 201, told.body
    return told.data["duplicate"]


def listening(person, *channels):
    live = person.socket()
    assert set(channels) <= set(live.subscribe(*channels)["channels"])
    return live


def number(event):
    return event["payload"]["n"]


class Stuck:
    """A raw socket on a channel that does not read until it is told to."""

    def __init__(self, person, channel="agents"):
        self.live = frames.Live(person)
        self.ask(action="subscribe", channels=[channel])

    def ask(self, **frame):
        self.live.send(frames.frame(frames.TEXT, json.dumps(frame).encode()))
        return self.receive()

    def receive(self):
        opcode, payload = self.live.receive()
        assert opcode == frames.TEXT
        return json.loads(payload)

    def fill(self, person, heard=None):
        """Tells events until one is lost; returns how many were told."""
        for n in range(STUCK_MAX):
            tell(person, payload={"n": n, "fill": LARGE})
            if heard is not None:
                assert number(heard.event()) == n
            if person.server.events(DROPPED):
                return n + 1
        raise AssertionError("nothing was lost")


# ---- EH: de-duplication ----


@pytest.mark.parametrize(
    "setting",
    [
        "event_stream.dedup_max_entries_per_channel=0",
        "event_stream.dedup_max_entries_per_channel=many",
        "event_stream.dedup_ttl_seconds=-1",
        "event_stream.dedup_ttl_seconds=1.5",
        "api.ws_queue_bytes_max=0",
        "event_stream.user_publish=tasks,nonsense",
        "event_stream.user_publish=user:",
    ],
)
def test_eh01_bounds_that_are_none_do_not_start(tmp_path, topology, setting):
    how = ["run"] if topology == "one" else ["up", "--topology", str(SPLIT)]
    done = subprocess.run(
        [TROUPE, *how, "--data", str(tmp_path), "--listen=127.0.0.1:0",
         f"--set={setting}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    assert setting.split("=")[0] in done.stderr
    assert "ready" not in done.stdout


def test_eh02_eh03_eh09_ids_are_remembered_while_somebody_listens(ceo, channel):
    name = str(uuid.uuid4())
    assert not tell(ceo, channel, name), "nobody listens: it is not remembered"
    assert not tell(ceo, channel, name)
    one, two = listening(ceo, channel), listening(ceo, channel)
    assert not tell(ceo, channel, name)
    assert tell(ceo, channel, name)
    one.close()
    assert tell(ceo, channel, name), "somebody listens still"
    [line] = ceo.server.wait_event(DEDUPED, 2, event_id=name)[:1]
    assert line["level"] == "warn"
    assert two.event()["event_id"] == name
    two.close()
    wait_for(lambda: not tell(ceo, channel, name))
    three = listening(ceo, channel)
    assert not tell(ceo, channel, name), "the window went with the last listener"
    assert three.event()["event_id"] == name
    assert two.behind == three.behind == []


def test_eh04_defaults_and_the_oldest_of_1024_ids(ceo, channel):
    for key, value in (
        ("dedup_ttl_seconds", "60"),
        ("dedup_max_entries_per_channel", "1024"),
    ):
        assert ceo.get(f"settings/event_stream/{key}").data["value"] == value
    _live = listening(ceo, channel)
    names = [str(uuid.uuid4()) for _ in range(1025)]
    assert not any(tell(ceo, channel, name) for name in names)
    assert tell(ceo, channel, names[1])
    assert not tell(ceo, channel, names[0]), "it was trimmed"


def test_eh05_without_a_time_ids_are_kept_up_to_their_number(start):
    ceo = Client(
        start(
            event_stream__dedup_ttl_seconds=0,
            event_stream__dedup_max_entries_per_channel=3,
        )
    )
    assert ceo.setup().status == 201
    _live = listening(ceo, "agents")
    names = [str(uuid.uuid4()) for _ in range(4)]
    assert not any(tell(ceo, name=name) for name in names[:3])
    assert all(tell(ceo, name=name) for name in names[:3])
    assert not tell(ceo, name=names[3])
    assert tell(ceo, name=names[1])
    assert not tell(ceo, name=names[0])


def test_eh06_each_channel_has_its_own_window(ceo, channel):
    both, name = [channel, f"{channel}-too"], str(uuid.uuid4())
    live = listening(ceo, *both)
    for one in both:
        assert not tell(ceo, one, name)
        assert tell(ceo, one, name)
    assert [live.event()["channel"] for _ in range(2)] == both


def test_eh07_a_duplicate_does_not_make_its_id_younger(start):
    """If it did, one that comes again all the time would never come through."""
    ceo = Client(start(event_stream__dedup_ttl_seconds=1))
    assert ceo.setup().status == 201
    live, name = listening(ceo, "agents"), str(uuid.uuid4())
    assert not tell(ceo, name=name)
    wait_for(lambda: not tell(ceo, name=name), 10)
    assert [live.event()["event_id"] for _ in range(2)] == [name, name]


def test_54_eh08_a_stuck_client_loses_events_and_nobody_else_does(alone):
    stuck, reader = Stuck(alone), listening(alone, "agents")
    told = stuck.fill(alone, reader)
    line = alone.server.events(DROPPED)[0]
    assert line["level"] == "warn" and line["what"] == "event"
    for _ in range(10):
        tell(alone, payload={"n": told, "fill": LARGE})
        assert number(reader.event()) == told
        told += 1
    heard, lost = [], 0
    while len(heard) + lost < told:
        frame = stuck.receive()
        if "event_type" in frame:
            heard.append(number(frame))
        else:
            assert frame["action"] == "dropped"
            lost += frame["count"]
    assert lost >= 11 and heard == [*range(told - lost)]
    tell(alone, payload={"n": "newer"})
    assert number(reader.event()) == number(stuck.receive()) == "newer"


def test_eh10_what_nobody_took_is_not_remembered(alone):
    stuck, name = Stuck(alone), str(uuid.uuid4())
    stuck.fill(alone)
    tell(alone, name=name, payload={"fill": LARGE})
    wait_for(lambda: not tell(alone, name=name, payload={"fill": LARGE}))
    reader = listening(alone, "agents")
    wait_for(lambda: not tell(alone, name=name, payload={"n": 1}))
    assert reader.event()["event_id"] == name
    assert tell(alone, name=name)


# ---- sessions: who hears what ----


def test_45_one_hears_ones_own_channel_unasked(ceo):
    bob = somebody(ceo)
    live, own = bob.socket(), f"user:{bob.id}"
    assert publish(ceo, own, payload={"n": 1}).status == 201
    assert ceo.create_task("unheard").status == 201
    assert publish(ceo, own, payload={"n": 2}).status == 201
    heard = [live.event() for _ in range(2)]
    assert [(e["channel"], number(e)) for e in heard] == [(own, 1), (own, 2)]
    assert live.ping() == {"action": "pong"} and live.behind == []


def test_46_refused_channels_are_left_out_and_not_named(ceo):
    bob, eve = somebody(ceo), somebody(ceo)
    live = bob.socket()
    before = len(ceo.server.log_text())
    ack = live.subscribe("tasks", f"user:{eve.id}", "budget", "nonsense")
    assert ack["channels"] == ["tasks", f"user:{bob.id}"]
    assert live.ping() == {"action": "pong"}
    [denied] = ceo.server.wait_event(
        "api.ws.user_channel_denied", user_id=bob.id
    )
    assert denied["channel"] == "user:<redacted>"
    assert denied["level"] == "warn"
    assert eve.id not in ceo.server.log_text()[before:]


def test_47_private_events_reach_their_owner_alone(ceo):
    bob = somebody(ceo)
    mine, over = bob.socket(), ceo.socket()
    assert f"user:{bob.id}" not in over.subscribe(f"user:{bob.id}")["channels"]
    assert publish(ceo, f"user:{bob.id}").status == 201
    assert mine.event()["channel"] == f"user:{bob.id}"
    assert over.ping() == {"action": "pong"} and over.behind == []


def test_48_budget_events_reach_managers_and_the_ceo(ceo):
    people = {
        role: somebody(ceo, role).socket()
        for role in ("manager", "pair_programmer", "board_member", "observer")
    }
    people["ceo"] = ceo.socket()
    for live in people.values():
        live.subscribe("budget")
    assert publish(ceo, "budget", payload={"n": 1}).status == 201
    for role in ("ceo", "manager"):
        assert number(people.pop(role).event()) == 1
    for live in people.values():
        assert live.ping() == {"action": "pong"} and live.behind == []


def test_49_what_one_may_hear_is_asked_again_for_each_event(ceo):
    """A subscription that was right when it was made: LD-11."""
    boss = somebody(ceo, "manager")
    live = listening(boss, "budget")
    assert publish(ceo, "budget", payload={"n": 1}).status == 201
    assert number(live.event()) == 1
    assert patch(ceo, f"users/{boss.id}", {"role": "observer"}).status == 200
    assert publish(ceo, "budget", payload={"n": 2}).status == 201
    assert publish(ceo, f"user:{boss.id}", payload={"n": 3}).status == 201
    assert number(live.event()) == 3
    assert live.subscribe("budget")["channels"] == [f"user:{boss.id}"]


def test_50_a_channel_of_somebody_and_of_nobody_look_the_same(ceo):
    bob = somebody(ceo)
    raw = frames.Live(bob)
    answers = []
    for name in (ceo.me().data["id"], "9" * 32):
        ask = {"action": "subscribe", "channels": [f"user:{name}"]}
        raw.send(frames.frame(frames.TEXT, json.dumps(ask).encode()))
        answers.append(raw.receive())
    assert answers[0] == answers[1]


def test_52_filters_by_a_key_of_the_payload(ceo):
    live = ceo.socket()
    live.subscribe("tasks", filters={"task_id": "t1"})
    seen = itertools.count()

    def told(**payload):
        payload["n"] = next(seen)
        assert publish(ceo, "tasks", payload=payload).status == 201
        return payload["n"]

    def hears(*wanted):
        assert [number(live.event()) for _ in wanted] == list(wanted)
        assert live.ping() == {"action": "pong"} and live.behind == []

    one = told(task_id="t1")
    told(task_id="t2"), told(), told(task_id=["t1"])
    hears(one)
    for bad in ({str(k): "x" for k in range(11)}, {"task_id": "x" * 257}):
        answer = live.subscribe("tasks", filters=bad)
        assert answer == {"error": "Filter bounds exceeded"}
    live.subscribe("tasks")
    told(task_id="t2")
    hears(told(task_id="t1"))
    live.subscribe("tasks", filters={})
    hears(told(task_id="t2"), told())


def test_55_an_event_of_40000_bytes_is_told_to_nobody(ceo, channel):
    """The API does not let it in; the hub's own drop is in fanout_test.c."""
    lives = [listening(ceo, channel) for _ in range(2)]
    huge = {"n": 0, "fill": "x" * 40000}
    for durable in (True, False):
        answer = publish(ceo, channel, durable=durable, payload=huge)
        assert answer.brief == (422, 2000)
    assert publish(ceo, channel, payload={"n": 1}).data["offset"] == 1
    assert [number(live.event()) for live in lives] == [1, 1]


def test_58_sockets_that_end_while_the_hub_is_away_are_not_counted(start):
    server = start()
    ceo = Client(server)
    assert ceo.setup().status == 201
    me = claims(ceo.token)["sub"]
    ending, staying = ceo.socket(), ceo.socket()
    wait_presence(ceo, {me: 2})
    if server.topology == "one":
        server.kill()
        server.restart()
        ceo.disconnect()
        staying = ceo.socket()
    else:
        server.kill_node("core")
        ending.close()
        server.wait_event("api.ws.disconnected")
        again = Client(server, ceo.token)
        left = deadline(15)
        while again.me().status != 200:
            server.lines.next(min(left(), 0.05))
        ceo = again
    wait_presence(ceo, {me: 1})
    staying.close()
    wait_presence(ceo, {})
    each = 1 if server.topology == "one" else 2
    ended = server.wait_event("api.ws.disconnected", each, user_id=me)
    assert len(ended) == each


# ---- what may not be told ----


@pytest.mark.parametrize("name", ["control", "close", "open", "error"])
def test_what_streams_say_themselves_cannot_be_told(ceo, channel, name):
    stream = Stream(ceo, channel)
    assert stream.next()[0] == "control"
    for durable in (True, False):
        answer = publish(ceo, channel, event_type=name, durable=durable)
        assert answer.brief == (422, 2000)
    draft = {"event_type": name, "payload": {}}
    answer = ceo.post(f"events/{channel}/batch", {"events": [draft]})
    assert answer.brief == (422, 2000)
    assert publish(ceo, channel, event_type=f"{name}d").status == 201
    assert stream.next()[0] == f"{name}d"
    stream.close()


def test_the_nil_id_is_nobodys(ceo, channel):
    nil = str(uuid.UUID(int=0))
    for durable in (True, False):
        answer = publish(ceo, channel, event_id=nil, durable=durable)
        assert answer.brief == (422, 2000)
    draft = {"event_type": "x", "payload": {}, "event_id": nil}
    answer = ceo.post(f"events/{channel}/batch", {"events": [draft]})
    assert answer.brief == (422, 2000)
    assert publish(ceo, channel).data["offset"] == 1


def test_presence_goes_on_after_a_page_and_nowhere_else(alone):
    people = [somebody(alone) for _ in range(3)]
    _lives = [person.socket() for person in people]
    ids = sorted(person.id for person in people)
    wait_presence(alone, {name: 1 for name in ids})
    seen, cursor = [], ""
    while cursor is not None:
        page = alone.get(f"presence?limit=1{cursor}").data
        seen += [user["user_id"] for user in page["users"]]
        cursor = f"&cursor={page['next']}" if page.get("next") else None
    assert seen == ids
    for bad in ("", "x", "%20", ids[0].upper() + "x", ids[0][:-1]):
        assert alone.get(f"presence?cursor={bad}").brief == (422, 2000), bad
