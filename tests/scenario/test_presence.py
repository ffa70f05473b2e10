"""Who is online, and on which channels: 57 of sessions.md, and beyond it.

Whatever ends a socket is in test_hub.py (56, 59) and test_hub_rules.py (58).
"""

import urllib.parse

import pytest

from client import RETRY_S, Client, Patient, Socket, claims, deadline
from people import hire
from test_hub import kill_gateway, wait_presence
from test_sse import Stream

ROOM = "project:apollo"
CAME, WENT = "user.presence.connect", "user.presence.disconnect"


def me(person):
    return claims(person.token)["sub"]


def on_channel(person, channel, **more):
    query = urllib.parse.urlencode({"channel": channel, **more})
    return person.get(f"presence?{query}")


def wait_on(person, channel, users):
    """The hub hears of a subscription a moment after its client does."""
    left = deadline(10)
    while True:
        page = on_channel(person, channel).data
        if {u["user_id"]: u["sockets"] for u in page["users"]} == users:
            assert page["online"] == len(users)
            return
        person.server.lines.next(min(left(), RETRY_S))


def test_57_who_never_came_in_does_not_go(ceo):
    stranger, liar = Socket(ceo.server), Socket(ceo.server)
    stranger.close()
    liar.send({"action": "auth", "ticket": "nobody's"})
    assert liar.wait_closed()[0] == 4001
    ceo.server.wait_event("api.ws.auth_failed")
    live = ceo.socket()
    wait_presence(ceo, {me(ceo): 1})
    assert len(ceo.server.wait_event(CAME)) == 1
    assert ceo.server.events(WENT) == []
    live.close()
    wait_presence(ceo, {})
    assert [e["count"] for e in ceo.server.wait_event(WENT)] == [0]


def test_who_is_on_a_channel(ceo):
    olga = hire(ceo, "olga")
    one, two, hers = ceo.socket(), ceo.socket(), olga.socket()
    one.subscribe(ROOM, "tasks")
    two.subscribe(ROOM)
    hers.subscribe(ROOM)
    wait_on(olga, ROOM, {me(ceo): 2, me(olga): 1})
    wait_on(olga, "tasks", {me(ceo): 1})
    alone = on_channel(ceo, ROOM, user_id=me(olga)).data
    assert alone["users"] == [{"user_id": me(olga), "sockets": 1}]
    assert on_channel(ceo, "tasks", user_id=me(olga)).data["users"] == []
    one.ask({"action": "unsubscribe", "channels": [ROOM]})
    hers.close()
    wait_on(olga, ROOM, {me(ceo): 1})
    wait_on(olga, "tasks", {me(ceo): 1})
    stream = Stream(olga, ROOM)
    stream.next()
    wait_on(olga, ROOM, {me(ceo): 1, me(olga): 1})
    stream.close()
    one.close(), two.close()
    wait_on(olga, ROOM, {})
    wait_on(olga, "tasks", {})


def test_a_channel_is_read_page_by_page(ceo):
    people = [ceo, hire(ceo, "olga"), hire(ceo, "ines")]
    lives = [person.socket() for person in people]
    for live in lives:
        live.subscribe(ROOM)
    ids = sorted(map(me, people))
    wait_on(ceo, ROOM, {name: 1 for name in ids})
    seen, more = [], {}
    while more is not None:
        page = on_channel(ceo, ROOM, limit=1, **more).data
        seen += [user["user_id"] for user in page["users"]]
        more = {"cursor": page["next"]} if page.get("next") else None
    assert seen == ids
    for live in lives:
        live.close()


@pytest.mark.parametrize("channel", ["nonsense", "project:", "user:x", "session:x"])
def test_what_is_no_channel_of_many(ceo, channel):
    assert on_channel(ceo, channel).brief == (422, 2000)


def test_one_is_told_of_channels_one_may_hear(ceo):
    olga, max_ = hire(ceo, "olga"), hire(ceo, "max", "manager")
    assert on_channel(olga, "budget").brief == (403, 1001)
    assert on_channel(max_, "budget").data["users"] == []


def test_projects_are_for_the_roles_of_the_setting(start):
    ceo = Client(start(event_stream__project_read="ceo"))
    assert ceo.setup().status == 201
    assert on_channel(hire(ceo, "olga"), ROOM).brief == (403, 1001)
    assert on_channel(ceo, ROOM).data["users"] == []


def test_projects_tell_who_joins_and_leaves(start):
    ceo = Client(start(event_stream__project_presence="true"))
    assert ceo.setup().status == 201
    olga = hire(ceo, "olga")
    live = ceo.socket()
    live.subscribe(ROOM)

    def told():
        event = live.event()
        assert event["channel"] == ROOM and event["offset"] == 0
        return event["event_type"], event["payload"]

    assert told() == ("channel.joined", {"user_id": me(ceo)})
    one, two = olga.socket(), olga.socket()
    one.subscribe(ROOM, "tasks")
    assert told() == ("channel.joined", {"user_id": me(olga)})
    two.subscribe(ROOM)
    wait_on(ceo, ROOM, {me(ceo): 1, me(olga): 2})
    one.close()
    wait_on(ceo, ROOM, {me(ceo): 1, me(olga): 1})
    two.ask({"action": "unsubscribe", "channels": [ROOM]})
    assert told() == ("channel.left", {"user_id": me(olga)})


def test_a_killed_gateway_leaves_its_channels(start):
    server = start()
    ceo = Client(server)
    assert ceo.setup().status == 201
    ceo.socket().subscribe(ROOM)
    wait_on(ceo, ROOM, {me(ceo): 1})
    kill_gateway(server)
    again = Patient(server, ceo.token)
    wait_on(again, ROOM, {})
    live = again.socket()
    live.subscribe(ROOM)
    wait_on(again, ROOM, {me(ceo): 1})
    live.close()


def test_a_new_hub_learns_who_is_where(start):
    server = start()
    ceo = Client(server)
    assert ceo.setup().status == 201
    live = ceo.socket()
    live.subscribe(ROOM, "tasks")
    wait_on(ceo, ROOM, {me(ceo): 1})
    if server.topology == "one":  # it dies with its gateway: they come again
        kill_gateway(server)
        again = Patient(server, ceo.token)
        wait_on(again, ROOM, {})
        live = again.socket()
        live.subscribe(ROOM, "tasks")
    else:
        server.kill_node("core")
        again = Patient(server, ceo.token)
    wait_on(again, ROOM, {me(ceo): 1})
    live.ask({"action": "unsubscribe", "channels": ["tasks"]})
    wait_on(again, "tasks", {})
    wait_on(again, ROOM, {me(ceo): 1})
