"""Several accounts: roles, passwords, API keys, sessions of others, audit.

The numbers are those of the scenarios of sessions.md; D-nn and LD-nn those of
its tables of defects.  docs/SCENARIOS.md says which test shows which.
"""

import concurrent.futures
import json
import os
import re
import subprocess

import pytest

import client
from client import PASSWORD, USERNAME, Client, Gone, Socket, claims, wait_for
from people import (
    FORBIDDEN,
    OTHER,
    SESSION_REVOKED,
    UNAUTHORIZED,
    WRONG,
    Person,
    audit,
    hire,
    make_key,
    patch,
    session_ids,
    without_instance,
)
from server import TROUPE
from test_hub import publish

# Each costs a tenth of a second of a processor, by design; 200 is the number
# of scenario 18, and of the same race in registry_revoke_test.c.
RACING_LOGINS = int(os.environ.get("TROUPE_RACING_LOGINS", "24"))
LOADED_S = 600  # for an answer, on a machine that is busy with other things

# ---- accounts ----


def test_account_is_made_read_listed_and_changed(ceo):
    bob = hire(ceo, "bob", "manager", login=False)
    made = ceo.get(f"users/{bob.id}").data
    assert made["username"] == "bob" and made["role"] == "manager"
    assert made["disabled"] is False
    assert set(made) == {
        "id", "username", "role", "disabled", "must_change_password",
        "created_at", "updated_at",
    }
    listed = ceo.get("users").data["users"]
    assert {u["username"] for u in listed} == {USERNAME, "bob"}
    assert [u["id"] for u in listed] == sorted(u["id"] for u in listed)
    assert ceo.get("users?username=bob").data["users"] == [made]
    assert ceo.get("users?username=eve").data["users"] == []
    page = ceo.get("users?limit=1").data
    rest = ceo.get(f"users?limit=1&cursor={page['next']}").data
    assert {page["users"][0]["id"], rest["users"][0]["id"]} == {
        u["id"] for u in listed
    }
    assert rest["next"] is None
    changed = patch(ceo, f"users/{bob.id}", {"role": "observer"}).data
    assert changed["role"] == "observer"
    assert changed["updated_at"] > made["updated_at"]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"username": " "}, "username"),
        ({"username": " bob"}, "space"),
        ({"username": "b\u0007b"}, "control"),
        ({"username": "bob\u200b"}, "cannot be seen"),
        ({"username": "\u202ebob"}, "cannot be seen"),
        ({"password": "short"}, "12 characters"),
        ({"username": "abcdefghijkl", "password": "ABCDEFGHIJKL"}, "user name"),
        ({"role": "system"}, "role"),
        ({"role": "king"}, "role"),
        ({"surplus": 1}, "surplus"),
        ({"username": "x" * 129}, "username"),
        ({"password": "x" * 129}, "password"),
    ],
)
def test_bad_accounts_are_refused(reader, change, said):
    body = {"username": "bob", "role": "observer", "password": PASSWORD}
    answer = reader.post("users", {**body, **change})
    assert answer.brief == (422, 2000)
    assert said in answer.json["error"]
    assert len(reader.get("users").data["users"]) == 1


def test_names_are_taken_once_and_one_is_reserved(ceo):
    hire(ceo, "bob", login=False)
    body = {"username": "bob", "role": "observer", "password": PASSWORD}
    assert ceo.post("users", body).brief == (409, 4001)
    for name in ("system", "SYSTEM"):
        answer = ceo.post("users", {**body, "username": name})
        assert answer.brief == (409, 4000)


@pytest.mark.parametrize("who", ["0" * 32, "nobody", "%20"])
def test_unknown_accounts_are_not_found(reader, who):
    assert reader.get(f"users/{who}").brief == (404, 3000)
    assert patch(reader, f"users/{who}", {"disabled": True}).status == 404
    assert reader.delete(f"users/{who}").status == 404
    answer = reader.post(f"users/{who}/password", {"password": OTHER})
    assert answer.status == 404


def test_accounts_are_for_the_ceo(ceo):
    manager = hire(ceo, "max", "manager")
    bob = hire(ceo, "bob")
    for person in (manager, bob):
        for answer in (
            person.get("users"),
            person.get(f"users/{bob.id}"),
            person.post(
                "users",
                {"username": "x", "role": "ceo", "password": PASSWORD},
            ),
            patch(person, f"users/{bob.id}", {"role": "ceo"}),
            person.delete(f"users/{bob.id}"),
            person.post(f"users/{bob.id}/password", {"password": OTHER}),
            person.get("audit"),
        ):
            assert answer.brief == FORBIDDEN
    assert bob.me().data["role"] == "observer"


