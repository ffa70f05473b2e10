"""Settings that several people change.  Numbers are those of the scenarios."""

import hashlib
import re

import pytest

from client import Client, together

PATH = "settings/api/ticket_cleanup_interval_seconds"
ETAG = '"[0-9a-f]{16}"'
WRITERS = 50


def etag_of(entry):
    """The rule that makes a validator."""
    text = f"{entry['value']}:{entry.get('updated_at') or ''}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def put(client, value, if_match=None, path=PATH):
    headers = {} if if_match is None else {"If-Match": if_match}
    return client.put(path, {"value": str(value)}, headers)


def test_30_default_has_a_strong_etag(reader):
    first, again = reader.get(PATH), reader.get(PATH)
    assert re.fullmatch(ETAG, first.etag)
    assert first.etag == again.etag == etag_of(first.data)
    assert not first.data.get("updated_at")
    assert first.data["value"] == "60"


def test_31_first_write_with_the_etag_of_the_default(ceo):
    old = ceo.get(PATH).etag
    written = put(ceo, 61, old)
    assert written.status == 200
    assert written.data["value"] == "61"
    now = ceo.get(PATH)
    assert written.etag == now.etag == etag_of(now.data) != old


def test_32_old_etag_changes_nothing(ceo):
    old = ceo.get(PATH).etag
    put(ceo, 61, old)
    assert put(ceo, 62, old).brief == (409, 4002)
    assert ceo.get(PATH).data["value"] == "61"
    [event] = ceo.server.wait_event("api.concurrency.conflict")
    assert event["level"] == "warn"
    assert event["resource"] == "api:ticket_cleanup_interval_seconds"


def test_33_without_if_match_the_last_wins(ceo):
    put(ceo, 61)
    assert put(ceo, 62).status == 200
    assert put(ceo, 63, "").status == 200
    assert ceo.get(PATH).data["value"] == "63"


@pytest.mark.parametrize("stored", [True, False])
def test_34_of_many_writers_one_wins(ceo, stored):
    if stored:
        put(ceo, 61)
    etag = ceo.get(PATH).etag
    people = [ceo.twin() for _ in range(WRITERS)]
    answers = together(WRITERS, lambda n: put(people[n], 100 + n, etag))

    briefs = [answer.brief for answer in answers]
    assert briefs.count((200, None)) == 1
    assert briefs.count((409, 4002)) == WRITERS - 1
    winner = briefs.index((200, None))
    assert ceo.get(PATH).data["value"] == str(100 + winner)
    assert ceo.server.events("settings.validation_failed") == []


def test_35_if_match_lists_and_stars(ceo):
    put(ceo, 61)

    def now():
        return ceo.get(PATH).etag

    assert put(ceo, 62, "*").status == 200
    assert put(ceo, 63, f'"0000000000000000", {now()}').status == 200
    assert put(ceo, 64, f"W/{now()}").brief == (409, 4002)
    assert put(ceo, 65, now().strip('"')).brief == (409, 4002)
    assert put(ceo, 66, '"0000000000000000"').brief == (409, 4002)
    assert ceo.get(PATH).data["value"] == "63"


def test_37_conflict_comes_before_validation(ceo):
    old = ceo.get(PATH).etag
    new = put(ceo, 61, old).etag
    assert put(ceo, "soon", old).brief == (409, 4002)
    assert put(ceo, "soon", new).brief == (422, 2000)
    assert ceo.get(PATH).etag == new


@pytest.mark.parametrize("value", ["", "4", "3601", "-5", "5.5", pytest.param("x" * 70000, id="long")])
def test_invalid_value_is_refused(reader, value):
    assert put(reader, value).brief == (422, 2000)
    assert reader.get(PATH).data["value"] == "60"


@pytest.mark.parametrize(
    "path",
    ["settings/api/nonsense", "settings/nonsense/ticket_cleanup"],
)
@pytest.mark.parametrize("if_match", [None, "*", '"0000000000000000"'])
def test_38_unknown_setting(reader, path, if_match):
    assert reader.get(path).brief == (404, 3000)
    assert put(reader, 1, if_match, path).brief == (404, 3000)


def test_40_two_writes_never_have_one_etag(ceo):
    tags = [put(ceo, 61 + n % 2).etag for n in range(20)]
    assert len(set(tags)) == 20
    assert put(ceo, 61, tags[0]).brief == (409, 4002)


def test_41_etags_chain(ceo):
    etag = ceo.get(PATH).etag
    for value in range(61, 71):
        answer = put(ceo, value, etag)
        assert answer.status == 200
        etag = answer.etag
    assert ceo.get(PATH).data["value"] == "70"


def test_delete_takes_the_override_back(ceo):
    default = ceo.get(PATH).etag
    stored = put(ceo, 61).etag
    stale = ceo.delete(PATH, {"If-Match": default})
    assert stale.brief == (409, 4002)
    assert ceo.delete(PATH, {"If-Match": stored}).status in (200, 204)
    assert ceo.get(PATH).etag == default


def test_flag_beats_the_default(start):
    server = start(api__ticket_cleanup_interval_seconds=77)
    ceo = Client(server)
    assert ceo.setup().status == 201
    entry = ceo.get(PATH).data
    assert (entry["value"], entry["source"]) == ("77", "flag")
