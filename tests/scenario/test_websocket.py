"""Live sockets.  Numbers are those of the scenarios."""

import json
import secrets

import msgpack
import pytest

from client import (
    JSON_V1,
    MSGPACK_V1,
    Client,
    Gone,
    Refused,
    Socket,
    claims,
    together,
    wait_for,
)
from people import hire
from server import parse_event

REVOKED_S = 1
ROUNDS = 20
SWEEP = "services/ticket-cleanup/wake"
FRAME_MAX = 4096


def own_channel(person):
    return f"user:{claims(person.token)['sub']}"


def another(ceo):
    other = Client(ceo.server)
    assert other.login().status == 200
    return other


def refusal(live):
    with pytest.raises(Gone) as gone:
        live.receive()
    return gone.value.code, gone.value.reason


def test_42_ticket_opens_one_socket(ceo):
    ticket = ceo.ticket()
    live = Socket(ceo.server)
    live.send({"action": "auth", "ticket": ticket})
    assert live.receive() == {"action": "auth_ok"}

    again = Socket(ceo.server)
    again.send({"action": "auth", "ticket": ticket})
    assert refusal(again) == (4001, "Invalid or expired ticket")
    assert live.ping() == {"action": "pong"}


def test_43_silence_is_closed(start):
    live = Socket(start(api__ws_auth_timeout_seconds=1))
    assert refusal(live) == (4001, "Auth timeout")


@pytest.mark.parametrize(
    "first, reason",
    [
        ('{"action":"subscribe","channels":["tasks"]}', "Expected auth action"),
        ('["auth"]', "Expected auth action"),
        ('"auth"', "Expected auth action"),
        ("{", "Invalid auth message"),
        ("", "Invalid auth message"),
        ('{"action":"auth"}', "Missing ticket"),
        ('{"action":"auth","ticket":""}', "Missing ticket"),
        ('{"action":"auth","ticket":7}', "Missing ticket"),
        ('{"action":"auth","ticket":"bad"}', "Invalid or expired ticket"),
        (" " * (FRAME_MAX + 1), "Auth message too large"),
        ("x" * 5000, "Auth message too large"),
    ],
)
def test_43_bad_first_frame_is_closed(server, first, reason):
    live = Socket(server)
    live.send_raw(first)
    assert refusal(live) == (4001, reason)


@pytest.mark.parametrize("query", ["?ticket=bad", "?ticket="])
def test_44_bad_ticket_in_the_query_is_no_upgrade(server, query):
    with pytest.raises(Refused) as refused:
        Socket(server, query=query)
    assert refused.value.status == 403


def test_ticket_in_the_query(ceo):
    live = Socket(ceo.server, query=f"?ticket={ceo.ticket()}")
    assert live.receive() == {"action": "auth_ok"}
    assert live.ping() == {"action": "pong"}