def test_the_last_ceo_stays(ceo):
    me = ceo.me().data["id"]
    for answer in (
        patch(ceo, f"users/{me}", {"role": "manager"}),
        patch(ceo, f"users/{me}", {"disabled": True}),
        ceo.delete(f"users/{me}"),
    ):
        assert answer.brief == (409, 4010)
    eve = hire(ceo, "eve", "ceo")
    assert patch(ceo, f"users/{eve.id}", {"disabled": True}).status == 200
    assert ceo.delete(f"users/{me}").brief == (409, 4010)
    assert patch(ceo, f"users/{eve.id}", {"disabled": False}).status == 200
    assert patch(ceo, f"users/{me}", {"role": "observer"}).status == 200
    assert ceo.me().data["role"] == "observer"
    assert audit(eve.again(), action="user.change", result="refused")


def test_two_ceos_cannot_take_the_role_from_each_other(ceo):
    """In the store's transaction, whoever asks first."""
    me = ceo.me().data["id"]
    eve = hire(ceo, "eve", "ceo")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda pair: patch(*pair, {"role": "observer"}),
                [(ceo, f"users/{eve.id}"), (eve, f"users/{me}")],
            )
        )
    codes = sorted(a.status for a in answers)
    assert codes[0] == 200 and codes[1] in (403, 409)


def test_a_role_counts_at_once(ceo):
    """The account's role now, not the token's: SEC-17."""
    bob = hire(ceo, "bob", "manager")
    assert claims(bob.token)["role"] == "manager"
    assert bob.create_task("one").status == 201
    assert patch(ceo, f"users/{bob.id}", {"role": "observer"}).status == 200
    assert bob.create_task("two").brief == FORBIDDEN
    assert bob.me().data["role"] == "observer"
    assert patch(ceo, f"users/{bob.id}", {"role": "ceo"}).status == 200
    assert bob.get("users").status == 200


def test_a_disabled_account_is_out(ceo):
    bob = hire(ceo, "bob")
    live = bob.socket()
    assert patch(ceo, f"users/{bob.id}", {"disabled": True}).status == 200
    assert bob.me().status == 401
    assert live.wait_closed()[0] == 4003
    assert bob.twin().login().brief == UNAUTHORIZED
    assert patch(ceo, f"users/{bob.id}", {"disabled": False}).status == 200
    assert bob.me().brief == SESSION_REVOKED
    assert bob.twin().login().status == 200


def test_25_tokens_of_a_deleted_account(ceo):
    """Also LD-9: what was revoked stays so without its user."""
    bob = hire(ceo, "bob")
    revoked, left = bob.again(), bob.again()
    assert revoked.logout().status == 204
    assert ceo.delete(f"users/{bob.id}").status == 204
    assert revoked.me().brief == SESSION_REVOKED
    assert left.me().brief == UNAUTHORIZED
    assert bob.twin().login().brief == UNAUTHORIZED
    assert ceo.get(f"users/{bob.id}").status == 404
    assert ceo.delete(f"users/{bob.id}").status == 404
    ceo.server.kill()
    ceo.server.restart()
    for person in (ceo, revoked, left):
        person.disconnect()
    assert revoked.me().brief == SESSION_REVOKED
    assert left.me().brief == UNAUTHORIZED
    assert hire(ceo, "bob").id != bob.id


# ---- passwords ----


def test_28_changing_the_password(ceo):
    bob = hire(ceo, "bob")
    first, second = bob.again(), bob.again()
    live = second.socket()
    answer = first.post(
        "auth/change-password",
        {"current_password": PASSWORD, "new_password": OTHER},
    )
    fresh = Client(ceo.server, answer.data["token"])
    assert first.me().brief == SESSION_REVOKED
    assert second.me().brief == UNAUTHORIZED
    assert fresh.me().status == 200
    assert session_ids(fresh) == [answer.data["session_id"]]
    assert live.wait_closed()[0] == 4003
    assert bob.twin().login().brief == UNAUTHORIZED
    bob.password = OTHER
    assert bob.twin().enter(
        "auth/login", username="bob", password=OTHER
    ).status == 200


@pytest.mark.parametrize(
    "current, new, brief",
    [
        (WRONG, OTHER, UNAUTHORIZED),
        (PASSWORD, "short", (422, 2000)),
        (PASSWORD, PASSWORD, (422, 2000)),
        (PASSWORD, None, (422, 2000)),
    ],
)
def test_a_password_that_does_not_change(ceo, current, new, brief):
    body = {"current_password": current, "new_password": new}
    assert ceo.post("auth/change-password", body).brief == brief
    assert ceo.me().status == 200
    assert Person(ceo.server).login().status == 200


def test_guesses_of_the_current_password_are_counted(start):
    server = start(
        api__auth__lockout_threshold=3, api__auth__tries_per_minute=0
    )
    ceo = Client(server)
    assert ceo.setup().status == 201
    body = {"current_password": WRONG, "new_password": OTHER}
    for _ in range(3):
        assert ceo.post("auth/change-password", body).brief == UNAUTHORIZED
    body["current_password"] = PASSWORD
    answer = ceo.post("auth/change-password", body)
    assert answer.brief == (429, 1003)
    assert int(answer.headers["Retry-After"]) > 0
    assert Person(server).login().status == 200, "the door is another"


