"""The event hub: where a socket stands, and what it is told after that.

What it missed comes first, then what happens, each once and in order: also
after a restart of everything.
"""

import threading

import pytest

import frames
from client import (
    MSGPACK_V1,
    RETRY_S,
    Client,
    Gone,
    Patient,
    claims,
    deadline,
    together,
)

SLOW = "Too slow: recover from the last offset"


def since(live, channel="tasks", position=None):
    """Subscribes from a position; returns the one of the answer."""
    answer = live.subscribe(channel, since={} if position is None else {channel: position})
    assert answer["action"] == "subscribed"
    return answer["positions"][channel]


def place(event):
    return {"epoch": event["epoch"], "offset": event["offset"]}


def titles(live, count):
    return [live.event()["payload"]["title"] for _ in range(count)]


def make(ceo, *names):
    for name in names:
        assert ceo.create_task(name).status == 201


def test_fresh_socket_learns_where_the_channel_stands(ceo):
    make(ceo, "a", "b")
    live = ceo.socket()
    at = since(live)
    assert at["offset"] == 2 and at["epoch"] > 0 and not at["recovered"]
    make(ceo, "c")
    assert place(live.event()) == {"epoch": at["epoch"], "offset": 3}


@pytest.mark.parametrize("subprotocols", [(), (MSGPACK_V1,)])
def test_what_was_missed_comes_first_then_what_happens(ceo, subprotocols):
    live = ceo.socket(*subprotocols)
    since(live)
    make(ceo, "seen")
    last = place(live.event())
    live.close()

    make(ceo, "missed-1", "missed-2")
    live = ceo.socket(*subprotocols)
    at = since(live, position=last)
    assert at == {"epoch": last["epoch"], "offset": 3, "recovered": True}
    make(ceo, "now")
    assert titles(live, 3) == ["missed-1", "missed-2", "now"]
    assert live.ping() == {"action": "pong"}
    assert live.behind == []


def test_single_channel_needs_no_name_in_since(ceo):
    make(ceo, "a", "b")
    live = ceo.socket()
    at = live.subscribe("tasks", since={"epoch": 0, "offset": 0})
    assert at["positions"]["tasks"]["recovered"]
    assert titles(live, 2) == ["a", "b"]


def test_history_that_is_not_ours_is_said_not_to_be_recovered(ceo):
    make(ceo, "a")
    live = ceo.socket()
    here = since(live)
    for wrong in (
        {"epoch": here["epoch"] + 1, "offset": 1},
        {"epoch": here["epoch"], "offset": 99},
    ):
        at = since(live, position=wrong)
        assert at == {**here, "recovered": False}
    make(ceo, "b")
    assert titles(live, 1) == ["b"]


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        {"epoch": -1, "offset": 0},
        {"epoch": 1.5, "offset": 0},
        {"tasks": 1},
        {"tasks": {"epoch": 1, "place": 2}},
        {"tasks": {"epoch": 1}},
        {"tasks": {}},
        {"epoch": 1},
        {"offset": 1},
        {"epoch": 1, "offset": 1, "tasks": {"epoch": 1, "offset": 1}},
        {"epoch": 18446744073709551616, "offset": 0},
    ],
)
def test_malformed_since_is_an_error_and_changes_nothing(ceo, wrong):
    live = ceo.socket()
    answer = live.ask({"action": "subscribe", "channels": ["tasks"], "since": wrong})
    assert answer == {"error": "Invalid control message"}
    assert live.ping() == {"action": "pong"}


@pytest.mark.parametrize("place", ['"epoch":1,"epoch":1', '"offset":1,"offset":1'])
def test_a_place_says_each_number_once(ceo, place):
    live = ceo.socket()
    for since_text in ("{%s}", '{"tasks":{%s}}'):
        live.send_raw(
            '{"action":"subscribe","channels":["tasks"],"since":%s}'
            % (since_text % f'{place},"epoch":1,"offset":1')
        )
        assert live.reply() == {"error": "Invalid control message"}


def test_a_channel_has_one_place(ceo):
    live = ceo.socket()
    live.send_raw(
        '{"action":"subscribe","channels":["tasks"],"since":'
        '{"tasks":{"epoch":1,"offset":1},"tasks":{"epoch":1,"offset":2}}}'
    )
    assert live.reply() == {"error": "Invalid control message"}


def test_recovery_goes_on_after_a_restart(ceo):
    live = ceo.socket()
    since(live)
    make(ceo, "before")
    last = place(live.event())
    make(ceo, "unseen")
    ceo.server.kill()
    ceo.server.start()

    again = Client(ceo.server, ceo.token)
    live = again.socket()
    assert since(live, position=last)["recovered"]
    make(again, "after")
    assert titles(live, 2) == ["unseen", "after"]


def test_filters_hold_for_what_was_missed(ceo):
    make(ceo, "a", "b", "c")
    live = ceo.socket()
    live.subscribe(
        "tasks", since={"epoch": 0, "offset": 0}, filters={"title": "b"}
    )
    assert titles(live, 1) == ["b"]
    make(ceo, "d", "b")
    assert titles(live, 1) == ["b"]


