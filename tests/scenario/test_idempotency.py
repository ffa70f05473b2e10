"""A request repeated under one Idempotency-Key is one request."""

import pytest

from client import together

KEY = "a-key"


def titles(person):
    return [task["title"] for task in person.tasks()]


def test_repeat_has_one_answer_and_one_effect(ceo):
    live = ceo.socket()
    live.subscribe("tasks")
    first, again = (ceo.create_task("once", KEY) for _ in range(2))
    last = ceo.create_task("last", "another-key")

    assert first.status == again.status == 201
    assert first.json == again.json
    assert sorted(titles(ceo)) == ["last", "once"]
    heard = [live.event()["payload"] for _ in range(2)]
    assert heard == [first.data, last.data]


def test_other_body_is_refused(ceo):
    ceo.create_task("once", KEY)
    assert ceo.create_task("other", KEY).brief == (422, 2004)
    assert titles(ceo) == ["once"]


def test_refused_request_does_not_spend_its_key(ceo):
    assert ceo.create_task(" ", KEY).brief == (422, 2000)
    assert ceo.create_task("once", KEY).status == 201


def test_without_a_key_each_request_counts(ceo):
    ids = {ceo.create_task("twice").data["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "   ", "k" * 256])
def test_bad_key(reader, key):
    assert reader.create_task("never", key).status == 400
    assert reader.tasks() == []


def test_longest_key(ceo):
    answers = [ceo.create_task("once", "k" * 255) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert titles(ceo) == ["once"]


def test_repeats_at_the_same_time(ceo):
    people = [ceo.twin() for _ in range(20)]
    answers = together(20, lambda n: people[n].create_task("once", KEY))
    made = [a.data for a in answers if a.status == 201]
    assert made
    assert all(task == made[0] for task in made)
    assert {a.brief for a in answers} <= {(201, None), (409, 4004)}
    assert titles(ceo) == ["once"]


def test_answer_survives_a_power_cut(ceo):
    first = ceo.create_task("once", KEY)
    ceo.server.kill()
    ceo.server.restart()
    assert ceo.twin().create_task("once", KEY).json == first.json
    assert titles(ceo.twin()) == ["once"]
