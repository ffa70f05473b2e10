"""Sessions and tokens.  The numbers are those of the scenarios.

The program has one account so far: what takes several users is named as a
part of its scenario, or left out.
"""

import re
import secrets
from datetime import datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

from client import PASSWORD, USERNAME, Client, claims

PROTECTED = [
    ("GET", "auth/me"),
    ("GET", "auth/sessions"),
    ("POST", "auth/logout"),
    ("POST", "auth/ws-ticket"),
    ("GET", "settings/api/ticket_cleanup_interval_seconds"),
    ("GET", "tasks"),
    ("POST", "tasks"),
]
LIFE_MINUTES = 90


def sessions(client, query=""):
    return client.get(f"auth/sessions{query}").data


def ids(client, query=""):
    return [s["session_id"] for s in sessions(client, query)]


def another(client):
    other = Client(client.server)
    assert other.login().status == 200
    return other


def test_01_session_of_a_login(start):
    person = Client(start(api__auth__jwt_expiry_minutes=LIFE_MINUTES))
    made = person.setup().data
    told = claims(made["token"])
    [session] = sessions(person)

    assert re.fullmatch("[0-9a-f]{32}", told["jti"])
    assert session["session_id"] == told["jti"] == made["session_id"]
    assert session["user_id"] == told["sub"] == person.me().data["id"]
    assert session["username"] == USERNAME
    assert session["is_current"] is True
    assert session["ip_address"] == person.source
    made_at, active_at, ends_at = (
        datetime.fromisoformat(session[name])
        for name in ("created_at", "last_active_at", "expires_at")
    )
    assert made_at.tzinfo is not None
    assert made_at <= active_at <= ends_at
    life = (ends_at - made_at).total_seconds()
    assert abs(life - LIFE_MINUTES * 60) <= 1
    assert made["expires_in"] == told["exp"] - told["iat"]
    assert abs(told["exp"] - ends_at.timestamp()) <= 1


def test_02_two_logins_are_two_sessions(ceo):
    first, second = another(ceo), another(ceo)
    newest_first = [second.session_id, first.session_id, ceo.session_id]
    assert len(set(newest_first)) == 3
    assert ids(first) == newest_first
    current = [s["session_id"] for s in sessions(first) if s["is_current"]]
    assert current == [first.session_id]


def forge(token, **changes):
    """The token's claims, changed, under a key of our own."""
    key = Ed25519PrivateKey.generate()
    told = {**claims(token), **changes}
    told = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(told, key, "EdDSA", jwt.get_unverified_header(token))