def test_many_recover_while_events_keep_coming(ceo):
    """Every socket sees each event once, wherever its seam falls."""
    stop = threading.Event()

    def write():
        person, n = ceo.twin(), 0
        while not stop.is_set():
            make(person, f"t{n}")
            n += 1

    def follow(_):
        person, heard, last = ceo.twin(), [], {"epoch": 0, "offset": 0}
        for _ in range(5):
            live = person.socket()
            assert since(live, position=last)["recovered"]
            for _ in range(20):
                heard.append(live.event())
            last = place(heard[-1])
            live.close()
        return [event["offset"] for event in heard]

    writer = threading.Thread(target=write)
    writer.start()
    try:
        heard = together(4, follow)
    finally:
        stop.set()
        writer.join()
    assert all(offsets == list(range(1, 101)) for offsets in heard)


def test_a_long_history_comes_whole(ceo):
    def write(n):
        make(ceo.twin(), *[f"{n}-{i}" for i in range(100)])

    together(8, write)
    live = ceo.socket()
    since(live, position={"epoch": 0, "offset": 0})
    offsets = [live.event()["offset"] for _ in range(800)]
    assert offsets == list(range(1, 801))


def test_a_long_history_comes_whole_through_a_narrow_door(start):
    """Never more at once than a client may owe, however long an event is."""
    ceo = Client(start(api__server__owed_bytes_max=65536))
    assert ceo.setup().status == 201
    for size in (1, 32000, 4000, 2000):
        draft = {"event_type": "x", "payload": {"fill": "y" * size}}
        answer = ceo.post("events/agents/batch", {"events": [draft] * 16})
        assert answer.status == 201, answer.body
    for subprotocols in ((), (MSGPACK_V1,)):
        live = ceo.socket(*subprotocols)
        since(live, "agents", {"epoch": 0, "offset": 0})
        offsets = [live.event()["offset"] for _ in range(64)]
        assert offsets == list(range(1, 65))


def publish(person, channel, headers=None, **body):
    body = {"event_type": "build.finished", "payload": {"n": 1}, **body}
    return person.post(f"events/{channel}", body, **(headers or {}))


def test_published_event_is_durable_and_told(ceo):
    live = ceo.socket()
    live.subscribe("tasks", "project:apollo")
    told = publish(ceo, "project:apollo", payload={"n": 7})
    assert told.status == 201, told.body
    event = live.event()
    assert event["channel"] == "project:apollo"
    assert event["payload"] == {"n": 7}
    assert event["event_id"] == told.data["event_id"]
    assert place(event) == {"epoch": told.data["epoch"], "offset": 1}

    late = ceo.socket()
    at = since(late, "project:apollo", {"epoch": 0, "offset": 0})
    assert at["recovered"]
    assert late.event() == event


def test_ephemeral_event_is_marked_so_and_not_recovered(ceo):
    live = ceo.socket()
    live.subscribe("agents")
    told = publish(ceo, "agents", durable=False)
    assert told.status == 201, told.body
    assert place(live.event()) == {"epoch": 0, "offset": 0}
    again = publish(ceo, "agents", durable=False, event_id=told.data["event_id"])
    assert again.data["duplicate"]
    key = {"Idempotency-Key": "k1"}
    keyed = [publish(ceo, "agents", key, durable=False).data for _ in range(2)]
    assert keyed[1] == {**keyed[0], "duplicate": True}
    assert live.event()["event_id"] == keyed[0]["event_id"]
    other = publish(ceo, "agents", key, durable=False, payload={"n": 2}).data
    assert live.event()["event_id"] == other["event_id"] != keyed[0]["event_id"]
    late = ceo.socket()
    assert since(late, "agents", {"epoch": 0, "offset": 0})["offset"] == 0
    assert late.ping() == {"action": "pong"} and late.behind == []


def test_publishing_twice_with_a_key_or_an_id_tells_once(ceo):
    live = ceo.socket()
    live.subscribe("agents")
    key = {"Idempotency-Key": "k1"}
    first = publish(ceo, "agents", key).data
    second = publish(ceo, "agents", key).data
    assert second == {**first, "duplicate": True}
    assert publish(ceo, "agents", key, payload={"n": 2}).brief == (422, 2004)
    assert publish(ceo, "tasks", key).brief == (422, 2004)
    one = "6f1c5a52-5f0e-4a0d-9a43-0c4f6a7b8c9d"
    assert not publish(ceo, "agents", event_id=one).data["duplicate"]
    assert publish(ceo, "agents", event_id=one).data["duplicate"]
    publish(ceo, "agents", payload={"n": "last"})
    offsets = [live.event()["offset"] for _ in range(3)]
    assert offsets == [1, 2, 3]
    for family in ("user:", "session:", "project:"):  # the longest there are
        for repeated in (False, True):
            answer = publish(ceo, family + "x" * 256, event_id=one)
            assert answer.data["duplicate"] == repeated, answer.body