def test_a_new_account_changes_its_password_first(ceo):
    body = {"username": "bob", "role": "manager", "password": PASSWORD}
    assert ceo.post("users", body).data["must_change_password"] is True
    bob = Person(ceo.server)
    bob.name = "bob"
    assert bob.login().data["must_change_password"] is True
    assert bob.get("tasks").brief == (403, 1004)
    assert bob.get("auth/sessions").brief == (403, 1004)
    assert bob.me().data["must_change_password"] is True
    changed = bob.post(
        "auth/change-password",
        {"current_password": PASSWORD, "new_password": OTHER},
    )
    assert changed.data["must_change_password"] is False
    bob.token = changed.data["token"]
    assert bob.get("tasks").status == 200


def test_a_reset_password_kills_every_token(ceo):
    bob = hire(ceo, "bob")
    answer = ceo.post(f"users/{bob.id}/password", {"password": OTHER})
    assert answer.status == 204 and answer.body == b""
    assert bob.me().brief == UNAUTHORIZED
    assert bob.twin().login().brief == UNAUTHORIZED
    bob.password = OTHER
    assert bob.login().data["must_change_password"] is True
    assert ceo.me().status == 200


@pytest.mark.parametrize(
    "password, said",
    [
        ("supernatural", "common"),
        ("Password2026!", "common"),
        ("dragondragon", "common"),
        ("troupe-bobby1", "known here"),
        ("acme Troupe 1", "known here"),
    ],
)
def test_passwords_that_are_guessed_first(start, password, said):
    """ASVS 6.2.4, 6.2.11: wherever a password is chosen."""
    server = start(api__auth__password_words="acme,initech")
    ceo = Client(server)
    first = {"username": "bobby", "password": password}
    answer = ceo.post("auth/setup", first)
    assert answer.brief == (422, 2000) and said in answer.json["error"]
    assert ceo.setup().status == 201
    bobby = hire(ceo, "bobby")
    for answer in (
        ceo.post("users", {**first, "username": "bobby2", "role": "observer"}),
        ceo.post(f"users/{bobby.id}/password", {"password": password}),
        bobby.post(
            "auth/change-password",
            {"current_password": PASSWORD, "new_password": password},
        ),
    ):
        assert answer.brief == (422, 2000) and said in answer.json["error"]
    assert bobby.me().status == 200


def test_a_list_that_is_not_there_is_told(start):
    """The others count; without any, what is known by itself."""
    server = start(api__auth__password_lists="/nowhere/words")
    ceo = Client(server)
    told = server.wait_event("api.auth.password_list_missing")[0]
    assert told["path"] == "/nowhere/words"
    body = {"username": "ada", "password": "troupetroupe"}
    assert ceo.post("auth/setup", body).brief == (422, 2000)
    assert ceo.setup().status == 201


@pytest.mark.parametrize(
    "password",
    [
        "x y" * 21 + " longer than all",
        "k" + "é" * 60,
        "only letters here",
        "8259 1073 6648",
        " with blanks around ",
        "Ünï çødé ßtays äs ïs",
    ],
)
def test_any_password_is_taken_as_it_is(ceo, password):
    """ASVS 6.2.5, 6.2.8, 6.2.9: to the byte, of any kind, long ones too."""
    bob = hire(ceo, "bob", password=password)
    for other in (password[:-1], password + " ", password.swapcase()):
        if other != password:
            body = {"username": "bob", "password": other}
            assert ceo.twin().post("auth/login", body).status in (401, 422)
    assert bob.again().me().status == 200


# ---- tries ----


def test_an_address_may_try_so_often(start):
    server = start(api__auth__tries_per_minute=3)
    assert Client(server).setup().status == 201
    guesser = Person(server)
    guesser.name = "nobody"
    for _ in range(3):
        assert guesser.login().brief == UNAUTHORIZED
    known = Person(server)
    known.source = guesser.source
    for person in (guesser, known):
        answer = person.login()
        assert answer.brief == (429, 5000)
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert Person(server).login().status == 200, "another address"


def test_known_and_unknown_names_are_told_apart_by_nothing(start):
    """Unknown, disabled, the machine, a wrong password; then the lock."""
    server = start(
        api__auth__lockout_threshold=2, api__auth__tries_per_minute=0
    )
    ceo = Client(server)
    ceo.setup()
    gone = hire(ceo, "gone", login=False)
    patch(ceo, f"users/{gone.id}", {"disabled": True})
    told = []
    for name in ("nobody", "gone", "system", USERNAME):
        guesser = Person(server)
        guesser.name, guesser.password = name, WRONG
        told.append([without_instance(guesser.login()) for _ in range(2)])
        locked = guesser.login()
        assert locked.brief == (429, 1003)
        told[-1].append(locked.json["error"])
    assert all(one == told[0] for one in told)


