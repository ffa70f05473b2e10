"""The audit log of refusals, and the secrets that it must never hold.

Part 6 of issue 4: every refusal is found by a filter, what repeats is one
entry with a count, nobody can fill the log, and its chain verifies.
"""

import json
import os
import subprocess
import time
from urllib.parse import quote

import jwt
import pytest

from client import PASSWORD, USERNAME, Client, Gone, Socket, claims, wait_for
from people import OTHER, WRONG, Person, audit, hire, make_key, patch
from server import TROUPE
from test_accounts import doctor
from test_cookies import Browser

SECRET = "a secret of thirty-two bytes, or more"
WINDOW = {"api__audit__window_seconds": 1}
OPEN = {"api__auth__tries_per_minute": 0}


def found(ceo, count=1, **filters):
    """Entries that say so, once they have come; newest first."""

    def enough():
        entries = audit(ceo, limit=100, **filters)
        return entries if len(entries) >= count else None

    return wait_for(enough)


def details(ceo, action, count=1):
    entries = found(ceo, count, action=action, result="refused")
    return {e["detail"] for e in entries}


def test_a_clean_stop_loses_no_count(ceo):
    """The window of the first goes on for a minute; a stop ends it."""
    guesser = Client(ceo.server)
    for _ in range(5):
        assert guesser.enter("auth/login", password=WRONG).status == 401
    assert len(found(ceo, action="auth.login", result="refused")) == 1
    assert ceo.server.stop() == 0
    ceo.server.restart()
    ceo.disconnect()
    entries = found(ceo, 2, action="auth.login", result="refused")
    assert sum(e["times"] for e in entries) == 5


# ---- each refusal, by its filter ----


def test_what_a_role_may_not(ceo):
    bob = hire(ceo, "bob")
    assert bob.create_task("no").status == 403
    assert bob.get("audit").status == 403
    entries = found(ceo, 2, action="access.role")
    assert {e["target"] for e in entries} == {
        "POST /api/v1/tasks", "GET /api/v1/audit"}
    for e in entries:
        assert e["user_id"] == bob.id and e["username"] == "bob"
        assert e["role"] == "observer" and e["method"] == "jwt"
        assert e["session"] == bob.session_id[:8]
        assert e["result"] == "refused" and e["address"] == bob.source
    assert len(audit(ceo, action="access.role", user_id=bob.id)) == 2
    assert len(audit(ceo, action="access.", target="GET%20/api/v1/audit")) == 1


def test_what_a_key_may_not(ceo):
    robot = Client(ceo.server, make_key(ceo)["key"])
    assert robot.create_task("no").status == 403
    assert robot.post("auth/ws-ticket").status == 403
    [entry] = found(ceo, action="access.scope", target="POST%20/api/v1/tasks")
    assert entry["method"] == "api_key" and entry["username"] == USERNAME
    robot = Client(ceo.server, make_key(ceo, "w", scope="write")["key"])
    assert robot.post("auth/ws-ticket").status == 401
    [entry] = found(ceo, action="ticket.create", result="refused")
    assert entry["detail"] == "Unauthorized"
    assert robot.post("auth/api-keys", {"name": "x"}).status == 403
    assert details(ceo, "api_key.create") == {"api key"}


def test_each_key_of_an_owner_is_an_entry(ceo):
    """Whoever has stolen one of them is told from the owner, and by which."""
    made = [make_key(ceo, name, scope="read") for name in ("ci", "cd")]
    writers = [make_key(ceo, name, scope="write") for name in ("ca", "cb")]
    for _ in range(2):
        for key in made:
            robot = Client(ceo.server, key["key"])
            robot.source = ceo.source
            assert robot.create_task("no").status == 403
        for key in writers:
            robot = Client(ceo.server, key["key"])
            robot.source = ceo.source
            assert robot.post("auth/api-keys", {"name": "x"}).status == 403
    for action, keys in (("access.scope", made), ("api_key.create", writers)):
        entries = found(ceo, 2, action=action, result="refused")
        assert {e["session"] for e in entries} == {
            key["api_key"]["id"][:8] for key in keys}
    robot = Client(ceo.server, writers[0]["key"])
    path = "settings/api/ticket_cleanup_interval_seconds"
    assert robot.put(path, {"value": "61"}).status == 200
    [entry] = found(ceo, action="setting.put", result="ok")
    assert entry["session"] == writers[0]["api_key"]["id"][:8]
    assert entry["method"] == "api_key"


