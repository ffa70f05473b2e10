"""Money at its bounds, pages and their cursors, and what survives: by number."""

import os
import subprocess
import urllib.parse
import uuid
from decimal import Decimal

import pytest

from client import Client, task, together
from people import hire
from server import TROUPE
from test_money import budget, cost, decision, exact, hold, query, total

TOKENS_MAX = 10**9
DAY = {"start": "2026-04-03T00:00:00Z", "end": "2026-04-04T00:00:00Z"}
NOON = "2026-04-03T12:00:00Z"
BLANK = ["\u00a0", "\u2003\u3000", "\u0085 \u2028"]
PRICE = {
    "provider": "p",
    "model": "m",
    "effective_from": "2026-01-01T00:00:00Z",
    "currency": "EUR",
    "input": "1",
    "output": "3",
}


def page(person, path, **parameters):
    parameters = urllib.parse.urlencode(parameters)
    return person.get(f"{path}{'&' if '?' in path else '?'}{parameters}")


# ---- tokens, prices, blanks ----


def test_tokens_have_a_bound_so_that_no_total_is_full(ceo):
    """C-40 itself: by the store's own test."""
    fields = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    for field in fields:
        assert ceo.post("costs", cost("1", **{field: TOKENS_MAX})).status == 201
        for more in (TOKENS_MAX + 1, 2**63 - 1, 2**64):
            assert ceo.post("costs", cost("1", **{field: more})).brief == (422, 2000)
    made = hold(ceo, "1").data["hold"]["id"]
    body = {"cost": "1", "provider": "p", "model": "m", "output_tokens": 1}
    path = f"budget/holds/{made}/settle"
    assert ceo.post(path, {**body, "input_tokens": TOKENS_MAX + 1}).brief == (422, 2000)
    assert ceo.post(path, {**body, "input_tokens": TOKENS_MAX}).status == 200
    of_project = exact(ceo.get("projects/p/cost"))
    assert of_project["record_count"] == 5
    assert of_project["total_input_tokens"] == 2 * TOKENS_MAX + 3


def test_a_price_is_bounded_and_can_be_corrected(ceo):
    for field in ("input", "output", "cache_read", "cache_write"):
        assert ceo.post("prices", {**PRICE, field: "1000000.01"}).brief == (422, 2000)
    assert ceo.post("prices", PRICE).data["version"] == 1
    again = ceo.post("prices", {**PRICE, "input": "2"})
    assert again.brief == (409, 4001)
    assert decision(ceo, again)["rule"] == "price_exists"
    wrong = ceo.post("prices", {**PRICE, "input": "2", "supersedes": 9})
    assert wrong.brief == (409, 4002)
    assert decision(ceo, wrong)["rule"] == "price_version"
    assert ceo.post("prices", {**PRICE, "input": "2", "supersedes": 1}).data["version"] == 2
    asked = {**cost(), "provider": "p", "model": "m", "input_tokens": 1000000}
    del asked["cost"], asked["currency"]
    record = ceo.post("costs", {**asked, "output_tokens": 0}).data["record"]
    assert (record["cost"], record["price_version"]) == (2, 2)
    assert [p["version"] for p in ceo.get("prices").data["prices"]] == [1, 2]


@pytest.mark.parametrize("blank", BLANK, ids=ascii)
def test_c10_p29_white_space_of_unicode_is_blank(ceo, blank):
    for field in ("agent_id", "task_id", "project_id", "provider", "model"):
        assert ceo.post("costs", {**cost(), field: blank}).brief == (422, 2000)
    assert hold(ceo, "1", agent_id=blank).brief == (422, 2000)
    assert ceo.post("tasks", task(blank)).brief == (422, 2000)
    assert page(ceo, "costs", agent_id=blank).brief == (422, 2000)
    assert ceo.get("costs").data["records"] == []


def test_a_query_is_refused_as_a_query(ceo):
    answer = ceo.get("analytics/forecast")
    assert answer.brief == (422, 2000)
    assert answer.json["error"].startswith("query.budget_id")


# ---- every 402, 409 and 429 can be explained ----


def test_budgets_of_a_subject_have_one_currency(ceo):
    budget(ceo, "10")
    body = {"level": "project", "subject": "p", "window": "day", "amount": "1"}
    other = ceo.post("budgets", {**body, "currency": "USD"})
    assert other.brief == (409, 4050)
    why = decision(ceo, other)
    assert why["rule"] == "mixed_currency"
    assert why["project_id"] == "p" and why["currency"] == "USD"
    assert [b["budget"]["currency"] for b in why["limits"]] == ["EUR"]
    assert len(ceo.get("budgets").data["budgets"]) == 1


