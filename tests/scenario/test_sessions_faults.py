"""Sessions and settings when time passes, or a step fails on purpose.

The numbers are those of the scenarios of sessions.md.  The wall clock is set
on by `Clock`; TROUPE_FAULT makes a request to the store fail after its writes
(runtime/base/fault.h).
"""

import contextlib
import os
import subprocess

import jwt
import pytest

from client import Client, claims, together, wait_for
from people import (
    SESSION_REVOKED,
    UNAUTHORIZED,
    Person,
    audit,
    hire,
    patch,
    session_ids,
)
from server import READY_S, ROOT, SPLIT, TROUPE, Clock, Server
from test_metrics import scrape_all, total
from test_sessions import PROTECTED
from test_settings import PATH, put

SECRET = "0123456789abcdefghijklmnopqrstuv"
LIFE_MINUTES = 60
LIFE_S = LIFE_MINUTES * 60
SLOW = 3600  # seconds between two clean-ups: only the test runs one
OK = (200, None)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def timed(start, clock):
    """A ceo whose server's clock is the test's."""
    server = start(
        env=clock.env,
        api__auth__jwt_expiry_minutes=LIFE_MINUTES,
        api__ticket_cleanup_interval_seconds=SLOW,
        api__auth__max_concurrent_sessions=0,
        api__metrics__listen="127.0.0.1:0",
    )
    ceo = Person(server)
    assert ceo.setup().status == 201
    return ceo


def enter_again(person):
    """Its token has expired with the others."""
    assert person.login().status == 200
    return person


def runs_of(ceo, service):
    return next(
        one for one in ceo.get("services").data if one["service"] == service)


def clean(ceo, service="session-cleanup"):
    """Runs a service once, and waits for that run to have ended."""
    before = runs_of(ceo, service)["runs"]
    assert ceo.post(f"services/{service}/wake").status == 200

    def ended():
        now = runs_of(ceo, service)
        return now if now["runs"] > before else None

    return wait_for(ended)


def cleaned(server):
    return [e["removed"] for e in server.events("api.session.cleanup")]


# ---- tokens ----


def test_03_a_token_without_jti_is_let_in_nowhere(start):
    """Well signed and unexpired: D-11.  With it the same claims are good."""
    server = start(
        api__auth__jwt_algorithm="HS256", api__auth__jwt_secret=SECRET)
    ceo = Client(server)
    ceo.setup()
    header = jwt.get_unverified_header(ceo.token)
    told = claims(ceo.token)
    good = Client(server, jwt.encode(told, SECRET, "HS256", header))
    assert good.me().status == 200
    del told["jti"]
    bad = jwt.encode(told, SECRET, "HS256", header)
    for method, path in PROTECTED:
        body = {} if method == "POST" else None
        answer = Client(server, bad).request(method, path, body)
        assert answer.brief == UNAUTHORIZED, path
    assert ceo.me().status == 200


def test_06_a_revoked_token_past_its_end_is_expired(timed, clock):
    """Also D-31: neither a row nor a place in the set is left of it."""
    ceo = timed
    gone = ceo.again()
    path = f"auth/sessions/{gone.session_id}"
    assert gone.logout().status == 204
    assert gone.me().brief == SESSION_REVOKED
    clock.advance(LIFE_S + 1)
    assert gone.me().brief == UNAUTHORIZED
    enter_again(ceo)
    assert ceo.delete(path).status == 204, "the row is still there"
    clean(ceo)
    told = ceo.server.wait_event("api.session.cleanup")[-1]
    assert (told["removed"], told["revoked"]) == (2, 0)
    assert gone.me().brief == UNAUTHORIZED
    assert ceo.delete(path).brief == (404, 3000), "neither row nor entry"


