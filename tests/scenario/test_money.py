"""Costs, budgets and holds from outside.  Numbers are those of the scenarios."""

import csv
import io
import uuid
from decimal import Decimal

import json
import pytest

from client import Client, Patient, together

DAY = {"start": "2026-04-03T00:00:00Z", "end": "2026-04-05T00:00:00Z"}


def cost(amount="0.10", project="p", **fields):
    return {
        "agent_id": "agent",
        "task_id": "task",
        "project_id": project,
        "provider": "provider",
        "model": "model",
        "cost": amount,
        "currency": "EUR",
        "input_tokens": 1,
        "output_tokens": 2,
        **fields,
    }


def query(path, **parameters):
    return f"{path}?" + "&".join(f"{k}={v}" for k, v in parameters.items())


def exact(answer):
    """Its JSON with decimal numbers as they stand."""
    assert answer.status < 300, (answer.status, answer.body)
    return json.loads(answer.body, parse_float=Decimal)["data"]


def total(person, project="p"):
    return Decimal(str(exact(person.get(f"projects/{project}/cost"))["total_cost"]))


def budget(person, amount, level="project", subject="p", window="lifetime", **more):
    body = {"level": level, "window": window, "amount": amount, "currency": "EUR", **more}
    if subject is not None:
        body["subject"] = subject
    answer = person.post("budgets", body)
    assert answer.status == 201, answer.body
    return answer.data["budget"]["id"]


def hold(person, amount, key=None, **fields):
    body = {
        "amount": amount,
        "currency": "EUR",
        "agent_id": "agent",
        "task_id": "task",
        "project_id": "p",
        **fields,
    }
    headers = {} if key is None else {"Idempotency-Key": key}
    return person.post("budget/holds", body, **headers)


def settle(person, hold_id, amount):
    body = {
        "cost": amount,
        "provider": "provider",
        "model": "model",
        "input_tokens": 1,
        "output_tokens": 1,
    }
    return person.post(f"budget/holds/{hold_id}/settle", body)


def decision(person, answer):
    """What a refusal names to explain itself."""
    named = answer.json["error_detail"]["decision_id"]
    return person.get(f"budget/decisions/{named}").data


def standing(person, budget_id):
    status = exact(person.get(f"budgets/{budget_id}"))
    return Decimal(str(status["spent"])), Decimal(str(status["held"]))


# ---- records ----


def test_c02_record_is_in_the_total_when_it_is_answered(ceo):
    answer = ceo.post("costs", cost("0.25", input_tokens=100, output_tokens=50))
    assert answer.status == 201
    assert answer.data["durable"] == "applied"
    project = ceo.get("projects/p/cost").data
    assert project["total_cost"] == 0.25
    assert project["total_input_tokens"] == 100
    assert project["record_count"] == 1
    assert ceo.get("projects/none/cost").brief == (404, 3000)


def test_c04_c05_many_at_once_are_an_exact_sum(ceo):
    people = [ceo.twin() for _ in range(16)]

    def ten(n):
        return [exact(people[n].post("costs", cost("0.01"))) for _ in range(10)]

    seen = [a["project"] for answers in together(16, ten) for a in answers]
    assert sorted(p["record_count"] for p in seen) == list(range(1, 161))
    for project in seen:
        count = project["record_count"]
        assert Decimal(str(project["total_cost"])) == Decimal("0.01") * count
        assert project["total_output_tokens"] == 2 * count
    assert total(ceo) == Decimal("1.60")


@pytest.mark.parametrize(
    "fields",
    [
        {"cost": "NaN"},
        {"cost": "Infinity"},
        {"cost": "-Infinity"},
        {"cost": -0.01},
        {"cost": "1e30"},
        {"cost": "0.0000000000001"},
        {"cost": 1000000.5},
        {"input_tokens": -1},
        {"input_tokens": 1.5},
        {"output_tokens": "many"},
        {"project_id": ""},
        {"project_id": " \t"},
        {"agent_id": "  "},
        {"agent_id": "a" * 257},
        {"currency": "XYZ"},
        {"currency": "eur"},
        {"timestamp": "2999-01-01T00:00:00Z"},
        {"timestamp": "yesterday"},
        {"call_category": "idle"},
        {"tip": 1},
    ],
    ids=str,
)
def test_c08_c10_bad_records_store_nothing(reader, fields):
    answer = reader.post("costs", cost(**{"project_id": "bad", **fields}))
    assert answer.brief == (422, 2000), answer.body
    assert reader.get("projects/bad/cost").status == 404
    assert reader.get(query("costs", project_id="bad")).data["records"] == []


