"""What a restore leaves as it is, and schedules that are on, off or changed.

backup.md, scenarios 23, 32 to 34, 36 to 42, 46 to 48, 53, H2, H11, H13, H17;
BW-02 to BW-06.
"""

import concurrent.futures
import http.client
import os
import re
import shutil
import subprocess
import uuid

import pytest

from client import Client, wait_for
from server import TROUPE
from signing import resign
from test_backup import (
    create, entries, fill, list_of, live, manifest_of, restore,
    rewrite, root, troupe,
)
from test_sse import Stream

SERVICE = "backup-scheduler"


@pytest.fixture
def keep(start):
    def make(**settings):
        client = Client(start(**settings))
        assert client.setup().status == 201
        fill(client.server)
        return client

    return make


def until(client, status, ask):
    wait_for(lambda: ask().status == status)


def service(client):
    return {s["service"]: s for s in client.get("services").data}[SERVICE]


def setting(client, key, value, good=(200,)):
    answer = client.put(f"settings/backup/{key}", {"value": value})
    assert answer.status in good, answer.body


# ---- what was revoked stays revoked ----


def test_what_was_revoked_after_the_backup_stays_revoked(keep):
    client = keep()
    other = Client(client.server)
    assert other.login().status == 200
    made = client.post("auth/api-keys", {"name": "ci"}).data
    robot = Client(client.server, made["key"])
    kept = client.post("auth/api-keys", {"name": "kept"}).data
    assert robot.me().status == 200
    backup = create(client).data["backup_id"]
    old = other.twin()
    assert other.logout().status == 204
    gone = client.delete(f"auth/api-keys/{made['api_key']['id']}")
    assert gone.status == 204
    for _ in range(2):  # the second restore finds it in what it replaces
        assert restore(client, backup).status == 200
        until(client, 200, client.me)
        assert old.me().status == 401
        assert robot.me().status == 401
        assert Client(client.server, kept["key"]).me().status == 200
    client.server.kill()
    client.server.restart()
    client.disconnect()
    client = Client(client.server, client.token)
    until(client, 200, client.me)
    assert Client(client.server, old.token).me().status == 401
    assert Client(client.server, made["key"]).me().status == 401


def test_after_the_answer_nobody_is_judged_by_what_was(keep):
    """At once, at every gateway: nobody waits for the old replica's end."""
    client = keep()
    backup = create(client, ["persistence"]).data["backup_id"]
    for _ in range(3):
        later = Client(client.server)
        assert later.login().status == 200
        assert later.me().status == 200
        assert restore(client, backup).status == 200
        assert later.me().status == 401
        assert client.me().status == 200


def test_a_stream_is_told_of_another_epoch(keep):
    """Neither missed nor repeated: a later offset is of another history."""
    client = keep()
    client.server.killed = True  # lost history is an error in the log
    stream = Stream(client, "tasks")
    stream.next()
    assert client.create_task("before").status == 201
    assert stream.next()[1]["payload"]["title"] == "before"
    backup = create(client, ["persistence"]).data["backup_id"]
    for name in ("lost", "lost too"):
        assert client.create_task(name).status == 201
        last = stream.next()[1]
    assert restore(client, backup).status == 200
    until(client, 200, client.me)
    stream.close()
    again = Stream(client.twin(), "tasks", stream.last)
    kind, told = again.next()
    if kind == "control" and told["action"] == "subscribed":
        place = told["positions"]["tasks"]
        assert place["recovered"] is False
        assert place["epoch"] != last["epoch"] and place["epoch"] < 2 ** 53
    assert wait_for(lambda: client.create_task("after").status == 201)
    while kind != "task.created":
        kind, told = again.next()
    assert told["payload"]["title"] == "after"
    # The same offset as what was lost, and yet another event.
    assert told["offset"] <= last["offset"]
    assert told["epoch"] != last["epoch"] and told["epoch"] < 2 ** 53
    again.close()


def test_23_no_stale_sidecar(keep):
    client = keep()
    backup = create(client).data["backup_id"]
    old = live(client)
    for n in range(20):
        client.create_task(f"later {n}")
    assert restore(client, backup).status == 200
    until(client, 200, client.me)
    assert live(client) == old
    beside = {p.name for p in (client.server.data / "store.lmdb").iterdir()}
    assert beside == {"data.mdb", "lock.mdb", "troupe.lock"}
    client.server.kill()
    client.server.restart()
    client.disconnect()
    until(client, 200, client.me)
    assert live(client) == old


# ---- retention ----


