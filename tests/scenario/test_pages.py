"""Large answers: every task is listed, however much the page weighs."""

from client import together

TASKS = 120
TEXT = "x" * 8000
READERS = 30


def make_tasks(person):
    return {
        person.post("/api/v1/tasks", {
            "title": "large", "description": TEXT, "project": "p",
            "type": "research"}).data["id"]
        for _ in range(TASKS)
    }


def listed(person):
    """The ids of all pages, as large as they may be."""
    ids, cursor = [], ""
    while True:
        page = person.get(f"/api/v1/tasks?limit=200{cursor}")
        assert page.status == 200
        ids += [task["id"] for task in page.data["tasks"]]
        if page.data["next"] is None:
            return ids
        cursor = f"&cursor={page.data['next']}"


def test_large_pages_lose_nothing(ceo):
    made = make_tasks(ceo)
    assert listed(ceo) == sorted(made)


def test_large_answers_to_many_at_once(ceo):
    """More than a link may owe: each of them is answered all the same."""
    make_tasks(ceo)
    people = [ceo.twin() for _ in range(READERS)]
    answers = together(
        READERS, lambda n: people[n].get("/api/v1/tasks?limit=50"))
    assert [answer.status for answer in answers] == [200] * READERS
