"""A kill, or a failure, at every step of a backup and of a restore.

backup.md, scenarios 5, 21 (late), 22, 28, 49, 50; D-04, O-16, H14, H15.  Live data is
wholly old or wholly new, nothing is left over, and the lock is free.
"""

import http.client
import os
import subprocess

import pytest

from client import Client
from server import TROUPE
from test_disk import Small, running
from test_backup import (
    create, entries, fill, leftovers, list_of, live, restore,
)

CREATE = (
    "create.begin", "file.written", "create.memory", "create.config", "create.manifest",
    "create.packed", "create.publish", "create.published", "create.cleaned",
)
# Up to here the restore is undone, after it it is done.  A second backup is its
# safety backup, which is made while the source is unpacked.
BACK = (
    "create.begin:2", "create.packed:2", "create.publish:2",
    "create.published:2", "restore.unpacked", "restore.staged", "restore.intent",
    "restore.memory.aside", "restore.memory.live", "restore.config.aside",
    "restore.config.live", "swap.aside", "swap.live",
    "swap.carried",
)
# A start passes the second of these twice.
FORWARD = ("swap.kept", "restore.settling:3", "restore.settled")
PATIENCE = 2000


def start_with(server, fault):
    server.env = {} if fault is None else {"TROUPE_FAULT": fault}
    server.start()


def asked(ask):
    """A request whose server may die of it."""
    try:
        return ask()
    except (OSError, http.client.HTTPException):
        return None


def patiently(client, ask, good):
    """Again until it is answered as wanted; actors may still be starting."""
    for _ in range(PATIENCE):
        answer = asked(ask)
        if answer is not None and answer.status in good:
            return answer
    raise AssertionError(f"never {good}")


def change(client, n):
    client.create_task(f"task {n}")
    (client.server.data / "memory" / "b.bin").write_bytes(b"%d" % n)
    (client.server.data / "company.yaml").write_bytes(b"name: %d\n" % n)


def end_and_start_again(server, fault):
    server.killed = True
    if server.topology == "one":
        server.process.wait(15)
        start_with(server, fault)
    else:
        server.wait_event("node.exit", node="vault")
        server.wait_event("node.ready", 2, node="vault")


@pytest.mark.parametrize("point", CREATE)
def test_49_kill_at_every_step_of_a_create(start, topology, point):
    server = start_killing(start, point)
    client = boss_of(server)
    assert asked(lambda: create(client)) is None or topology == "split"
    end_and_start_again(server, None)
    client.disconnect()
    client = again(client)
    assert patiently(client, lambda: client.get("backups"), {200})
    assert len(list_of(client)) == len(entries(client)) <= 1
    assert leftovers(client) == []
    client = without_fault(client)
    assert create(client).status == 201


def test_49_kill_while_a_folder_is_removed(start, topology):
    """It was half there, with a manifest that said it was a backup."""
    server = start(env={"TROUPE_FAULT": "kill:tree.removed"},
                   backup__compression="false")
    client = boss_of(server)
    made = create(client).data["backup_id"]
    asked(lambda: client.delete(f"backups/{made}"))
    server.killed = True
    if topology == "one":
        server.process.wait(15)
    else:
        server.wait_event("node.exit", node="vault")
        server.kill()
    start_with(server, None)
    client.disconnect()
    client = again(client)
    patiently(client, lambda: client.get("backups"), {200})
    assert list_of(client) == entries(client) == leftovers(client) == []


def without_fault(client):
    """Where a parent starts its nodes again, they die again of the same."""
    server = client.server
    if server.topology == "one":
        return client
    server.kill()
    start_with(server, None)
    client.disconnect()
    client = again(client)
    patiently(client, lambda: client.get("backups"), {200})
    return client


def start_killing(start, point):
    return start(env={"TROUPE_FAULT": f"kill:{point}"})


def boss_of(server):
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    return client


def again(client):
    other = Client(client.server, client.token)
    patiently(other, other.me, {200})
    return other


def life_after(client):
    """The next life, in which nothing is killed."""
    server = client.server
    server.killed = True
    if server.topology == "one":
        server.process.wait(15)
    else:
        server.wait_event("node.exit", node="vault")
        server.kill()
    server.env = {}
    server.start()
    client.disconnect()
    return again(client)


@pytest.mark.parametrize("point", BACK + FORWARD)
def test_49_kill_at_every_step_of_a_restore(start, topology, point):
    server = start_killing(start, point)
    client = boss_of(server)
    m = create(client).data
    old = live(client)
    change(client, 1)
    new = live(client)
    asked(lambda: restore(client, m["backup_id"]))
    end_and_start_again(server, None)
    client.disconnect()
    client = again(client)
    patiently(client, lambda: client.get("backups"), {200})
    assert live(client) == (old if point in FORWARD else new)
    assert leftovers(client) == []
    client = without_fault(client)
    assert restore(client, m["backup_id"]).status == 200
    assert live(client) == old