def test_every_conflict_of_money_names_its_decision(ceo):
    of_project = budget(ceo, "10")
    changed = ceo.put(f"budgets/{of_project}", {"amount": "9", "version": 7})
    assert changed.brief == (409, 4002)
    assert decision(ceo, changed)["limits"][0]["budget"]["amount"] == 10
    # What is recorded is of another currency than the budget that is made.
    ceo.post("costs", cost("1", "q"))
    body = {"level": "project", "subject": "q", "window": "day", "amount": "1"}
    mixed = ceo.post("budgets", {**body, "currency": "USD"})
    assert mixed.brief == (409, 4050)
    why = decision(ceo, mixed)
    assert why["rule"] == "mixed_currency"
    assert why["asked_by"] == ceo.me().data["id"]
    for window in range(6):
        budget(ceo, "1", subject="many")
    seventh = ceo.post("budgets", {**body, "subject": "many", "currency": "EUR"})
    assert seventh.brief == (409, 4000)
    assert len(decision(ceo, seventh)["limits"]) == 6


# ---- cursors ----


def filled(ceo):
    for n in range(3):
        assert ceo.create_task(f"t{n}").status == 201
        ceo.post("costs", cost(f"{n + 1}", f"p{n}", timestamp=NOON))
        budget(ceo, "100", subject=f"p{n}")
        hold(ceo, "1", project_id=f"p{n}")
        ceo.post("messages", {"sender": "a", "channel": "c", "content": f"{n}"})
        ceo.post("prices", {**PRICE, "model": "m" * 128, "effective_from": f"202{n}-01-01T00:00:00Z"})


LISTS = {
    "tasks": "tasks",
    "costs": "records",
    "projects": "projects",
    "budgets": "budgets",
    "budget/holds": "holds",
    "messages?channel=c": "messages",
    "prices": "prices",
}


def test_only_the_cursor_of_a_page_goes_on(ceo):
    filled(ceo)
    cursors = {}
    for path, name in LISTS.items():
        seen, first = [], page(ceo, path, limit=1).data
        cursors[path], here = first["next"], first
        while True:
            seen += here[name]
            if here.get("next") is None:
                break
            here = page(ceo, path, limit=1, cursor=here["next"]).data
        assert len(seen) == 3 and len({str(row) for row in seen}) == 3, path
    for path in LISTS:
        good = cursors[path]
        forged = [good[:-1], good[1:], good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]]
        named = ["x", "p0", "t0", "1", "00" * 16, str(uuid.uuid4()), " ", ""]
        foreign = [c for other, c in cursors.items() if other != path]
        for cursor in forged + named + foreign:
            answer = page(ceo, path, cursor=cursor)
            assert answer.brief == (422, 2000), (path, cursor)
            assert "cursor" in answer.json["error"]
    for path in ("presence", "users", "audit", "auth/sessions"):
        for cursor in ("x", cursors["tasks"], str(uuid.uuid4())):
            assert page(ceo, path, cursor=cursor).brief == (422, 2000), path


def test_no_page_is_longer_than_an_answer_may_be(ceo):
    """As JSON a control character has six bytes, a quote has two."""
    a, b, c, d = ("\x01" * 256, "\x02" * 256, "\x03" * 256, "\x04" * 256)
    whose = {"agent_id": a, "task_id": b, "project_id": c, "department": d}
    people = [ceo.twin() for _ in range(8)]

    def some(n):
        for _ in range(n, 200, 8):
            assert people[n].post("costs", cost("1", **whose)).status == 201
            assert hold(people[n], "1", **whose).status == 201

    together(8, some)
    for n in range(11):
        text = {"sender": "a", "channel": "c", "content": '"' * 65536}
        assert ceo.post("messages", text).status == 201
    for path, count in (("costs", 200), ("budget/holds", 200), ("messages?channel=c", 11)):
        seen, more = [], {}
        while True:
            here = page(ceo, path, limit=count, **more).data
            assert here[LISTS[path]] != []
            seen += [str(row) for row in here[LISTS[path]]]
            if here.get("next") is None:
                break
            more = {"cursor": here["next"]}
        assert len(set(seen)) == len(seen) == count, path
        assert more != {}, "it took more than one"


def test_a_cursor_outlives_a_restart_and_is_of_one_user(ceo):
    filled(ceo)
    first = page(ceo, "tasks", limit=1).data
    bob = hire(ceo, "bob", "manager")
    ceo.server.kill()
    ceo.server.restart()
    rest = page(ceo.twin(), "tasks", cursor=first["next"]).data
    assert len(rest["tasks"]) == 2
    assert page(bob.twin(), "tasks", cursor=first["next"]).brief == (422, 2000)
    of_bob = page(bob.twin(), "tasks", limit=1).data["next"]
    assert len(page(bob.twin(), "tasks", cursor=of_bob).data["tasks"]) == 2


# ---- persistence, by number ----


