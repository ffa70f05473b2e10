"""Any state that the store has had: shipping, and restores to a point.

Issue 7, part 8; docs/adr/0021.
"""

import datetime
import time

import pytest

from client import Client, wait_for
from test_backup import create, fill, leftovers, list_of, restore

SHIP = {"backup__ship__enabled": "true"}


@pytest.fixture
def shipper(start):
    def make(**settings):
        client = Client(start(**{**SHIP, **settings}))
        assert client.setup().status == 201
        fill(client.server)
        return client

    return make


def points(client):
    """Just after a restore, gateways let nobody in that they cannot judge."""
    def told():
        answer = client.get("backups/points")
        return None if answer.status == 503 else answer

    return wait_for(told).data


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
    def free():
        """A backup to start from may be in the making: 409 then."""
        answer = client.post("backups/restore", body)
        return None if answer.status in (409, 503) else answer

    return wait_for(free)


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def log_folder(client):
    return client.server.data / "backups" / ".log"


def segments(client):
    return sorted(log_folder(client).glob("*.seg"))


def nothing_left(client):
    """But for a backup to start from that is in the making."""
    wait_for(lambda: leftovers(client) == [log_folder(client)])
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
    server = start(env={"TROUPE_FAULT": "fail:ship.full:3"}, **SHIP)
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