def test_a_log_in_amid_a_disabling_makes_no_session(start):
    """Whoever was let in just before is out; whoever comes after is not let in."""
    server = start(api__auth__max_concurrent_sessions=0)
    ceo = Client(server)
    ceo.setup()
    bob = hire(ceo, "bob", login=False)
    people = [Person(server) for _ in range(8)]
    for person in people:
        person.name = "bob"
    with concurrent.futures.ThreadPoolExecutor(len(people)) as pool:
        going = [pool.submit(person.login) for person in people]
        server.wait_event("api.session.created", user_id=bob.id)
        assert patch(ceo, f"users/{bob.id}", {"disabled": True}).status == 200
        statuses = [one.result().status for one in going]
    assert set(statuses) == {200, 401}
    assert patch(ceo, f"users/{bob.id}", {"disabled": False}).status == 200
    for person, status in zip(people, statuses):
        if status == 200:
            assert person.me().brief == SESSION_REVOKED
    everybody = ceo.get("auth/sessions?scope=all").data
    assert bob.id not in {session["user_id"] for session in everybody}


def test_a_stranger_cannot_lock_a_user_out(start):
    """Who logged in from an address lately is counted by himself there."""
    server = start(
        api__auth__lockout_threshold=3, api__auth__tries_per_minute=0
    )
    ceo = Person(server)
    ceo.setup()
    assert ceo.login().status == 200
    stranger = Person(server)
    stranger.password = WRONG
    for _ in range(3):
        assert stranger.login().brief == UNAUTHORIZED
    assert stranger.login().brief == (429, 1003)
    elsewhere = Person(server)
    assert elsewhere.login().brief == (429, 1003)
    assert ceo.login().status == 200
    ceo.password = WRONG
    for _ in range(3):
        assert ceo.login().brief == UNAUTHORIZED
    ceo.password = PASSWORD
    assert ceo.login().brief == (429, 1003), "and is locked by himself"


def test_no_name_is_the_count_of_somebody_else(start):
    """Neither a name and its address, nor guesses of a current password."""
    server = start(
        api__auth__lockout_threshold=3, api__auth__tries_per_minute=0
    )
    ceo = Person(server)
    ceo.setup()
    assert ceo.login().status == 200
    me = ceo.me().data["id"]
    stranger = Person(server)
    stranger.password = WRONG
    for name in (
        f"{USERNAME}\u0001{ceo.source}",
        f"at:{ceo.source} {USERNAME}",
        f"name:{USERNAME}",
        f"own:{me}",
    ):
        stranger.name = name
        for _ in range(3):
            assert stranger.login().brief == UNAUTHORIZED
        assert stranger.login().brief == (429, 1003)
    assert ceo.login().status == 200
    body = {"current_password": PASSWORD, "new_password": OTHER}
    assert ceo.post("auth/change-password", body).status == 200


# ---- API keys ----


def test_23_an_api_key_is_a_credential(start):
    """Also D-20, D-21: logging out with a key revokes nothing."""
    ceo = Client(start(runtime__log_level="debug"))
    ceo.setup()
    made = make_key(ceo, scope="write")
    assert re.fullmatch("trk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", made["key"])
    robot = Client(ceo.server, made["key"])
    assert robot.me().data["username"] == USERNAME
    assert robot.create_task("built").status == 201
    answer = robot.logout()
    assert answer.status == 204 and answer.body == b""
    [told] = ceo.server.wait_event("api.auth.logout_without_session")
    assert told["level"] == "debug"
    assert told["user_id"] == ceo.me().data["id"]
    assert robot.me().status == 200
    [listed] = ceo.get("auth/api-keys").data
    assert listed["id"] == made["api_key"]["id"]
    assert listed["name"] == "ci" and listed["scope"] == "write"
    assert "key" not in listed and "digest" not in listed
    assert robot.get("auth/sessions").status == 200


def test_a_key_that_may_only_read(ceo):
    robot = Client(ceo.server, make_key(ceo)["key"])
    assert robot.get("tasks").status == 200
    assert robot.get("users").status == 200
    assert robot.create_task("no").brief == FORBIDDEN
    assert robot.logout().status == 204
    one = robot.get("settings/api/ticket_cleanup_interval_seconds")
    assert one.status == 200
    answer = robot.put(
        "settings/api/ticket_cleanup_interval_seconds", {"value": "60"}
    )
    assert answer.brief == FORBIDDEN


