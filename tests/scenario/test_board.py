"""Tasks that change, messages between agents, projects: over REST."""

import uuid

import pytest

from client import together

TASK = {
    "title": "Write it",
    "description": "All of it",
    "type": "development",
    "project": "atlas",
}


def made(ceo, **fields):
    answer = ceo.post("tasks", {**TASK, **fields})
    assert answer.status == 201, answer.body
    return answer.data


def patch(ceo, task, **fields):
    return ceo.request("PATCH", f"tasks/{task['id']}", fields)


def test_a_task_goes_its_way(ceo):
    task = made(ceo)
    for step in ("assigned", "in_progress", "in_review", "completed"):
        more = {"assigned_to": "ada"} if step == "assigned" else {}
        answer = patch(ceo, task, status=step, **more)
        assert answer.status == 200, answer.body
        assert answer.data["status"] == step
    assert answer.data["version"] == 5
    assert patch(ceo, task, status="in_progress").brief == (409, 4060)
    assert ceo.get("tasks?status=completed").data["tasks"][0]["id"] == task["id"]
    assert ceo.get("tasks?status=created").data["tasks"] == []


def test_p27_a_status_that_needs_somebody(ceo):
    task = made(ceo)
    assert patch(ceo, task, status="assigned").status == 422
    assert patch(ceo, task, status="in_progress").brief == (409, 4060)
    assert ceo.get(f"tasks/{task['id']}").data["version"] == 1


def test_who_had_it_joins_the_chain(ceo):
    task = made(ceo, assigned_to="ada")
    for name in ("bob", "eve"):
        answer = patch(ceo, task, assigned_to=name)
    assert answer.data["delegation_chain"] == ["ada", "bob"]
    assert answer.data["assigned_to"] == "eve"
    assert ceo.get("tasks?assigned_to=ada").data["tasks"] == []
    assert len(ceo.get("tasks?assigned_to=eve").data["tasks"]) == 1


def test_of_many_with_one_version_one_wins(ceo):
    task = made(ceo)
    answers = together(
        8, lambda n: patch(ceo.twin(), task, title=f"t{n}", version=1)
    )
    found = sorted(answer.status for answer in answers)
    assert found == [200] + [409] * 7
    assert {a.brief for a in answers if a.status == 409} == {(409, 4002)}


def test_p46_put_replaces_all_of_it(ceo):
    task = made(ceo, reviewers=["a", "b"], assigned_to="ada")
    body = {**TASK, "title": "Other", "status": "created"}
    answer = ceo.put(f"tasks/{task['id']}", body)
    assert answer.status == 200, answer.body
    assert answer.data["reviewers"] == [] and answer.data["title"] == "Other"
    assert answer.data.get("assigned_to") is None
    assert answer.data["created_at"] == task["created_at"]


def test_p48_deleted_is_gone(ceo):
    task = made(ceo)
    stale = ceo.delete(f"tasks/{task['id']}?version=9")
    assert stale.brief == (409, 4002)
    assert ceo.delete(f"tasks/{task['id']}").status == 204
    assert ceo.delete(f"tasks/{task['id']}").status == 404
    assert ceo.get(f"tasks/{task['id']}").status == 404
    assert ceo.get("tasks").data["tasks"] == []


def say(ceo, channel="a", at=None, **fields):
    body = {"sender": "ada", "channel": channel, "content": "x", **fields}
    if at is not None:
        body["timestamp"] = at
    return ceo.post("messages", body)


def history(ceo, query):
    answer = ceo.get(f"messages?{query}")
    assert answer.status == 200, answer.body
    return [m["content"] for m in answer.data["messages"]]


def test_p19_a_history_is_its_channels_newest_first(ceo):
    say(ceo, at="2026-01-01T00:00:03Z", content="3")
    say(ceo, at="2026-01-01T01:00:01+01:00", content="1")
    say(ceo, at="2026-01-01T00:00:02Z", content="2")
    say(ceo, channel="ab", content="other")
    assert history(ceo, "channel=a") == ["3", "2", "1"]
    assert history(ceo, "channel=a&limit=2") == ["3", "2"]
    assert history(ceo, "channel=zz") == []
    assert history(ceo, "sender=ada&limit=1") == ["other"]
    assert history(ceo, "channel=a&since=2026-01-01T00:00:02Z") == ["3", "2"]
    assert history(ceo, "channel=a&until=2026-01-01T00:00:02Z") == ["1"]
    page = ceo.get("messages?channel=a&limit=2").data
    assert history(ceo, f"channel=a&cursor={page['next']}") == ["1"]


def test_p19c_of_one_time_the_last_kept_is_first(ceo):
    for n in range(5):
        say(ceo, at="2026-01-01T00:00:00Z", content=str(n))
    assert history(ceo, "channel=a") == ["4", "3", "2", "1", "0"]


def test_p20_one_id_is_kept_once(ceo):
    name = str(uuid.uuid4())
    answers = together(
        8, lambda n: say(ceo.twin(), id=name, content=str(n))
    )
    won = [a for a in answers if a.status == 201]
    assert len(won) == 1
    assert {a.brief for a in answers if a.status != 201} == {(409, 4001)}
    kept = ceo.get(f"messages/{name}").data
    assert kept["content"] == won[0].data["content"]
    told = ceo.server.wait_event("persistence.message.duplicate", count=7)
    assert len(told) == 7


def test_p30_from_is_another_name_of_sender(ceo):
    answer = ceo.post("messages", {"from": "bob", "channel": "a", "content": ""})
    assert answer.status == 201, answer.body
    assert answer.data["sender"] == "bob" and "from" not in answer.data


@pytest.mark.parametrize(
    "query", ["channel=a&limit=0", "channel=%20", "", "channel=a&cursor=x", "chanel=a"]
)
def test_p28_p29_a_wrong_question_is_refused(ceo, query):
    assert ceo.get(f"messages?{query}").status == 422


def test_p29_blank_names_are_refused(ceo):
    assert say(ceo, channel=" ").status == 422
    assert say(ceo, sender="").status == 422
    assert ceo.get(f"messages/{uuid.uuid4()}").status == 404


def test_projects_are_listed_page_by_page(ceo):
    for project in ("p1", "p2", "p3"):
        body = {
            "agent_id": "a",
            "task_id": "t",
            "project_id": project,
            "provider": "p",
            "model": "m",
            "cost": "0.10",
            "currency": "EUR",
            "input_tokens": 1,
            "output_tokens": 1,
        }
        assert ceo.post("costs", body).status == 201
    page = ceo.get("projects?limit=2").data
    assert [p["project_id"] for p in page["projects"]] == ["p1", "p2"]
    rest = ceo.get(f"projects?cursor={page['next']}").data
    assert [p["project_id"] for p in rest["projects"]] == ["p3"]
    assert ceo.get("projects?limit=0").status == 422


def test_a_large_task_is_told_as_a_note_and_never_not_at_all(ceo):
    """Around the bound of a whole event, which is more than its payload."""
    live = ceo.socket()
    live.subscribe("tasks")
    for size in range(31700, 32800, 50):
        task = made(ceo, description="d" * size)
        assert live.event()["payload"]["id"] == task["id"], size
    for size in range(31700, 32800, 50):
        assert patch(ceo, task, description="e" * size).status == 200
        assert live.event()["payload"]["id"] == task["id"], size
