"""A lint of the OpenAPI document as it is served, and of what it promises."""

import re

import pytest

from client import Client, task

METHODS = {"get", "put", "post", "delete", "patch"}
PLACES = {"path", "query", "header"}
SIMPLE = {"string", "integer", "number", "boolean", "object", "array", "null"}


@pytest.fixture(scope="module")
def served(start_shared):
    return start_shared()


@pytest.fixture(scope="module")
def document(served):
    answer = Client(served).get("/openapi.json")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


@pytest.fixture(scope="module")
def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def nodes(value):
    """Every object within, itself included."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for child in children:
            yield from nodes(child)


def resolve(document, value):
    while "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def types_of(schema):
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def schemas(document):
    """Every schema, wherever it stands."""
    for owner in nodes(document["paths"]), nodes(document["components"]):
        for node in owner:
            yield from (node[k] for k in ("schema", "items") if k in node)
            if "properties" in node:
                yield from node["properties"].values()
    yield from document["components"]["schemas"].values()


def errors(document, schema, value, where="$"):
    """What of a value breaks its schema: the words that ours use."""
    schema = resolve(document, schema)
    names = {
        dict: ["object"],
        list: ["array"],
        str: ["string"],
        bool: ["boolean"],
        int: ["integer", "number"],
        float: ["number"],
        type(None): ["null"],
    }[type(value)]
    if types_of(schema) and not set(names) & set(types_of(schema)):
        yield f"{where}: {names[0]} is not {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of the enum"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "anyOf" in schema and all(
        list(errors(document, one, value)) for one in schema["anyOf"]
    ):
        yield f"{where}: {value!r} fits none"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: lacks {name}"
        for name, child in value.items():
            if name in schema.get("properties", {}):
                child_schema = schema["properties"][name]
                yield from errors(
                    document, child_schema, child, f"{where}.{name}"
                )
            elif "properties" in schema:
                yield f"{where}: {name} is not told of"
    if isinstance(value, list):
        for n, child in enumerate(value):
            yield from errors(document, schema["items"], child, f"{where}[{n}]")


def test_head(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Troupe"
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    assert document["info"]["license"]["identifier"] == "Apache-2.0"


def test_references_resolve(document):
    references = [n for n in nodes(document) if "$ref" in n]
    assert references
    for node in references:
        assert resolve(document, node)


def test_no_component_is_unused(document):
    used = {n["$ref"] for n in nodes(document) if "$ref" in n}
    for kind in ("schemas", "responses"):
        for name in document["components"][kind]:
            if name != "error_405":  # of a method no path has
                assert f"#/components/{kind}/{name}" in used


def test_operations_are_named_once(operations):
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)


def test_path_parameters_are_declared(operations):
    for path, method, operation in operations:
        assert method in METHODS
        declared = [
            p["name"]
            for p in operation.get("parameters", [])
            if p["in"] == "path"
        ]
        assert sorted(declared) == sorted(re.findall(r"{(\w+)}", path)), path


def test_parameters_are_whole(operations):
    for path, _, operation in operations:
        parameters = operation.get("parameters", [])
        places = [(p["in"], p["name"]) for p in parameters]
        assert len(places) == len(set(places)), path
        for parameter in parameters:
            assert parameter["in"] in PLACES
            assert "schema" in parameter
            assert parameter["required"] or parameter["in"] != "path"


def test_responses_are_whole(document, operations):
    for path, method, operation in operations:
        codes = operation["responses"]
        assert any(code[0] in "123" for code in codes), path
        assert "default" in codes, path
        for code, response in codes.items():
            assert re.fullmatch(r"[1-5]\d\d|default", code)
            response = resolve(document, response)
            assert response["description"]
            if code == "204":
                assert "content" not in response
        if "requestBody" in operation:
            assert method in ("post", "put", "patch")
            assert {"413", "415", "422"} <= codes.keys()
        if "security" in operation:
            assert {"401", "403"} <= codes.keys()
            assert operation["security"] == [{"bearerAuth": []}, {"cookieAuth": []}]
    assert "bearerAuth" in document["components"]["securitySchemes"]


def test_schemas_are_whole(document):
    for schema in schemas(document):
        assert set(types_of(schema)) <= SIMPLE
        known = {"$ref", "type", "anyOf", "const", "enum"}
        assert known & schema.keys(), schema
        if "array" in types_of(schema):
            assert "items" in schema
        for name in schema.get("required", []):
            assert name in schema["properties"]
        if "maximum" in schema:
            assert schema["minimum"] <= schema["maximum"]


def test_nothing_of_the_gateway_is_shown(document):
    names = {name for node in nodes(document) for name in node}
    assert not names & {"caller", "once", "password_hash", "body_hash"}


def answer_schema(document, path, method, status):
    responses = document["paths"][path][method]["responses"]
    response = resolve(document, responses.get(str(status), responses["default"]))
    return response["content"]


@pytest.fixture(scope="module")
def person(served):
    someone = Client(served)
    assert someone.setup().status == 201
    return someone


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("GET", "/api/v1/health", None),
        ("GET", "/api/v1/auth/me", None),
        ("GET", "/api/v1/auth/sessions", None),
        ("POST", "/api/v1/auth/ws-ticket", None),
        ("POST", "/api/v1/tasks", task("a bridge", budget_limit="10.50")),
        ("GET", "/api/v1/tasks", None),
        ("POST", "/api/v1/tasks", {"title": 7}),
        ("GET", "/api/v1/settings", None),
        ("GET", "/api/v1/services", None),
        ("POST", "/api/v1/auth/setup", {"username": "x", "password": "y" * 20}),
    ],
)
def test_answers_are_as_told(document, person, method, path, body):
    answer = person.request(method, path, body)
    content = answer_schema(document, path, method.lower(), answer.status)
    schema = content["application/json"]["schema"]
    assert list(errors(document, schema, answer.json)) == []


def test_problems_are_as_told(document, person):
    headers = {"Accept": "application/problem+json"}
    answer = person.request("POST", "/api/v1/tasks", {}, headers)
    content = answer_schema(document, "/api/v1/tasks", "post", answer.status)
    schema = content[answer.headers["Content-Type"]]["schema"]
    assert list(errors(document, schema, answer.json)) == []
