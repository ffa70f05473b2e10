"""Backups and restores from outside: backup.md, scenarios 1-53.

A scenario's number stands in the test's name or its comment.
"""

import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import re
import struct
import subprocess
import tarfile
import uuid

import pytest

from client import Client, wait_for
from server import TROUPE

SUM = re.compile(r"sha256:[0-9a-f]{64}\Z")
MEMORY = {"a/notes.txt": b"n" * 1000, "b.bin": bytes(500), "c/d/e": b"x" * 36}
COMPANY = b"name: Acme\n"


@pytest.fixture
def boss(server):
    client = Client(server)
    assert client.setup().status == 201
    fill(server)
    return client


@pytest.fixture
def keep(start):
    """A server with settings, and its ceo."""

    def make(**settings):
        client = Client(start(**settings))
        assert client.setup().status == 201
        fill(client.server)
        return client

    return make


def fill(server):
    for name, content in MEMORY.items():
        path = server.data / "memory" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (server.data / "company.yaml").write_bytes(COMPANY)


def create(client, components=None, key=None):
    body = None if components is None else {"components": components}
    return client.post(
        "backups", body, **{"Idempotency-Key": key or str(uuid.uuid4())}
    )


def once_back(ask, away=(503,)):
    """Its answer; those who have started again may not be there at once."""
    def there():
        answer = ask()
        return None if answer.status in away else answer

    return wait_for(there)


def restore(client, backup_id, components=None, confirm=True):
    body = {"backup_id": backup_id}
    if confirm is not None:
        body["confirm"] = confirm
    if components is not None:
        body["components"] = components
    answer = client.post("backups/restore", body)
    if answer.status == 200:  # what is read anew may take a moment
        once_back(client.me)
    return answer


def root(client):
    return client.server.data / "backups"