def test_p02_p45_an_unknown_backend_makes_nothing(tmp_path):
    words = [TROUPE, "run", "--data", tmp_path, "--set", "persistence.backend=nonesuch"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "lmdb" in done.stderr and "memory" in done.stderr
    assert os.listdir(tmp_path) == []


def test_c30_money_without_anything_on_disk(start):
    """Nothing durable; a run without any store there cannot be."""
    server = start(persistence__backend="memory", runtime__log_level="debug")
    boss = Client(server)
    assert boss.setup().status == 201
    assert boss.post("costs", cost("30")).data["durable"] == "applied"
    for amount, status in (("30", 402), ("31", 200)):
        body = {"project_id": "p", "project_budget": amount}
        assert boss.post("budget/check", body).status == status
    for name in (
        "budget.project_cost.aggregation_failed",
        "budget.preflight.error",
        "budget.baseline.error",
        "persistence.project_cost_agg.fetch_failed",
    ):
        assert server.events(name) == []
    assert not list(server.data.rglob("*.mdb"))


@pytest.mark.parametrize("mode", ["full", "meta_lazy", "none"])
def test_p35_the_log_says_how_durable_it_is(start, mode):
    server = start(persistence__lmdb__durability=mode)
    [told] = server.wait_event("persistence.backend.connected")
    assert told["durability"] == mode


EXTREMES = [
    {"cost": "0"},
    {"cost": "0.000000000001"},
    {"cost": "0.1"},
    {"cost": "1000000"},
    {"input_tokens": TOKENS_MAX, "output_tokens": TOKENS_MAX},
    {"call_category": "embedding"},
    {"call_category": None},
    {"record_id": "00000000-0000-0000-0000-000000000000"},
    {"timestamp": "0001-01-01T00:00:00.000000+00:00"},
    {"agent_id": "\U0001f600 \u00e9\"\\", "task_id": "x" * 256},
    {"agent_id": "\x01" * 256, "task_id": "\x02" * 256, "project_id": "\x03" * 256},
]


def test_p32_p49_everything_is_read_as_it_was_written(ceo):
    """Empty, absent, extreme and hostile values; after a kill, and a start."""
    texts = ["", "\U0001f600\u00e9", 'a "quote" \\ slash', "x" * 65536, "a\nb\tc"]
    messages = [
        ceo.post("messages", {"sender": "a", "channel": "c", "content": text}).data
        for text in texts
    ]
    assert [m["content"] for m in messages] == texts
    fields = [
        {},
        {"acceptance_criteria": [], "artifacts_expected": []},
        {"artifacts_expected": [{"type": "code", "path": "a b/\u00e9"}]},
        {"acceptance_criteria": [{"description": "d", "met": True}]},
        {"description": "\U0001f600" * 1000},
    ]
    tasks = [ceo.post("tasks", task(f"t{n}", **f)).data for n, f in enumerate(fields)]
    records = []
    for n, extreme in enumerate(EXTREMES):
        body = {**cost("0.01", f"p{n}"), **extreme}
        answer = ceo.post("costs", {k: v for k, v in body.items() if v is not None})
        assert exact(answer)["durable"] == "applied"
        records.append(exact(answer)["record"])
        for field, value in extreme.items():
            if field == "cost":
                assert Decimal(str(records[-1]["cost"])) == Decimal(value)
            else:
                assert records[-1].get(field) == value or value is None
    ceo.server.kill()
    ceo.server.restart()
    after = ceo.twin()
    kept = [exact(after.get(f"messages/{m['id']}")) for m in messages]
    assert kept == messages
    assert [after.get(f"tasks/{t['id']}").data for t in tasks] == tasks
    assert exact(after.get(query("costs", limit=200)))["records"] == records
    assert total(after, "p4") == Decimal("0.01")


# ---- one currency ----


def test_cu03_cu04_nothing_is_added_up_before_its_currency_is_known(ceo):
    """No record: no error, whatever is recorded elsewhere; several: 409."""
    nothing = ceo.get(query("analytics/trends", **DAY)).data
    assert [p["cost"] for p in nothing["points"]] == [0]
    assert nothing.get("currency") is None
    ceo.post("costs", cost("1", None, timestamp=NOON, agent_id="a"))
    ceo.post("costs", cost("1", None, timestamp=NOON, agent_id="b", currency="USD"))
    outside = {"start": "2026-04-01T00:00:00Z", "end": "2026-04-02T00:00:00Z"}
    empty = ceo.get(query("analytics/trends", **outside)).data
    assert [p["cost"] for p in empty["points"]] == [0]
    for path in (
        query("analytics/trends", **DAY),
        query("analytics/trends.csv", **DAY),
        query("analytics/breakdown", **DAY, by="organisation"),
        query("analytics/breakdown.csv", **DAY, by="organisation"),
        "costs/sum",
    ):
        answer = ceo.get(path)
        assert answer.brief == (409, 4050), path
        assert answer.json["data"] is None
        assert decision(ceo, answer)["rule"] == "mixed_currency"
    one = ceo.get(query("analytics/trends", **DAY, by="agent", id="a")).data
    assert [p["cost"] for p in one["points"]] == [1]


# ---- a database that is cut while it is open ----


def test_a_database_cut_while_it_is_open_is_given_up(ceo):
    for n in range(30):
        ceo.create_task(f"t{n}")
    server = ceo.server
    server.killed = True  # what it logs then are errors
    [file] = list(server.data.rglob("data.mdb"))
    os.truncate(file, 8192)
    answers = [ceo.create_task("late").status, ceo.get("tasks").status]
    assert set(answers) <= {500, 502, 503}, answers
    failed = server.wait_event("persistence.backend.connection_failed")
    assert "data.mdb" in failed[0]["error"]
    assert file.stat().st_size == 8192, "nothing was written over it"
