"""/asyncapi.json says what the live socket does, and the socket does it."""

import jsonschema
import pytest

from client import Client, Gone, Socket
from test_openapi import nodes


@pytest.fixture(scope="module")
def topology():
    """The document is of the gateway alone."""
    return "one"


@pytest.fixture(scope="module")
def document(first):
    answer = Client(first.server).get("/asyncapi.json")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


def resolve(document, reference):
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value):
    return [n["$ref"] for n in nodes(value) if "$ref" in n]


def check(document, message, value):
    """Whether a value is a payload of that message."""
    schema = {
        "$ref": f"#/components/messages/{message}/payload",
        "components": document["components"],
    }
    jsonschema.Draft202012Validator(schema).validate(value)


def test_head(document):
    assert document["asyncapi"] == "3.0.0"
    assert document["info"]["title"] == "Troupe"


def test_references_resolve(document):
    found = references(document)
    assert found
    for reference in found:
        assert resolve(document, reference)


def test_what_an_operation_names_stands_in_its_channel(document):
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")


def test_every_channel_and_message_is_used(document):
    operations = document["operations"].values()
    channels = {o["channel"]["$ref"] for o in operations}
    assert channels == {f"#/channels/{name}" for name in document["channels"]}
    used = set(references(document["channels"]))
    messages = document["components"]["messages"]
    assert {f"#/components/messages/{name}" for name in messages} <= used


def test_schemas_are_schemas(document):
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for message in document["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])


def test_every_shared_channel_can_be_heard(document, reader):
    shared = [
        c["address"]
        for c in document["channels"].values()
        if c["address"][0] != "/" and "{" not in c["address"]
    ]
    assert len(shared) > 20
    live = reader.socket()
    answer = live.subscribe(*shared)
    check(document, "subscribed", answer)
    assert set(shared) <= set(answer["channels"])
    live.close()


@pytest.mark.parametrize(
    "message, frame, answer",
    [
        ("ping", {"action": "ping"}, "pong"),
        ("subscribe", {"action": "subscribe", "channels": ["tasks"]}, "subscribed"),
        (
            "subscribe",
            {
                "action": "subscribe",
                "channels": ["tasks", "agents"],
                "filters": {"k": "v"},
                "since": {"tasks": {"epoch": 0, "offset": 0}},
            },
            "subscribed",
        ),
        (
            "subscribe",
            {
                "action": "subscribe",
                "channels": ["tasks"],
                "since": {"epoch": 0, "offset": 0},
            },
            "subscribed",
        ),
        (
            "unsubscribe",
            {"action": "unsubscribe", "channels": ["tasks"]},
            "unsubscribed",
        ),
    ],
)
def test_what_is_said_is_answered_as_it_says(document, reader, message, frame, answer):
    live = reader.socket()
    check(document, message, frame)
    check(document, answer, live.ask(frame))
    wrong = {**frame, "more": 1}
    with pytest.raises(jsonschema.ValidationError):
        check(document, message, wrong)
    check(document, "error", live.ask(wrong))
    live.close()


def test_log_in_is_as_it_says(document, reader):
    frame = {"action": "auth", "ticket": reader.ticket()}
    check(document, "auth", frame)
    live = Socket(reader.server)
    check(document, "auth_ok", live.ask(frame))
    live.close()
    late = Socket(reader.server)
    late.send({"action": "auth", "ticket": "none"})
    with pytest.raises(Gone) as gone:
        late.receive()
    codes = document["channels"]["socket"]["x-close-codes"]
    assert str(gone.value.code) in codes


def test_events_are_as_it_says(document, reader):
    live = reader.socket()
    live.subscribe("tasks")
    assert reader.create_task("a bridge").status == 201
    event = live.event()
    check(document, "task.created", event)
    check(document, "event", event)
    with pytest.raises(jsonschema.ValidationError):
        check(document, "task.created", {**event, "payload": {}})
    live.close()


def test_events_of_the_program_are_all_told_of(document, reader):
    """A backup, a drill and whoever comes meanwhile."""
    live = reader.socket()
    live.subscribe("system")
    made = reader.post("backups", {}, **{"Idempotency-Key": "told"})
    assert made.status == 201, made.body
    seen = {}
    while "backup.completed" not in seen:
        event = live.event()
        seen[event["event_type"]] = event
    for name, event in seen.items():
        check(document, name, event)
    assert "backup.started" in seen
    live.close()