FORGERIES = {
    "no jti": lambda token: forge(token, jti=None),
    "other key": forge,
    "no algorithm": lambda token: jwt.encode(claims(token), None, "none"),
    "shared secret": lambda token: jwt.encode(claims(token), "k" * 32),
    "no signature": lambda token: token.rsplit(".", 1)[0] + ".",
    "cut": lambda token: token[:-2],
    "longer": lambda token: token + "AA",
    "two parts": lambda token: token.rsplit(".", 1)[0],
    "other claims": lambda token: ".".join(
        [token.split(".")[0], forge(token, sub="x").split(".")[1]]
        + token.split(".")[2:]
    ),
    "empty": lambda token: "",
    "no token": lambda token: "nonsense",
    "long": lambda token: "a." * 1500,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_token_is_refused(reader, forgery):
    forged = Client(reader.server, FORGERIES[forgery](reader.token))
    assert forged.me().brief == (401, 1000)
    assert reader.me().status == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Basic YTpi", "bearer"])
def test_other_credentials_are_refused(reader, value):
    answer = Client(reader.server).get("auth/me", Authorization=value)
    assert answer.brief == (401, 1000)


def test_04_logout_refuses_the_token_everywhere(ceo):
    left, stays = another(ceo), another(ceo)
    elsewhere = left.twin()
    assert elsewhere.me().status == 200

    answer = left.logout()
    assert (answer.status, answer.body) == (204, b"")
    for client in (left, elsewhere, left.twin()):
        assert client.me().brief == (401, 1002)
    assert stays.me().status == 200

    event = ceo.server.wait_event("api.auth.failed", reason="session_revoked")
    assert event[0]["jti"] == left.session_id[:8]
    assert left.session_id not in ceo.server.log_text()


def test_05_revocation_survives_a_power_cut(ceo):
    left, stays = another(ceo), another(ceo)
    assert left.logout().status == 204
    ceo.server.kill()
    ceo.server.restart()
    assert left.twin().me().brief == (401, 1002)
    assert stays.twin().me().status == 200


@pytest.mark.parametrize(
    "sent, kept", [("x" * 5000, "x" * 512), ("", ""), (None, "")]
)
def test_07_user_agent_is_cut(ceo, sent, kept):
    client = Client(ceo.server)
    body = {"username": USERNAME, "password": PASSWORD}
    headers = {} if sent is None else {"User-Agent": sent}
    made = client.post("auth/login", body, **headers).data
    [session] = [
        s for s in sessions(ceo) if s["session_id"] == made["session_id"]
    ]
    assert session["user_agent"] == kept


def test_10_revoked_session_is_not_listed(ceo):
    other = another(ceo)
    assert other.session_id in ids(ceo)
    assert other.logout().status == 204
    assert ids(ceo) == [ceo.session_id]


@pytest.mark.parametrize("scope", ["ALL", "", "mine"])
def test_11_unknown_scope(reader, scope):
    answer = reader.get(f"auth/sessions?scope={scope}")
    assert answer.brief == (422, 2000)
    assert "own, all" in answer.json["error_detail"]["detail"]


@pytest.mark.parametrize(
    "query, applied", [("", "own"), ("?scope=own", "own"), ("?scope=all", "all")]
)
def test_ceo_is_told_the_scope_applied(ceo, query, applied):
    """The CEO's part of 12."""
    answer = ceo.get(f"auth/sessions{query}")
    assert answer.headers["X-Scope-Applied"] == applied
    assert [s["session_id"] for s in answer.data] == [ceo.session_id]


def test_unknown_session_is_not_found(reader):
    """Part of 13: what is unknown looks the same, whatever it is."""
    bodies = []
    for _ in range(2):
        answer = reader.delete(f"auth/sessions/{secrets.token_hex(16)}")
        assert answer.brief == (404, 3000)
        body = answer.json
        body["error_detail"].pop("instance")
        bodies.append(body)
    assert bodies[0] == bodies[1]
    assert reader.me().status == 200


def test_15_revoked_twice_is_one_event(ceo):
    other = another(ceo)
    path = f"auth/sessions/{other.session_id}"
    assert [ceo.delete(path).status for _ in range(2)] == [204, 204]
    assert other.me().brief == (401, 1002)

    # What is logged after it tells that nothing else was logged before.
    assert ceo.logout().status == 204
    ceo.server.wait_event("api.session.force_logout")
    assert len(ceo.server.events("api.session.revoked")) == 1


def test_16_revoking_the_session_in_use(ceo):
    answer = ceo.delete(f"auth/sessions/{ceo.session_id}")
    assert (answer.status, answer.body) == (204, b"")
    assert ceo.me().brief == (401, 1002)


def test_24_nobody_gets_nowhere(ceo):
    nobody = Client(ceo.server)
    asked = [
        nobody.get("auth/sessions"),
        nobody.delete(f"auth/sessions/{ceo.session_id}"),
        nobody.logout(),
    ]
    assert [answer.brief for answer in asked] == [(401, 1000)] * 3
    events = ceo.server.wait_event("api.auth.failed", count=3)
    assert {e["level"] for e in events} == {"warn"}
    assert len({e["reason"] for e in events}) == 3
    assert ceo.me().status == 200


@pytest.mark.parametrize("method, path", PROTECTED)
def test_protected_without_a_token(reader, method, path):
    body = {} if method == "POST" else None
    answer = Client(reader.server).request(method, path, body)
    assert answer.brief == (401, 1000)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_26_revoked_as_a_problem(ceo):
    assert ceo.logout().status == 204
    answer = ceo.get("auth/me", Accept="application/problem+json")
    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == 401
    assert problem["error_code"] == 1002
    assert problem["error_category"] == "auth"
    assert problem["retryable"] is False
    assert problem["type"].endswith("#auth")
    plain = ceo.get("auth/me")
    assert plain.headers["Content-Type"].startswith("application/json")
    envelope = plain.json
    assert envelope["success"] is False and envelope["data"] is None
    assert envelope["error"] == problem["detail"]
    assert envelope["error_detail"]["error_code"] == 1002
    assert envelope["error_detail"]["error_category"] == "auth"


def test_setup_is_for_the_first_only(reader):
    assert Client(reader.server).setup().brief == (409, 4000)


@pytest.mark.parametrize(
    "body",
    [
        {"username": USERNAME, "password": "short"},
        {"username": USERNAME, "password": "p" * 129},
        {"username": "  ", "password": PASSWORD},
        {"username": "u" * 129, "password": PASSWORD},
        {"username": USERNAME},
        {"password": PASSWORD},
        {},
    ],
)
def test_setup_with_bad_fields(server, body):
    client = Client(server)
    assert client.post("auth/setup", body).brief == (422, 2000)
    assert client.setup().status == 201


def test_wrong_name_and_wrong_password_look_the_same(ceo):
    answers = []
    for name, password in (
        (USERNAME, "wrong " * 3),
        ("nobody", PASSWORD),
        ("system", PASSWORD),
    ):
        body = {"username": name, "password": password}
        answer = Client(ceo.server).post("auth/login", body)
        assert answer.brief == (401, 1000)
        told = answer.json
        told["error_detail"].pop("instance")
        answers.append(told)
    assert answers[0] == answers[1] == answers[2]


def test_no_secret_is_logged(ceo):
    other = another(ceo)
    ticket = other.ticket()
    body = {"username": USERNAME, "password": "a wrong password"}
    assert Client(ceo.server).post("auth/login", body).status == 401
    assert other.logout().status == 204
    ceo.server.wait_event("api.session.force_logout")
    text = ceo.server.log_text()
    for secret in (PASSWORD, body["password"], ticket, other.token):
        assert secret not in text


def test_oldest_session_makes_room(start):
    server = start(api__auth__max_concurrent_sessions=2)
    first = Client(server)
    assert first.setup().status == 201
    second, third = another(first), another(first)
    assert first.me().brief == (401, 1002)
    assert ids(third) == [third.session_id, second.session_id]