def test_64_a_key_makes_no_credentials(ceo):
    robot = Client(ceo.server, make_key(ceo, scope="write")["key"])
    me = ceo.me().data["id"]
    assert robot.post("auth/ws-ticket").status == 401
    new = {"username": "x", "role": "ceo", "password": PASSWORD}
    passwords = {"current_password": PASSWORD, "new_password": OTHER}
    for answer in (
        robot.post("auth/api-keys", {"name": "more"}),
        robot.post("users", new),
        robot.post(f"users/{me}/password", {"password": OTHER}),
        robot.post("auth/change-password", passwords),
        patch(robot, f"users/{me}", {"disabled": True}),
    ):
        assert answer.brief == FORBIDDEN
    assert len(ceo.get("auth/api-keys").data) == 1


def test_a_key_has_the_rights_of_its_user_now(ceo):
    bob = hire(ceo, "bob", "manager")
    robot = Client(ceo.server, make_key(bob, scope="write")["key"])
    assert robot.create_task("one").status == 201
    patch(ceo, f"users/{bob.id}", {"role": "observer"})
    assert robot.create_task("two").brief == FORBIDDEN
    patch(ceo, f"users/{bob.id}", {"disabled": True})
    assert robot.me().brief == UNAUTHORIZED
    patch(ceo, f"users/{bob.id}", {"disabled": False})
    assert robot.me().status == 200, "a key is no session"
    assert ceo.delete(f"users/{bob.id}").status == 204
    assert robot.me().brief == UNAUTHORIZED


def test_a_revoked_key_is_refused_everywhere_and_for_good(ceo):
    made = make_key(ceo)
    kept = make_key(ceo, "kept")
    robot = Client(ceo.server, made["key"])
    assert robot.me().status == 200
    path = f"auth/api-keys/{made['api_key']['id']}"
    assert ceo.delete(path).status == 204
    assert robot.me().brief == UNAUTHORIZED
    assert ceo.delete(path).brief == (404, 3000)
    ceo.server.kill()
    ceo.server.restart()
    assert Client(ceo.server, made["key"]).me().brief == UNAUTHORIZED
    assert Client(ceo.server, kept["key"]).me().status == 200


def test_keys_of_others(ceo):
    bob, eve = hire(ceo, "bob"), hire(ceo, "eve")
    made = make_key(bob)
    path = f"auth/api-keys/{made['api_key']['id']}"
    unknown = f"auth/api-keys/{'0' * 32}"
    assert eve.get(f"auth/api-keys?user_id={bob.id}").data == []
    assert without_instance(eve.delete(path)) == without_instance(
        eve.delete(unknown)
    )
    assert len(ceo.get(f"auth/api-keys?user_id={bob.id}").data) == 1
    assert ceo.delete(path).status == 204


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key.upper(),
        lambda key: "trk_" + "0" * 32 + key[36:],
        lambda key: key.replace("trk_", "trq_"),
        lambda key: "trk_",
        lambda key: "%",
    ],
)
def test_what_is_no_key_lets_nobody_in(reader, spoil):
    made = make_key(reader)
    answer = Client(reader.server, spoil(made["key"])).me()
    assert answer.brief == UNAUTHORIZED
    reader.delete(f"auth/api-keys/{made['api_key']['id']}")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": " "},
        {"name": "x" * 129},
        {"name": "x", "scope": "all"},
        {"name": "x", "expires_at": "2001-01-01T00:00:00+00:00"},
        {"name": "x", "expires_at": "soon"},
    ],
)
def test_keys_that_are_not_made(reader, body):
    assert reader.post("auth/api-keys", body).status == 422
    assert reader.get("auth/api-keys").data == []


def test_a_user_has_so_many_keys(ceo):
    for n in range(20):
        make_key(ceo, f"n{n}")
    answer = ceo.post("auth/api-keys", {"name": "one more"})
    assert answer.brief == (409, 4011)
    assert len(ceo.get("auth/api-keys").data) == 20


def test_last_use_of_a_key_is_noted(start):
    ceo = Client(start(api__session_touch_interval_seconds=1))
    ceo.setup()
    made = make_key(ceo)
    assert ceo.get("auth/api-keys").data[0]["last_used_at"] is None
    robot = Client(ceo.server, made["key"])

    def used():
        robot.me()
        return ceo.get("auth/api-keys").data[0]["last_used_at"]

    assert wait_for(used)


# ---- sessions of several ----


def test_12_scope_all_is_for_the_ceo(ceo):
    """Also D-26, D-27."""
    bob = hire(ceo, "bob")
    own = bob.get("auth/sessions?scope=all")
    assert own.headers["X-Scope-Applied"] == "own"
    assert {s["user_id"] for s in own.data} == {bob.id}
    all_of_them = ceo.get("auth/sessions?scope=all")
    assert all_of_them.headers["X-Scope-Applied"] == "all"
    assert {s["username"] for s in all_of_them.data} == {USERNAME, "bob"}


