"""The event hub: where a socket stands, and what it is told after that.

What it missed comes first, then what happens, each once and in order: also
after a restart of everything.
"""

import threading

import pytest

from client import MSGPACK_V1, Client, Gone, together

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
        {"epoch": 1, "offset": 1, "tasks": {"epoch": 1, "offset": 1}},
        {"epoch": 18446744073709551616, "offset": 0},
    ],
)
def test_malformed_since_is_an_error_and_changes_nothing(ceo, wrong):
    live = ceo.socket()
    answer = live.ask({"action": "subscribe", "channels": ["tasks"], "since": wrong})
    assert answer == {"error": "Invalid control message"}
    assert live.ping() == {"action": "pong"}


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
