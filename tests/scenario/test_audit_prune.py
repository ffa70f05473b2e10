"""The audit log forgets by policy, says so itself, and stays verifiable.

Issue 7, part 6; and that every pruner counts what it has removed.
"""

from client import Client, wait_for
from people import FORBIDDEN, hire
from rows import change
from test_accounts import doctor
from test_backup_after import pages

SERVICE = "audit-prune"
KEEP = 1000  # the fewest that may be kept


def boss(start, **settings):
    client = Client(start(**settings))
    assert client.setup().status == 201
    return client


def put(client, namespace, key, value):
    assert client.put(
        f"settings/{namespace}/{key}", {"value": value}).status == 200


def entries(client):
    """All there are, newest first."""
    found, query = [], "audit?limit=100"
    while True:
        page = client.get(query).data
        found += page["entries"]
        if not page.get("next"):
            return found
        query = f"audit?limit=100&cursor={page['next']}"


def counted(server, name):
    return {line.split(" ")[0]: float(line.split()[-1])
            for page in pages(server) for line in page.splitlines()
            if line.startswith(name)}


def some_entries(client, count):
    for n in range(count):
        put(client, "backup", "schedule_hours", str(n % 100 + 1))


def test_by_count_with_a_dry_run_and_a_hold(start):
    client = boss(start, api__metrics__listen="127.0.0.1:0")
    some_entries(client, 12)
    noted = entries(client)[6]
    some_entries(client, KEEP)
    put(client, "audit", "hold", "true")
    put(client, "audit", "retain_entries", str(KEEP))

    def prunable():
        return client.get("audit/prunable").data

    assert wait_for(lambda: prunable()["held"])
    assert prunable()["entries"] == 0
    before = len(entries(client))
    assert client.post(f"services/{SERVICE}/wake").status == 200
    assert len(entries(client)) == before, "held"
    put(client, "audit", "hold", "false")
    assert wait_for(lambda: not prunable()["held"])
    would = prunable()
    assert would["first"] == 1 and would["entries"] == would["last"] > 12
    assert len(entries(client)) == before + 1, "a dry run forgets nothing"
    assert client.post(f"services/{SERVICE}/wake").status == 200
    [told] = client.server.wait_event("audit.pruned")
    left = entries(client)
    assert [e["seq"] for e in left] == list(
        range(left[0]["seq"], left[0]["seq"] - KEEP, -1))
    assert left[0]["action"] == "audit.prune"
    assert left[0]["target"].split(":")[0] == str(left[-1]["seq"] - 1)
    assert told["entries"] == left[-1]["seq"] - 1
    name = f'troupe_service_items_total{{service="{SERVICE}"}}'
    assert counted(client.server, name)[name] == told["entries"]
    client.server.stop()
    code, report = doctor(client.server)
    assert code == 0 and report["whole"] and report["entries"] == KEEP
    assert report["first"] == left[-1]["seq"]
    # What was noted of the newest entry forgotten still holds.
    anchor = left[0]["target"]
    assert doctor(client.server, "--anchor", anchor)[0] == 0
    gone = f"{noted['seq']}:{noted['digest']}"
    assert doctor(client.server, "--anchor", gone)[0] == 1


def test_an_anchor_that_says_something_else_is_found(start):
    client = boss(start)
    some_entries(client, KEEP + 4)
    put(client, "audit", "retain_entries", str(KEEP))
    assert wait_for(lambda: client.get("audit/prunable").data["entries"])
    assert client.post(f"services/{SERVICE}/wake").status == 200
    client.server.wait_event("audit.pruned")
    [told] = [e for e in entries(client) if e["action"] == "audit.prune"]
    client.server.stop()
    assert doctor(client.server)[0] == 0
    digest = bytes.fromhex(told["target"].split(":")[1])
    other = bytes([digest[0] ^ 1]) + digest[1:]
    change(client.server.data / "store.lmdb" / "data.mdb",
           (b"digest",), digest, other)
    code, report = doctor(client.server)
    assert code == 1 and not report["whole"]


def test_only_a_ceo_may_ask_what_would_go(start):
    client = boss(start)
    assert client.get("audit/prunable").status == 200
    for role in ("manager", "observer"):
        person = hire(client, f"a {role}", role)
        assert person.get("audit/prunable").brief == FORBIDDEN
    assert Client(client.server).get("audit/prunable").status == 401


def test_every_pruner_counts_what_it_has_removed(start):
    client = boss(start, api__metrics__listen="127.0.0.1:0",
                  event_stream__retain_events="1")
    for n in range(5):
        assert client.create_task(f"task {n}").status == 201
    assert client.post("services/journal-prune/wake").status == 200
    name = "troupe_service_items_total"

    def items():
        return {n.split('"')[1]: v
                for n, v in counted(client.server, name).items()}

    assert wait_for(lambda: items().get("journal-prune", 0) >= 4)
    assert set(items()) == {s["service"] for s in client.get("services").data}
    assert {"session-cleanup", "ticket-cleanup", "cost-prune", SERVICE} <= set(
        items())
    assert counted(client.server, "troupe_store_marks_pruned_total")
    assert counted(client.server, "troupe_backups_pruned_total")
