"""Nobody learns from an answer whether something is there: SEC-4, SEC-5.

Each row of the table is a question about a thing that exists and one about a
thing that does not, by people who may not know the difference.  The two whole
answers are equal, status, headers and body; only what is of the moment is left
out: the date, and the ids that are made for each request.
"""

import contextlib
import re
import secrets

import pytest

from client import PASSWORD, Client, Gone, Refused, Socket
from people import OTHER, WRONG, Person, hire, make_key, patch

OF_THE_MOMENT = {"date", "x-request-id", "traceparent"}
ROLES = ("manager", "pair_programmer", "board_member", "observer")
HEX = "0" * 32
EVENT = {"event_type": "a.b", "payload": {}}
EVENT_ID = re.compile(rb'"event_id":"[0-9a-f-]{36}"')


class Scene:
    """A server with one thing of each kind that somebody owns."""

    def __init__(self, server):
        self.server = server
        self.ceo = Person(server)
        assert self.ceo.setup().status == 201
        self.owner = hire(self.ceo, "owner", "manager")
        self.second = self.owner.again()
        self.key = make_key(self.owner, scope="write")
        for n in range(3):
            told = self.ceo.post(
                f"events/user:{self.owner.id}",
                {"event_type": "a.b", "payload": {"n": n}})
            assert told.status == 201
        self.backup = self.ceo.post(
            "backups", {}, **{"Idempotency-Key": "scene"}).data["backup_id"]
        self.asker = {None: Client(server)}
        for role in ROLES:
            self.asker[role] = hire(self.ceo, f"a {role}", role)
            made = make_key(self.asker[role], scope="write")
            self.asker[f"key of {role}"] = Client(server, made["key"])


def whole(answer):
    """All that an answer tells, but for what is of the moment."""
    headers = sorted(
        (name.lower(), value) for name, value in answer.headers.items()
        if name.lower() not in OF_THE_MOMENT)
    body = answer.body
    if body:
        instance = answer.headers["X-Request-Id"].encode()
        body = EVENT_ID.sub(b"", body.replace(instance, b""))
    return answer.status, headers, body


# What is asked; how a thing that exists is named, and others that do not.
ROUTES = {
    "revoke a session": (
        "DELETE", "auth/sessions/{}", None,
        lambda s: s.second.session_id,
        [HEX, "f" * 32]),
    "revoke an API key": (
        "DELETE", "auth/api-keys/{}", None,
        lambda s: s.key["api_key"]["id"],
        [HEX, "f" * 32]),
    "list somebody's API keys": (
        "GET", "auth/api-keys?user_id={}", None, lambda s: s.owner.id, [HEX]),
    "revoke somebody's sessions": (
        "DELETE", "users/{}/sessions", None, lambda s: s.owner.id,
        [HEX, "nobody"]),
    "read an account": (
        "GET", "users/{}", None, lambda s: s.owner.id, [HEX, "nobody"]),
    "find an account": (
        "GET", "users?username={}", None, lambda s: "owner", ["nobody"]),
    "change an account": (
        "PATCH", "users/{}", {"disabled": True}, lambda s: s.owner.id,
        [HEX, "nobody"]),
    "delete an account": (
        "DELETE", "users/{}", None, lambda s: s.owner.id, [HEX, "nobody"]),
    "reset a password": (
        "POST", "users/{}/password", {"password": OTHER},
        lambda s: s.owner.id, [HEX, "nobody"]),
    "take a user name": (
        "POST", "users", {"username": "{}", "role": "observer",
                          "password": OTHER},
        lambda s: "owner", ["nobody"]),
    "what somebody did": (
        "GET", "audit?user_id={}", None, lambda s: s.owner.id, [HEX]),
    "read a backup": (
        "GET", "backups/{}", None, lambda s: s.backup, [HEX]),
    "remove a backup": (
        "DELETE", "backups/{}", None, lambda s: s.backup, [HEX]),
    "hold a backup": (
        "PUT", "backups/{}/hold", {}, lambda s: s.backup, [HEX]),
    "tell somebody's channel": (
        "POST", "events/user:{}", EVENT, lambda s: s.owner.id,
        [HEX, "nobody"]),
    "tell somebody's channel much": (
        "POST", "events/user:{}/batch", {"events": [EVENT]},
        lambda s: s.owner.id, [HEX]),
    "hear somebody's channel": (
        "GET", "events?channels=user:{}", None, lambda s: s.owner.id, [HEX]),
    "tell a session's channel": (
        "POST", "events/session:{}", EVENT,
        lambda s: s.owner.session_id, [HEX]),
}


@pytest.fixture(scope="module")
def scene(start_shared, tmp_path_factory):
    return Scene(start_shared(
        api__auth__tries_per_minute=0,
        api__auth__max_concurrent_sessions=0,
        backup__path=str(tmp_path_factory.mktemp("backups")),
    ))


