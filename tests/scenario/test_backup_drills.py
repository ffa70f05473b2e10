"""Drills: a backup is opened in a scratch folder, and all of it looked at.

Issue 7, part 7: what `troupe doctor store` finds, a drill finds in an archive
that is otherwise as good as ever, and names the row.
"""

import shutil
import subprocess
import tarfile

import pytest

from client import Client, wait_for
from rows import change
from server import TROUPE
from test_backup import (
    checksum_of, create, entries, fill, leftovers, list_of, manifest_of,
    restore, rewrite,
)


def company(start, **settings):
    client = Client(start(backup__compression="false", **settings))
    assert client.setup().status == 201
    fill(client.server)
    for n in range(3):
        assert client.create_task(f"task {n}").status == 201
    cost = {"agent_id": "a", "task_id": "t", "project_id": "p",
            "provider": "x", "model": "m", "input_tokens": 1,
            "output_tokens": 1, "cost": "0.25", "currency": "EUR"}
    assert client.post("costs", cost).status == 201
    return client


def row(file):
    """A bit of a task, and its sum no longer fits."""
    change(file, (b"\xabdescription",), b"task 1", b"task 7", sums=False)


def chain(file):
    change(file, (b"previous", b"ada"), b"ada", b"eve")


def sums(file):
    """What the project has cost, by one millionth of a millionth less."""
    micro = (250_000_000_000).to_bytes(8, "big")
    change(file, (b"v\x01\xaaproject_id", b"total_cost"), micro,
           (249_999_999_999).to_bytes(8, "big"))


DAMAGE = {
    "row": (row, ("tasks/", "does not decode")),
    "chain": (chain, ("audit/", "says that it was another")),
    "sums": (sums, ("project_cost_agg/p", "adds up to 0.25")),
}


def pack(folder):
    """The same as an archive that others have packed."""
    with tarfile.open(f"{folder}.tar.gz", "w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    shutil.rmtree(folder)


def verify(client, *words):
    return subprocess.run(
        [TROUPE, "backup", "verify", *words, "--data", client.server.data],
        capture_output=True, text=True, timeout=30, check=False)


def test_a_drill_looks_at_every_row_of_a_folder_and_an_archive(start):
    client = company(start)
    made = create(client).data
    for form in ("folder", "archive"):
        before = {p: p.stat().st_mtime_ns for p in entries(client)[0].rglob("*")}
        proof = client.post("backups/drill", {}).data
        assert proof["proven"] is True, proof
        assert proof["backup_id"] == made["backup_id"]
        assert proof["rows"] > 10 and proof["entries"] > 5
        assert proof["size_bytes"] == made["size_bytes"]
        after = {p: p.stat().st_mtime_ns for p in entries(client)[0].rglob("*")}
        assert after == before, "a drill leaves a backup as it is"
        assert leftovers(client) == []
        said = verify(client, made["backup_id"])
        assert said.returncode == 0 and "index entries" in said.stdout, said
        if form == "folder":
            pack(entries(client)[0])


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_drill_names_what_is_wrong_in_a_good_archive(start, kind):
    harm, words = DAMAGE[kind]
    client = company(start)
    create(client)
    [folder] = entries(client)
    assert client.post("backups/drill", {}).data["proven"] is True
    harm(folder / "persistence" / "data.mdb")
    rewrite(folder, checksum=checksum_of(folder))
    pack(folder)
    proof = client.post("backups/drill", {}).data
    assert proof["proven"] is False
    assert all(w in proof["why"] for w in words), proof
    [told] = client.server.wait_event("backup.drill.failed")
    assert all(w in told["error"] for w in words), told
    assert wait_for(
        lambda: client.get("health").data["status"] == "degraded")
    assert leftovers(client) == []
    [listed] = list_of(client)
    said = verify(client, listed["backup_id"])
    assert said.returncode == 1
    assert all(w in said.stderr for w in words), said.stderr


def test_a_drill_of_an_older_schema_is_of_what_a_restore_makes_of_it(start):
    client = company(start)
    create(client)
    [folder] = entries(client)
    before = (folder / "persistence" / "data.mdb").read_bytes()
    older = manifest_of(folder)["schema_version"] - 1
    file = folder / "persistence" / "data.mdb"
    number = b"schema_version"
    content = bytearray(before)
    at = content.rindex(number) + len(number)
    assert content[at : at + 8] == (older + 1).to_bytes(8, "big")
    content[at : at + 8] = older.to_bytes(8, "big")
    file.write_bytes(content)
    rewrite(folder, checksum=checksum_of(folder), schema_version=older)
    proof = client.post("backups/drill", {}).data
    assert proof["proven"] is True, proof
    assert file.read_bytes() == content and leftovers(client) == []
    said = verify(client)
    assert said.returncode == 0, said
    assert file.read_bytes() == content
    assert restore(client, manifest_of(folder)["backup_id"]).status == 200
