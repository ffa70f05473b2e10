"""kill -9 while people log in and out, are thrown out, and settings change.

What was answered holds: a log-in lets in and is listed, a revocation is for
good, and the audit log has both.  What was not answered is done whole or not
at all.  TROUPE_ACCOUNT_KILLS says how often (2).
"""

import http.client
import json
import os
import subprocess
import threading

from client import Client
from server import TROUPE

KILLS = int(os.environ.get("TROUPE_ACCOUNT_KILLS", "2"))
GUESTS = 3
SETTING = "settings/api/ticket_cleanup_interval_seconds"
FIRST_VALUE = 5
LAST_VALUE = 3600
GONE = (OSError, http.client.HTTPException)


class Books:
    """What people were promised, and what they asked without an answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.live = {}  # session: its token
        self.ended = {}  # those whose end was answered
        self.doubtful = {}  # those whose end was asked for, unanswered
        self.unheard_logins = 0
        self.value = FIRST_VALUE - 1
        self.failures = []

    def log_in(self, server):
        guest = Client(server)
        try:
            answer = guest.login()
        except GONE:
            with self.lock:
                self.unheard_logins += 1
            raise
        assert answer.status == 200, answer.body
        with self.lock:
            self.live[guest.session_id] = guest.token
        return guest

    def end(self, session, ask):
        """From the question to the answer its end is in doubt."""
        with self.lock:
            token = self.live.pop(session)
            self.doubtful[session] = token
        assert ask().status == 204
        with self.lock:
            self.ended[session] = self.doubtful.pop(session)


def guest_comes_and_goes(books, ceo):
    """Of three sessions one stays, one logs out, one is thrown out."""
    person = ceo.twin()
    while True:
        guests = [books.log_in(ceo.server) for _ in range(3)]
        books.end(guests[1].session_id, guests[1].logout)
        path = f"auth/sessions/{guests[2].session_id}"
        books.end(guests[2].session_id, lambda: person.delete(path))


def settings_change(books, ceo):
    person = ceo.twin()
    while books.value < LAST_VALUE:
        wanted = {"value": str(books.value + 1)}
        assert person.put(SETTING, wanted).status == 200
        books.value += 1


def until_gone(books, work, ceo):
    try:
        work(books, ceo)
    except GONE:
        pass
    except BaseException as error:
        books.failures.append(error)
        raise


def work_until_killed(books, ceo):
    """The kill comes in the middle of each kind of write."""
    server = ceo.server
    kinds = ("api.session.created", "api.session.force_logout",
             "api.session.revoked", "settings.changed")
    seen = {kind: len(server.events(kind)) for kind in kinds}
    jobs = [guest_comes_and_goes] * GUESTS + [settings_change]
    threads = [
        threading.Thread(target=until_gone, args=(books, job, ceo))
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    for kind in kinds:
        server.wait_event(kind, seen[kind] + 2)
    server.kill()
    for thread in threads:
        thread.join()
    assert books.failures == []


def pages(ceo, path, take):
    """Every row; take tells the rows of an answer, and where to go on."""
    rows, cursor = [], None
    while True:
        answer = ceo.get(path + (f"&cursor={cursor}" if cursor else ""))
        more, cursor = take(answer)
        rows += more
        if not cursor:
            return rows


def take_sessions(answer):
    return answer.data, answer.headers.get("X-Next-Cursor")


def take_entries(answer):
    return answer.data["entries"], answer.data.get("next")


def check_sessions(books, ceo):
    listed = {
        s["session_id"]
        for s in pages(ceo, "auth/sessions?scope=all", take_sessions)
    } - {ceo.session_id}
    for session, token in books.live.items():
        assert Client(ceo.server, token).me().status == 200
        assert session in listed
    for session, token in books.ended.items():
        assert Client(ceo.server, token).me().brief == (401, 1002)
        assert session not in listed
    for session, token in books.doubtful.items():
        status = Client(ceo.server, token).me().brief
        assert status == ((200, None) if session in listed else (401, 1002))
    strangers = listed - books.live.keys() - books.doubtful.keys()
    assert len(strangers) <= books.unheard_logins


def check_audit(books, ceo):
    """A change and its note are one transaction."""
    notes = pages(ceo, "audit?limit=100&result=ok", take_entries)
    logins = sum(note["action"] == "auth.login" for note in notes)
    heard = len(books.live) + len(books.ended) + len(books.doubtful)
    assert heard <= logins <= heard + books.unheard_logins
    ends = {
        note["detail"]
        for note in notes
        if note["action"] in ("auth.logout", "session.revoke")
    }
    assert {f"session={session[:8]}" for session in books.ended} <= ends


def check_setting(books, ceo):
    now = ceo.get(SETTING).data
    assert int(now["value"]) in (books.value, books.value + 1)
    changes = ceo.get(f"{SETTING}/history?limit=100").data
    assert changes[0]["revision"] == now["revision"]
    assert changes[0]["revision"] == int(now["value"]) - FIRST_VALUE + 1
    books.value = int(now["value"])


def check_chain(server):
    done = subprocess.run(
        [TROUPE, "doctor", "audit", "--json", "--data", server.data],
        capture_output=True, timeout=30, check=False)
    assert done.returncode == 0 and json.loads(done.stdout)["whole"]


def test_kill_during_log_ins_revocations_and_settings(start):
    server = start(
        api__auth__tries_per_minute=0, api__auth__max_concurrent_sessions=0)
    ceo, books = Client(server), Books()
    assert ceo.setup().status == 201
    for _ in range(KILLS):
        work_until_killed(books, ceo)
        check_chain(server)
        server.restart()
        ceo.disconnect()
        check_sessions(books, ceo)
        check_audit(books, ceo)
        check_setting(books, ceo)
    assert len(books.ended) >= 2 * KILLS
