"""Backups and restores from outside: backup.md, scenarios 1-53.

A scenario's number stands in the test's name or its comment.
"""

import gzip
import hashlib
import io
import json
import os
import re
import struct
import tarfile
import uuid

import pytest

from client import Client

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


def restore(client, backup_id, components=None, confirm=True):
    body = {"backup_id": backup_id}
    if confirm is not None:
        body["confirm"] = confirm
    if components is not None:
        body["components"] = components
    return client.post("backups/restore", body)


def root(client):
    return client.server.data / "backups"


def entries(client):
    if not root(client).exists():
        return []
    return sorted(p for p in root(client).iterdir() if p.name[0] != ".")


def leftovers(client):
    data = client.server.data
    found = [p for p in root(client).iterdir() if p.name[0] == "."]
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
    titles = sorted(t["title"] for t in client.tasks())
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
    assert boss.get(f"backups/{m['backup_id']}").data == m


def test_02_component_subset(boss):
    m = create(boss, ["memory"]).data
    assert m["components"] == ["memory"]
    [entry] = entries(boss)
    names = archive_names(entry)
    assert not [n for n in names if n.startswith(("persistence", "config"))]


def archive_names(entry):
    import subprocess

    listed = subprocess.run(
        ["bsdtar", "-tf", entry] if False else ["tar", "-tf", entry],
        capture_output=True,
        check=True,
        text=True,
    )
    return listed.stdout.split()


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
    assert restore(boss, safety).status == 200
    assert live(boss) == changed