def test_10_an_expired_session_is_not_listed(timed, clock):
    """Though its row is still there."""
    ceo = timed
    old = ceo.again()
    clock.advance(LIFE_S - 60)
    fresh = ceo.again()
    assert old.session_id in session_ids(fresh)
    clock.advance(61)
    for scope in ("own", "all"):
        listed = session_ids(fresh, f"?scope={scope}")
        assert listed == [fresh.session_id]
    assert fresh.delete(f"auth/sessions/{old.session_id}").status == 204


def test_17_only_active_sessions_are_revoked_and_counted(timed, clock):
    """Three active, one expired and not yet cleaned, one revoked: D-30."""
    ceo = timed
    bob, eve = hire(ceo, "bob"), hire(ceo, "eve")
    clock.advance(LIFE_S - 60)
    active = [bob.again() for _ in range(3)]
    assert bob.again().logout().status == 204
    eve, ceo = eve.again(), ceo.again()
    clock.advance(61)
    assert bob.me().brief == UNAUTHORIZED, "it has expired"
    revoked = len(ceo.server.events("api.session.revoked"))
    assert ceo.delete(f"users/{bob.id}/sessions").data == {"revoked": 3}
    for one in active:
        assert one.me().brief == SESSION_REVOKED
    assert eve.me().status == 200
    assert ceo.delete(f"users/{bob.id}/sessions").data == {"revoked": 0}
    assert len(ceo.server.events("api.session.revoked")) == revoked + 3


# ---- clean-up ----


def test_19_a_clean_up_takes_what_has_expired(timed, clock):
    """Two have expired, one of them revoked; two are active, one revoked."""
    ceo = timed
    assert ceo.again().logout().status == 204
    clock.advance(LIFE_S - 60)
    stays, late = ceo.again(), ceo.again()
    assert late.logout().status == 204
    clock.advance(61)
    clean(stays)
    [told] = ceo.server.wait_event("api.session.cleanup", level="info")
    assert (told["removed"], told["revoked"]) == (2, 1)
    assert late.me().brief == SESSION_REVOKED
    assert stays.me().status == 200
    after = clean(stays)
    assert after["failures"] == 0
    assert cleaned(ceo.server) == [2], "the next run found nothing"


def test_20_a_failed_clean_up_stops_nothing(start, clock):
    server = start(
        env={**clock.env, "TROUPE_FAULT": "fail:store_session_clean"},
        api__auth__jwt_expiry_minutes=LIFE_MINUTES,
        api__ticket_cleanup_interval_seconds=SLOW,
    )
    server.killed = True  # an error is logged, and should be
    ceo = Person(server)
    assert ceo.setup().status == 201
    clock.advance(LIFE_S + 1)
    enter_again(ceo)
    failed = clean(ceo)
    assert failed["failures"] == 1 and failed["last_error"] != ""
    assert failed["status"] == "running"
    [told] = server.wait_event("api.session.cleanup", level="warn")
    assert told["error"] != ""
    assert clean(ceo, "ticket-cleanup")["failures"] == 0
    assert clean(ceo)["last_error"] == ""
    [told] = server.wait_event("api.session.cleanup", level="info")
    assert told["removed"] == 1
    assert ceo.me().status == 200


# ---- a store that fails ----


def log_in_unstored(start):
    """A ceo whose second session could not be written."""
    server = start(env={"TROUPE_FAULT": "fail:store_session_create:2"})
    server.killed = True  # the store logs its failure as an error
    ceo = Person(server)
    assert ceo.setup().status == 201
    return ceo, ceo.again()


def test_08_a_log_in_outlives_a_store_that_cannot_write(start):
    """Also D-18, D-19."""
    ceo, unstored = log_in_unstored(start)
    server = ceo.server
    assert unstored.me().status == 200
    [told] = server.wait_event("api.session.create_failed")
    assert told["level"] == "warn"
    assert told["session"] == unstored.session_id[:8]
    assert session_ids(ceo) == [ceo.session_id]
    [entry] = wait_for(lambda: [
        e for e in audit(ceo, action="auth.login", result="ok")
        if e["detail"] == "session not stored"])
    assert entry["user_id"] == entry["target"] == ceo.me().data["id"]
    assert unstored.session_id.startswith(entry["session"]) and entry["session"]
    last = ceo.again()
    server.wait_event("api.session.created", session=last.session_id[:8])
    assert len(server.events("api.session.create_failed")) == 1
    made = {e["session"] for e in server.events("api.session.created")}
    assert made == {ceo.session_id[:8], last.session_id[:8]}