def test_c14_ten_tenths_exhaust_one(ceo):
    for _ in range(10):
        ceo.post("costs", cost("0.10"))
    answer = ceo.post("budget/check", {"project_id": "p", "project_budget": "1.00"})
    assert answer.brief == (402, 6050)
    assert decision(ceo, answer)["rule"] == "project_budget"
    more = ceo.post("budget/check", {"project_id": "p", "project_budget": "1.01"})
    assert more.data["enforced"] is True
    assert more.data["source"] == "aggregate"


def test_c20_no_budget_is_not_enforced(reader):
    for amount in (0, -5):
        answer = reader.post("budget/check", {"project_id": "p", "project_budget": amount})
        assert answer.data["enforced"] is False


def test_c31_check_sees_what_was_answered(ceo):
    spent = Decimal(0)
    for n in range(40):
        amount = Decimal(n * n % 17 + 1) / 100
        ceo.post("costs", cost(str(amount)))
        spent += amount
        at = ceo.post("budget/check", {"project_id": "p", "project_budget": str(spent)})
        over = ceo.post(
            "budget/check", {"project_id": "p", "project_budget": str(spent + Decimal("0.01"))}
        )
        assert (at.status, over.status) == (402, 200)


def test_c32_c37_kill_leaves_whole_records(ceo):
    patient = Patient(ceo.server, ceo.token)
    for n in range(30):
        answer = patient.post("costs", cost("0.07", record_id=str(uuid.UUID(int=n + 1))))
        assert answer.status == 201
        if n == 14:
            ceo.server.kill()
            ceo.server.restart()
    after = ceo.twin()
    project = exact(after.get("projects/p/cost"))
    records = exact(after.get(query("costs", project_id="p", limit=200)))["records"]
    assert project["record_count"] == len(records) == 30
    assert sum(Decimal(str(r["cost"])) for r in records) == Decimal("2.10")
    assert total(after) == Decimal("2.10")
    assert exact(after.get(query("costs/sum", project_id="p")))["records"] == 30


def test_c35_repeated_record_counts_once(ceo):
    body = cost(record_id=str(uuid.UUID(int=7)))
    answers = [ceo.post("costs", body).data for _ in range(5)]
    assert [a["duplicate"] for a in answers] == [False] + [True] * 4
    assert len({json.dumps(a["project"]) for a in answers}) == 1
    keyed = [ceo.post("costs", cost(), **{"Idempotency-Key": "k"}) for _ in range(3)]
    assert len({a.data["record"]["record_id"] for a in keyed}) == 1
    other = ceo.post("costs", cost("9"), **{"Idempotency-Key": "k"})
    assert other.brief == (422, 2004)
    assert total(ceo) == Decimal("0.20")


def test_currencies_do_not_mix(ceo):
    ceo.post("costs", cost())
    answer = ceo.post("costs", cost(currency="USD"))
    assert answer.brief == (409, 4050)
    assert decision(ceo, answer)["rule"] == "mixed_currency"
    assert total(ceo) == Decimal("0.10")
    assert len(ceo.get("costs").data["records"]) == 1


def test_records_page_by_page(ceo):
    for n in range(7):
        ceo.post("costs", cost(task_id=f"t{n % 2}"))
    seen, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = ceo.get(query("costs", task_id="t0", limit=2, **more)).data
        seen += [r["seq"] for r in page["records"]]
        cursor = page.get("next")
        if cursor is None:
            break
    assert seen == [1, 3, 5, 7]


@pytest.mark.parametrize(
    "path",
    ["costs?limit=0", "costs?limit=201", "costs?cursor=x", "costs?agent=a", "costs?task_id=%20",
     "budgets?limit=0", "budgets?level=galaxy", "budget/holds?cursor=zz", "prices?cursor=q"],
)
def test_bad_filters_are_refused(reader, path):
    assert reader.get(path).brief == (422, 2000)