def test_a_password_that_must_be_changed_first(ceo):
    bob = hire(ceo, "bob", must_change_password=True)
    assert bob.get("tasks").brief == (403, 1004)
    [entry] = found(ceo, action="access.password")
    assert entry["user_id"] == bob.id
    assert entry["target"] == "GET /api/v1/tasks"


def test_credentials_that_let_nobody_in(ceo):
    bob = hire(ceo, "bob")
    gone = bob.again()
    assert gone.logout().status == 204
    key = make_key(bob)
    assert patch(ceo, f"users/{bob.id}", {"disabled": True}).status == 200
    for token in ("not.a.token", gone.token, "trk_of_nobody", None, key["key"]):
        assert Client(ceo.server, token).me().status == 401
    entries = found(ceo, 5, action="access.credential")
    assert {e["detail"] for e in entries} == {
        "invalid_token", "session_revoked", "invalid_key", "no_credential",
        "no_account"}
    assert {e["user_id"] for e in entries} == {""}
    revoked = next(e for e in entries if e["detail"] == "session_revoked")
    assert revoked["session"] == gone.session_id[:8]
    owned = next(e for e in entries if e["detail"] == "no_account")
    assert owned["session"] == key["api_key"]["id"][:8]


def test_pages_of_other_sites_and_bad_tickets(ceo):
    browser = Browser(ceo.server)
    assert browser.enter_by_cookie().status == 200
    browser.site = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("auth/ws-ticket").brief == (403, 1020)
    assert details(ceo, "access.site") == {"csrf_site"}
    with pytest.raises(Gone):
        Socket(ceo.server).authenticate("A" * 43)
    assert details(ceo, "access.ticket") == {"Invalid or expired ticket"}
    for _ in range(5):
        ceo.ticket()
    assert ceo.post("auth/ws-ticket").brief == (429, 5001)
    assert details(ceo, "ticket.create") == {"Too many pending tickets"}


def test_what_the_registry_refuses(start):
    server = start(api__auth__lockout_threshold=3, **OPEN)
    ceo = Person(server)
    ceo.setup()
    assert ceo.setup().status == 409
    assert details(ceo, "auth.setup") == {"An administrator exists already"}
    guesser = Person(server)
    guesser.password = WRONG
    for _ in range(3):
        assert guesser.login().status == 401
    assert guesser.login().brief == (429, 1003)
    assert details(ceo, "auth.login", 2) == {"invalid credentials", "locked"}
    me = ceo.me().data["id"]
    assert ceo.delete("auth/sessions/" + "1" * 32).status == 404
    assert details(ceo, "session.revoke") == {"session_unknown"}
    assert patch(ceo, f"users/{me}", {"role": "observer"}).status == 409
    assert ceo.post("users", {"username": "x", "role": "observer",
                              "password": "short"}).status == 422
    assert ceo.delete("auth/api-keys/" + "1" * 32).status == 404
    for action in ("user.change", "user.create", "api_key.revoke"):
        assert found(ceo, action=action, result="refused")


def test_too_many_tries_are_one_entry(start):
    ceo = Person(start(api__auth__tries_per_minute=2, **WINDOW))
    ceo.setup()
    guesser = Person(ceo.server)
    guesser.password = WRONG
    statuses = [guesser.login().status for _ in range(12)]
    assert statuses.count(429) >= 9

    def counted():
        entries = [e for e in audit(ceo, action="auth.login", limit=100)
                   if e["detail"] == "rate"]
        return entries if sum(e["times"] for e in entries) >= 9 else None

    assert len(wait_for(counted)) < 9, "counted, not one each"