def test_13_foreign_and_unknown_sessions_are_one(ceo):
    """Also D-23, D-24, D-39, SEC-4, SEC-6."""
    bob, eve = hire(ceo, "bob"), hire(ceo, "eve")
    foreign = eve.delete(f"auth/sessions/{bob.session_id}")
    unknown = eve.delete(f"auth/sessions/{'1' * 32}")
    assert foreign.status == 404
    assert without_instance(foreign) == without_instance(unknown)
    skip = {"Date", "X-Request-Id", "traceparent"}
    assert {k: v for k, v in foreign.headers.items() if k not in skip} == {
        k: v for k, v in unknown.headers.items() if k not in skip
    }
    assert bob.me().status == 200

    # What is logged after both tells that nothing else was logged before.
    assert eve.logout().status == 204
    ceo.server.wait_event("api.session.force_logout")
    told = ceo.server.events("api.auth.failed", reason="session_not_owned")
    assert len(told) == 1 and told[0]["level"] == "warn"
    assert told[0]["user_id"] == eve.id
    assert told[0]["session"] == bob.session_id[:8]
    assert not any(bob.session_id in line for line in ceo.server.lines.log)


def test_14_only_a_ceo_revokes_for_others(ceo):
    manager, bob = hire(ceo, "max", "manager"), hire(ceo, "bob")
    path = f"auth/sessions/{bob.session_id}"
    assert manager.delete(path).brief == (404, 3000)
    assert bob.me().status == 200
    assert ceo.delete(path).status == 204
    assert bob.me().brief == SESSION_REVOKED


def test_17_all_sessions_of_a_user(ceo):
    """Three active, one revoked before; the other users' are untouched."""
    bob, eve = hire(ceo, "bob"), hire(ceo, "eve")
    more = [bob.again() for _ in range(3)]
    assert more[0].logout().status == 204
    path = f"users/{bob.id}/sessions"
    assert eve.delete(path).brief == FORBIDDEN
    live = more[1].socket()
    assert ceo.delete(path).data == {"revoked": 3}
    for one in (bob, *more):
        assert one.me().brief == SESSION_REVOKED
    assert live.wait_closed()[0] == 4003
    assert eve.me().status == 200
    assert ceo.delete(path).data == {"revoked": 0}
    assert ceo.delete("users/nobody/sessions").status == 404


def test_17_one_revokes_all_of_ones_own(ceo):
    bob = hire(ceo, "bob")
    other = bob.again()
    assert bob.delete("auth/sessions").data == {"revoked": 2}
    assert bob.me().brief == other.me().brief == SESSION_REVOKED
    assert ceo.me().status == 200


def test_18_logins_racing_with_revoking_all(start, monkeypatch):
    """However long a log-in has to wait for a processor: else it is 504."""
    monkeypatch.setattr(client, "ANSWER_S", LOADED_S)
    server = start(
        api__auth__tries_per_minute=0,
        api__auth__max_concurrent_sessions=0,
        api__server__request_timeout_ms=LOADED_S * 1000,
    )
    ceo = Client(server)
    ceo.setup()
    bob = hire(ceo, "bob")
    people = [Person(server) for _ in range(RACING_LOGINS)]
    for one in people:
        one.name = "bob"

    def revoke(_):
        return ceo.twin().delete(f"users/{bob.id}/sessions").status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        logins = [pool.submit(one.login) for one in people]
        revokes = list(pool.map(revoke, range(6)))
        assert {login.result().status for login in logins} == {200}
    assert set(revokes) == {200}
    fresh = bob.again()
    listed = set(session_ids(fresh)) - {fresh.session_id}
    works = set()
    for one in people:
        one.disconnect()  # a connection may have been idle for too long
        answer = one.me()
        assert answer.status == 200 or answer.brief == SESSION_REVOKED
        if answer.status == 200:
            works.add(one.session_id)
    assert works == listed


def test_27_the_oldest_makes_room(start):
    ceo = Client(start(api__auth__max_concurrent_sessions=2))
    ceo.setup()
    bob = hire(ceo, "bob")
    second, third = bob.again(), bob.again()
    assert bob.me().brief == SESSION_REVOKED
    assert session_ids(third) == [third.session_id, second.session_id]


def test_sessions_are_listed_page_by_page(ceo):
    """LD-12: newest first, each once, nothing left out."""
    bob = hire(ceo, "bob")
    people = [bob, *(bob.again() for _ in range(4))]
    expected = [one.session_id for one in reversed(people)]
    found, cursor = [], ""
    while cursor is not None:
        answer = bob.get(f"auth/sessions?limit=2{cursor}")
        assert len(answer.data) <= 2
        found += [s["session_id"] for s in answer.data]
        next_one = answer.headers.get("X-Next-Cursor")
        cursor = f"&cursor={next_one}" if next_one else None
    assert found == expected
    for bad in ("x", "1:", ":" + "0" * 32, "1:zz"):
        answer = bob.get(f"auth/sessions?cursor={bad}")
        assert answer.brief == (422, 2000)


