"""Every error in both formats, with the same code."""

import pytest

from client import PASSWORD, Client, task

CATEGORIES = {
    1: "auth",
    2: "validation",
    3: "not_found",
    4: "conflict",
    5: "rate_limit",
    8: "internal",
}
DETAIL = {
    "detail",
    "error_code",
    "error_category",
    "retryable",
    "retry_after",
    "instance",
    "title",
    "type",
}
JSON = {"Content-Type": "application/json"}
WITHOUT_TITLE = {k: v for k, v in task("x").items() if k != "title"}
SETTING = "settings/api/ticket_cleanup_interval_seconds"
STALE = {"If-Match": '"0000000000000000"'}

# Method, path, body, headers; then status and code.
ERRORS = {
    "unknown path": ("GET", "nonsense", None, {}, 404, 3000),
    "unknown task": ("GET", "tasks/nonsense", None, {}, 404, 3000),
    "wrong method": ("PATCH", "tasks", None, {}, 405, 3001),
    "no JSON": ("POST", "tasks", b"{", JSON, 400, 2001),
    "no body": ("POST", "tasks", b"", JSON, 400, 2001),
    "no UTF-8": ("POST", "tasks", b'{"title":"\xff"}', JSON, 400, 2001),
    "field missing": ("POST", "tasks", WITHOUT_TITLE, {}, 422, 2000),
    "field blank": ("POST", "tasks", task(" "), {}, 422, 2000),
    "field long": ("POST", "tasks", task("x" * 513), {}, 422, 2000),
    "no number": ("GET", "tasks?limit=x", None, {}, 422, 2000),
    "limit": ("GET", "tasks?limit=201", None, {}, 422, 2000),
    "enum": ("POST", "tasks", task("x", priority="x"), {}, 422, 2000),
    "media type": ("POST", "tasks", b"x", {"Content-Type": "a/b"}, 415, 2003),
    "stale": ("PUT", SETTING, {"value": "61"}, STALE, 409, 4002),
    "second setup": (
        "POST",
        "auth/setup",
        {"username": "eve", "password": PASSWORD},
        {},
        409,
        4000,
    ),
}


def check_detail(detail, code):
    assert detail["error_code"] == code
    assert detail["error_category"] == CATEGORIES[code // 1000]
    assert detail["type"].endswith(f"#{CATEGORIES[code // 1000]}")
    assert detail["retryable"] is False
    assert detail["retry_after"] is None
    assert all(detail[name] for name in ("detail", "title", "instance"))


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared()


@pytest.fixture(scope="module")
def ceo(server):
    client = Client(server)
    assert client.setup().status == 201
    return client


@pytest.fixture(params=ERRORS)
def case(request):
    return ERRORS[request.param]


def test_envelope(ceo, case):
    method, path, body, headers, status, code = case
    answer = ceo.request(method, path, body, headers)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/json")
    told = answer.json
    assert told.keys() == {"data", "error", "error_detail", "success"}
    assert told["data"] is None
    assert told["success"] is False
    assert told["error_detail"].keys() == DETAIL
    assert told["error"] == told["error_detail"]["detail"]
    check_detail(told["error_detail"], code)


def test_problem(ceo, case):
    method, path, body, headers, status, code = case
    accept = {"Accept": "application/problem+json"}
    answer = ceo.request(method, path, body, {**headers, **accept})
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert problem.keys() == DETAIL | {"status"}
    assert problem["status"] == status
    check_detail(problem, code)


def test_wrong_method_tells_the_right_ones(ceo):
    allowed = ceo.request("PATCH", "tasks").headers["Allow"]
    assert {"GET", "POST"} <= set(allowed.replace(" ", "").split(","))


def test_validation_names_the_field(ceo):
    detail = ceo.post("tasks", WITHOUT_TITLE).json["error"]
    assert "title" in detail


def test_instances_differ(ceo):
    first, second = (ceo.get("nonsense").json for _ in range(2))
    assert first["error_detail"]["instance"] != second["error_detail"]["instance"]


def test_success_has_an_envelope(ceo):
    told = ceo.me().json
    assert told.keys() == {"data", "error", "error_detail", "success"}
    assert told["success"] is True
    assert told["error"] is told["error_detail"] is None


def test_errors_need_no_token_to_be_well_formed(server):
    answer = Client(server).get("auth/me", Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    check_detail(answer.json, 1000)