def test_refreshes_and_sessions_that_end(start):
    ceo = Person(start(**OPEN))
    ceo.setup()
    bob = hire(ceo, "bob", login=False)

    def enter():
        one = Person(ceo.server)
        one.name = "bob"
        answer = one.enter("auth/login", refresh=True)
        one.refresh_token = answer.data["refresh_token"]
        return one

    first, second = enter(), enter()
    body = {"refresh_token": first.refresh_token}
    assert first.post("auth/refresh", body).status == 200
    [entry] = found(ceo, action="session.refresh", result="ok")
    assert entry["user_id"] == bob.id and entry["username"] == "bob"
    assert entry["method"] == "refresh" and entry["role"] == "observer"
    assert entry["session"] == first.session_id[:8]
    assert second.logout().status == 204
    body = {"refresh_token": second.refresh_token}
    assert second.post("auth/refresh", body).brief == (401, 1002)
    assert details(ceo, "session.refresh") == {"refresh_revoked"}
    third = enter()
    assert patch(ceo, f"users/{bob.id}", {"disabled": True}).status == 200
    [entry] = found(ceo, action="session.revoke_all")
    assert "sessions=2 " in entry["detail"] and entry["target"] == bob.id
    assert third.session_id[:8] in entry["detail"]
    assert patch(ceo, f"users/{bob.id}", {"disabled": False}).status == 200
    fourth = enter()
    path = f"users/{bob.id}/password"
    assert ceo.post(path, {"password": OTHER}).status == 204
    [entry] = found(ceo, action="user.password")
    assert entry["detail"] == f"sessions=1 {fourth.session_id[:8]}"


# ---- nobody fills it ----


def test_a_flood_is_a_few_entries_and_the_chain_holds(start):
    ceo = Person(start(**WINDOW))
    ceo.setup()
    flood = Client(ceo.server, "not.a.token")
    for _ in range(600):
        assert flood.me().status == 401

    def counted():
        entries = audit(ceo, action="access.credential", limit=100)
        return entries if sum(e["times"] for e in entries) >= 600 else None

    entries = wait_for(counted)
    assert sum(e["times"] for e in entries) == 600
    assert len(entries) < 60, "one at once, then one a second"
    assert {e["address"] for e in entries} == {flood.source}
    ceo.server.stop()
    code, told = doctor(ceo.server)
    assert code == 0 and told["whole"] is True
    ceo.server.restart()


# ---- guarded settings ----


def test_a_secret_is_set_by_a_ceo_alone(ceo):
    manager = hire(ceo, "max", "manager")
    path = "settings/api/auth.jwt_secret"
    assert manager.put(path, {"value": SECRET}).brief == (403, 1001)
    assert manager.delete(path).brief == (403, 1001)
    assert manager.get(path).data["guarded"] is True
    assert details(ceo, "setting.change") == {"forbidden"}
    other = "settings/api/ticket_cleanup_interval_seconds"
    assert manager.put(other, {"value": "61"}).status == 200
    assert manager.get(other).data["guarded"] is False
    assert ceo.put(path, {"value": SECRET}).status == 200
    for person in (manager, ceo):
        robot = Client(ceo.server, make_key(person, scope="write")["key"])
        assert robot.put(path, {"value": SECRET}).brief == (403, 1001)
        assert robot.delete(path).brief == (403, 1001)
        assert robot.put(other, {"value": "62"}).status == 200
    assert wait_for(lambda: "api key" in details(ceo, "setting.change"))


