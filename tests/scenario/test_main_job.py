"""The main job, from a fresh start to a refused token."""

import re

import pytest

from client import JSON_V1, MSGPACK_V1, Client, task

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)"


def test_main_job(server):
    person = Client(server)
    assert person.setup().status == 201
    assert person.login().status == 200

    ticket = person.ticket()
    live = person.socket()
    assert live.subscribe("tasks")["action"] == "subscribed"

    created = person.create_task("a bridge")
    assert created.status == 201
    event = live.event()
    assert event["event_type"] == "task.created"
    assert event["channel"] == "tasks"
    assert event["payload"] == created.data

    assert person.logout().status == 204
    assert person.me().brief == (401, 1002)
    assert live.wait_closed()[0] == 4003
    assert ticket not in server.log_text()


@pytest.mark.parametrize("subprotocols", [[JSON_V1], [MSGPACK_V1], []])
def test_event_has_its_whole_frame(ceo, subprotocols):
    live = ceo.socket(*subprotocols)
    live.subscribe("tasks")
    first, second = (ceo.create_task(title).data for title in ("a", "b"))

    event, following = live.event(), live.event()
    assert re.fullmatch(UUID, event["event_id"])
    assert event["event_id"] != following["event_id"]
    assert re.fullmatch(TIMESTAMP, event["timestamp"])
    assert event["version"] == 1
    assert event["epoch"] == following["epoch"] > 0
    assert following["offset"] == event["offset"] + 1
    assert [event["payload"], following["payload"]] == [first, second]


def test_task_is_what_was_sent(ceo):
    sent = task("a tower", priority="high")
    made = ceo.post("tasks", sent).data
    assert sent.items() <= made.items()
    assert made["status"] == "created"
    assert made["version"] == 1
    assert made["created_by"] == ceo.me().data["id"]
    assert ceo.get(f"tasks/{made['id']}").data == made
    assert ceo.tasks() == [made]


def test_tasks_come_page_by_page(ceo):
    made = {ceo.create_task(f"task {n}").data["id"] for n in range(7)}
    seen, path = [], "tasks?limit=3"
    while path:
        page = ceo.get(path).data
        seen.append([t["id"] for t in page["tasks"]])
        path = page.get("next") and f"tasks?limit=3&cursor={page['next']}"
    assert [len(page) for page in seen] == [3, 3, 1]
    assert sum(seen, []) == sorted(made)


def test_every_listener_hears_every_event_once(ceo):
    listeners = [ceo.socket() for _ in range(4)]
    for live in listeners:
        live.subscribe("tasks")
    made = [ceo.create_task(f"task {n}").data["id"] for n in range(20)]
    for live in listeners:
        assert [live.event()["payload"]["id"] for _ in made] == made


def test_health_is_for_everybody(server):
    anybody = Client(server)
    for path in ("/livez", "/readyz", "/health", "health"):
        assert anybody.get(path).status == 200, path


def test_openapi_names_the_routes(server):
    answer = Client(server).get("/openapi.json")
    document = answer.json
    assert document["openapi"].startswith("3.")
    assert {
        "/api/v1/auth/setup",
        "/api/v1/auth/login",
        "/api/v1/auth/logout",
        "/api/v1/auth/sessions/{session_id}",
        "/api/v1/settings/{namespace}/{key}",
        "/api/v1/tasks",
    } <= document["paths"].keys()