@pytest.mark.parametrize("how", ["logout", "delete"])
def test_09_a_session_without_a_row_can_be_ended(start, how):
    """LD-1: for good, by a tombstone."""
    ceo, unstored = log_in_unstored(start)
    if how == "logout":
        assert unstored.logout().status == 204
    else:
        path = f"auth/sessions/{unstored.session_id}"
        assert unstored.delete(path).status == 204
    assert unstored.me().brief == SESSION_REVOKED
    ceo.server.kill()
    ceo.server.restart()
    for person in (ceo, unstored):
        person.disconnect()
    assert unstored.me().brief == SESSION_REVOKED
    assert ceo.me().status == 200


def test_what_a_kill_left_open_ends_before_it_is_enabled(start):
    """Killed between an account's disabling and the end of its sessions."""
    ceo = Person(start(env={"TROUPE_FAULT": "kill:store_session_revoke_user"}))
    assert ceo.setup().status == 201
    guest = hire(ceo, "guest")
    path = f"users/{guest.id}"
    with contextlib.suppress(OSError):
        assert patch(ceo, path, {"disabled": True}).status >= 500
    ceo.server.env = {}
    ceo.server.kill()
    ceo.server.restart()
    for person in (ceo, guest):
        person.disconnect()
    assert guest.me().brief == UNAUTHORIZED
    assert patch(ceo, path, {"disabled": False}).status == 200
    assert guest.me().brief == SESSION_REVOKED
    assert guest.login().status == 200
    assert guest.me().status == 200


def test_21_no_start_without_the_revoked_sessions(topology):
    """Also D-12: whoever cannot know who is revoked lets nobody in."""
    server = Server(topology)
    server.start()
    try:
        assert Client(server).setup().status == 201
        assert server.stop() == 0
        opened = len(server.events("api.listening"))
        server.env = {"TROUPE_FAULT": "fail:store_revoked_list:*"}
        server.process = subprocess.Popen(
            server.command(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **server.faults_allowed(), **server.env})
        server.lines.follow(server.process.stdout, server.lines.out)
        server.lines.follow(server.process.stderr, server.lines.log)
        told = server.wait_event("api.app.startup", timeout=READY_S)
        assert told[0]["level"] == "error"
        assert told[0]["step"] == "revoked sessions"
        if topology == "one":
            assert server.process.wait(READY_S) == 1
        else:  # its parent tries some more times
            gone = server.wait_event("node.exit", node="core", timeout=READY_S)
            assert gone[0]["code"] == 1
        assert len(server.events("api.listening")) == opened
    finally:
        server.close()


def test_22_a_second_registry_is_refused(ceo, topology, tmp_path):
    """Another program on the same data; and one named twice.  D-15, D-16."""
    words = ["run"] if topology == "one" else ["run", "--node", "vault",
                                               "--topology", SPLIT]
    second = subprocess.run(
        [TROUPE, *words, "--data", ceo.server.data,
         "--listen", "127.0.0.1:0"],
        capture_output=True, text=True, timeout=READY_S, check=False)
    assert second.returncode == 1
    assert "ready" not in second.stdout
    assert second.stderr.strip() != ""
    assert ceo.me().status == 200

    text = (ROOT / "ops/topologies/split.yaml").read_text()
    twice = tmp_path / "twice.yaml"
    twice.write_text(text.replace("[store,", "[session-registry, store,"))
    for command in ("check", "up"):
        done = subprocess.run(
            [TROUPE, command, "--topology", twice, "--data", tmp_path],
            capture_output=True, text=True, timeout=READY_S, check=False)
        assert done.returncode == 2
        assert "session-registry" in done.stderr and "twice" in done.stderr
    assert ceo.me().status == 200


