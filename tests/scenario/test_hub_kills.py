"""Hub, gateway and store are killed; each durable event comes once to each.

Who follows is told by a socket in JSON, one in msgpack, and server-sent
events; each goes on from the last place it knows.  TROUPE_HUB_KILLS says how
often something is killed (10; a thousand takes some twenty minutes).
"""

import http.client
import itertools
import json
import os
import random
import threading

import pytest

from client import MSGPACK_V1, RETRY_S, Client, Gone, Patient, Refused, deadline
from test_sse import Stream

KILLS = int(os.environ.get("TROUPE_HUB_KILLS", "10"))
SEED = int(os.environ.get("TROUPE_HUB_SEED", "5"))
WRITERS = 3
EVENTS_BETWEEN_MAX = 12
AT_ONCE = 5  # one kill of so many follows the last without a pause
STEP_S = 60
CHANNEL = "agents"
INTERRUPTIONS = (OSError, Gone, Refused, EOFError, http.client.HTTPException)


class Follower:
    """Hears one channel, whatever happens, from where it was."""

    def __init__(self, run, syntax):
        self.run = run
        self.syntax = syntax
        self.heard = []
        self.last = "0.0"  # what a browser would keep
        self.returns = 0

    def place(self):
        last = self.heard[-1] if self.heard else {}
        return {k: last.get(k, 0) for k in ("epoch", "offset")}

    def by_socket(self, person):
        live = person.socket(*[self.syntax] if self.syntax else [])
        answer = live.subscribe(CHANNEL, since=self.place())
        assert answer["positions"][CHANNEL]["recovered"], answer
        while True:
            yield live.event()

    def by_stream(self, person):
        stream = Stream(person, CHANNEL, self.last)
        if stream.status != 200:
            raise Refused(stream.status)
        try:
            kind, answer = stream.next()
            if kind == "close":
                return
            assert answer["positions"][CHANNEL]["recovered"], answer
            while True:
                kind, event = stream.next()
                if kind == "close":
                    return  # told to come again
                self.last = stream.last
                yield event
        finally:
            stream.close()

    def follow(self):
        way = self.by_stream if self.syntax == "sse" else self.by_socket
        while not self.run.over.is_set():
            self.returns += 1
            try:
                for event in way(Patient(self.run.server, self.run.token)):
                    self.heard.append(event)
                    self.run.moved()
                    if self.run.over.is_set():
                        return
            except INTERRUPTIONS:
                self.run.server.lines.next(RETRY_S)


class Run:
    def __init__(self, server, token):
        self.server, self.token = server, token
        self.over = threading.Event()
        self.done = threading.Event()
        self.changed = threading.Condition()
        self.failures = []
        self.acknowledged = {}  # (writer, n): offset
        self.followers = [Follower(self, s) for s in (None, MSGPACK_V1, "sse")]

    def moved(self):
        with self.changed:
            self.changed.notify_all()

    def write(self, writer):
        """Each event is told until it is known to be there."""
        person = Patient(self.server, self.token)
        for n in itertools.count():
            if self.done.is_set():
                return
            body = {"event_type": "x.y", "payload": {"writer": writer, "n": n}}
            key = {"Idempotency-Key": f"{writer}-{n}"}
            told = person.post(f"events/{CHANNEL}", body, **key)
            assert told.status == 201, told.body
            self.acknowledged[writer, n] = told.data["offset"]
            self.moved()

    def guard(self, work, *arguments):
        try:
            work(*arguments)
        except BaseException as error:
            self.failures.append(error)
            self.moved()
            raise

    def start(self):
        jobs = [(self.write, n) for n in range(WRITERS)]
        self.threads = [
            threading.Thread(target=self.guard, args=job, daemon=True)
            for job in [*jobs, *((f.follow,) for f in self.followers)]
        ]
        for thread in self.threads:
            thread.start()

    def wait(self, reached, what):
        left = deadline(STEP_S)
        with self.changed:
            came = self.changed.wait_for(
                lambda: reached() or self.failures, left()
            )
        assert not self.failures, self.failures
        heard = [len(f.heard) for f in self.followers]
        assert came, (what, len(self.acknowledged), heard)

    def advance(self, count):
        """So many more are acknowledged, and everybody hears something."""
        wanted = len(self.acknowledged) + count
        heard = [len(f.heard) + 1 for f in self.followers]
        self.wait(
            lambda: len(self.acknowledged) >= wanted
            and all(len(f.heard) >= n for f, n in zip(self.followers, heard)),
            "nothing goes on",
        )

    def finish(self):
        self.done.set()
        for thread in self.threads[:WRITERS]:
            thread.join(STEP_S)
        total = len(self.acknowledged)
        self.wait(
            lambda: all(len(f.heard) >= total for f in self.followers),
            f"some of {total} are missing",
        )


def kill_something(server, rng):
    if server.topology == "one":
        server.kill()
        server.restart()
    else:
        server.kill_node(rng.choice(("vault", "core", "edge")))


@pytest.mark.parametrize("kills", [KILLS])
def test_each_durable_event_comes_once_to_each_follower(start, kills):
    server = start(api__server__requests_max=1000000)
    server.killed = True
    ceo = Client(server)
    assert ceo.setup().status == 201
    rng = random.Random(SEED)
    run = Run(server, ceo.token)
    run.start()
    for _ in range(kills):
        if rng.randrange(AT_ONCE) > 0:
            run.advance(rng.randint(1, EVENTS_BETWEEN_MAX))
        kill_something(server, rng)
    run.advance(EVENTS_BETWEEN_MAX)
    run.finish()

    # Something after all of it: whoever was told twice has it behind.
    end = ceo.twin().post(
        f"events/{CHANNEL}", {"event_type": "x.end", "payload": {}}
    )
    assert end.status == 201
    total = len(run.acknowledged)
    run.wait(
        lambda: all(f.heard[-1]["event_type"] == "x.end" for f in run.followers),
        "the end",
    )
    run.over.set()
    for follower in run.followers:
        events = follower.heard[:-1]
        assert [e["offset"] for e in follower.heard] == [*range(1, total + 2)]
        assert len({e["event_id"] for e in events}) == total
        said = {
            (e["payload"]["writer"], e["payload"]["n"]): e["offset"]
            for e in events
        }
        assert said == run.acknowledged
    print(json.dumps({
        "kills": kills, "events": total, "topology": server.topology,
        "returns": [f.returns for f in run.followers],
    }))


def test_hub_that_returns_just_after_the_store_is_heard(start):
    """It begins before it is linked to the gateways, who must ask again."""
    server = start(api__server__requests_max=1000000)
    server.killed = True
    ceo = Client(server)
    assert ceo.setup().status == 201
    run = Run(server, ceo.token)
    run.start()
    for names in (("vault", "core"), ("edge",), ("vault", "core")):
        run.advance(3)
        if server.topology == "one":
            kill_something(server, None)
        else:
            for name in names:
                server.kill_node(name)
    run.advance(3)
    run.finish()
    run.over.set()