def test_money_is_for_those_who_steer(ceo):
    for method, path in [("GET", "costs"), ("GET", "budgets"), ("POST", "costs")]:
        assert Client(ceo.server).request(method, path, {}).status == 401


# ---- budgets and holds ----


def test_rivals_never_pass_a_limit(ceo):
    of_project = budget(ceo, "10")
    of_all = budget(ceo, "12", "organisation", None, "month")
    people = [ceo.twin() for _ in range(16)]
    answers = [a for many in together(16, lambda n: [hold(people[n], "0.30") for _ in range(5)])
               for a in many]
    held = [a.data["hold"]["id"] for a in answers if a.status == 201]
    assert len(held) == 33
    assert {a.brief for a in answers if a.status != 201} == {(402, 6050)}
    assert standing(ceo, of_project) == (0, Decimal("9.90"))

    for hold_id in held[:20]:
        assert settle(ceo, hold_id, "0.25").status == 200
    for hold_id in held[20:]:
        assert ceo.post(f"budget/holds/{hold_id}/void").status == 200
    assert standing(ceo, of_project) == (Decimal("5.00"), 0)
    assert standing(ceo, of_all) == (Decimal("5.00"), 0)
    assert total(ceo) == Decimal("5.00")
    assert ceo.get("budget/holds").data["holds"] == []


def test_refusal_explains_itself_as_things_stood(ceo):
    budget(ceo, "1", "task", "task", "day")
    first = hold(ceo, "0.60").data["hold"]
    refused = hold(ceo, "0.50")
    assert refused.brief == (402, 6050)
    ceo.post(f"budget/holds/{first['id']}/void")
    why = decision(ceo, refused)
    assert why["rule"] == "hard_limit"
    assert why["amount"] == 0.5
    [limit] = why["limits"]
    assert limit["held"] == 0.6
    assert limit["budget"]["amount"] == 1
    ended = settle(ceo, first["id"], "0.10")
    assert ended.brief == (409, 4051)
    assert decision(ceo, ended)["rule"] == "hold_ended"
    assert ceo.get("budget/decisions/0").status == 404


def test_hold_is_idempotent_and_survives_a_power_cut(ceo):
    of_project = budget(ceo, "1")
    first = hold(ceo, "0.70", "key").data["hold"]
    ceo.server.kill()
    ceo.server.restart()
    after = ceo.twin()
    again = hold(after, "0.70", "key").data["hold"]
    assert again == first
    assert hold(after, "0.71", "key").brief == (422, 2004)
    assert standing(after, of_project) == (0, Decimal("0.70"))
    assert [h["id"] for h in after.get("budget/holds").data["holds"]] == [first["id"]]
    settled = [settle(after, first["id"], "0.70").data for _ in range(2)]
    assert settled[0] == settled[1]
    assert standing(after, of_project) == (Decimal("0.70"), 0)


def test_a_key_may_name_a_hold_and_a_record(ceo):
    first = hold(ceo, "0.70", "key").data["hold"]
    assert ceo.post("costs", cost("0.10"), **{"Idempotency-Key": "key"}).status == 201
    assert settle(ceo, first["id"], "0.60").status == 200
    assert total(ceo) == Decimal("0.70")


def test_who_knows_a_hold_cannot_spoil_its_settlement(ceo):
    """A record may have any id, the hold's too: it is another record."""
    made = hold(ceo, "0.70", "key").data["hold"]
    first = ceo.post("costs", cost("0.10", record_id=str(uuid.UUID(made["id"]))))
    assert first.status == 201
    settled = [settle(ceo, made["id"], "0.60") for _ in range(2)]
    assert [s.status for s in settled] == [200, 200]
    assert settled[0].data == settled[1].data
    assert total(ceo) == Decimal("0.70")


def test_hold_runs_out_by_itself(ceo):
    of_project = budget(ceo, "1")
    made = hold(ceo, "1", ttl_seconds=1).data["hold"]
    ceo.server.wait_event("budget.holds.expired")
    assert standing(ceo, of_project) == (0, 0)
    assert ceo.get(f"budget/holds/{made['id']}").data["hold"]["status"] == "expired"


