"""Any state that the store has had: shipping, and restores to a point.

Issue 7, part 8; docs/adr/0021.
"""

import datetime
import json
import subprocess
import time

import pytest

from client import Client, wait_for
from server import TROUPE
from test_backup import create, fill, leftovers, live, once_back, troupe
from test_backup_after import setting
from test_backup_faults import asked, life_after, patiently

SETTINGS = {"backup__ship__enabled": "true"}


@pytest.fixture
def shipper(start):
    def make(**settings):
        client = Client(start(**{**SETTINGS, **settings}))
        assert client.setup().status == 201
        fill(client.server)
        return client

    return make


def points(client):
    """Just after a restore, gateways let nobody in that they cannot judge."""
    return once_back(lambda: client.get("backups/points")).data


def current(client):
    def found():
        answer = client.get("backups/points")
        if answer.status != 200:
            return None
        for window in answer.data["windows"]:
            if window["is_current"]:
                return window
        return None

    return wait_for(found)


def shipped(client):
    """The last transaction, once all that was committed is shipped."""
    began = time.monotonic()

    def level():
        asked = time.monotonic()
        answer = client.get("backups/points")
        return (answer.status == 200
                and any(w["is_current"] for w in answer.data["windows"])
                and answer.data["lag_ms"] < (asked - began) * 1000)

    current(client)
    wait_for(level)
    return current(client)["txid"]


def titles(client):
    return sorted(t["title"] for t in client.tasks())


def back_to(client, at, backup_id=None, **more):
    body = {"at": str(at), "confirm": True, **more}
    if backup_id is not None:
        body["backup_id"] = backup_id
    # A backup to start from may be in the making: 409 then.
    return once_back(lambda: client.post("backups/restore", body), (409, 503))


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def log_folder(client):
    return client.server.data / "backups" / ".log"


def segments(client):
    return sorted(log_folder(client).glob("*.seg"))


def nothing_left(client):
    """But for a backup to start from that is in the making."""
    def nothing():
        try:
            return leftovers(client) == [log_folder(client)]
        except FileNotFoundError:  # it goes while we look
            return False

    wait_for(nothing)
    return True


def detail(answer):
    return answer.json["error_detail"]["detail"]


def test_any_transaction_and_any_time_come_back(shipper):
    client = shipper()
    current(client)
    marks = []
    for i in range(9):
        client.create_task(f"task {i:02}")
        marks.append((shipped(client) if i % 4 == 0 else None, now_text()))
    everything = titles(client)
    for i in (8, 4, 0):
        txid, when = marks[i]
        answer = back_to(client, txid if i % 8 == 0 else when)
        assert answer.status == 200, answer.body
        assert titles(client) == everything[: i + 1]
        assert answer.data["restored_components"] == ["persistence"]
        assert answer.data["point"]["txid"] == txid
        assert nothing_left(client)


def test_what_was_committed_last_is_flushed_first(shipper):
    client = shipper()
    current(client)
    client.create_task("the last")
    answer = back_to(client, now_text())
    assert answer.status == 200, answer.body
    assert titles(client) == ["the last"]


def test_after_a_restore_another_history_begins(shipper):
    client = shipper()
    current(client)
    client.create_task("one")
    one = shipped(client)
    client.create_task("two")
    two = shipped(client)
    assert back_to(client, one).status == 200
    client.create_task("three")
    wait_for(lambda: len(points(client)["windows"]) == 2)
    three = shipped(client)
    assert three > two
    # What the abandoned history held is still to be had, by its number.
    assert back_to(client, two).status == 200
    assert titles(client) == ["one", "two"]
    assert back_to(client, three).status == 200
    assert titles(client) == ["one", "three"]


def test_bad_points_are_refused_before_anything_is_touched(shipper):
    client = shipper()
    window = current(client)
    client.create_task("kept")
    last = shipped(client)
    late = datetime.datetime.now(datetime.timezone.utc)
    late += datetime.timedelta(hours=1)
    for at, status in (
        ("yesterday", 400), ("", 400), ("2026-04-03T10:00:00", 400),
        ("-1", 400), ("99999999999999999999", 400), (late.isoformat(), 400),
        ("2001-01-01T00:00:00Z", 404), (window["from_txid"] - 1, 404),
        (last + 1000, 422),
    ):
        assert back_to(client, at).status == status, at
    answer = back_to(client, last, components=["memory"])
    assert answer.status == 400
    body = {"confirm": True}
    assert client.post("backups/restore", body).status == 400
    assert "ends at transaction" in detail(back_to(client, last + 1000))
    assert titles(client) == ["kept"]
    assert nothing_left(client)


def again(client, end):
    end()
    client.disconnect()
    client.server.restart()


def many_segments(client):
    """Several of them, each closed by a restart; the last transaction."""
    for i in range(4):
        client.create_task(f"task {i}")
        last = shipped(client)
        again(client, client.server.stop)
        current(client)
    return last


def refused(client, at, name, why):
    answer = back_to(client, at)
    assert answer.status == 422, answer.body
    assert name in detail(answer) and why in detail(answer), detail(answer)
    assert len(titles(client)) == 4
    assert nothing_left(client)