def test_last_activity_is_noted(start):
    """D-36: it moves, once in a while."""
    server = start(
        api__auth__session_idle_minutes=1,
        api__session_touch_interval_seconds=1,
        api__ticket_cleanup_interval_seconds=5,
    )
    ceo = Client(server)
    ceo.setup()
    first = ceo.get("auth/sessions").data[0]
    assert first["last_active_at"] == first["created_at"]

    def moved():
        now = ceo.get("auth/sessions").data[0]
        return now["last_active_at"] > now["created_at"]

    assert wait_for(moved)


# ---- sockets: what the second account shows ----


def test_47_a_private_channel_is_its_owners_alone(ceo):
    """Also 46, 50, D-45, SEC-5, SEC-9: not even a ceo, and nobody learns why."""
    bob = hire(ceo, "bob")
    live = bob.socket()
    known, unknown = f"user:{ceo.me().data['id']}", f"user:{'9' * 32}"
    told = [
        live.ask({"action": "subscribe", "channels": [name]})
        for name in (known, unknown)
    ]
    assert told[0] == told[1]
    assert told[0]["channels"] == [f"user:{bob.id}"]
    ack = live.ask(
        {
            "action": "subscribe",
            "channels": ["tasks", known, "budget", "nonsense"],
        }
    )
    assert ack["channels"] == ["tasks", f"user:{bob.id}"]
    over = ceo.socket().ask(
        {"action": "subscribe", "channels": [f"user:{bob.id}"]}
    )
    assert f"user:{bob.id}" not in over["channels"]
    denied = ceo.server.wait_event("api.ws.user_channel_denied")
    assert {e["channel"] for e in denied} == {"user:<redacted>"}
    assert known not in "\n".join(ceo.server.lines.log)


def test_48_the_budget_channel_by_role(ceo):
    """Accepted and delivered for the ceo and managers, for nobody else."""
    lives = {"ceo": (ceo.socket(), True)}
    for role, may in (
        ("manager", True),
        ("pair_programmer", False),
        ("board_member", False),
        ("observer", False),
    ):
        lives[role] = hire(ceo, role, role).socket(), may
    for live, may in lives.values():
        assert ("budget" in live.subscribe("budget", "tasks")["channels"]) is may
    for channel in ("budget", "tasks"):
        assert publish(ceo, channel).status == 201
    for role, (live, may) in lives.items():
        heard = [live.event()["channel"]]
        if may:
            heard.append(live.event()["channel"])
        assert heard == (["budget", "tasks"] if may else ["tasks"]), role


def test_48_a_demoted_role_hears_no_more(ceo):
    """LD-11: the role counts that the account has now."""
    max_ = hire(ceo, "max", "manager")
    live = max_.socket()
    assert "budget" in live.subscribe("budget", "tasks")["channels"]
    assert publish(ceo, "budget").status == 201
    assert live.event()["channel"] == "budget"
    assert patch(ceo, f"users/{max_.id}", {"role": "observer"}).status == 200
    for channel in ("budget", "tasks"):
        assert publish(ceo, channel).status == 201
    assert live.event()["channel"] == "tasks"


def test_63_a_revoked_session_takes_its_socket(ceo):
    """Also LD-2, LD-3: 4003 at once; a ticket of it is worth nothing."""
    bob = hire(ceo, "bob")
    other = bob.again()
    mine, others = bob.socket(), other.socket()
    ticket = bob.ticket()
    assert ceo.delete(f"auth/sessions/{bob.session_id}").status == 204
    assert mine.wait_closed()[0] == 4003
    late = Socket(ceo.server)
    with pytest.raises(Gone) as gone:
        late.authenticate(ticket)
    assert gone.value.code == 4001
    assert others.ask({"action": "ping"}) == {"action": "pong"}


# ---- the audit log ----