def test_33_what_cannot_be_removed_is_no_failure(keep):
    """A folder that is no longer ours to change, between two that are."""
    if os.geteuid() == 0 and not shutil.which("chattr"):
        pytest.fail("as root this test needs chattr")
    client = keep(backup__compression="false")
    made = [create(client, ["config"]).data["backup_id"] for _ in range(3)]
    stuck = [p for p in entries(client) if p.name.startswith(made[1])][0]
    hold(stuck)
    try:
        setting(client, "retention.max_count", "1")
        answer = create(client, ["config"])
        assert answer.status == 201
        left = {b["backup_id"] for b in list_of(client)}
        assert left == {made[1], answer.data["backup_id"]}
        [told] = client.server.wait_event("backup.retention.failed")
        assert told["backup_id"] == made[1]
        pruned = client.server.wait_event("backup.retention.pruned", 2)
        assert {e["ids"] for e in pruned} == {made[0], made[2]}
    finally:
        hold(stuck, False)


def hold(folder, held=True):
    if os.geteuid() == 0:
        sign = "+i" if held else "-i"
        subprocess.run(["chattr", sign, folder], check=True)
    else:
        folder.chmod(0o500 if held else 0o700)


def test_34_retention_that_fails_is_no_failed_backup(start):
    client = Client(start(env={"TROUPE_FAULT": "fail:retention.read"}))
    assert client.setup().status == 201
    assert create(client, ["config"]).status == 201
    client.server.wait_event("backup.retention.failed")
    assert client.server.events("backup.lifecycle.failed") == []


# ---- the schedule and its settings ----


def test_36_39_40_the_schedule_follows_its_settings(keep):
    client = keep(backup__enabled="true", backup__schedule_hours="24")
    before = service(client)
    assert before["status"] == "running" and before["interval_ms"] == 86400000
    setting(client, "schedule_hours", "1")  # 36: anew from now on, none now
    after = service(client)
    assert after["interval_ms"] == 3600000
    assert after["next_run_at"] < before["next_run_at"]
    assert after["runs"] == 0
    for _ in range(3):  # 39, BW-04
        setting(client, "enabled", "true")
    assert service(client)["generation"] == before["generation"]
    for key in ("compression", "on_startup", "on_shutdown"):  # 40, BW-06
        setting(client, key, "false")
        client.server.wait_event(
            "settings.subscriber.notified", subscriber="backup", key=key)
    still = service(client)
    assert still["generation"] == before["generation"]
    assert still["next_run_at"] == after["next_run_at"]
    for _ in range(2):  # BW-03, BW-04
        setting(client, "enabled", "false")
    assert wait_for(lambda: service(client)["status"] == "idle")
    setting(client, "enabled", "true")  # BW-02
    assert wait_for(lambda: service(client)["status"] == "running")
    assert service(client)["generation"] == before["generation"] + 1
    assert list_of(client) == []


def test_a_restarted_settings_actor_is_watched_again(start):
    client = Client(start())
    assert client.setup().status == 201
    if client.server.topology != "one":  # there they live and die together
        client.server.kill_node("core")
    assert wait_for(lambda: client.get("settings").status == 200)
    for hours in ("7", "8"):
        setting(client, "schedule_hours", hours)
    client.server.wait_event(
        "settings.subscriber.notified", subscriber="backup",
        key="schedule_hours")


@pytest.mark.parametrize("value", ["0", "-3", "abc", "169", ""])
def test_37_bad_intervals(keep, value):
    client = keep(backup__enabled="true")
    before = service(client)
    setting(client, "schedule_hours", value, good=(400, 422))
    after = service(client)
    assert after["status"] == "running"
    assert after["interval_ms"] == before["interval_ms"]


def test_38_other_namespaces_do_not_count(keep):
    client = keep(backup__enabled="true")
    before = service(client)
    answer = client.put(
        "settings/cost/prune.enabled", {"value": "false"})
    assert answer.status in (200, 404), answer.body
    assert service(client)["status"] == "running"
    assert service(client)["generation"] == before["generation"]


def test_42_off_means_the_schedule_alone(keep):
    client = keep()
    assert service(client)["status"] == "idle"
    assert service(client)["generation"] == 0
    assert client.post(f"services/{SERVICE}/wake").status == 409
    backup = create(client).data["backup_id"]
    assert [b["backup_id"] for b in list_of(client)] == [backup]
    assert restore(client, backup).status == 200


def test_41_the_loop_survives_a_failure(start):
    client = Client(start(
        env={"TROUPE_FAULT": "fail:create.memory"}, backup__enabled="true"))
    assert client.setup().status == 201
    fill(client.server)
    for runs, made in ((1, 0), (2, 1)):
        assert client.post(f"services/{SERVICE}/wake").status == 200
        assert wait_for(lambda: service(client)["runs"] == runs)
        assert len(list_of(client)) == made
    after = service(client)
    assert after["status"] == "running" and after["failures"] == 1
    assert len(client.server.events("backup.lifecycle.failed")) == 1


