"""Backups that somebody else has put there, beside ours.

backup.md, SEC-24 and part 9.1; of issue 7, part 6: what no key of ours has
signed evicts nothing, hides nothing, and stays.
"""

import datetime
import json
import shutil
import time

import pytest

from client import Client, wait_for
from test_backup import create, entries, fill, list_of, manifest_of, root, troupe
from test_backup_after import prune, setting

OWN = ("signed_by", "signature")


@pytest.fixture
def boss(start):
    client = Client(start(backup__compression="false"))
    assert client.setup().status == 201
    fill(client.server)
    return client


def stamp(ago_s=0):
    at = datetime.datetime.fromtimestamp(time.time() - ago_s, datetime.UTC)
    return at.isoformat(timespec="microseconds")


def plant(client, of, name, backup_id, ago_s, **changes):
    """A whole copy of a true backup, under another id and time."""
    to = root(client) / name
    shutil.copytree(of, to)
    m = manifest_of(of) | {"backup_id": backup_id, "timestamp": stamp(ago_s)}
    m |= changes
    m = {k: v for k, v in m.items() if v is not None}
    (to / "manifest.json").write_text(json.dumps(m))
    return to


UNSIGNED = dict.fromkeys(OWN)


def fates(client):
    return {b["backup_id"]: b["fate"]
            for b in prune(client, dry_run=True)["backups"]}


def test_forged_backups_take_no_place_and_stay(boss):
    made = [create(boss, ["config"]).data["backup_id"] for _ in range(3)]
    newest = next(p for p in entries(boss) if p.name.startswith(made[-1]))
    forged = {
        "1" * 12: plant(boss, newest, "1" * 12 + "_x", "1" * 12, 0, **UNSIGNED),
        "2" * 12: plant(boss, newest, "2" * 12 + "_x", "2" * 12, 0),
        "3" * 12: plant(boss, newest, "named-as-none", "3" * 12, 0, **UNSIGNED),
        "4" * 12: plant(boss, newest, "4" * 12 + "_x", "4" * 12, 0,
                        signed_by="f" * 16),
        # Old enough to go, if it were ours.
        "5" * 12: plant(boss, newest, "5" * 12 + "_x", "5" * 12, 400 * 86400,
                        **UNSIGNED),
    }
    setting(boss, "retention.max_count", "3")
    wait_for(lambda: fates(boss) == dict.fromkeys(forged, "unproven") | {
        made[0]: "recent", made[1]: "recent", made[2]: "newest"})
    assert prune(boss)["removed"] == 0
    trust = {b["backup_id"]: b["trust"] for b in list_of(boss)}
    assert trust == dict.fromkeys(made, "signed") | {
        "1" * 12: "unsigned", "2" * 12: "forged", "3" * 12: "unsigned",
        "4" * 12: "unknown", "5" * 12: "unsigned"}
    said = troupe(boss, "list").splitlines()
    assert sum("unsigned" in line for line in said) == 3
    assert any("forged" in line for line in said)
    # One more of ours lets the oldest of ours go, and nothing else.
    create(boss, ["config"])
    left = {b["backup_id"] for b in list_of(boss)}
    assert made[0] not in left and set(made[1:]) | set(forged) < left
    assert all(path.exists() for path in forged.values())
    told = boss.server.wait_event("backup.retention.unproven")
    assert told[-1]["count"] == 5


def test_a_drill_of_the_newest_takes_one_of_ours(boss):
    made = create(boss).data["backup_id"]
    plant(boss, entries(boss)[0], "a" * 12 + "_x", "a" * 12, 0, **UNSIGNED)
    proof = boss.post("backups/drill", {}).data
    assert (proof["backup_id"], proof["proven"]) == (made, True)


def test_backups_outlive_keys_that_are_lost_or_rotated(boss):
    """Without its key none is judged; with a newer one beside it, it is."""
    made = [create(boss, ["config"]).data["backup_id"] for _ in range(3)]
    setting(boss, "retention.max_count", "1")
    keys = next(boss.server.data.rglob("*.key")).parent
    aside = keys.with_name("aside")
    keys.rename(aside)
    made.append(create(boss, ["config"]).data["backup_id"])
    wait_for(lambda: fates(boss) == dict.fromkeys(made[:3], "unproven") | {
        made[3]: "newest"})
    assert len(entries(boss)) == 4
    for key in aside.iterdir():
        shutil.copy2(key, keys)
    assert prune(boss)["removed"] == 3
    assert [b["backup_id"] for b in list_of(boss)] == made[3:]