def doctor(server, *words):
    done = subprocess.run(
        [TROUPE, "doctor", "audit", "--json", "--data", server.data, *words],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout and json.loads(done.stdout)


@pytest.mark.parametrize("before", ["", "a"])
def test_a_long_name_is_audited_in_whole_characters(ceo, before):
    name = before + "é" * 60
    assert hire(ceo, name).me().data["username"] == name
    [entry] = ceo.get("audit?action=user.create").data["entries"]
    assert entry["detail"].startswith("username=" + before + "é" * 40)
    assert ("username=" + name).startswith(entry["detail"])


def test_who_did_what_is_written_down(ceo):
    me = ceo.me().data["id"]
    bob = hire(ceo, "bob", "manager")
    patch(ceo, f"users/{bob.id}", {"role": "observer"})
    bob.delete(f"auth/sessions/{ceo.session_id}")
    made = make_key(bob)
    bob.delete(f"auth/api-keys/{made['api_key']['id']}")
    guesser = Person(ceo.server)
    guesser.password = WRONG
    guesser.login()
    bob.logout()
    ceo.delete(f"users/{bob.id}")

    def told():
        entries = audit(ceo, limit=100)
        found = {(e["action"], e["result"]) for e in entries}
        return entries if len(found) >= 10 else None

    entries = wait_for(told)
    found = {
        (e["action"], e["user_id"], e["target"], e["result"]) for e in entries
    }
    key_id = made["api_key"]["id"]
    assert found >= {
        ("auth.setup", me, me, "ok"),
        ("auth.login", me, me, "ok"),
        ("user.create", me, bob.id, "ok"),
        ("auth.login", bob.id, bob.id, "ok"),
        ("user.change", me, bob.id, "ok"),
        ("session.revoke", bob.id, ceo.session_id[:8], "refused"),
        ("api_key.create", bob.id, key_id, "ok"),
        ("api_key.revoke", bob.id, key_id, "ok"),
        ("auth.login", "", USERNAME, "refused"),
        ("auth.logout", bob.id, bob.id, "ok"),
        ("user.delete", me, bob.id, "ok"),
    }
    change = next(e for e in entries if e["action"] == "user.change")
    assert change["address"] == ceo.source
    assert change["method"] == "jwt" and change["role"] == "ceo"
    assert change["session"] == ceo.session_id[:8]
    assert change["detail"] == "role=observer"
    assert [e["seq"] for e in entries] == list(range(len(entries), 0, -1))
    text = json.dumps(entries)
    for secret in (PASSWORD, WRONG, made["key"], bob.token, bob.session_id):
        assert secret not in text


def test_the_audit_log_is_filtered_and_paged(ceo):
    bob = hire(ceo, "bob")
    for role in ("manager", "observer", "manager"):
        patch(ceo, f"users/{bob.id}", {"role": role})
    assert len(audit(ceo, action="user.change")) == 3
    assert len(audit(ceo, action="user.")) == 4
    assert audit(ceo, action="user") == []
    assert {e["user_id"] for e in audit(ceo, user_id=bob.id)} == {bob.id}
    assert len(audit(ceo, target=bob.id, action="user.")) == 4
    assert audit(ceo, result="failed") == []
    assert audit(ceo, since="2100-01-01T00:00:00Z") == []
    page = ceo.get("audit?action=user.change&limit=2").data
    rest = ceo.get(
        f"audit?action=user.change&limit=2&cursor={page['next']}"
    ).data
    seqs = [e["seq"] for e in page["entries"] + rest["entries"]]
    assert len(seqs) == 3 and seqs == sorted(seqs, reverse=True)
    for bad in ("cursor=x", "cursor=0", "limit=0", "limit=101", "result=bad"):
        assert ceo.get(f"audit?{bad}").brief == (422, 2000)


def test_doctor_verifies_the_audit_log(ceo):
    hire(ceo, "bob")
    newest = audit(ceo)[0]
    anchor = f"{newest['seq']}:{newest['digest']}"
    assert doctor(ceo.server)[0] == 1, "a running program holds it"
    ceo.server.stop()
    code, told = doctor(ceo.server)
    assert code == 0 and told["whole"] is True
    assert told["last"] == newest["seq"] and told["head"] == newest["digest"]
    assert doctor(ceo.server, "--anchor", anchor)[0] == 0
    code, told = doctor(ceo.server, "--anchor", f"1:{newest['digest']}")
    assert code == 1 and told["broken"]["entry"] == 1
    ceo.server.restart()
    ceo.disconnect()
    assert ceo.me().status == 200


# ---- the command ----


def command(server, *words, said=""):
    done = subprocess.run(
        [TROUPE, "user", *words, "--data", server.data],
        input=said.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def test_a_command_manages_accounts(ceo):
    server = ceo.server
    code, told = command(
        server, "create", "bob", "--role", "manager", said=PASSWORD + "\n"
    )
    assert code == 0 and '"must_change_password":true' in told
    assert PASSWORD not in told
    assert command(server, "create", "bob", said=PASSWORD)[0] == 1
    assert command(server, "create", "eve", said="short")[0] == 1
    assert command(server, "create", "eve", said="")[0] == 1
    assert command(server, "create")[0] == 2
    assert '"username":"bob"' in command(server, "list")[1]
    assert command(server, "role", "bob", "observer")[0] == 0
    assert command(server, "role", "bob", "king")[0] == 1
    assert command(server, "disable", "bob")[0] == 0
    bob = ceo.get("users?username=bob").data["users"][0]
    assert bob["disabled"] is True and bob["role"] == "observer"
    assert command(server, "enable", "bob")[0] == 0
    assert command(server, "password", "bob", said=OTHER)[0] == 0
    assert command(server, "disable", USERNAME)[0] == 1, "the last ceo"
    assert command(server, "delete", "bob")[0] == 0
    code, told = command(server, "delete", "bob")
    assert code == 1 and "no user bob" in told
    made = audit(ceo, action="user.create", result="ok")
    assert made[0]["username"] == "system" and made[0]["method"] == "local"