def test_what_security_rests_on_is_set_by_a_ceo_alone(ceo):
    manager = hire(ceo, "max", "manager")
    for path, value in (
        ("api/auth.reauth_minutes", "0"), ("api/auth.tries_per_minute", "0"),
        ("api/trusted_proxies", "10.0.0.0/8"), ("api/ssl_client_auth", "none"),
        ("api/server.listen", "[::]:3001"), ("api/audit.window_seconds", "9"),
        ("audit/retain_entries", "1000"), ("audit/hold", "false"),
        ("backup/encrypt", "false"), ("backup/require_signature", "false"),
    ):
        path = f"settings/{path}"
        assert manager.put(path, {"value": value}).brief == (403, 1001), path
        assert manager.delete(path).brief == (403, 1001), path
        assert ceo.put(path, {"value": value}).status == 200, path


def test_the_audit_log_is_not_kept_too_short(ceo):
    for value in ("0", "1", "999"):
        answer = ceo.put("settings/audit/retain_entries", {"value": value})
        assert answer.brief == (422, 2000)


# ---- known networks ----


def test_a_restart_forgets_nobody(start):
    """A stranger locks a name, but not for who was here before the kill."""
    server = start(api__auth__lockout_threshold=3, **OPEN)
    ceo = Person(server)
    ceo.setup()
    assert ceo.login().status == 200
    server.kill()
    server.restart()
    ceo.disconnect()
    stranger = Person(server)
    stranger.password = WRONG
    for _ in range(3):
        assert stranger.login().status == 401
    stranger.password = PASSWORD
    assert stranger.login().brief == (429, 1003)
    assert ceo.login().status == 200


# ---- a password given again ----


def old_token(person, **change):
    said = {**claims(person.token), **change}
    return jwt.encode({k: v for k, v in said.items() if v is not None}, SECRET,
                      "HS256", jwt.get_unverified_header(person.token))


def test_accounts_ask_for_a_fresh_password(start):
    """ASVS 7.5.1: an old log-in changes no account and makes no key."""
    ceo = Person(start(api__auth__jwt_algorithm="HS256",
                       api__auth__jwt_secret=SECRET, **OPEN))
    ceo.setup()
    bob = hire(ceo, "bob")
    began = claims(ceo.token)["auth_time"]
    assert abs(began - time.time()) < 600
    ceo.token = old_token(ceo, auth_time=None)
    assert ceo.post("auth/api-keys", {"name": "ci"}).brief == (403, 1005)
    ceo.token = old_token(ceo, auth_time=began - 3601)
    assert ceo.me().status == 200
    body = {"username": "eve", "role": "ceo", "password": PASSWORD}
    for answer in (
        ceo.post("users", body),
        patch(ceo, f"users/{bob.id}", {"role": "ceo"}),
        ceo.post(f"users/{bob.id}/password", {"password": OTHER}),
        ceo.delete(f"users/{bob.id}"),
        ceo.post("auth/api-keys", {"name": "ci"}),
    ):
        assert answer.brief == (403, 1005)
    assert ceo.delete(f"auth/sessions/{bob.session_id}").status == 204
    again = "auth/reauthenticate"
    assert ceo.post(again, {"password": WRONG}).brief == (401, 1000)
    answer = ceo.post(again, {"password": PASSWORD})
    assert answer.status == 200
    assert answer.data["session_id"] == ceo.session_id
    assert claims(answer.data["token"])["exp"] == claims(ceo.token)["exp"]
    ceo.token = answer.data["token"]
    assert patch(ceo, f"users/{bob.id}", {"role": "manager"}).status == 200
    assert len(ceo.get("auth/sessions").data) == 1, "it is no other session"
    assert found(ceo, action="auth.reauthenticate", result="ok")
    assert found(ceo, action="user.delete", result="refused")