def test_hold_runs_out_while_nobody_runs(ceo):
    of_project = budget(ceo, "1")
    made = hold(ceo, "1", ttl_seconds=1).data["hold"]
    ceo.server.kill()
    ceo.server.restart()
    ceo.server.wait_event("budget.holds.expired")
    after = ceo.twin()
    assert standing(after, of_project) == (0, 0)
    assert after.get(f"budget/holds/{made['id']}").data["hold"]["status"] == "expired"


def test_thresholds_are_told_once(ceo):
    budget(ceo, "1")
    live = ceo.socket()
    live.subscribe("budget")
    for amount in ("0.80", "0.05", "0.15"):
        ceo.post("costs", cost(amount))
    heard = [live.event() for _ in range(6)]
    assert [e["event_type"] for e in heard] == [
        "cost.recorded", "budget.threshold",
        "cost.recorded",
        "cost.recorded", "budget.threshold", "budget.threshold",
    ]
    told = [e["payload"]["threshold"] for e in heard if e["event_type"] == "budget.threshold"]
    assert told == [75, 90, 100]


def test_budgets_are_read_changed_and_taken_away(ceo):
    made = [budget(ceo, n + 1, "agent", f"a{n}", "rolling", rolling_hours=24) for n in range(3)]
    page = ceo.get("budgets?limit=2").data
    rest = ceo.get(query("budgets", limit=2, cursor=page["next"])).data
    listed = [s["budget"]["id"] for s in page["budgets"] + rest["budgets"]]
    assert listed == sorted(made)
    changed = ceo.put(f"budgets/{made[0]}", {"amount": "7.5", "version": 1})
    assert changed.data["budget"]["amount"] == 7.5
    assert ceo.put(f"budgets/{made[0]}", {"amount": "8", "version": 1}).brief == (409, 4002)
    assert ceo.put(f"budgets/{made[0]}", {"amount": 0}).brief == (422, 2000)
    assert ceo.delete(f"budgets/{made[0]}").status == 204
    assert ceo.get(f"budgets/{made[0]}").brief == (404, 3000)
    actions = [e["action"] for e in ceo.get("audit").data["entries"]]
    assert "budget.change" in actions


# ---- prices and reports ----


def test_tokens_become_a_cost(ceo):
    price = {"provider": "provider", "model": "model", "effective_from": "2026-01-01T00:00:00Z",
             "currency": "EUR", "input": "3", "output": "15", "cache_read": "0.30"}
    unpriced = cost(input_tokens=1000, output_tokens=100, cache_read_tokens=7)
    del unpriced["cost"], unpriced["currency"]
    assert ceo.post("costs", unpriced).brief == (422, 2050)
    assert ceo.post("prices", price).status == 201
    assert ceo.post("prices", price).brief == (409, 4001)
    record = exact(ceo.post("costs", unpriced))["record"]
    assert Decimal(str(record["cost"])) == Decimal("0.0045021")
    assert record["price_version"] == 1
    assert len(ceo.get("prices").data["prices"]) == 1


def spread(person):
    """Costs around a day's ends; one is exactly at each."""
    for at, amount, agent in [
        ("2026-04-02T23:59:59.999999Z", "1", "a"),
        ("2026-04-03T00:00:00Z", "2", "a"),
        ("2026-04-03T22:30:00Z", "4", "b"),
        ("2026-04-04T12:00:00Z", "8", "a"),
        ("2026-04-05T00:00:00Z", "16", "a"),
    ]:
        answer = person.post("costs", cost(amount, timestamp=at, agent_id=agent))
        assert answer.status == 201, answer.body


def test_cu01_at41_bounds_and_offsets_of_a_trend(ceo):
    spread(ceo)
    trend = ceo.get(query("analytics/trends", **DAY)).data
    assert [p["cost"] for p in trend["points"]] == [6, 8]
    assert trend["currency"] == "EUR"
    shifted = ceo.get(query("analytics/trends", **DAY, utc_offset_minutes=120)).data
    assert [p["cost"] for p in shifted["points"]] == [2, 12, 0]
    agent = ceo.get(query("analytics/trends", **DAY, by="agent", id="b", bucket="week")).data
    assert [(p["start"][:10], p["cost"]) for p in agent["points"]] == [("2026-03-30", 4)]
    groups = ceo.get(query("analytics/breakdown", **DAY, by="agent")).data
    assert [(p["key"], p["cost"]) for p in groups["points"]] == [("a", 10), ("b", 4)]
    by_category = ceo.get(query("analytics/breakdown", **DAY, by="category")).data
    assert [p["key"] for p in by_category["points"]] == ["uncategorised"]