def named(body, name):
    if body is None:
        return None
    return {
        key: name if value == "{}" else value for key, value in body.items()}


def ask(client, route, name):
    method, path, body = route[:3]
    return client.request(method, path.format(name), named(body, name))


@pytest.mark.parametrize("what", ROUTES)
def test_what_is_there_looks_like_what_is_not(scene, what):
    route = ROUTES[what]
    exists, unknown = route[3](scene), route[4]
    for who, client in scene.asker.items():
        known = ask(client, route, exists)
        assert known.status < 500, known.body
        for name in unknown:
            other = ask(client, route, name)
            assert whole(known) == whole(other), (what, who, name)
    assert scene.owner.me().status == 200
    assert scene.second.me().status == 200
    assert Client(scene.server, scene.key["key"]).me().status == 200


def test_the_table_sees_a_difference(scene):
    """Whoever may know is told: the rows are about things that exist."""
    for what in ("read an account", "read a backup", "find an account",
                 "list somebody's API keys", "what somebody did"):
        route = ROUTES[what]
        exists, unknown = route[3](scene), route[4][0]
        answers = [ask(scene.ceo, route, name) for name in (exists, unknown)]
        assert whole(answers[0]) != whole(answers[1]), what


# ---- credentials ----


def log_in(scene, name, password):
    return Client(scene.server).post(
        "auth/login", {"username": name, "password": password})


def test_log_ins_that_fail_are_one(scene):
    disabled = hire(scene.ceo, "disabled", login=False)
    patch(scene.ceo, f"users/{disabled.id}", {"disabled": True})
    deleted = hire(scene.ceo, "deleted", login=False)
    assert scene.ceo.delete(f"users/{deleted.id}").status == 204
    answers = [
        log_in(scene, "nobody", WRONG),
        log_in(scene, "owner", WRONG),
        log_in(scene, "Owner", PASSWORD),
        log_in(scene, "disabled", PASSWORD),
        log_in(scene, "disabled", WRONG),
        log_in(scene, "deleted", PASSWORD),
        log_in(scene, "system", PASSWORD),
        log_in(scene, "owner\u0000", PASSWORD),
    ]
    assert answers[0].brief == (401, 1000)
    for answer in answers[1:-1]:
        assert whole(answer) == whole(answers[0])
    assert answers[-1].status in (401, 422), "no name of anybody"


def test_credentials_that_are_none_are_one(scene):
    """Tokens and API keys: forged, of nobody, of one who is gone."""
    leaver = hire(scene.ceo, "leaver")
    made = make_key(leaver, scope="read")
    fired = hire(scene.ceo, "fired")
    fired_key = make_key(fired)["key"]
    assert scene.ceo.delete(f"users/{leaver.id}").status == 204
    patch(scene.ceo, f"users/{fired.id}", {"disabled": True})
    revoked = make_key(scene.ceo, "revoked")
    path = f"auth/api-keys/{revoked['api_key']['id']}"
    assert scene.ceo.delete(path).status == 204
    good = scene.key["key"]
    tokens = [
        "a.b.c",
        leaver.token,
        scene.owner.token[:-2] + "AA",
        made["key"],
        fired_key,
        revoked["key"],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "trk_" + secrets.token_hex(16) + good[36:],
    ]
    answers = [Client(scene.server, token).me() for token in tokens]
    assert answers[0].brief == (401, 1000)
    for token, answer in zip(tokens, answers):
        assert whole(answer) == whole(answers[0]), token


def test_tickets_that_are_none_are_one(scene):
    """Unknown, used, of a session that is revoked since."""
    used, ended = scene.owner.ticket(), scene.owner.again()
    late = ended.ticket()
    assert ended.logout().status == 204
    live = Socket(scene.server)
    live.authenticate(used)
    told = set()
    for ticket in (used, late, secrets.token_urlsafe(32), "x"):
        other = Socket(scene.server)
        with pytest.raises(Gone) as gone:
            other.authenticate(ticket)
        told.add((gone.value.code, gone.value.reason))
    assert told == {(4001, "Invalid or expired ticket")}
    for ticket in (used, late, "x"):
        with pytest.raises(Refused) as refused:
            Socket(scene.server, query=f"?ticket={ticket}")
        assert refused.value.status == 403
    with contextlib.suppress(Gone):
        live.close()


def test_channels_that_are_foreign_are_one(scene):
    """50: an account's and nobody's; a socket is told neither from the other."""
    for role in ROLES:
        person = scene.asker[role]
        live = person.socket()
        told = [
            live.subscribe(f"user:{name}")
            for name in (scene.owner.id, HEX, "nobody")]
        assert told[0] == told[1] == told[2]
        assert told[0]["channels"] == [f"user:{person.id}"]
        live.close()