def test_keys_and_guarded_settings_ask_for_a_fresh_password(start):
    """ASVS 7.5.1: an old log-in cannot end that it is asked for it."""
    ceo = Person(start(api__auth__jwt_algorithm="HS256",
                       api__auth__jwt_secret=SECRET, **OPEN))
    ceo.setup()
    path = "settings/api/auth.reauth_minutes"
    fresh = ceo.token
    ceo.token = old_token(ceo, auth_time=claims(fresh)["auth_time"] - 3601)
    assert ceo.put(path, {"value": "0"}).brief == (403, 1005)
    assert ceo.delete(path).brief == (403, 1005)
    assert ceo.post("auth/keys/rotate").brief == (403, 1005)
    assert ceo.get(path).data["value"] == "60"
    assert details(ceo, "setting.change") == {"password"}
    ceo.token = fresh
    robot = Client(ceo.server, make_key(ceo, scope="write")["key"])
    assert robot.post("auth/keys/rotate").brief == (403, 1001)
    assert "api key" in details(ceo, "token.rotate", 2)
    answer = ceo.post("auth/reauthenticate", {"password": PASSWORD})
    ceo.token = answer.data["token"]
    assert ceo.put(path, {"value": "0"}).status == 200


def test_sessions_ask_for_it_where_that_is_set(start):
    """ASVS 7.5.2; the specification's answer, 204, is the default."""
    ceo = Person(start(
        api__auth__jwt_algorithm="HS256", api__auth__jwt_secret=SECRET,
        api__auth__reauth_sessions="true", **OPEN))
    ceo.setup()
    other = ceo.again()
    ceo.token = old_token(ceo, auth_time=None)
    assert len(ceo.get("auth/sessions").data) == 2
    path = f"auth/sessions/{other.session_id}"
    assert ceo.delete(path).brief == (403, 1005)
    assert ceo.delete("auth/sessions").brief == (403, 1005)
    answer = ceo.post("auth/reauthenticate", {"password": PASSWORD})
    old, ceo.token = ceo.token, answer.data["token"]
    assert ceo.delete(path).status == 204
    assert other.me().brief == (401, 1002)
    ceo.token = old
    assert ceo.delete(f"auth/sessions/{ceo.session_id}").status == 204


def test_a_browser_gives_its_password_again(ceo):
    browser = Browser(ceo.server)
    assert browser.enter_by_cookie().status == 200
    body = {"password": PASSWORD, "cookies": True}
    answer = browser.post("auth/reauthenticate", body)
    assert answer.status == 200 and answer.data["token"] == ""
    [cookie] = answer.headers.get_all("Set-Cookie")  # taken into the jar
    assert cookie.startswith("__Host-") and browser.me().status == 200
    browser.site = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("auth/reauthenticate", body).brief == (403, 1020)


# ---- secrets that are gone ----


def test_a_lost_secret_of_api_keys_stops_the_start(start):
    server = start()
    assert server.wait_event("keys.made", file="keys/api.secret")
    ceo = Person(server)
    ceo.setup()
    key = make_key(ceo)["key"]
    server.stop()
    secret = server.data / "keys" / "api.secret"
    kept = secret.read_bytes()
    secret.unlink()
    server.killed = True  # what it logs as an error is what is tested
    topology = server.topology
    with pytest.raises(RuntimeError):
        server.restart("one")
    told = server.wait_event("api.app.startup")[0]
    assert "keys/api.secret is gone" in told["why"]
    assert "OPERATE.md" in told["why"]
    assert not secret.exists()
    secret.write_bytes(kept)
    secret.chmod(0o600)
    server.restart(topology)
    assert Client(server, key).me().status == 200
    server.stop()
    secret.write_bytes(os.urandom(32))  # as OPERATE.md says: give them up
    server.restart()
    ceo.disconnect()
    assert Client(server, key).me().status == 401
    assert ceo.me().status == 200
    assert len(ceo.get("auth/api-keys").data) == 1


def test_a_lost_ring_logs_everybody_out_and_says_so(start):
    server = start()
    ceo = Person(server)
    ceo.setup()
    assert server.events("keys.remade") == []
    server.stop()
    (server.data / "keys" / "tokens.keys").unlink()
    server.restart()
    ceo.disconnect()
    told = server.wait_event("keys.remade")
    assert told[0]["file"] == "keys/tokens.keys"
    assert ceo.me().status == 401
    assert ceo.login().status == 200