def test_a_fault_is_refused_unless_a_setting_allows_it(tmp_path):
    got = subprocess.run(
        [TROUPE, "run", "--data", str(tmp_path), "--listen", "127.0.0.1:0"],
        capture_output=True, env={**os.environ, "TROUPE_FAULT": "kill:x"},
        text=True, timeout=20, check=False)
    assert got.returncode == 1
    assert "runtime.fault_points" in got.stderr


# ---- a step that fails ----


@pytest.mark.parametrize(
    "point", ("restore.memory", "restore.config", "swap.open"))
def test_22_late_failure_rolls_back(start, point):
    client = boss_of(start(env={"TROUPE_FAULT": f"fail:{point}"}))
    client.server.killed = True  # an error is logged, and should be
    m = create(client).data
    change(client, 1)
    before = live(client)
    answer = restore(client, m["backup_id"])
    assert answer.brief == (500, 8070), answer.body
    client = again(client)
    patiently(client, lambda: client.get("tasks"), {200})
    assert live(client) == before
    assert leftovers(client) == []
    listed = list_of(client)
    assert [b["trigger"] for b in listed] == ["pre_migration", "manual"]
    failed = client.server.wait_event("backup.component.failed")[0]  # row 21
    [back] = client.server.wait_event("backup.restore.rollback_completed")
    [over] = client.server.wait_event("backup.restore.failed")
    assert failed["time"] <= back["time"] <= over["time"]
    assert failed["component"] and failed["error"]
    # 50: no path, and no word of the cause, in the answer.
    assert str(client.server.data).encode() not in answer.body
    assert restore(client, m["backup_id"]).status == 200


def test_05_failing_component_leaves_nothing(start):
    client = boss_of(start(env={"TROUPE_FAULT": "fail:create.memory"}))
    answer = create(client)
    assert answer.brief == (500, 8071)
    assert entries(client) == [] and leftovers(client) == []
    server = client.server
    server.wait_event("backup.lifecycle.failed")
    assert len(server.events("backup.component.failed")) == 1
    assert len(server.events("backup.lifecycle.failed")) == 1
    assert create(client).status == 201


@pytest.mark.parametrize("compression", ["true", "false"])
def test_a_restore_without_a_safety_backup_is_none(start, compression):
    client = boss_of(start(env={"TROUPE_FAULT": "fail:create.memory:2"},
                           backup__compression=compression))
    m = create(client).data
    change(client, 1)
    before = live(client)
    answer = restore(client, m["backup_id"])
    assert answer.brief == (500, 8071), answer.body
    assert live(client) == before
    assert leftovers(client) == []
    assert [b["backup_id"] for b in list_of(client)] == [m["backup_id"]]
    client.server.wait_event("backup.restore.refused")
    assert restore(client, m["backup_id"]).status == 200


def test_h15_a_rollback_that_fails_says_so_and_removes_nothing(start):
    fault = "fail:restore.config,fail:restore.back:3"  # a start has two
    client = boss_of(start(env={"TROUPE_FAULT": fault}))
    client.server.killed = True  # an error is logged, and should be
    m = create(client).data
    change(client, 1)
    answer = restore(client, m["backup_id"], ["memory", "config"])
    assert answer.brief == (500, 8073), answer.body
    [told] = client.server.wait_event("backup.restore.rollback_failed")
    [safety] = [b["backup_id"] for b in list_of(client)
                if b["trigger"] == "pre_migration"]
    assert told["safety_backup_id"] == safety
    assert answer.json["error_detail"]["detail"] == safety
    assert m["backup_id"] in {b["backup_id"] for b in list_of(client)}
    # The next start resolves it by the word on the disk: back.
    client.server.kill()
    start_with(client.server, None)
    client.disconnect()
    client = again(client)
    patiently(client, lambda: client.get("backups"), {200})
    assert (client.server.data / "company.yaml").read_bytes() == b"name: 1\n"
    assert (client.server.data / "memory" / "b.bin").read_bytes() == b"1"
    assert leftovers(client) == []


# ---- a full disk: H14 ----


@pytest.mark.parametrize("compression", ["true", "false"])
def test_h14_a_full_disk_leaves_what_was_there(topology, compression):
    server = Small(topology, {
        "backup.compression": compression, "backup.retention.max_count": "2"})
    with running(server) as client:
        inside = f"/proc/{server.process.pid}/root{server.data}"
        os.makedirs(f"{inside}/memory", exist_ok=True)
        with open(f"{inside}/memory/noise", "wb") as file:
            file.write(os.urandom(3 << 20))
        made = [create(client).data["backup_id"] for _ in range(2)]
        server.fill()
        answer = create(client)
        assert answer.brief == (500, 8071), answer.body
        server.wait_event("backup.lifecycle.failed")
        listed = [b["backup_id"] for b in list_of(client)]
        assert listed == made[::-1], "retention has not run"
        names = os.listdir(f"{inside}/backups")
        assert [n for n in names if n.startswith(".tmp")] == []
        answer = restore(client, made[0], ["memory"])
        assert answer.status == 500, answer.body
        os.unlink(server.filler)
        proof = client.post("backups/drill", {}).data
        assert proof["proven"] is True, proof["why"]
        assert create(client).status == 201
        assert len(list_of(client)) == 2