def test_broken_segments_are_refused_by_name(shipper):
    client = shipper()
    last = many_segments(client)
    found = segments(client)
    assert len(found) >= 3
    first, second = found[0], found[1]
    good = second.read_bytes()

    middle = len(good) // 2
    second.write_bytes(
        good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:])
    refused(client, last, second.name, "damaged")
    second.write_bytes(b"")
    refused(client, last, second.name, "cut")
    second.write_bytes(good[:40])
    refused(client, last, second.name, "cut")
    second.write_bytes(first.read_bytes())
    refused(client, last, second.name, "another segment's")
    second.unlink()
    refused(client, last, found[2].name, "missing")
    second.write_bytes(good[: len(good) - 30])  # its last record is cut
    refused(client, last, found[2].name, "missing")
    second.write_bytes(good)
    assert back_to(client, last).status == 200
    assert len(titles(client)) == 4


def test_without_the_key_nothing_is_opened(shipper):
    client = shipper()
    current(client)  # a base before it: the task is in a segment alone
    client.create_task("sealed")
    last = shipped(client)
    keys = client.server.data / "backup.keys"
    (key,) = keys.glob("*.key")
    aside = client.server.data / "key.aside"
    key.rename(aside)
    answer = back_to(client, last)
    assert answer.status == 422 and "key" in detail(answer)
    assert segments(client)[0].name in detail(answer)
    aside.rename(key)
    assert b"sealed" not in segments(client)[0].read_bytes()
    assert back_to(client, last).status == 200


def test_a_full_target_delays_and_loses_nothing(start):
    server = start(env={"TROUPE_FAULT": "fail:ship.full:3"}, **SETTINGS)
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    for i in range(5):  # each in a write of its own; the third write fails
        client.create_task(f"task {i}")
        last = shipped(client)
    server.wait_event("backup.ship.failed")
    server.wait_event("backup.ship.recovered")
    assert points(client)["failing"] is False
    assert back_to(client, last).status == 200
    assert len(titles(client)) == 5


def test_a_killed_shipper_catches_up(shipper):
    client = shipper()
    current(client)
    for i in range(6):
        client.create_task(f"task {i}")
        if i % 2 == 0:
            again(client, client.server.kill)
    last = shipped(client)
    assert len(points(client)["windows"]) == 1
    client.create_task("too much")
    shipped(client)
    assert back_to(client, last).status == 200
    assert len(titles(client)) == 6


def test_switched_off_it_ends_and_on_it_begins_anew(shipper):
    client = shipper()
    current(client)
    client.put("settings/backup/ship.enabled", {"value": "false"})
    client.server.wait_event("settings.subscriber.notified",
                             key="ship.enabled")
    wait_for(lambda: not any(w["is_current"] for w in points(client)["windows"]))
    client.create_task("nobody saw")
    client.put("settings/backup/ship.enabled", {"value": "true"})
    wait_for(lambda: len(points(client)["windows"]) == 2)


# ---- kill -9 at every step ----

# How often a step is passed before it is the one that is meant.
SHIP = ("ship.head:1", "ship.piece:3", "ship.synced:3")


def nothing_is_lost(client, acknowledged):
    """All that was promised is there, shipped, and to be had again."""
    assert set(acknowledged) <= set(titles(client))
    there = titles(client)
    last = shipped(client)
    client.create_task("after it")
    shipped(client)
    answer = back_to(client, last)
    assert answer.status == 200, answer.body
    assert titles(client) == there
    assert nothing_left(client)


@pytest.mark.parametrize("step", SHIP)
def test_kill_at_every_step_of_shipping(start, step):
    server = start(backup__ship__segment_bytes="65536")
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    client.put("settings/backup/ship.enabled", {"value": "true"})
    current(client)
    server.stop()
    server.env = {"TROUPE_FAULT": f"kill:{step}"}
    server.start()
    client.disconnect()
    acknowledged = []
    client = Client(server, client.token)
    for i in range(30):
        was = shipped_so_far(client)
        answer = asked(lambda: client.create_task(f"task {i:02}"))
        if answer is not None and answer.status == 201:
            acknowledged.append(f"task {i:02}")
            wait_for(lambda: gone(server) or
                     shipped_so_far(client) > was)
        if answer is None or gone(server):
            break
    wait_for(lambda: gone(server))
    client = life_after(client)
    nothing_is_lost(client, acknowledged)


def gone(server):
    return (server.process.poll() is not None
            or server.events("node.exit", node="vault"))


def shipped_so_far(client):
    """The last transaction that is, as far as it can tell; else 0."""
    answer = asked(lambda: client.get("backups/points"))
    if answer is None or answer.status != 200:
        return 0
    return max([w["txid"] for w in answer.data["windows"]], default=0)


