"""Refresh tokens, from outside."""

import base64
import http.client
import threading

import pytest

from client import Client, claims, together, wait_for

RACERS = 20
AT_ONCE = 64  # refreshes of one session


def log_in(server, **extra):
    person = Client(server)
    answer = person.enter("auth/login", refresh=True, **extra)
    assert answer.status == 200
    person.refresh_token = answer.data["refresh_token"]
    return person


def refresh(person, token=None):
    """As a client does it: keeps what it gets."""
    sent = {"refresh_token": token or person.refresh_token}
    answer = Client(person.server).post("auth/refresh", sent)
    if answer.status == 200 and token is None:
        person.token = answer.data["token"]
        person.refresh_token = answer.data["refresh_token"]
    return answer


def test_none_is_given_unless_it_is_asked_for(ceo):
    other = Client(ceo.server)
    assert other.login().data["refresh_token"] is None


def test_none_is_given_where_it_is_off(start):
    server = start(api__auth__refresh_lifetime_minutes=0)
    Client(server).setup()
    answer = Client(server).enter("auth/login", refresh=True)
    assert answer.data["refresh_token"] is None


def test_refreshed_token_is_of_the_same_session(ceo):
    person = log_in(ceo.server)
    first = claims(person.token)
    for _ in range(5):
        answer = refresh(person)
        assert answer.status == 200
        assert person.me().status == 200
        assert claims(person.token)["jti"] == first["jti"] == answer.data["session_id"]
    assert len(person.get("auth/sessions").data) == 2


def test_who_races_gets_the_same_successor(ceo):
    person = log_in(ceo.server)
    used = person.refresh_token
    answers = together(RACERS, lambda n: refresh(person, used))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["refresh_token"] for answer in answers}) == 1
    assert len({answer.data["token"] for answer in answers}) == 1
    person.refresh_token = answers[0].data["refresh_token"]
    assert refresh(person).status == 200


def test_one_session_has_a_rate(ceo):
    """Each rotation is audited: nobody pushes the rest out of the log."""
    person = log_in(ceo.server)
    other = log_in(ceo.server)
    answers = [refresh(person) for _ in range(AT_ONCE + 30)]
    good = [a for a in answers if a.status == 200]
    late = [a for a in answers if a.status != 200]
    assert AT_ONCE <= len(good) < AT_ONCE + 20
    assert {a.brief for a in late} == {(429, 5000)}
    assert all(1 <= int(a.headers["Retry-After"]) <= 2 for a in late)
    assert refresh(other).status == 200
    another = log_in(ceo.server)  # begins with what the user has left
    more = [refresh(another) for _ in range(30)]
    assert sum(a.status == 200 for a in more) < 20
    assert {a.brief for a in more if a.status != 200} == {(429, 5000)}
    assert person.me().status == 200
    path = "audit?action=session.refresh&limit=100"
    entries = ceo.get(path + "&result=ok").data["entries"]
    good += [a for a in more if a.status == 200]
    assert len(entries) == min(len(good) + 1, 100)
    entries = wait_for(
        lambda: ceo.get(path + "&result=refused").data["entries"])
    assert {e["detail"] for e in entries} == {"rate"}


def test_replay_after_the_grace_ends_the_session(start):
    server = start(api__auth__refresh_grace_seconds=0)
    ceo = Client(server)
    ceo.setup()
    person = log_in(server)
    used = person.refresh_token
    assert refresh(person).status == 200
    assert refresh(person).status == 200
    thief = refresh(person, used)
    assert thief.brief == (401, 1002)
    assert person.me().brief == (401, 1002)
    assert refresh(person).brief == (401, 1002)
    assert ceo.me().status == 200
    [entry] = ceo.get("audit?action=session.refresh_replayed").data["entries"]
    assert entry["target"] == ceo.me().data["id"]
    assert entry["result"] == "refused"
    server.kill()
    server.restart()
    person.disconnect()
    assert person.me().brief == (401, 1002)
    assert refresh(person).brief == (401, 1002)


@pytest.mark.parametrize("how", ["logout", "delete"])
def test_refresh_ends_with_the_session(ceo, how):
    person = log_in(ceo.server)
    old = person.twin()
    assert refresh(person).status == 200
    if how == "logout":
        assert old.logout().status == 204
    else:
        assert ceo.delete(f"auth/sessions/{person.session_id}").status == 204
    assert person.me().brief == (401, 1002)
    assert refresh(person).brief == (401, 1002)


def test_bad_ones_look_alike(ceo):
    """Forged, cut, foreign: one answer to the byte, and nothing changes."""
    person = log_in(ceo.server)
    good = person.refresh_token
    raw = bytearray(base64.urlsafe_b64decode(good + "="))
    raw[20] ^= 1
    bad = [
        "x", good[:-1], good + "A", good.swapcase(), "A" * 75,
        base64.urlsafe_b64encode(raw).decode().rstrip("="), ceo.token[:90],
    ]
    answers = [refresh(person, text) for text in bad]
    assert {answer.brief for answer in answers} == {(401, 1000)}
    bodies = set()
    for answer in answers:
        body = answer.json
        body["error_detail"].pop("instance")
        bodies.add(str(body))
    assert len(bodies) == 1
    assert refresh(person).status == 200


def test_kill_during_refreshes(start):
    """kill -9 while people refresh: whoever was answered can go on."""
    server = start()
    Client(server).setup()
    people = [log_in(server) for _ in range(4)]
    stop = threading.Event()

    def go_on(person):
        while not stop.is_set():
            try:
                answer = refresh(person)
            except (OSError, http.client.HTTPException):
                return
            assert answer.status in (200, 429)

    threads = [threading.Thread(target=go_on, args=[p]) for p in people]
    for thread in threads:
        thread.start()
    server.wait_event("api.session.created", 5)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    server.restart()
    for person in people:
        person.disconnect()
        assert refresh(person).status == 200
        assert person.me().status == 200