# ---- configuration ----


@pytest.mark.parametrize("key, value", [
    ("TROUPE_BACKUP_PATH", "../b"),
    ("TROUPE_BACKUP_PATH", "a/../b"),
    ("TROUPE_BACKUP_PATH", "..\\b"),
    ("TROUPE_BACKUP_PATH", "C:\\a\\..\\b"),
])
def test_47_paths_that_leave_the_data_folder(tmp_path, key, value):
    got = subprocess.run(
        [TROUPE, "check", "--data", str(tmp_path)], capture_output=True,
        env={**os.environ, key: value}, text=True, timeout=20, check=False)
    assert got.returncode != 0
    assert key in got.stderr and value in got.stderr


@pytest.mark.parametrize("value", ["/data/a..b", "C:\\backups"])
def test_47_names_with_dots_are_names(tmp_path, value):
    subprocess.run(
        [TROUPE, "check", "--data", str(tmp_path)], capture_output=True,
        env={**os.environ, "TROUPE_BACKUP_PATH": value}, timeout=20,
        check=True)


@pytest.mark.parametrize("include", ["persistence,bogus", "memory,memory"])
def test_45_46_no_service_is_503_everywhere(keep, include):
    client = keep(backup__include=include)
    some = "0123456789ab"
    for answer in (
        create(client), client.get("backups"), client.get(f"backups/{some}"),
        client.delete(f"backups/{some}"), restore(client, some),
    ):
        assert answer.status == 503, answer.body
    client.server.wait_event("backup.lifecycle.unavailable")
    setting(client, "compression", "false")  # H17
    assert client.me().status == 200


def test_48_real_paths(keep, tmp_path):
    memory = "elsewhere/memory"
    client = keep(memory__path=memory, company__config_path="conf/acme.yaml")
    data = client.server.data
    (data / memory).mkdir(parents=True)
    (data / memory / "x").write_bytes(b"one")
    (data / "conf").mkdir()
    (data / "conf/acme.yaml").write_bytes(b"name: one\n")
    backup = create(client).data["backup_id"]
    (data / memory / "x").write_bytes(b"two")
    (data / "conf/acme.yaml").write_bytes(b"name: two\n")
    default = (data / "company.yaml").read_bytes()
    assert restore(client, backup).status == 200
    assert (data / memory / "x").read_bytes() == b"one"
    assert (data / "conf/acme.yaml").read_bytes() == b"name: one\n"
    assert (data / "company.yaml").read_bytes() == default


def test_53_shutdown_while_a_backup_runs(keep):
    client = keep(backup__enabled="true", backup__on_shutdown="true",
                  backup__bytes_per_second="4MiB")
    big = client.server.data / "memory" / "big"
    big.write_bytes(os.urandom(6 << 20))
    assert client.post(f"services/{SERVICE}/wake").status == 200
    while not client.get("backups/status").data["doing"]:
        pass
    client.server.stop()
    names = [p.name for p in entries(client)]
    assert sum("_scheduled" in n for n in names) == 1, names
    assert sum(n.endswith("_shutdown") for n in names) == 1, names


def test_69_a_key_whose_backup_failed_makes_another(start):
    client = Client(start(env={"TROUPE_FAULT": "fail:create.memory"}))
    assert client.setup().status == 201
    key = str(uuid.uuid4())
    assert create(client, key=key).status == 500
    assert create(client, key=key).status == 201
    assert len(list_of(client)) == 1 and root(client).exists()


# ---- drills, as an operator sees them ----


def test_a_drill_is_part_of_health(keep):
    client = keep(backup__compression="false")

    def health():
        answer = client.get("health")
        assert answer.status == 200
        return answer.data["status"]

    assert health() == "ok"
    # Without a backup a drill proves nothing, and nothing is broken.
    assert client.post("backups/drill").brief == (404, 3070)
    assert health() == "ok"
    create(client, ["config"])
    assert client.post("backups/drill").data["proven"] is True
    assert health() == "ok"
    [entry] = entries(client)
    (entry / "config" / "company.yaml").write_bytes(b"name: other\n")
    assert client.post("backups/drill").data["proven"] is False
    assert wait_for(lambda: health() == "degraded")


def pages(server):
    """What each process that lives has counted."""
    said = "\n".join(server.lines.out)
    for host, port in set(re.findall(r"metrics=([^ ]+):(\d+)", said)):
        link = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            link.request("GET", "/metrics")
            yield link.getresponse().read().decode()
        except ConnectionRefusedError:
            continue  # one that has been killed
        finally:
            link.close()