@pytest.mark.parametrize(
    "origin, status",
    [
        (None, 101),
        ("http://HOST", 101),
        ("https://HOST", 101),
        ("https://app.example", 101),
        ("https://app.example:1", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_sockets_are_for_pages_of_known_origins(start, origin, status):
    """ASVS 4.4.2"""
    server = start(api__cors__origins="https://app.example")
    host = "{}:{}".format(*server.address)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    if origin is not None:
        headers["Origin"] = origin.replace("HOST", host)
    answer = Client(server).get("/api/v1/ws", **headers)
    assert answer.status == status
    if status == 403:
        assert answer.code == 1020


def test_nothing_is_heard_before_it_is_subscribed(ceo):
    """The part of 45 about shared channels."""
    live, witness = ceo.socket(), ceo.socket()
    witness.subscribe("tasks")
    ceo.create_task("unheard")
    assert witness.event()["payload"]["title"] == "unheard"

    live.subscribe("tasks")
    ceo.create_task("heard")
    assert live.event()["payload"]["title"] == "heard"


def test_refused_channels_are_left_out(ceo):
    """46 as the CEO sees it, who may hear the budget."""
    stranger = secrets.token_hex(16)
    live = ceo.socket()
    answer = live.subscribe("tasks", f"user:{stranger}", "budget", "nonsense")
    assert answer == {
        "action": "subscribed",
        "channels": ["budget", "tasks", own_channel(ceo)],
    }
    assert live.ping() == {"action": "pong"}

    events = ceo.server.wait_event("api.ws.user_channel_denied")
    assert [e["channel"] for e in events] == ["user:<redacted>"]
    assert stranger not in ceo.server.log_text()


def test_foreign_channels_look_the_same(ceo):
    """50 with ids of nobody: there is no second account yet."""
    live = ceo.socket()
    answers = [
        live.subscribe(f"user:{name}")
        for name in (secrets.token_hex(16), "x", "system")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["channels"] == [own_channel(ceo)]


@pytest.mark.parametrize("name", ["user:", "user: ", "user", "", "TASKS"])
def test_51_blank_and_unknown_channels(ceo, name):
    live = ceo.socket()
    assert live.subscribe(name)["channels"] == [own_channel(ceo)]
    assert live.ping() == {"action": "pong"}


def test_unsubscribed_is_unheard(ceo):
    live = ceo.socket()
    live.subscribe("tasks", "agents")
    answer = live.ask({"action": "unsubscribe", "channels": ["tasks"]})
    assert answer == {
        "action": "unsubscribed",
        "channels": ["agents", own_channel(ceo)],
    }
    ceo.create_task("unheard")
    live.subscribe("tasks")
    ceo.create_task("heard")
    assert live.event()["payload"]["title"] == "heard"


def test_own_channel_can_be_left_and_taken_again(ceo):
    live, own = ceo.socket(), own_channel(ceo)
    left = live.ask({"action": "unsubscribe", "channels": [own]})
    assert left["channels"] == []
    assert live.subscribe(own)["channels"] == [own]


def test_52_filters_choose_events(ceo):
    live = ceo.socket()
    live.subscribe("tasks", filters={"project": "north"})
    ceo.create_task("far", project="south")
    ceo.create_task("near")
    assert live.event()["payload"]["title"] == "near"

    live.subscribe("tasks")
    ceo.create_task("far", project="south")
    ceo.create_task("near again")
    assert live.event()["payload"]["title"] == "near again"

    live.subscribe("tasks", filters={})
    ceo.create_task("far", project="south")
    assert live.event()["payload"]["title"] == "far"

    live.subscribe("tasks", filters={"nothing_has_it": "x"})
    witness = ceo.socket()
    witness.subscribe("tasks")
    ceo.create_task("lacking")
    assert witness.event()["payload"]["title"] == "lacking"
    live.subscribe("tasks", filters={})
    ceo.create_task("last")
    assert live.event()["payload"]["title"] == "last"


@pytest.mark.parametrize(
    "filters", [{str(n): "x" for n in range(11)}, {"title": "x" * 257}]
)
def test_52_filters_are_bounded(ceo, filters):
    live = ceo.socket()
    answer = live.subscribe("tasks", filters=filters)
    assert answer == {"error": "Filter bounds exceeded"}
    assert live.subscribe()["channels"] == [own_channel(ceo)]


@pytest.mark.parametrize(
    "frame, error",
    [
        ("{", "Invalid JSON"),
        ("", "Invalid JSON"),
        ("[]", "Expected JSON object"),
        ("null", "Expected JSON object"),
        ("{}", "Invalid control message"),
        ('{"action":"dance"}', "Invalid control message"),
        ('{"action":7}', "Invalid control message"),
        ('{"action":"subscribe"}', "Invalid control message"),
        ('{"action":"subscribe","channels":"tasks"}', "Invalid control message"),
        ('{"action":"subscribe","channels":[7]}', "Invalid control message"),
        ('{"action":"ping","more":1}', "Invalid control message"),
        (
            '{"action":"subscribe","channels":["tasks"],'
            '"filters":{"k":"1","k":"2"}}',
            "Invalid control message",
        ),
        ('{"action":"auth","ticket":"x"}', "Unknown action"),
        (" " * (FRAME_MAX + 1), "Message too large"),
    ],
)
def test_53_bad_frame_is_answered(ceo, frame, error):
    live = ceo.socket()
    live.send_raw(frame)
    assert live.receive() == {"error": error}
    assert live.ping() == {"action": "pong"}


def test_53_frame_of_the_largest_size_is_taken(ceo):
    live = ceo.socket()
    frame = json.dumps({"action": "ping"})
    live.send_raw(frame + " " * (FRAME_MAX - len(frame)))
    assert live.receive() == {"action": "pong"}


@pytest.mark.parametrize(
    "frame", [b"\xc1", b"", b"\x81\xa6action", msgpack.packb([1]), b"\xdf" * 9]
)
def test_bad_msgpack_frame_is_answered(ceo, frame):
    live = ceo.socket(MSGPACK_V1)
    live.send_raw(frame)
    assert "error" in live.receive()
    assert live.ping() == {"action": "pong"}


@pytest.mark.parametrize(
    "offered, taken",
    [
        ([], None),
        (["x", JSON_V1], JSON_V1),
        (["x", MSGPACK_V1], MSGPACK_V1),
    ],
)
def test_known_subprotocol_is_taken(server, offered, taken):
    assert Socket(server, *offered).live.subprotocol == taken


def test_foreign_subprotocols_are_refused(server):
    with pytest.raises(Refused) as refused:
        Socket(server, "x")
    assert refused.value.status == 400


def test_60_silent_client_is_closed(start):
    server = start(api__ws_frame_timeout_seconds=1)
    ceo = Client(server)
    assert ceo.setup().status == 201
    assert ceo.socket().wait_closed()[0] == 1008


def test_61_tickets_that_wait_are_few(ceo):
    """Also AT-20: a user's are counted, another's are not."""
    bob = hire(ceo, "bob")
    for _ in range(5):
        assert ceo.post("auth/ws-ticket").status == 200
    answer = ceo.post("auth/ws-ticket")
    assert answer.brief == (429, 5001)
    assert int(answer.headers["Retry-After"]) == 30
    [told] = ceo.server.wait_event("api.ws.ticket_limit_exceeded")
    assert told["level"] == "warn"
    assert told["user_id"] == claims(ceo.token)["sub"]
    assert (told["pending"], told["max"]) == (5, 5)
    assert bob.post("auth/ws-ticket").status == 200


def test_61_who_races_for_the_last_place(ceo):
    """AT-20, AT-26: four wait; of twenty at once one gets a ticket."""
    tickets = [ceo.ticket() for _ in range(4)]
    people = [ceo.twin() for _ in range(20)]
    answers = together(20, lambda n: people[n].post("auth/ws-ticket").brief)
    assert sorted(answers) == [(200, None)] + [(429, 5001)] * 19
    live = Socket(ceo.server)
    assert live.authenticate(tickets[0]) == {"action": "auth_ok"}
    assert ceo.post("auth/ws-ticket").status == 200
    assert ceo.post("auth/ws-ticket").brief == (429, 5001)


def test_21_ten_rivals_of_each_of_ten_users(ceo):
    """AT-21: every user gets exactly five."""
    users = [ceo, *(hire(ceo, f"user{n}") for n in range(9))]
    people = [user.twin() for user in users for _ in range(10)]
    answers = together(100, lambda n: people[n].post("auth/ws-ticket").brief)
    for n in range(0, 100, 10):
        mine = sorted(answers[n : n + 10])
        assert mine == [(200, None)] * 5 + [(429, 5001)] * 5


def cleanups(server):
    """What each removed, which with what it left is what there was then."""
    size, removed = 0, []
    with server.lines.changed:
        told = [parse_event(line) for line in server.lines.log]
    for event in told:
        match event.get("event"):
            case "api.ws.ticket_issued":
                size += 1
            case "api.ws.ticket_consumed":
                size -= 1
            case "api.ws.ticket_cleanup":
                assert event["removed"] + event["remaining"] == size, event
                size = event["remaining"]
                removed.append(event["removed"])
    return removed


def test_23_creators_consumers_and_cleanups(start):
    """AT-23: each cleanup counts, in one step, what was there before it."""
    ceo = Client(start(
        api__ws_ticket_ttl_seconds=600, runtime__log_level="debug",
        api__ws_ticket_max_pending_per_user=50))
    assert ceo.setup().status == 201
    people = [ceo, hire(ceo, "bob"), hire(ceo, "eve")]
    sweeper = ceo.twin()

    def work(n):
        for _ in range(ROUNDS):
            if n == len(people):
                assert sweeper.post(SWEEP).status == 200
                continue
            people[n].ticket()  # which nobody uses
            live = Socket(ceo.server)
            used = live.authenticate(people[n].ticket())
            assert used == {"action": "auth_ok"}
            live.close()

    together(len(people) + 1, work)
    ceo.server.wait_event("api.ws.ticket_cleanup")
    assert sum(cleanups(ceo.server)) == 0
    path = "settings/api/ws_ticket_ttl_seconds"
    assert ceo.put(path, {"value": "1"}).status == 200
    wait_for(lambda: ceo.post("auth/ws-ticket").data["expires_in"] == 1)

    def swept():
        assert sweeper.post(SWEEP).status == 200
        return sum(cleanups(ceo.server)) == 1

    wait_for(swept)


def test_a_user_gets_so_many_tickets_a_minute(start):
    """sessions.md 2.4.5; here 3, so that a slow machine makes none of them."""
    ceo = Client(start(api__ws_tickets_per_minute=3))
    assert ceo.setup().status == 201
    bob = hire(ceo, "bob")
    answers = [ceo.post("auth/ws-ticket") for _ in range(5)]
    good = [a for a in answers if a.status == 200]
    assert 3 <= len(good) < 5
    late = next(a for a in answers if a.status != 200)
    assert late.brief == (429, 5000)
    assert 1 <= int(late.headers["Retry-After"]) <= 20
    assert bob.post("auth/ws-ticket").status == 200
    path = "settings/api/ws_tickets_per_minute"
    assert ceo.put(path, {"value": "0"}).status == 200
    wait_for(lambda: ceo.post("auth/ws-ticket").brief != (429, 5000))


def test_24_a_ticket_dies_after_its_time(start):
    """AT-24, AT-25: it makes room, and opens nothing, however often."""
    ceo = Client(start(api__ws_ticket_ttl_seconds=1))
    assert ceo.setup().status == 201
    tickets = [ceo.ticket() for _ in range(5)]
    wait_for(lambda: ceo.post("auth/ws-ticket").status == 200)
    for _ in range(2):
        live = Socket(ceo.server)
        live.send({"action": "auth", "ticket": tickets[0]})
        assert refusal(live) == (4001, "Invalid or expired ticket")


def test_62_one_ticket_at_many_sockets(ceo):
    """Also AT-22: exactly one of those who present it at once is let in."""
    ticket = ceo.ticket()
    lives = [Socket(ceo.server) for _ in range(12)]

    def present(n):
        try:
            return lives[n].authenticate(ticket)["action"]
        except Gone as gone:
            return gone.code, gone.reason

    answers = together(12, present)
    assert answers.count("auth_ok") == 1
    assert answers.count((4001, "Invalid or expired ticket")) == 11


def test_63_revoked_session_ends_its_socket(ceo):
    other = another(ceo)
    ending, staying = other.socket(), ceo.socket()
    ticket = other.ticket()

    assert ceo.delete(f"auth/sessions/{other.session_id}").status == 204
    assert ending.wait_closed(REVOKED_S)[0] == 4003
    assert staying.ping() == {"action": "pong"}

    late = Socket(ceo.server)
    late.send({"action": "auth", "ticket": ticket})
    assert refusal(late) == (4001, "Invalid or expired ticket")


def test_sockets_of_one_user_are_few(start):
    server = start(api__ws_max_connections_per_user=2)
    ceo = Client(server)
    assert ceo.setup().status == 201
    lives = [ceo.socket() for _ in range(2)]
    excess = Socket(server)
    excess.send({"action": "auth", "ticket": ceo.ticket()})
    assert refusal(excess)[0] == 4008
    assert [live.ping() for live in lives] == [{"action": "pong"}] * 2


def test_pings_of_a_client_are_answered(ceo):
    live = ceo.socket()
    live.protocol_ping()
    assert live.ping() == {"action": "pong"}