@pytest.mark.parametrize(
    "channel, body, brief",
    [
        ("nonsense", {}, (422, 2000)),
        ("user:", {}, (422, 2000)),
        ("project:%20", {}, (422, 2000)),
        ("tasks", {"event_type": " "}, (422, 2000)),
        ("tasks", {"payload": [1]}, (422, 2000)),
        ("tasks", {"payload": "text"}, (422, 2000)),
        ("tasks", {"event_id": "x"}, (422, 2000)),
        ("tasks", {"payload": {"k": "x" * 33000}}, (422, 2000)),
        ("tasks", {"epoch": 1}, (422, 2000)),
    ],
)
def test_what_may_not_be_published(ceo, channel, body, brief):
    assert publish(ceo, channel, **body).brief == brief


def test_own_session_is_a_channel_and_anothers_is_none(ceo):
    other = Client(ceo.server)
    assert other.login().status == 200
    live = ceo.socket()
    mine, theirs = (f"session:{p.session_id}" for p in (ceo, other))
    assert mine in live.subscribe(mine, theirs)["channels"]
    assert theirs not in live.subscribe(theirs)["channels"]
    publish(ceo, theirs, payload={"n": "theirs"})
    publish(ceo, mine, payload={"n": "mine"})
    assert live.event()["payload"] == {"n": "mine"}
    assert mine not in live.ask(
        {"action": "unsubscribe", "channels": [mine]}
    )["channels"]


def test_56_presence_counts_sockets_and_says_who_comes_and_goes(ceo):
    watch = ceo.socket()
    watch.subscribe("system")
    me = claims(ceo.token)["sub"]
    one, two = ceo.socket(), ceo.socket()
    wait_presence(ceo, {me: 3})
    one.close()
    wait_presence(ceo, {me: 2})
    two.close()
    watch.close()
    wait_presence(ceo, {})
    assert ceo.get(f"presence?user_id={me}").data["users"] == []
    assert ceo.get("presence?limit=0").brief == (422, 2000)


def wait_presence(person, users):
    """The hub hears of a socket a moment after its client does."""
    left = deadline(10)
    while True:
        page = person.get("presence").data
        if {u["user_id"]: u["sockets"] for u in page["users"]} == users:
            assert page["online"] == len(users)
            return
        person.server.lines.next(min(left(), RETRY_S))


def kill_gateway(server):
    if server.topology == "one":
        server.kill()
        server.restart()
    else:
        server.kill_node("edge")


def test_59_presence_of_a_killed_gateway_is_forgotten(start):
    """A new one takes the place of the killed; nobody is online twice.

    In one process the hub dies with it, and knows nobody afterwards.
    """
    server = start()
    ceo = Client(server)
    assert ceo.setup().status == 201
    ceo.socket(), ceo.socket()
    wait_presence(ceo, {claims(ceo.token)["sub"]: 2})
    kill_gateway(server)
    again = Patient(server, ceo.token)
    again.me()
    wait_presence(again, {})
    live = again.socket()
    wait_presence(again, {claims(ceo.token)["sub"]: 1})
    live.close()


def test_retention_keeps_the_newest(start):
    ceo = Client(start(event_stream__retain_events=3))
    assert ceo.setup().status == 201
    for n in range(8):
        assert publish(ceo, "agents", payload={"n": n}).status == 201
    wake = ceo.post("services/journal-prune/wake")
    assert wake.status == 200, wake.body
    ceo.server.wait_event("event_stream.pruned")
    live = ceo.socket()
    assert not since(live, "agents", {"epoch": 0, "offset": 0})["recovered"]
    here = since(live, "agents")
    assert here["offset"] == 8
    at = since(live, "agents", {"epoch": here["epoch"], "offset": 5})
    assert at["recovered"]
    assert [live.event()["offset"] for _ in range(3)] == [6, 7, 8]


def test_more_messages_than_allowed_close_the_socket(start):
    ceo = Client(start(api__ws_control_per_second=5))
    assert ceo.setup().status == 201
    live = ceo.socket()
    with pytest.raises(Gone) as gone:
        for _ in range(20):
            live.send({"action": "ping"})
        for _ in range(20):
            live.receive()
    assert (gone.value.code, gone.value.reason) == (1008, "Too many messages")


def test_more_pings_than_allowed_close_the_socket(start):
    ceo = Client(start(api__ws_control_per_second=5))
    assert ceo.setup().status == 201
    for opcode in (frames.PING, frames.PONG):
        live = frames.Live(ceo)
        live.send(frames.frame(opcode, b"x") * 20)
        pongs, frame = 0, live.receive()
        while frame == (frames.PONG, b"x"):
            pongs, frame = pongs + 1, live.receive()
        assert frame == (frames.CLOSE, b"\x03\xf0Too many messages")
        assert pongs <= 10  # two seconds' worth
        live.close()


def test_more_channels_than_allowed_are_left_out(start):
    ceo = Client(start(api__ws_channels_max=3))
    assert ceo.setup().status == 201
    live = ceo.socket()
    answer = live.subscribe("tasks", "agents", "budget", "system")
    assert len(answer["channels"]) == 3