def test_kill_while_segments_are_pruned(start, topology):
    server = start(env={"TROUPE_FAULT": "kill:ship.prune"}, **SETTINGS)
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    last = many_segments(client)
    before = len(segments(client))
    setting(client, "retention.max_count", "1")
    asked(lambda: create(client))
    asked(lambda: create(client))
    wait_for(lambda: gone(server))
    client = life_after(client)
    wait_for(lambda: patiently(
        client, lambda: client.get("backups"), {200}).data)
    assert shipped(client) >= last
    assert create(client).status == 201
    assert len(segments(client)) < before
    assert len(titles(client)) == 4
    nothing_is_lost(client, titles(client))


def test_kill_while_a_point_is_being_restored(start, topology):
    server = start(env={"TROUPE_FAULT": "kill:restore.unsealed"}, **SETTINGS)
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    current(client)
    client.create_task("one")
    one = shipped(client)
    client.create_task("two")
    shipped(client)
    before = live(client)
    asked(lambda: back_to(client, one))
    wait_for(lambda: gone(server))
    client = life_after(client)
    patiently(client, lambda: client.get("backups"), {200})
    assert live(client) == before
    assert nothing_left(client)
    assert back_to(client, one).status == 200
    assert titles(client) == ["one"]


# ---- what is told, and the command ----


def health(client):
    return client.get("health").data["status"]


def test_health_is_degraded_while_nothing_can_be_shipped(start):
    """A file stands where segments should go."""
    server = start(backup__ship__max_lag_seconds="1")
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    backups = server.data / "backups"
    backups.mkdir(exist_ok=True)
    (backups / ".log").write_text("in the way")
    setting(client, "ship.enabled", "true")
    server.wait_event("backup.ship.failed")
    wait_for(lambda: health(client) == "degraded")
    assert client.create_task("served all the same").status == 201
    setting(client, "ship.max_lag_seconds", "0")  # no lag is too long
    wait_for(lambda: health(client) == "ok")
    setting(client, "ship.max_lag_seconds", "1")
    wait_for(lambda: health(client) == "degraded")
    (backups / ".log").unlink()
    server.wait_event("backup.ship.recovered")
    wait_for(lambda: health(client) == "ok")


def test_points_on_the_command_line(shipper):
    client = shipper()
    current(client)
    client.create_task("one")
    one = shipped(client)
    when = now_text()
    client.create_task("two")
    shipped(client)
    told = json.loads(troupe(client, "points", "--json"))["data"]
    assert told["shipping"] and told["windows"][-1]["is_current"]
    table = troupe(client, "points")
    assert str(told["windows"][-1]["from_txid"]) in table
    assert "now" in table and "lag " in table
    troupe(client, "restore", "--at", str(one), ok=False)  # no --yes
    for bad in ("yesterday", "'; rm", "2026-04-03 10:00"):
        troupe(client, "restore", "--at", bad, "--yes", ok=False)
    assert titles(client) == ["one", "two"]
    answered(lambda: troupe_run(client, "restore", "--at", str(one), "--yes"))
    assert titles(client) == ["one"]
    client.create_task("three")
    answered(lambda: troupe_run(client, "restore", "--at", when, "--yes"))
    assert titles(client) == ["one"]


def test_a_point_comes_back_into_an_empty_folder(shipper, tmp_path):
    """Without the program that made it, which may go on meanwhile."""
    client = shipper()
    current(client)
    marks = []
    for i in range(4):
        client.create_task(f"task {i}")
        marks.append(shipped(client))
        if i == 1:
            again(client, client.server.stop)
            current(client)
    window = current(client)
    root = client.server.data / "backups"
    for n, txid in ((0, marks[0]), (1, marks[2])):
        into = tmp_path / f"at-{n}"
        troupe(client, "restore", "--at", str(txid), "--into", into)
        whole = subprocess.run(
            [TROUPE, "doctor", "store", "--data", into],
            capture_output=True, text=True, timeout=60, check=False)
        assert whole.returncode == 0, whole.stdout + whole.stderr
    assert not list(root.glob(".tmp-*"))
    for at in ("99999999", "2001-01-01T00:00:00Z", "2026-04-03T10:00:00"):
        nowhere = tmp_path / "nowhere"
        troupe(client, "restore", "--at", at, "--into", nowhere, ok=False)
        assert not nowhere.exists()
    # Started beside the same backups it begins a history of its own.
    client.server.stop()
    client.server.data = into
    client.server.settings["backup.path"] = str(root)
    client.server.settings["backup.key_dir"] = str(
        root.parent / "backup.keys")
    client.server.restart()
    client.disconnect()
    other = Client(client.server)
    assert other.login().status == 200
    assert titles(other) == ["task 0", "task 1", "task 2"]
    now = current(other)
    assert now["timeline"] != window["timeline"]
    assert now["from_txid"] > window["txid"]


def troupe_run(client, *words):
    return subprocess.run(
        [TROUPE, "backup", *words, "--data", client.server.data],
        capture_output=True, text=True, timeout=60, check=False)


def answered(ask):
    """A backup to start from may be in the making: in progress then."""
    def done():
        ran = ask()
        assert ran.returncode == 0 or "progress" in ran.stderr, ran.stderr
        return ran.returncode == 0

    wait_for(done)
