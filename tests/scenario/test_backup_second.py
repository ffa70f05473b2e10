"""The second target: every backup has a copy on another disk, or it is told.

Issue 7, part 4; docs/adr/0024.
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
import uuid

import pytest

from client import Client, wait_for
from test_backup import (
    checksum_of, create, damage, entries, fill, leftovers, list_of, live,
    restore, root, troupe,
)
from test_backup_after import hold as freeze
from test_backup_after import setting
from test_backup_faults import again, life_after, patiently
from test_backup_points import now_text
from test_metrics import scrape_all, total
from test_sse import Stream

STEPS = (
    "second.begin", "second.packed", "second.part", "second.piece",
    "second.synced", "second.checked", "second.published",
)
MIB = 1 << 20


@pytest.fixture
def there(tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    return folder


@pytest.fixture
def pair(start, there):
    """A server with a second target, and its ceo."""

    def make(env=None, **settings):
        client = Client(start(env=env, **settings_of(there, **settings)))
        assert client.setup().status == 201
        fill(client.server)
        return client

    return make


def settings_of(there, **more):
    return {
        "backup__second__path": str(there),
        "backup__second__other_disk": "false",
        "backup__second__bytes_per_second": "0",
        **more,
    }


def state(client):
    return client.get("backups/status").data["second"]


def level(client, copies):
    """It says that all is there that should be."""

    def told():
        now = state(client)
        return (now["copies"] == copies and now["behind"] == 0
                and now["copying"] == "" and now)

    return wait_for(told)


def copies(there):
    return sorted(p for p in there.iterdir() if p.name[0] != ".")


def parts(there):
    return sorted(there.glob(".part-*"))


def where(client, backup_id):
    return client.get(f"backups/{backup_id}").data["where"]


def put_big(client, mib=6):
    content = os.urandom(mib * MIB)  # it does not shrink
    (client.server.data / "memory" / "big").write_bytes(content)


def health(client):
    return client.get("health").data["status"]


# ---- copies ----


def test_every_backup_gets_a_copy_and_the_list_says_where(pair, there):
    client = pair(api__metrics__listen="127.0.0.1:0")
    stream = Stream(client.twin(), "system")
    made = [create(client).data["backup_id"] for _ in range(2)]
    now = level(client, 2)
    assert now["reachable"] and now["why"] == "" and now["lag_seconds"] == 0
    assert [p.read_bytes() for p in copies(there)] == [
        p.read_bytes() for p in entries(client)]
    assert parts(there) == []
    assert [b["where"] for b in list_of(client)] == ["both", "both"]
    shown = json.loads(troupe(client, "show", made[0], "--json"))["data"]
    assert shown["where"] == "both"
    listed = json.loads(troupe(client, "list", "--json"))["data"]
    assert [b["where"] for b in listed] == ["both", "both"]
    assert " both " in troupe(client, "list")
    told = client.server.wait_event("backup.second.copied", 2)
    assert [e["backup_id"] for e in told] == made
    wait_for(lambda: stream.next()[1].get("event_type") == "backup.copied")
    stream.close()
    pages = scrape_all(client.server)
    assert total(pages, "troupe_backup_second_copied_total") == 2
    assert total(pages, "troupe_backup_second_bytes_total") == sum(
        p.stat().st_size for p in copies(there))
    assert total(pages, "troupe_backup_second_behind") == 0
    # Any Troupe can take that folder for its own.
    assert client.get(f"backups/{made[0]}").data["signature"]


def test_a_folder_goes_as_an_archive(pair, there, tmp_path):
    client = pair(backup__compression="false")
    m = create(client).data
    level(client, 1)
    [copy] = copies(there)
    assert copy.name.endswith(".tar.zst")
    into = tmp_path / "unpacked"
    into.mkdir()
    subprocess.run(["tar", "-xf", copy, "-C", into], check=True)
    assert checksum_of(into) == m["checksum"]
    assert where(client, m["backup_id"]) == "both"
    assert leftovers(client) == []


def test_an_archive_of_another_order_is_proven_too(pair, there, tmp_path):
    """Packed anew by hand: its sum takes unpacking."""
    client = pair(backup__compression="false")
    away = there.with_name("away")
    there.rename(away)
    m = create(client).data
    [folder] = entries(client)
    members = ["manifest.json", "persistence", "memory/c", "memory/b.bin",
               "memory/a", "config"]
    subprocess.run(["tar", "-C", folder, "-czf", f"{folder}.tar.gz", *members],
                   check=True)
    shutil.rmtree(folder)
    away.rename(there)
    wait_for(lambda: where(client, m["backup_id"]) == "both")
    assert [p.read_bytes() for p in copies(there)] == [
        p.read_bytes() for p in entries(client)]
    assert leftovers(client) == []
    assert restore(client, m["backup_id"]).status == 200


def test_backups_from_before_are_copied_oldest_first(start, there):
    server = start()
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    made = [create(client, ["config"]).data["backup_id"] for _ in range(3)]
    server.stop()
    server.settings.update({
        name.replace("__", "."): v for name, v in settings_of(there).items()})
    server.restart()
    client.disconnect()
    client = again(client)
    level(client, 3)
    told = server.wait_event("backup.second.copied", 3)
    assert [e["backup_id"] for e in told] == made


# ---- what it is for ----


def test_a_missing_or_damaged_backup_comes_from_its_copy(pair, there):
    client = pair()
    client.create_task("kept")
    m = create(client).data
    level(client, 1)
    old = live(client)
    client.create_task("more")
    [entry] = entries(client)
    damage(entry)
    for step in ("damaged", "missing"):
        proof = client.post(
            "backups/drill", {"backup_id": m["backup_id"]}).data
        assert proof["proven"] and proof["where"] == "second", step
        assert "whole" in troupe(
            client, "verify", m["backup_id"],
            "--set", f"backup.second.path={there}")
        answer = restore(client, m["backup_id"])
        assert answer.status == 200, answer.body
        assert answer.data["where"] == "second"
        patiently(client, client.me, {200})
        assert live(client) == old
        used = client.server.wait_event(
            "backup.second.used", backup_id=m["backup_id"])
        assert used[-1]["error"]
        client.create_task("again")
        entry.unlink(missing_ok=True)
    patiently(client, lambda: client.get("backups"), {200})
    wait_for(lambda: where(client, m["backup_id"]) == "second")
    assert {b["backup_id"]: b["where"] for b in list_of(client)}[
        m["backup_id"]] == "second"
    assert leftovers(client) == []


def test_a_lost_disk_comes_back_from_the_second(pair, there, tmp_path):
    """Nothing of the data folder is left but the keys."""
    client = pair()
    client.create_task("kept")
    m = create(client).data
    level(client, 1)
    shutil.rmtree(root(client))
    into = tmp_path / "new"
    out = troupe(
        client, "restore", m["backup_id"], "--into", into,
        "--set", f"backup.second.path={there}")
    assert m["backup_id"] in out
    assert (into / "company.yaml").read_bytes() == b"name: Acme\n"
    # And into the running one, which has no backup root any more.
    client.create_task("lost")
    answer = restore(client, m["backup_id"])
    assert answer.status == 200, answer.body
    assert [t["title"] for t in client.tasks()] == ["kept"]


def test_both_damaged_is_refused_and_touches_nothing(pair, there):
    client = pair()
    m = create(client).data
    level(client, 1)
    damage(entries(client)[0])
    damage(copies(there)[0])
    before = live(client)
    answer = restore(client, m["backup_id"])
    assert answer.status == 422, answer.body
    assert str(there).encode() not in answer.body
    assert live(client) == before
    proof = client.post("backups/drill").data
    assert not proof["proven"] and proof["where"] == "local"
    assert leftovers(client) == []


def test_a_newer_refusal_is_not_asked_of_the_copy(pair, there):
    """What is wrong with the request is wrong with either copy."""
    client = pair()
    m = create(client, ["config"]).data
    level(client, 1)
    assert restore(client, m["backup_id"], ["memory"]).status == 422
    assert client.server.events("backup.second.used") == []


# ---- its own retention ----


def test_each_target_has_its_own_retention(pair, there):
    client = pair(backup__retention__max_count="1",
                  backup__second__retention__max_count="3")
    made = []
    for _ in range(5):
        made.append(create(client, ["config"]).data["backup_id"])
        wait_for(lambda: where(client, made[-1]) == "both")
    assert [p.name[:12] for p in entries(client)] == made[4:]
    assert {p.name[:12] for p in copies(there)} == set(made[2:])
    assert [(b["backup_id"], b["where"]) for b in list_of(client)] == [
        (made[4], "both"), (made[3], "second"), (made[2], "second")]
    # Nothing goes there to be removed at once, and comes again.
    assert len(client.server.events("backup.second.copied")) == 5
    setting(client, "second.retention.max_count", "1")
    create(client, ["config"])
    level(client, 1)


def test_what_would_not_stay_there_is_not_copied(pair, there):
    client = pair(backup__second__retention__max_count="1")
    away = there.with_name("away")
    there.rename(away)
    made = [create(client, ["config"]).data["backup_id"] for _ in range(3)]
    wait_for(lambda: not state(client)["reachable"])
    away.rename(there)
    level(client, 1)
    told = client.server.wait_event("backup.second.copied")
    assert [e["backup_id"] for e in told] == made[2:]


def test_a_hold_keeps_both_and_a_delete_removes_both(pair, there):
    client = pair(backup__retention__max_count="1",
                  backup__second__retention__max_count="1")
    first = create(client, ["config"]).data["backup_id"]
    level(client, 1)
    assert client.put(f"backups/{first}/hold").status == 204
    second = create(client, ["config"]).data["backup_id"]
    level(client, 2)
    assert client.delete(f"backups/{first}").status == 409
    # The hold is kept on the copy too: the first disk may be lost.
    wait_for(lambda: (there / f".hold-{first}").exists())
    shutil.rmtree(root(client))
    assert client.delete(f"backups/{first}").status == 409
    third = create(client, ["config"]).data["backup_id"]
    wait_for(lambda: {p.name[:12] for p in copies(there)} == {first, third})
    setting(client, "second.retention.max_count", "9")
    assert client.delete(f"backups/{first}/hold").status == 204
    assert not (there / f".hold-{first}").exists()
    assert client.delete(f"backups/{first}").status == 204
    assert client.get(f"backups/{first}").status == 404
    wait_for(lambda: {p.name[:12] for p in copies(there)} == {third})
    assert client.delete(f"backups/{third}").status == 204
    assert copies(there) == [] and list_of(client) == []
    assert client.delete(f"backups/{second}").status == 404


# ---- a target that is gone, full, read-only or another's ----


def unreachable(client, why):
    wait_for(lambda: why in state(client)["why"])
    assert state(client)["reachable"] is False
    told = client.server.wait_event("backup.second.failed")
    assert why in told[-1]["error"]


def test_a_target_that_is_gone_is_told_and_caught_up_with(pair, there):
    client = pair(backup__second__max_lag_seconds="1",
                  api__metrics__listen="127.0.0.1:0")
    stream = Stream(client.twin(), "system")
    away = there.with_name("away")
    there.rename(away)
    m = create(client).data
    assert m["backup_id"]
    unreachable(client, "the folder is not there")
    wait_for(lambda: health(client) == "degraded")
    assert total(scrape_all(client.server),
                 "troupe_backup_second_lag_seconds") >= 1
    assert total(scrape_all(client.server),
                 "troupe_backup_second_failures_total") >= 1
    wait_for(lambda: stream.next()[1].get("event_type") == "backup.not_copied")
    assert client.get("backups").status == 200
    assert where(client, m["backup_id"]) == "local"
    away.rename(there)
    level(client, 1)
    client.server.wait_event("backup.second.recovered")
    wait_for(lambda: health(client) == "ok")
    assert len(client.server.events("backup.second.failed")) == 1
    there.rename(away)
    there.write_text("a file")
    create(client, ["config"])
    unreachable(client, "it is no folder")
    there.unlink()
    away.rename(there)
    level(client, 2)
    stream.close()


def test_the_same_disk_is_refused_unless_it_may_be(start, there):
    settings = settings_of(there)
    del settings["backup__second__other_disk"]
    client = Client(start(**settings))
    assert client.setup().status == 201
    assert create(client).status == 201
    unreachable(client, "is it mounted?")
    assert list(there.iterdir()) == []


def test_another_disk_is_what_it_is_for(start):
    folder = f"/dev/shm/troupe-{uuid.uuid4()}"
    os.mkdir(folder)
    try:
        settings = settings_of(folder)
        del settings["backup__second__other_disk"]
        client = Client(start(**settings))
        assert client.setup().status == 201
        assert create(client).status == 201
        level(client, 1)
    finally:
        shutil.rmtree(folder)


def test_a_second_target_around_the_first_is_refused(start):
    server = start(
        backup__second__path="link", backup__second__other_disk="false")
    (server.data / "link").symlink_to("backups")
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    assert create(client).status == 201
    wait_for(lambda: "apart" in state(client)["why"])
    assert len(list_of(client)) == 1 and leftovers(client) == []


@pytest.mark.parametrize("path", ("backups", "backups/x", "."))
def test_a_second_target_within_the_first_is_a_mistake(start, path):
    server = start(backup__second__path=path)
    server.wait_event("backup.lifecycle.unavailable")
    client = Client(server)
    assert client.setup().status == 201
    assert client.get("backups").status == 503


def test_a_full_target_keeps_what_is_there_and_goes_on(pair, there):
    client = pair(env={"TROUPE_FAULT": "fail:second.full:40"})
    put_big(client)
    create(client)
    unreachable(client, "the target is full")
    level(client, 1)
    [told] = client.server.wait_event("backup.second.copied")
    assert told["resumed"] >= MIB  # what had come before it was full
    [entry] = entries(client)
    assert copies(there)[0].read_bytes() == entry.read_bytes()


def test_what_came_there_is_read_back(pair, there):
    """A disk that takes one byte for another is found out at once."""
    client = pair(env={"TROUPE_FAULT": "fail:second.torn:2"})
    put_big(client)
    create(client)
    unreachable(client, "what came there is not what was sent")
    level(client, 1)
    assert copies(there)[0].read_bytes() == entries(client)[0].read_bytes()


def test_progress_is_told(pair, there):
    client = pair(backup__second__bytes_per_second="4MiB")
    put_big(client, 3)
    m = create(client).data

    def half():
        now = state(client)
        return (now["copying"] == m["backup_id"]
                and 0 < now["done_bytes"] < now["total_bytes"] and now)

    assert wait_for(half)["total_bytes"] == entries(
        client)[0].stat().st_size
    setting(client, "second.bytes_per_second", "0")
    level(client, 1)


def test_a_target_that_is_read_only(pair, there):
    client = pair()
    freeze(there)
    try:
        assert create(client).status == 201
        unreachable(client, "the target lets us write nothing there")
    finally:
        freeze(there, False)
    level(client, 1)


# ---- evil content ----


def waiting(client, there):
    """A backup that is to be copied while the target is away."""
    away = there.with_name("away")
    there.rename(away)
    m = create(client).data
    wait_for(lambda: not state(client)["reachable"])
    return m["backup_id"], away


def test_nothing_is_written_through_a_link(pair, there, tmp_path):
    client = pair()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for plant in ("symlink", "hardlink", "fifo", "folder"):
        backup_id, away = waiting(client, there)
        part = away / f".part-{backup_id}"
        if plant == "symlink":
            part.symlink_to(victim)
        elif plant == "hardlink":
            part.hardlink_to(victim)
        elif plant == "fifo":
            os.mkfifo(part)
        else:
            part.mkdir()
        away.rename(there)
        wait_for(lambda: state(client)["why"] not in (
            "", "the folder is not there"))
        assert victim.read_text() == "precious"
        if plant == "folder":
            part = there / part.name
            part.rmdir()
        else:
            (there / part.name).unlink()
        wait_for(lambda: where(client, backup_id) == "both")
    # A link that has the copy's own name is replaced, not followed.
    backup_id, away = waiting(client, there)
    [entry] = [p for p in entries(client) if p.name.startswith(backup_id)]
    (away / entry.name).symlink_to(victim)
    away.rename(there)
    wait_for(lambda: where(client, backup_id) == "both")
    assert victim.read_text() == "precious"
    assert not (there / entry.name).is_symlink()


def forged(name, backup_id, members):
    manifest = {
        "backup_id": backup_id, "timestamp": now_text(),
        "trigger": "manual", "components": ["config"], "size_bytes": 1,
        "schema_version": 1, "checksum": "sha256:" + "0" * 64}
    with tarfile.open(name, "w:gz") as tar:
        for path, content in {
                "manifest.json": json.dumps(manifest).encode(),
                **members}.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_what_others_put_there_is_not_restored(pair, there, tmp_path):
    """A copy must be signed by a key that is here, whatever is configured."""
    client = pair()
    create(client)
    level(client, 1)
    forged(there / f"{'a' * 12}_x.tar.gz", "a" * 12,
           {"config/company.yaml": b"x", "../evil": b"x"})
    (there / f"{'b' * 12}_y.tar.zst").write_bytes(b"no archive")
    (there / f"{'c' * 12}_z.tar.gz").symlink_to("/etc/passwd")
    (there / "loop").symlink_to(there)
    before = live(client)
    create(client)  # so that it looks again
    wait_for(lambda: state(client)["copies"] == 3)
    assert where(client, "a" * 12) == "second"
    answer = restore(client, "a" * 12)
    assert answer.status == 422, answer.body
    assert "signed" in answer.json["error_detail"]["detail"]
    for bad in ("b" * 12, "c" * 12):
        assert restore(client, bad).status in (404, 422)
    assert live(client) == before
    assert not (there.parent / "evil").exists()
    assert leftovers(client) == []


def test_a_copy_that_was_cut_is_made_anew(pair, there):
    client = pair()
    put_big(client, 2)
    m = create(client).data
    level(client, 1)
    [copy] = copies(there)
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-9])
    create(client, ["config"])
    wait_for(lambda: copy.read_bytes() == whole)
    wait_for(lambda: where(client, m["backup_id"]) == "both")


def test_a_damaged_backup_is_not_copied_and_holds_up_nobody(pair, there):
    client = pair(backup__second__max_lag_seconds="1")
    bad, away = waiting(client, there)
    damage(entries(client)[0])
    away.rename(there)
    wait_for(lambda: "manifest says" in state(client)["why"])
    good = create(client, ["config"]).data["backup_id"]
    wait_for(lambda: where(client, good) == "both")
    assert [p.name[:12] for p in copies(there)] == [good]
    assert state(client)["behind"] == 1
    wait_for(lambda: health(client) == "degraded")
    assert client.delete(f"backups/{bad}").status == 204
    wait_for(lambda: health(client) == "ok")


# ---- kill -9 ----


def start_killing(start, there, step):
    """It dies at the step, the first time that it comes to it."""
    folder = step == "second.packed"
    server = start(env={"TROUPE_FAULT": f"kill:{step}"}, **settings_of(
        there, backup__compression="false" if folder else "true"))
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    put_big(client)
    return client


@pytest.mark.parametrize("step", STEPS)
def test_kill_at_every_step_of_a_copy(start, there, step):
    client = start_killing(start, there, step)
    try:
        create(client)
    except OSError:
        pass
    client = life_after(client)
    listed = patiently(client, lambda: client.get("backups"), {200}).data
    assert len(listed) == 1
    level(client, 1)
    [copy], [entry] = copies(there), entries(client)
    if entry.is_file():
        assert copy.read_bytes() == entry.read_bytes()
    assert parts(there) == []
    assert leftovers(client) == []
    entry_id = listed[0]["backup_id"]
    assert where(client, entry_id) == "both"
    assert create(client, ["config"]).status == 201  # no lock is left
    level(client, 2)


def test_kill_while_copies_are_pruned(pair, there):
    """The first look of a life does it, so that life is a short one."""
    client = pair()
    made = [create(client, ["config"]).data["backup_id"] for _ in range(3)]
    level(client, 3)
    server = client.server
    server.stop()
    server.settings["backup.second.retention.max_count"] = "1"
    server.env = {"TROUPE_FAULT": "kill:second.pruned"}
    try:
        server.start()
    except RuntimeError:
        pass  # it was over before it was ready
    client = life_after(client)
    level(client, 1)
    assert [p.name[:12] for p in copies(there)] == made[2:]
    assert [b["backup_id"] for b in list_of(client)] == made[::-1]


def test_what_was_sent_is_not_sent_again(pair, there):
    client = pair(env={"TROUPE_FAULT": "kill:second.piece:100"})
    if client.server.topology == "split":
        client.server.killed = True
    put_big(client, 8)
    try:
        create(client)
    except OSError:
        pass
    client = life_after(client)
    level(client, 1)
    [told] = client.server.wait_event("backup.second.copied")
    assert 3 * MIB <= told["resumed"] <= 4 * MIB
    assert told["bytes"] == entries(client)[0].stat().st_size - told["resumed"]


def test_a_part_that_is_another_is_sent_anew(pair, there):
    client = pair()
    put_big(client, 8)
    backup_id, away = waiting(client, there)
    (away / f".part-{backup_id}").write_bytes(b"x" * (20 * MIB))
    (away / f".part-{'d' * 12}").write_bytes(b"of nobody")
    away.rename(there)
    level(client, 1)
    assert copies(there)[0].read_bytes() == entries(client)[0].read_bytes()
    assert parts(there) == []
    [told] = client.server.wait_event("backup.second.copied")
    assert told["backup_id"] == backup_id and told["resumed"] == 0
    [failed] = client.server.events("backup.second.failed")
    assert failed["error"] == "the folder is not there"