# ---- no secret in any log ----


def test_no_secret_of_any_kind_is_written(ceo):
    """Log lines, the audit log, and what an operator's command prints."""
    server = ceo.server
    bob = hire(ceo, "bob", "manager")
    key = make_key(bob, scope="write")["key"]
    one = Person(server)
    one.name = "bob"
    tokens = one.enter("auth/login", refresh=True).data
    other = "y" if tokens["refresh_token"][0] == "x" else "x"
    spoilt = key[:-1] + ("A" if key[-1] != "A" else "B")
    browser = Browser(server)
    assert browser.enter_by_cookie(refresh=True).status == 200
    cookies = dict(browser.jar)
    tickets = [bob.ticket(), bob.ticket()]
    Socket(server).authenticate(tickets[0])
    with pytest.raises(Gone):
        Socket(server).authenticate(tickets[0])
    place = "/a/secret/place.pem"
    for answer, status in (
        (Client(server, key).get("auth/me"), 200),
        (Client(server, spoilt).get("auth/me"), 401),
        (Client(server, tokens["token"] + "x").get("auth/me"), 401),
        (bob.post("auth/refresh", {"refresh_token": tokens["refresh_token"]}), 200),
        (bob.post("auth/refresh", {"refresh_token": tokens["refresh_token"] + "x"}), 401),
        (bob.post("auth/refresh", {"refresh_token": other + tokens["refresh_token"][1:]}), 401),
        (browser.get("auth/me", **{"Sec-Fetch-Site": "same-origin"}), 200),
        (browser.post("auth/refresh"), 200),
        (ceo.put("settings/api/auth.jwt_secret", {"value": SECRET}), 200),
        (bob.put("settings/api/auth.jwt_secret", {"value": SECRET}), 403),
        (ceo.put("settings/api/ssl_keyfile", {"value": place}), 200),
        (ceo.put("settings/api/auth.jwt_secret", {"value": SECRET * 9}), 422),
        (bob.post("auth/reauthenticate", {"password": WRONG}), 401),
        (bob.post("auth/change-password", {
            "current_password": WRONG, "new_password": OTHER}), 401),
        (Client(server).post(f"auth/login?password={quote(WRONG)}", {
            "username": "bob"}), 422),
        (Client(server).post(f"auth/login?username=bob&password={quote(WRONG)}"), 422),
        (Client(server).post("auth/login", f'{{"password": "{WRONG}"'), 415),
        (bob.get(f"tasks?limit={key}"), 422),
    ):
        assert answer.status == status, (answer.status, status, answer.body)
    browser.site = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("auth/ws-ticket").status == 403
    for client in (one, bob):
        client.logout()
    entries = found(ceo, action="access.site")
    shown = json.dumps([entries, audit(ceo, limit=100),
                        ceo.get("settings/api/auth.jwt_secret/history").data])
    server.wait_event("api.session.force_logout", 2)
    told = subprocess.run([TROUPE, "user", "list", "--data", server.data],
                          capture_output=True, text=True, check=True, timeout=30)
    text = server.log_text() + shown + told.stdout + told.stderr
    secrets = {
        "password": PASSWORD, "wrong password": WRONG, "new password": OTHER,
        "API key": key, "half of it": key.split("_", 2)[2], "spoilt": spoilt,
        "access token": tokens["token"], "its signature":
        tokens["token"].split(".")[2], "refresh token": tokens["refresh_token"],
        "setting": SECRET, "place": place, "session": one.session_id,
        **{f"cookie {name}": value for name, value in cookies.items()},
        **{f"ticket {i}": ticket for i, ticket in enumerate(tickets)},
    }
    for name, secret in secrets.items():
        assert len(secret) > 8 and secret not in text, name
    for raw in ("api.secret", "settings.key"):
        data = (server.data / "keys" / raw).read_bytes()
        assert data.hex() not in text and data[-16:].hex() not in text