def test_29_the_gate_reads_nothing_from_the_store(start):
    """D-33: whether a token is revoked is known where it is asked.

    That it takes the same time with 100 000 of them: bench/auth.c.
    """
    server = start(
        api__metrics__listen="127.0.0.1:0",
        api__ticket_cleanup_interval_seconds=SLOW,
        api__auth__max_concurrent_sessions=0)
    ceo = Person(server)
    assert ceo.setup().status == 201
    out = [ceo.again() for _ in range(5)]
    for one in out:
        assert one.logout().status == 204
    assert ceo.me().status == 200

    def reads():
        return total(scrape_all(server), "troupe_store_reads_total")

    before = reads()
    assert before > 0
    for _ in range(40):
        assert ceo.me().status == 200
        for one in out:
            assert one.me().brief == SESSION_REVOKED
    assert reads() == before


# ---- settings ----


def test_36_a_write_between_check_and_swap(ceo):
    """All have passed the first check: the store alone decides.  D-07, D-08."""
    for attempt in range(20):
        etag = ceo.get(PATH).etag
        people = [ceo.twin() for _ in range(8)]
        answers = together(
            8, lambda n: put(people[n], 100 + attempt * 8 + n, etag))
        briefs = [answer.brief for answer in answers]
        assert sorted(briefs) == [OK] + [(409, 4002)] * 7
        if ceo.server.events("settings.version_conflict"):
            break
    told = ceo.server.wait_event("settings.version_conflict")[0]
    assert told["level"] == "warn"
    assert told["reason"] == "concurrent_modification"
    assert (told["namespace"], told["key"]) == tuple(PATH.split("/")[1:])
    assert "expected_updated_at" in told
    assert ceo.server.events("settings.validation_failed") == []
    winner = next(a for a in answers if a.status == 200)
    assert ceo.get(PATH).data["value"] == winner.data["value"]


def test_39_news_that_cannot_be_told_undo_nothing(start):
    server = start(env={"TROUPE_FAULT": "fail:settings.tell:*"})
    ceo = Client(server)
    assert ceo.setup().status == 201
    answer = put(ceo, 77)
    assert answer.status == 200 and answer.data["value"] == "77"
    told = server.wait_event("settings.notify_failed")[0]
    assert told["level"] == "warn"
    assert told["key"] == "ticket_cleanup_interval_seconds"
    server.kill()
    server.restart()
    ceo.disconnect()
    assert ceo.get(PATH).data["value"] == "77"


@pytest.mark.parametrize(
    "message, method, path, body",
    [
        ("store_session_revoke", "POST", "auth/logout", None),
        ("store_setting_put", "PUT", PATH, {"value": "66"}),
        ("store_user_create", "POST", "users",
         {"username": "bob", "role": "observer",
          "password": "a different horse entirely"}),
        ("store_key_create", "POST", "auth/api-keys", {"name": "ci"}),
    ],
)
def test_what_the_store_cannot_write_is_no_success(
        start, message, method, path, body):
    """A failure after its writes undoes them all, its note in the log too."""
    nth = 2 if message == "store_user_create" else 1
    server = start(env={"TROUPE_FAULT": f"fail:{message}:{nth}"})
    server.killed = True  # the store logs its failure as an error
    ceo = Person(server)
    assert ceo.setup().status == 201
    notes = ceo.get("audit").data["entries"]
    answer = ceo.request(method, path, body)
    assert answer.status >= 500, answer.body
    other = ceo.again()
    now = other.get("audit?result=ok").data["entries"]
    assert len(now) == len(notes) + 1, "of the log-in"
    assert other.get(PATH).data["value"] == "60"
    assert other.get("auth/api-keys").data == []
    assert len(other.get("users").data["users"]) == 1
    again = other.request(method, path, body)
    assert again.status < 300