def test_how_long_ago_it_was_proven_is_a_metric(keep):
    client = keep(api__metrics__listen="127.0.0.1:0")

    def age():
        return [float(line.split()[-1]) for page in pages(client.server)
                for line in page.splitlines()
                if line.startswith("troupe_backup_last_proven_age_seconds")]

    assert age() == []
    create(client, ["config"])
    assert client.post("backups/drill").data["proven"] is True
    assert wait_for(lambda: len(age()) == 1)
    assert 0 <= age()[0] < 60
    client.server.kill()
    client.server.restart()
    assert wait_for(lambda: len(age()) == 1), "it is kept"


# ---- retention by request ----


def prune(client, **ask):
    answer = client.post("backups/prune", ask)
    assert answer.status == 200, answer
    return answer.data


def test_a_dry_run_tells_and_touches_nothing(keep):
    client = keep(backup__retention__max_count="10")
    made = [create(client, ["config"]).data["backup_id"] for _ in range(4)]
    setting(client, "retention.max_count", "2")
    # The setting is heard a moment later, on another actor.
    assert wait_for(lambda: [
        b["fate"] for b in prune(client, dry_run=True)["backups"]
    ] == ["newest", "recent", "over_count", "over_count"])
    assert len(list_of(client)) == 4
    assert client.put(f"backups/{made[0]}/hold").status == 204
    assert client.delete(f"backups/{made[0]}").brief == (409, 4071)
    assert [b["backup_id"] for b in list_of(client) if b["held"]] == [made[0]]
    done = prune(client)
    assert done["removed"] == 1 and not done["dry_run"]
    assert [(b["fate"], b["removed"]) for b in done["backups"]] == [
        ("newest", False), ("recent", False), ("over_count", True),
        ("held", False)]
    assert {b["backup_id"] for b in list_of(client)} == {
        made[0], made[2], made[3]}
    assert client.delete(f"backups/{made[0]}/hold").status == 204
    assert prune(client)["removed"] == 1
    said = troupe(client, "prune", "--dry-run")
    assert made[3] in said and "stays" in said
    troupe(client, "hold", made[3])
    troupe(client, "delete", made[3], ok=False)
    troupe(client, "release", made[3])
    troupe(client, "delete", made[3])
    assert client.put(f"backups/{made[3]}/hold").brief == (404, 3070)


def test_32_h13_offsets_and_forged_times_evict_nothing(keep):
    client = keep(backup__compression="false")
    made = [create(client, ["config"]).data["backup_id"] for _ in range(3)]
    entry = {manifest_of(p)["backup_id"]: p for p in entries(client)}
    # By its text the oldest is the newest: 09:30Z and 08:00Z.
    resign(client, entry[made[0]], timestamp="2026-03-01T11:00:00+03:00")
    resign(client, entry[made[1]], timestamp="2026-03-01T09:30:00+00:00")
    resign(client, entry[made[2]], timestamp="2099-01-01T00:00:00+00:00")
    setting(client, "retention.max_count", "1")
    setting(client, "retention_days", "3650")
    assert wait_for(lambda: [
        (b["backup_id"], b["fate"])
        for b in prune(client, dry_run=True)["backups"]
    ] == [(made[2], "future"), (made[1], "newest"), (made[0], "over_count")])
    assert prune(client)["removed"] == 1
    assert [b["backup_id"] for b in list_of(client)] == [made[2], made[1]]


def test_h2_h11_the_source_of_a_restore_is_not_deleted(keep):
    client = keep()
    (client.server.data / "memory" / "big").write_bytes(os.urandom(1 << 20))
    made = create(client, ["memory", "config"]).data
    assert {p["component"] for p in made["parts"]} == {"memory", "config"}
    assert sum(p["size_bytes"] for p in made["parts"]) == made["size_bytes"]
    assert made["parts"][0]["taken_at"] <= made["parts"][1]["taken_at"]  # H11
    setting(client, "bytes_per_second", "1MiB")
    other = client.twin()
    slow = concurrent.futures.ThreadPoolExecutor().submit(
        lambda: restore(other, made["backup_id"], ["memory"]))
    assert wait_for(lambda: client.get(
        "backups/status").data["doing"] == "restore")
    refused = client.delete(f"backups/{made['backup_id']}")
    assert refused.brief == (409, 4070)
    assert client.post("backups/prune", {"dry_run": True}).brief == (409, 4070)
    assert slow.result(30).status in (200, 504)
    assert made["backup_id"] in {b["backup_id"] for b in list_of(client)}