def test_cu02_at42_empty_buckets_are_zero(reader):
    trend = reader.get(query("analytics/trends", **DAY, bucket="hour")).data
    assert [p["cost"] for p in trend["points"]] == [0] * 48
    assert trend.get("currency") is None


def test_at40_at41_mixed_currencies_in_and_outside_the_window(ceo):
    spread(ceo)
    ceo.post("costs", cost("5", None, currency="USD", timestamp="2026-04-05T00:00:00Z"))
    inside = query("analytics/trends", **DAY)
    assert [p["cost"] for p in ceo.get(inside).data["points"]] == [6, 8]
    ceo.post("costs", cost("5", None, currency="USD", timestamp="2026-04-04T23:59:00Z"))
    mixed = ceo.get(inside)
    assert mixed.brief == (409, 4050)
    assert mixed.json["data"] is None
    assert decision(ceo, mixed)["rule"] == "mixed_currency"
    assert ceo.get(query("analytics/breakdown", **DAY, by="organisation")).brief == (409, 4050)
    assert ceo.get(query("costs/sum", agent_id="a")).status == 200
    assert ceo.get("costs/sum").brief == (409, 4050)
    only = ceo.get(query("analytics/trends", **DAY, currency="USD")).data
    assert [p["cost"] for p in only["points"]] == [0, 5]


def test_csv_is_what_the_trend_says(ceo):
    spread(ceo)
    answer = ceo.get(query("analytics/trends.csv", **DAY))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [(r["start"][:10], r["cost"], r["currency"]) for r in rows] == [
        ("2026-04-03", "6", "EUR"), ("2026-04-04", "8", "EUR")]
    groups = ceo.get(query("analytics/breakdown.csv", **DAY, by="agent"))
    assert len(groups.body.splitlines()) == 3


def test_a_csv_that_is_full_says_how_to_go_on(ceo):
    """Keys so long that a file has no room for all of them."""
    ids = [f"{n:03}" + "\"" * 253 for n in range(600)]
    people = [ceo.twin() for _ in range(8)]

    def some(n):
        for agent in ids[n::8]:
            body = cost("1", None, agent_id=agent, timestamp="2026-04-03T12:00:00Z")
            assert people[n].post("costs", body).status == 201

    together(8, some)
    seen, more, files = [], {}, 0
    while True:
        answer = ceo.get(query("analytics/breakdown.csv", **DAY, by="agent", **more))
        assert answer.status == 200
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        seen += [row["key"] for row in rows]
        files += 1
        if answer.headers["X-Next-Cursor"] is None:
            break
        more = {"cursor": answer.headers["X-Next-Cursor"]}
    assert files == 2 and seen == ids


@pytest.mark.parametrize(
    "wrong",
    [{"start": "2026-04-03T00:01:00Z"}, {"end": "2026-04-02T00:00:00Z"}, {"bucket": "year"},
     {"by": "agent"}, {"id": "x"}, {"utc_offset_minutes": 7}, {"utc_offset_minutes": 900},
     {"currency": "XYZ"}, {"bucket": "hour", "end": "2030-01-01T00:00:00Z"}],
    ids=str,
)
def test_bad_reports_are_refused(reader, wrong):
    assert reader.get(query("analytics/trends", **{**DAY, **wrong})).brief == (422, 2000)


def test_forecast_says_when_it_is_spent(ceo):
    of_project = budget(ceo, "100")
    fresh = ceo.get(query("analytics/forecast", budget_id=of_project)).data
    assert fresh["daily_spend"] == 0
    assert fresh.get("exhausted_at") is None
    ceo.post("costs", cost("100"))
    spent = ceo.get(query("analytics/forecast", budget_id=of_project)).data
    assert spent["status"]["exhausted"] is True
    assert spent["exhausted_at"] is not None
