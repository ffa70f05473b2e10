"""Nodes are killed under load; then every acknowledged write is there once.

TROUPE_CHAOS_KILLS says how often (20; a hundred takes a few minutes).
"""

import itertools
import os
import random
import threading

import pytest

from client import RETRY_S, Client, Gone, Patient, Refused, deadline

KILLS = int(os.environ.get("TROUPE_CHAOS_KILLS", "20"))
WRITERS = 4
WRITES_BETWEEN_KILLS = 16
FOLLOWER_LAG_MAX = 1000
RUN_S = 60 + 10 * KILLS
SETTING = "settings/api/ticket_cleanup_interval_seconds"


class Load:
    """What clients do while it breaks, and what they were promised."""

    def __init__(self, server, token):
        self.server = server
        self.token = token
        self.over = threading.Event()
        self.progress = threading.Condition()
        self.made = {}  # key: the answer's data
        self.tried = set()
        self.left = []  # tokens whose log-out was acknowledged
        self.heard = []  # of each socket, its events
        self.followed = []  # each durable event, across all kills
        self.events = 0
        self.failures = []

    def person(self):
        return Patient(self.server, self.token)

    def write_tasks(self, writer):
        person = self.person()
        for n in itertools.count():
            if self.over.is_set():
                return
            key = f"writer-{writer}-{n}"
            self.tried.add(key)
            answer = person.create_task(key, key)
            assert answer.status == 201, answer.body
            with self.progress:
                self.made[key] = answer.data
                self.progress.notify_all()
                self.progress.wait_for(self.follower_is_near)

    def follower_is_near(self):
        """Far behind, it would ask for what the journal keeps no more."""
        behind = len(self.made) - len(self.followed)
        return behind < FOLLOWER_LAG_MAX or self.over.is_set()

    def count_up(self):
        """One more at a time, by If-Match: a half-done write would show."""
        person, value = self.person(), 1000
        assert person.put(SETTING, {"value": str(value)}).status == 200
        while not self.over.is_set() and value < 3600:
            now = person.get(SETTING)
            assert now.data["value"] == str(value)
            wanted = {"value": str(value + 1)}
            answer = person.put(SETTING, wanted, {"If-Match": now.etag})
            # A conflict is our own write, done before its answer was lost.
            assert answer.status in (200, 409), answer.body
            value += 1
            assert person.get(SETTING).data["value"] == str(value)

    def come_and_go(self):
        while not self.over.is_set():
            guest = Patient(self.server)
            assert guest.login().status == 200
            assert guest.me().status == 200
            # Unanswered, it may have been done: then the token is refused.
            assert guest.logout().brief in ((204, None), (401, 1002))
            self.left.append(guest.token)

    def listen(self):
        while not self.over.is_set():
            events = []
            self.heard.append(events)
            try:
                live = self.person().socket()
                live.subscribe("tasks")
                while not self.over.is_set():
                    events.append(live.event())
                    with self.progress:
                        self.events += 1
                        self.progress.notify_all()
            except (OSError, Gone, Refused):
                self.server.lines.next(RETRY_S)

    def open_where_it_was(self):
        """A socket that is told all since the last event that was heard."""
        last = self.followed[-1] if self.followed else {}
        since = {k: last.get(k, 0) for k in ("epoch", "offset")}
        live = self.person().socket()
        answer = live.subscribe("tasks", since=since)
        assert answer["positions"]["tasks"]["recovered"], answer
        return live

    def follow(self):
        while not self.over.is_set():
            try:
                live = self.open_where_it_was()
                while not self.over.is_set():
                    event = live.event()
                    with self.progress:
                        self.followed.append(event)
                        self.progress.notify_all()
            except (OSError, Gone, Refused):
                self.server.lines.next(RETRY_S)

    def guard(self, work, *arguments):
        try:
            work(*arguments)
        except BaseException as error:
            self.failures.append(error)
            self.over.set()
            with self.progress:
                self.progress.notify_all()
            raise

    def start(self):
        jobs = [(self.write_tasks, n) for n in range(WRITERS)]
        jobs += [(self.count_up,), (self.come_and_go,), (self.listen,)]
        jobs += [(self.follow,)]
        self.threads = [
            threading.Thread(target=self.guard, args=job, daemon=True)
            for job in jobs
        ]
        for thread in self.threads:
            thread.start()

    def advance(self, writes, left):
        """Waits for more writes, and for an event that somebody hears."""
        with self.progress:
            made, events = len(self.made) + writes, self.events + 1

            def advanced():
                return len(self.made) >= made and self.events >= events

            assert self.progress.wait_for(
                lambda: advanced() or self.over.is_set(), left()
            ), "no write is acknowledged, or no event heard, any more"
        assert not self.failures, self.failures

    def finish(self):
        self.over.set()
        with self.progress:
            self.progress.notify_all()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not self.failures, self.failures


def kill_something(server, n):
    if server.topology == "one":
        server.kill()
        server.restart()
    else:
        server.kill_node(("vault", "core", "edge")[n % 3])


def check_tasks(load):
    """Each acknowledged task once and whole, the others once at most."""
    person = load.person()
    listed = person.tasks()
    by_title = {task["title"]: task for task in listed}
    assert len(by_title) == len(listed), "a task is there twice"
    assert by_title.keys() <= load.tried
    for key, made in load.made.items():
        assert by_title[key] == made
    for title in by_title.keys() - load.made.keys():
        again = person.create_task(title, title)
        assert again.data == by_title[title], "half of a write is there"
    assert len(person.tasks()) == len(listed)


def check_keys(load):
    """A key that was used still gives its first answer."""
    person = load.person()
    for key in list(load.made)[:: max(1, len(load.made) // 20)]:
        assert person.create_task(key, key).data == load.made[key]


def check_events(load):
    """No socket heard an event twice, out of order, or of no task."""
    there = {task["id"] for task in load.person().tasks()}
    assert any(load.heard)
    places = {}
    for events in load.heard:
        offsets = [event["offset"] for event in events]
        assert offsets == sorted(set(offsets))
        for event in events:
            place = event["epoch"], event["offset"]
            assert places.setdefault(place, event["event_id"]) == event[
                "event_id"
            ]
            assert event["payload"]["id"] in there
    assert len(set(places.values())) == len(places)


def check_followed(load):
    """Every durable event reached the follower once, in order."""
    wanted = len(load.person().tasks())
    live = load.open_where_it_was()
    while len(load.followed) < wanted:
        load.followed.append(live.event())
    assert live.ping() == {"action": "pong"} and live.behind == []
    offsets = [event["offset"] for event in load.followed]
    assert offsets == list(range(1, wanted + 1))


@pytest.mark.parametrize("kills", [KILLS])
def test_every_acknowledged_write_is_there_once(start, kills):
    server = start(api__auth__max_concurrent_sessions=0)
    server.killed = True
    ceo = Client(server)
    assert ceo.setup().status == 201

    load, left = Load(server, ceo.token), deadline(RUN_S)
    rng = random.Random(kills)
    load.start()
    for n in range(kills):
        load.advance(rng.randint(1, WRITES_BETWEEN_KILLS), left)
        kill_something(server, n)
    load.advance(WRITES_BETWEEN_KILLS, left)
    load.finish()

    check_tasks(load)
    check_keys(load)
    check_events(load)
    check_followed(load)
    for token in load.left:
        assert Patient(server, token).me().brief == (401, 1002)

    assert server.stop() == 0
    server.restart()
    check_tasks(load)