def damage(path, keep=0.5):
    """More than one bit: now and then one means nothing to zstd or tar."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * keep)
    for i in range(at, min(at + 64, len(content))):
        content[i] ^= 0xff
    path.write_bytes(content)


def entries(client):
    if not root(client).exists():
        return []
    return sorted(p for p in root(client).iterdir() if p.name[0] != ".")


def leftovers(client):
    data = client.server.data
    found = [p for p in root(client).iterdir()
             if p.name[0] == "." and p.name not in (".proven", ".last")]
    wait_for(lambda: not list(data.glob("*.gone-*")))  # when nobody waits
    for end in ("incoming", "aside", "absent", "mdb.new"):
        found += data.rglob(f"*.{end}")
        found += data.rglob(f"{end}.mdb")
    return found + list(data.glob("restore.intent*"))


def memory(client):
    base = client.server.data / "memory"
    return {
        str(p.relative_to(base)): p.read_bytes()
        for p in base.rglob("*")
        if p.is_file()
    }


def live(client):
    """Everything a restore may touch, as a client and as the disk see it."""
    page = once_back(lambda: client.get("tasks?limit=200")).data
    assert page.get("next") is None
    titles = sorted(t["title"] for t in page["tasks"])
    company = client.server.data / "company.yaml"
    return memory(client), company.read_bytes(), titles


def list_of(client):
    return client.get("backups").data


# ---- create, list, get, delete ----


def test_01_manual_create(boss):
    made = create(boss)
    assert made.status == 201
    m = made.data
    assert re.fullmatch(r"[0-9a-f]{12}", m["backup_id"])
    assert m["trigger"] == "manual"
    assert m["components"] == ["persistence", "memory", "config"]
    assert SUM.match(m["checksum"])
    assert re.search(r"(Z|[+-]\d\d:\d\d)\Z", m["timestamp"])
    parts = {p["component"]: p["size_bytes"] for p in m["parts"]}
    assert parts["memory"] == 1536
    assert parts["config"] == len(COMPANY)
    assert m["size_bytes"] == sum(parts.values())
    listed = list_of(boss)
    assert [b["backup_id"] for b in listed] == [m["backup_id"]]
    assert listed[0]["size_bytes"] == m["size_bytes"]
    shown = boss.get(f"backups/{m['backup_id']}").data
    assert shown == {**m, "where": "local"}


def test_02_component_subset(boss):
    m = create(boss, ["memory"]).data
    assert m["components"] == ["memory"]
    [entry] = entries(boss)
    names = archive_names(entry)
    assert not [n for n in names if n.startswith(("persistence", "config"))]


def archive_names(entry):
    listed = subprocess.run(
        ["tar", "-tf", entry],
        capture_output=True,
        check=True,
        text=True,
    )
    return listed.stdout.split()


@pytest.mark.parametrize("archive", ["zstd", "gzip"])
def test_06_other_programs_read_an_archive(keep, archive):
    """The manifest first, in a frame of its own; tar sees one archive."""
    client = keep(backup__archive=archive)
    made = create(client).data
    [entry] = entries(client)
    names = archive_names(entry)
    assert names[0] == "manifest.json"
    assert sorted(names[1:]) == names[1:], "as the sum has them"
    out = client.server.home / "out"
    out.mkdir()
    subprocess.run(["tar", "-C", out, "-xf", entry], check=True)
    assert manifest_of(out)["backup_id"] == made["backup_id"]
    assert manifest_of(out)["signature"]
    assert checksum_of(out) == made["checksum"]
    assert (out / "config" / "company.yaml").read_bytes() == COMPANY
    assert restore(client, made["backup_id"]).status == 200


def test_03_missing_memory_and_config(start):
    client = Client(start())
    client.setup()
    m = create(client).data
    sizes = {p["component"]: p["size_bytes"] for p in m["parts"]}
    assert (sizes["memory"], sizes["config"]) == (0, 0)
    again = restore(client, m["backup_id"])
    assert again.status == 200, again.body
    assert again.data["restored_components"] == ["persistence", "memory"]


def test_16_round_trip_without_a_restart(boss):
    boss.create_task("before")
    m = create(boss).data
    before = live(boss)
    boss.create_task("after")
    (boss.server.data / "memory" / "b.bin").write_bytes(b"changed")
    (boss.server.data / "company.yaml").write_bytes(b"name: Other\n")
    changed = live(boss)
    answer = restore(boss, m["backup_id"])
    assert answer.status == 200, answer.body
    assert answer.data["restored_components"] == m["components"]
    assert answer.data["restart_required"] is False
    safety = answer.data["safety_backup_id"]
    assert boss.get(f"backups/{safety}").data["trigger"] == "pre_migration"
    assert live(boss) == before
    assert leftovers(boss) == []
    # The safety backup holds what was there before.
    again = once_back(lambda: restore(boss, safety))
    assert again.status == 200, again.body
    assert live(boss) == changed


def test_17_selective(boss):
    m = create(boss).data
    boss.create_task("later")
    (boss.server.data / "memory" / "b.bin").write_bytes(b"changed")
    (boss.server.data / "company.yaml").write_bytes(b"name: Other\n")
    kept = memory(boss)
    answer = restore(boss, m["backup_id"], ["config"])
    assert answer.data["restored_components"] == ["config"]
    assert (boss.server.data / "company.yaml").read_bytes() == COMPANY
    assert memory(boss) == kept
    assert [t["title"] for t in boss.tasks()] == ["later"]


def test_restore_keeps_the_token_that_asked(boss):
    """Sessions go on: the account is in the backup, the token is good."""
    m = create(boss).data
    assert restore(boss, m["backup_id"]).status == 200
    assert wait_for(lambda: boss.me().status == 200)
    other = Client(boss.server)
    assert wait_for(lambda: other.login().status == 200)


def test_08_no_root(boss):
    assert list_of(boss) == []
    assert not root(boss).exists()


def test_11_malformed_ids(boss):
    create(boss, ["config"])
    for bad in (
        "..%2F..%2Fetc", "ABCDEFABCDEF", "0" * 11, "0" * 13,
        "abcdefabcdef%0A", "%20", "x" * 200,
    ):
        # A slash or a newline in disguise is no path, for any endpoint.
        wanted = 400 if "%2F" in bad or "%0A" in bad else 404
        assert boss.get(f"backups/{bad}").status == wanted, bad
        assert boss.delete(f"backups/{bad}").status == wanted, bad
    assert len(list_of(boss)) == 1


def test_delete(boss):
    m = create(boss, ["config"]).data
    path = f"backups/{m['backup_id']}"
    assert boss.delete(path).status == 204
    assert boss.get(path).status == 404
    assert boss.delete(path).status == 404
    assert entries(boss) == []


def test_only_the_ceo(boss):
    stranger = Client(boss.server)
    for answer in (
        create(stranger), stranger.get("backups"),
        stranger.get("backups/0123456789ab"),
        stranger.delete("backups/0123456789ab"),
        restore(stranger, "0123456789ab"),
    ):
        assert answer.status == 401


def test_15_confirm_gate(boss):
    m = create(boss, ["config"]).data
    for confirm in (False, None):
        answer = restore(boss, m["backup_id"], confirm=confirm)
        assert answer.brief == (400, 2070)
    assert len(list_of(boss)) == 1
    assert boss.server.events("backup.restore.started") == []
    assert restore(boss, "nope").status == 400
    assert restore(boss, "0" * 12).status == 404


def test_components_are_checked(boss):
    assert create(boss, ["bogus"]).status == 400
    assert create(boss, ["memory", "memory"]).status == 400
    m = create(boss, ["config"]).data
    assert restore(boss, m["backup_id"], ["memory"]).brief == (422, 2072)
    assert len(list_of(boss)) == 1


# ---- idempotency: AT-60 to AT-65, AT-69 ----


def test_60_same_key_is_one_backup(boss):
    first = create(boss, key="k")
    again = create(boss, key="k")
    assert (first.status, again.status) == (201, 201)
    assert first.data == again.data
    assert len(list_of(boss)) == 1
    assert create(boss, key="other").data["backup_id"] != \
        first.data["backup_id"]
    # B-09: the same key with another body.
    assert create(boss, ["memory"], key="k").brief == (422, 2004)
    # The manifest outlives the backup.
    boss.delete(f"backups/{first.data['backup_id']}")
    assert create(boss, key="k").data == first.data


def test_61_key_is_required(boss):
    for headers in ({}, {"Idempotency-Key": "  "},
                    {"Idempotency-Key": "x" * 256}):
        assert boss.post("backups", None, **headers).status == 400
    assert list_of(boss) == []
    assert boss.post(
        "backups", None, **{"Idempotency-Key": "x" * 255}).status == 201


# ---- what lies in the root ----


def manifest_of(path):
    return json.loads((path / "manifest.json").read_text())


def folder_backup(keep, **settings):
    """A server whose backups are folders, with one of them."""
    client = keep(backup__compression="false", **settings)
    client.create_task("in the backup")
    m = create(client).data
    [path] = entries(client)
    assert path.is_dir()
    return client, m, path


def checksum_of(path):
    """SEC-20 and SEC-23, as docs/OPERATE.md says, from outside."""
    sum_ = hashlib.sha256()

    def number(n):
        sum_.update(struct.pack(">Q", n))

    def text(t):
        number(len(t))
        sum_.update(t)

    def walk(folder, base):
        for name in sorted(os.listdir(folder)):
            full = os.path.join(folder, name)
            relative = os.path.join(base, name)
            if relative == b"manifest.json":
                continue
            if os.path.islink(full):
                sum_.update(b"l")
                text(relative)
                text(os.readlink(full))
            elif os.path.isdir(full):
                walk(full, relative)
            else:
                content = open(full, "rb").read()
                sum_.update(b"f")
                text(relative)
                text(content)

    walk(os.fsencode(path), b"")
    return "sha256:" + sum_.hexdigest()


def rewrite(path, **changes):
    """Another manifest, without the signature of ours."""
    m = manifest_of(path)
    m.update(changes)
    for field in ("signature", "signed_by"):
        m.pop(field, None)
    (path / "manifest.json").write_text(json.dumps(m))
    return m


def test_checksum_is_what_the_documents_say(keep):
    client, m, path = folder_backup(keep)
    assert checksum_of(path) == m["checksum"]


def test_09_10_mixed_and_corrupt(keep):
    client, m, path = folder_backup(keep)
    base = root(client)
    old = base / "aaaaaaaaaaaa_old"
    new = base / "bbbbbbbbbbbb_new"
    for target, id_, when in (
        (old, "aaaaaaaaaaaa", "2025-03-01T11:00:00+03:00"),
        (new, "bbbbbbbbbbbb", "2025-03-01T09:30:00+00:00"),
    ):
        target.mkdir()
        text = rewrite_text(path, backup_id=id_, timestamp=when)
        (target / "manifest.json").write_text(text)
    (base / "cccccccccccc_bad").mkdir()
    (base / "cccccccccccc_bad" / "manifest.json").write_text("{")
    (base / "dddddddddddd_x.tar.gz").write_bytes(gzip.compress(b"no tar"))
    (base / "plain").write_text("file")
    (base / ".tmp-eeeeeeeeeeee").mkdir()
    # Scenario 14: a manifest of 65,537 bytes.
    big = base / "ffffffffffff_big"
    big.mkdir()
    (big / "manifest.json").write_text(
        rewrite_text(path, backup_id="ffffffffffff").ljust(65537))
    ids = [b["backup_id"] for b in list_of(client)]
    assert ids == [m["backup_id"], "bbbbbbbbbbbb", "aaaaaaaaaaaa"]

    def told():  # asking takes the time that the log may need
        list_of(client)
        return len(client.server.events("backup.manifest.invalid")) >= 3

    assert wait_for(told)
    assert restore(client, "ffffffffffff").status in (404, 422)
    # Scenario 12: one id is never the prefix of another.
    (base / "aaaaaaaaaaaab_y").mkdir()
    (base / "aaaaaaaaaaaab_y" / "manifest.json").write_text(
        rewrite_text(path, backup_id="123412341234"))
    assert client.delete("backups/aaaaaaaaaaaa").status == 204
    assert not old.exists()
    assert client.get("backups/123412341234").status == 200


def rewrite_text(path, **changes):
    m = manifest_of(path)
    m.update(changes)
    for field in ("signature", "signed_by"):
        m.pop(field, None)
    return json.dumps(m)


def test_13_found_by_manifest(keep):
    client, m, path = folder_backup(keep)
    path.rename(path.parent / "old-copy")
    where = f"backups/{m['backup_id']}"
    assert client.get(where).status == 200
    assert client.delete(where).status == 204
    assert client.get(where).status == 404


# ---- sources that lie ----


def refused(client, backup_id, code=2072, components=None):
    """A restore that must not touch, leave or make anything."""
    before = live(client)
    count = len(list_of(client))
    answer = restore(client, backup_id, components)
    assert answer.brief == (422, code), answer.body
    assert live(client) == before
    assert len(list_of(client)) == count
    assert leftovers(client) == []
    return answer


def test_18_19_flipped_and_renamed(keep):
    client, m, path = folder_backup(keep)
    file = path / "memory" / "b.bin"
    file.write_bytes(b"\1" + bytes(499))
    refused(client, m["backup_id"])
    file.write_bytes(bytes(500))
    file.rename(path / "memory" / "c.bin")
    refused(client, m["backup_id"])
    (path / "memory" / "c.bin").rename(file)
    assert restore(client, m["backup_id"]).status == 200


def test_18_flipped_in_an_archive(boss):
    m = create(boss).data
    [entry] = entries(boss)
    damage(entry)
    refused(boss, m["backup_id"])
    content = entry.read_bytes()
    entry.write_bytes(content[: len(content) // 2])
    refused(boss, m["backup_id"])


def test_20_schema(keep):
    client, m, path = folder_backup(keep)
    rewrite(path, schema_version=m["schema_version"] + 1)
    refused(client, m["backup_id"])
    rewrite(path, schema_version=m["schema_version"] - 1)
    assert restore(client, m["backup_id"]).status == 200


def test_21_corrupt_store_with_a_good_checksum(keep):
    client, m, path = folder_backup(keep)
    file = path / "persistence" / "data.mdb"
    good = file.read_bytes()
    for bad in (
        b"", good[:4096], good[:-1], b"\0" * len(good),
        good[:8192] + os.urandom(len(good) - 8192),
    ):
        file.write_bytes(bad)
        rewrite(path, checksum=checksum_of(path))
        refused(client, m["backup_id"])
    file.write_bytes(good)
    rewrite(path, checksum=checksum_of(path))
    assert restore(client, m["backup_id"]).status == 200


def test_forged_signature(keep):
    client, m, path = folder_backup(keep)
    forged = manifest_of(path)
    forged["trigger"] = "scheduled"
    (path / "manifest.json").write_text(json.dumps(forged))
    refused(client, m["backup_id"])


def test_26_config_by_name(keep):
    client, m, path = folder_backup(keep)
    (path / "config" / "aaa.yaml").write_text("wrong")
    rewrite(path, checksum=checksum_of(path))
    assert restore(client, m["backup_id"], ["config"]).status == 200
    assert (client.server.data / "company.yaml").read_bytes() == COMPANY


def evil_members():
    def member(name, kind=tarfile.REGTYPE, link="", mode=0o644, text=b""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = kind, link, mode
        info.size = len(text)
        return info, io.BytesIO(text)

    hello = b"evil"
    name, link = "a name that leaves the backup", "a link out of its part"
    hard, twice = "a hard link to nothing in its part", "is there twice"
    kind = "neither file, folder nor link"
    soft = tarfile.SYMTYPE
    return {
        "absolute": (name, [member("/tmp/troupe-evil", text=hello)]),
        "climbs": (name, [member("../evil", text=hello)]),
        "climbs-within": (name, [member("memory/../../evil", text=hello)]),
        "link-out": (link, [member("memory/l", soft, "/etc/passwd")]),
        "link-up": (link, [
            member("memory/d", soft, "../.."),
            member("memory/d/x", text=hello),
        ]),
        "link-across": (link, [member("memory/l", soft, "../config")]),
        "link-by-link": (link, [
            member("memory/a/u", soft, ".."),
            member("memory/m", soft, "a/u/.."),
        ]),
        "part-is-link": (link, [member("memory", soft, "config")]),
        "through-link": (twice, [
            member("memory/e", soft, "."),
            member("memory/e/x", text=hello),
        ]),
        "hard-link": (
            hard, [member("memory/h", tarfile.LNKTYPE, "/etc/passwd")]),
        "hard-link-up": (
            hard, [member("memory/h", tarfile.LNKTYPE, "../../x")]),
        "hard-link-across": (hard, [
            member("persistence/data.mdb", text=hello),
            member("memory/h", tarfile.LNKTYPE, "persistence/data.mdb"),
        ]),
        "fifo": (kind, [member("memory/f", tarfile.FIFOTYPE)]),
        "device": (kind, [member("memory/n", tarfile.CHRTYPE)]),
        "twice": (twice, [
            member("memory/t", text=hello), member("memory/t", text=hello),
        ]),
    }


def test_25_evil_archives(keep):
    """Refused for what is evil in them, before their sum is looked at."""
    client, m, path = folder_backup(keep)
    outside = sorted(p.name for p in client.server.home.iterdir())
    manifest = rewrite_text(path, backup_id="eeeeeeeeeeee").encode()
    evil = root(client) / "eeeeeeeeeeee_evil.tar.gz"
    for kind, (why, members) in evil_members().items():
        with tarfile.open(evil, "w:gz") as archive:
            info = tarfile.TarInfo("manifest.json")
            info.size = len(manifest)
            archive.addfile(info, io.BytesIO(manifest))
            for info, content in members:
                archive.addfile(info, content)
        answer = refused(client, "eeeeeeeeeeee")
        assert why in answer.json["error"], (kind, answer.body)
        found = sorted(p.name for p in client.server.home.iterdir())
        assert found == outside, kind
    assert not os.path.exists("/tmp/troupe-evil")


def test_25g_set_uid_is_dropped(keep):
    client = keep(backup__archive="gzip")
    path = client.server.data / "memory" / "b.bin"
    path.chmod(0o6777)
    m = create(client, ["memory"]).data
    assert entries(client)[0].name.endswith(".tar.gz")
    assert restore(client, m["backup_id"]).status == 200
    assert path.stat().st_mode & 0o7777 == 0o755


def test_52_memory_link(boss):
    secret = boss.server.home / "secret"
    secret.write_text("TOPSECRET")
    base = boss.server.data / "memory"
    (base / "out").symlink_to(secret)
    (base / "in").symlink_to("b.bin")
    m = create(boss, ["memory"]).data
    boss.server.wait_event("backup.component.link_skipped", path="out")
    assert restore(boss, m["backup_id"]).status == 200
    assert os.readlink(base / "in") == "b.bin"
    assert not (base / "out").exists()


# ---- the command ----


def troupe(client, *words, ok=True):
    ran = subprocess.run(
        [TROUPE, "backup", *words, "--data", client.server.data],
        capture_output=True, text=True, timeout=60,
    )
    assert (ran.returncode == 0) == ok, (ran.returncode, ran.stderr)
    return ran.stdout


def test_command_line(boss, tmp_path):
    boss.create_task("kept")
    m = json.loads(troupe(boss, "create", "--json"))["data"]
    before = live(boss)
    assert m["backup_id"] in troupe(boss, "list")
    assert json.loads(troupe(boss, "list", "--json"))["data"][0][
        "backup_id"] == m["backup_id"]
    assert m["checksum"] in troupe(boss, "show", m["backup_id"])
    proof = json.loads(troupe(boss, "drill", "--json"))["data"]
    assert proof["proven"] and proof["rows"] > 0
    assert "whole" in troupe(boss, "verify")
    boss.create_task("lost")
    troupe(boss, "restore", m["backup_id"], ok=False)
    troupe(boss, "restore", m["backup_id"], "--yes")
    assert wait_for(lambda: boss.me().status == 200)
    assert live(boss) == before
    for key in ("k\r\nX-Evil: 1", "k" * 256, "k\u00e9"):
        troupe(boss, "create", "--key", key, ok=False)
    long = ["k" * 254 + end for end in "abb"]
    made = [json.loads(troupe(boss, "create", "--json", "--key", key))["data"]
            for key in long]
    assert made[0] != made[1] == made[2]
    troupe(boss, "show", "0" * 12, ok=False)
    troupe(boss, "delete", "../x", ok=False)
    # Into an empty folder, whether Troupe runs or not.
    into = tmp_path / "new"
    troupe(boss, "restore", m["backup_id"], "--into", into)
    assert (into / "company.yaml").read_bytes() == COMPANY
    assert (into / "store.lmdb" / "data.mdb").stat().st_size > 0
    troupe(boss, "restore", m["backup_id"], "--into", into, ok=False)
    some = tmp_path / "some"
    for wrong in ("bogus", "config"):  # the second: named twice
        troupe(boss, "restore", m["backup_id"], "--into", some, "--component",
               wrong, "--component", "config", ok=False)
    troupe(boss, "restore", m["backup_id"], "--into", some,
           "--component", "config")
    assert [p.name for p in some.iterdir()] == ["company.yaml"]
    troupe(boss, "delete", m["backup_id"])
    troupe(boss, "verify", m["backup_id"], ok=False)


# ---- keys ----


def test_sealed_backups_need_their_key(keep):
    client = keep(backup__encrypt="true")
    client.server.data.joinpath("company.yaml").write_bytes(b"s3cret: yes\n")
    m = create(client).data
    [entry] = entries(client)
    assert entry.name.endswith(".tar.zst.sealed")
    assert b"s3cret" not in entry.read_bytes()
    keys = client.server.data / "backup.keys"
    assert keys.stat().st_mode & 0o77 == 0
    assert restore(client, m["backup_id"]).status == 200
    key = next(keys.iterdir())
    hidden = client.server.home / "hidden.key"
    key.rename(hidden)
    refused(client, m["backup_id"], 2073)
    # Rotation: a newer key seals, the old one still opens.
    troupe(client, "rotate-key")
    hidden.rename(key)
    newer = create(client).data
    assert newer["key_id"] != m["key_id"]
    assert restore(client, m["backup_id"]).status == 200
    assert restore(client, newer["backup_id"]).status == 200
    # One bit, anywhere, and it does not open.
    content = bytearray(entry.read_bytes())
    content[-40] ^= 1
    entry.write_bytes(content)
    refused(client, m["backup_id"])
    entry.write_bytes(content[:-60])
    refused(client, m["backup_id"])


def test_required_signature(keep):
    client, m, path = folder_backup(keep, backup__require_signature="true")
    assert restore(client, m["backup_id"]).status == 200
    rewrite(path)
    refused(client, m["backup_id"])


# ---- retention, schedule, life cycle ----


def test_27_29_33_retention(keep):
    client = keep(backup__retention__max_count="2")
    made = [create(client, ["config"]).data["backup_id"] for _ in range(4)]
    assert [b["backup_id"] for b in list_of(client)] == made[:1:-1]
    client.put("settings/backup/retention.max_count", {"value": "1"})
    answer = restore(client, made[2], ["config"])
    assert answer.status == 200
    left = {b["backup_id"] for b in list_of(client)}
    assert {made[2], answer.data["safety_backup_id"]} <= left


def test_35_scheduled_and_drill(keep):
    client = keep(backup__enabled="true")
    assert client.post("services/backup-scheduler/wake").status == 200
    client.server.wait_event("backup.lifecycle.completed")
    [made] = list_of(client)
    assert made["trigger"] == "scheduled"
    assert client.post("services/backup-drill/wake").status == 200
    client.server.wait_event(
        "backup.drill.completed", backup_id=made["backup_id"])
    status = client.get("backups/status").data
    assert status["last_proof"]["proven"] is True
    # A drill of what is damaged says so.
    [entry] = entries(client)
    damage(entry)
    proof = client.post("backups/drill").data
    assert proof["proven"] is False and proof["why"]
    assert leftovers(client) == []


def test_07_43_start_and_shutdown(start):
    server = start(backup__on_startup="true", backup__on_shutdown="true")
    server.wait_event("backup.lifecycle.completed")
    client = Client(server)
    client.setup()
    [first] = list_of(client)
    assert first["trigger"] == "startup" and first["compressed"]
    server.stop()
    found = [p for p in entries(client) if p.name.endswith("_shutdown")]
    assert len(found) == 1 and found[0].is_dir()
    assert checksum_of(found[0]) == manifest_of(found[0])["checksum"]


def test_43_unwritable_root(start):
    """A file stands where the backup root should: Troupe is up all the same."""
    server = start(backup__on_startup="true", backup__path="store.lmdb/data.mdb/x")
    client = Client(server)
    client.setup()
    server.wait_event("backup.lifecycle.failed", trigger="startup")
    answer = create(client)
    assert answer.brief == (500, 8071)
    assert b"data.mdb" not in answer.body  # scenario 50
    assert client.me().status == 200


def test_04_24_busy(keep):
    """A slow backup: the rest is refused at once, reads are not."""
    client = keep(backup__bytes_per_second="1MiB")
    big = client.server.data / "memory" / "big"
    big.write_bytes(os.urandom(3 << 20))
    first = create(client, ["config"]).data["backup_id"]
    others = [client.twin() for _ in range(3)]
    slow = concurrent.futures.ThreadPoolExecutor().submit(
        lambda: create(others[0], ["memory"], key="slow"))
    while not client.get("backups/status").data["doing"]:
        pass
    for _ in range(20):
        assert create(client).brief == (409, 4070)
    assert restore(client, first).brief == (409, 4070)
    assert len(list_of(client)) == 1
    assert others[1].get("health").status in (200, 404)
    # AT-63: the same key waits a while, then hears that it is in flight.
    again = create(others[2], ["memory"], key="slow")
    assert again.status == 201 or again.brief == (409, 4004), again.body
    assert slow.result(30).status in (201, 504)
    while client.get("backups/status").data["doing"]:
        pass
    assert len(list_of(client)) == 2
    assert create(client, ["memory"], key="slow").status == 201
    assert len(list_of(client)) == 2
    assert create(client, ["config"]).status == 201
    assert len(list_of(client)) == 3


def test_43_audit(boss):
    """SEC-43."""
    m = create(boss, ["config"]).data
    restore(boss, m["backup_id"])
    boss.delete(f"backups/{m['backup_id']}")

    def told():
        seen = boss.get("audit").data
        actions = [e["action"] for e in seen.get("entries", seen)]
        return {"backup.create", "backup.restore", "backup.delete"} <= set(
            actions)

    assert wait_for(told)
