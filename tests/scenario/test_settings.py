"""Settings that several people change.  Numbers are those of the scenarios."""

import hashlib
import http.client
import json
import re
import signal
import subprocess
import threading

import pytest

from client import Client, together, wait_for
from server import TROUPE, Server

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


def test_35_several_lines_are_one_list(ceo):
    """As RFC 9110 has it of every list."""
    put(ceo, 61)
    body = json.dumps({"value": "62"})
    tags = ['"0000000000000000"', ceo.get(PATH).etag]
    for lines, status in ((tags[:1] * 2, 409), (tags, 200)):
        wire = http.client.HTTPConnection(*ceo.server.address, timeout=15)
        wire.putrequest("PUT", f"/api/v1/{PATH}")
        for name, value in (
            ("Authorization", f"Bearer {ceo.token}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *(("If-Match", tag) for tag in lines),
        ):
            wire.putheader(name, value)
        wire.endheaders(body.encode())
        assert wire.getresponse().status == status
        wire.close()


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


def command(server, *words, code=0):
    """Runs a command against the control socket of a server."""
    done = subprocess.run(
        [TROUPE, *words, "--data", str(server.data)],
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def test_get_and_delete_honour_if_match(ceo):
    """LD-8, and reading with a condition."""
    tag = ceo.get(PATH).etag
    assert ceo.get(PATH, **{"If-Match": tag}).status == 200
    assert ceo.get(PATH, **{"If-Match": "*"}).status == 200
    assert ceo.get(PATH, **{"If-Match": '"0000000000000000"'}).brief == (409, 4002)
    assert ceo.get(PATH, **{"If-Match": f"W/{tag}"}).brief == (409, 4002)
    answer = ceo.get(PATH, **{"If-Match": '"' + "x" * 1024 + '"'})
    assert answer.status == 400 and "if-match" in answer.json["error"]
    assert ceo.delete(PATH, {"If-Match": "*"}).status == 200


def test_history_tells_every_change(ceo):
    for value in (61, 62):
        put(ceo, value)
    ceo.delete(PATH)
    put(ceo, 63)
    changes = ceo.get(f"{PATH}/history").data
    assert [c["revision"] for c in changes] == [4, 3, 2, 1]
    assert [c["value"] for c in changes] == ["63", None, "62", "61"]
    assert [c["change"] for c in changes] == ["put", "deleted", "put", "put"]
    assert {c["username"] for c in changes} == {"ada"}
    times = [c["at"] for c in changes]
    assert times == sorted(times, reverse=True) and len(set(times)) == 4
    assert ceo.get(PATH).data["revision"] == 4
    assert ceo.get(f"{PATH}/history?limit=1").data == changes[:1]
    assert ceo.get(f"{PATH}/history?before=3").data == changes[2:]
    assert ceo.get(f"{PATH}/history?limit=0").brief == (422, 2000)
    done = ceo.get("audit?action=setting.").data["entries"]
    assert [e["action"] for e in done] == [
        "setting.put", "setting.delete", "setting.put", "setting.put"]
    assert {e["target"] for e in done} == {"api/ticket_cleanup_interval_seconds"}


def test_refused_changes_are_audited_and_reads_are_not(ceo):
    old = ceo.get(PATH).etag
    put(ceo, 61)
    assert ceo.get(PATH, **{"If-Match": old}).brief == (409, 4002)
    assert put(ceo, 62, old).brief == (409, 4002)
    assert put(ceo, "no number").brief == (422, 2000)
    assert ceo.delete(PATH, {"If-Match": old}).brief == (409, 4002)

    def refused():
        found = ceo.get("audit?action=setting.&result=refused").data["entries"]
        return found if len(found) >= 3 else None

    assert [(e["action"], e["detail"]) for e in wait_for(refused)] == [
        ("setting.delete", "version conflict"),
        ("setting.put", "invalid"),
        ("setting.put", "version conflict")]
    assert {e["target"] for e in refused()} == {PATH.removeprefix("settings/")}


def test_79_what_must_be_known_first_is_read_only(reader):
    """AT-79: a write to a read-only setting is an error."""
    path = "settings/runtime/data_dir"
    assert reader.get(path).data["read_only"] is True
    assert reader.put(path, {"value": "/tmp/x"}).brief == (409, 4021)
    assert reader.delete(path).brief == (409, 4021)
    assert reader.get(path).data["source"] == "flag"


def test_79_precedence(tmp_path, monkeypatch, topology):
    """AT-79: store, then environment, then file, then default."""
    monkeypatch.setenv("TROUPE_API_TICKET_CLEANUP_INTERVAL_SECONDS", "77")
    file = tmp_path / "troupe.yaml"
    file.write_text("api:\n  ticket_cleanup_interval_seconds: 88\n")
    seen = []
    for env, with_file, stored in [(1, 1, 1), (1, 1, 0), (0, 1, 0), (0, 0, 0)]:
        if not env:
            monkeypatch.delenv(
                "TROUPE_API_TICKET_CLEANUP_INTERVAL_SECONDS", raising=False)
        server = Server(topology)
        server.file = file if with_file else None
        server.start()
        ceo = Client(server)
        assert ceo.setup().status == 201
        if stored:
            put(ceo, 99)
        entry = ceo.get(PATH).data
        seen.append((entry["value"], entry["source"]))
        server.close()
    assert seen == [("99", "override"), ("77", "environment"),
                    ("88", "file"), ("60", "default")]


def test_live_settings_count_at_once(ceo):
    """Registry, ticket-store and gateway hear of a change."""
    def set_to(key, value):
        answer = ceo.put(f"settings/api/{key}", {"value": str(value)})
        assert answer.status == 200, answer.body

    set_to("ws_ticket_max_pending_per_user", 1)
    set_to("auth.jwt_expiry_minutes", 7)
    set_to("server.body_bytes_max", "2KiB")

    def tickets():
        one, two = ceo.post("auth/ws-ticket"), ceo.post("auth/ws-ticket")
        return two.status == 429 and two.code == 5001 or one.status == 429

    assert wait_for(tickets)
    assert wait_for(lambda: Client(ceo.server).login().data["expires_in"] == 420)
    assert wait_for(lambda: ceo.twin().post("tasks", "x" * 3000).status == 413)


def test_what_needs_a_restart_counts_after_it(ceo):
    key = "settings/api/server.headers_max"
    assert ceo.put(key, {"value": "20"}).data["restart_required"] is True
    many = {f"X-{n}": "1" for n in range(30)}
    assert ceo.get("auth/me", **many).status == 200
    assert ceo.server.stop() == 0
    ceo.server.restart()
    ceo.disconnect()
    assert ceo.get("auth/me", **many).status == 431
    assert ceo.get("auth/me").status == 200


SECRET = "settings/api/ssl_keyfile"


def test_70_what_of_the_network_needs_a_restart(reader):
    """The four that hosting has brought; one of them is a secret."""
    told = {
        key: reader.get(f"settings/api/{key}").data
        for key in ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs",
                    "trusted_proxies")
    }
    assert {key for key, one in told.items() if one["restart_required"]} == (
        told.keys())
    assert [key for key, one in told.items() if one["sensitive"]] == [
        "ssl_keyfile"]


def test_70_sensitive_values_are_sealed_at_rest(start):
    server = start()
    ceo = Client(server)
    ceo.setup()
    one = ceo.put(SECRET, {"value": "/very/secret/place.pem"})
    assert one.data["value"] == "********" and one.data["sensitive"] is True
    two = ceo.put(SECRET, {"value": "/very/secret/other.pem"})
    assert two.etag != one.etag  # 40, of a masked one
    assert [c["value"] for c in ceo.get(f"{SECRET}/history").data] == ["********"] * 2
    assert ceo.delete(SECRET).status == 200
    ceo.put(SECRET, {"value": "/very/secret/place.pem"})
    assert server.stop() == 0
    data = b"".join(f.read_bytes() for f in server.data.rglob("*") if f.is_file())
    assert b"sealed:1:" in data and b"very/secret" not in data
    assert b"very/secret" not in server.log_text().encode()
    assert (server.data / "keys/settings.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", ["missing", "another"])
def test_wrong_key_is_a_clear_refusal(topology, how):
    server = Server(topology)
    server.start()
    try:
        ceo = Client(server)
        ceo.setup()
        ceo.put(SECRET, {"value": "/x.pem"})
        key = server.data / "keys/settings.key"
        old = key.read_text()
        assert server.stop() == 0
        key.unlink()
        if how == "another":
            key.write_text(old[:-3] + ("00" if old[-3:-1] != "00" else "11") + "\n")
            key.chmod(0o600)
        server.restart()
        ceo.disconnect()
        assert ceo.get(SECRET).brief == (500, 8020)
        if how == "missing":
            assert ceo.put(SECRET, {"value": "/y.pem"}).brief == (500, 8020)
        [event] = server.wait_event("settings.sealed")
        assert "settings.key" in event["why"]
        assert ceo.get(PATH).status == 200
        assert ceo.delete(SECRET).status == 200
        assert ceo.put(SECRET, {"value": "/y.pem"}).status == 200
        assert ceo.get(SECRET).data["value"] == "********"
    finally:
        server.close()


def test_hup_reads_the_file_again(tmp_path, topology):
    file = tmp_path / "troupe.yaml"
    file.write_text("api:\n  auth:\n    jwt_expiry_minutes: 11\n")
    server = Server(topology)
    server.file = file
    server.start()
    try:
        ceo = Client(server)
        ceo.setup()
        assert Client(server).login().data["expires_in"] == 660
        file.write_text("api:\n  auth:\n    jwt_expiry_minutes: 12\n"
                        "  server:\n    headers_max: 50\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_event("config.reloaded")
        server.wait_event("config.needs_restart", key="server.headers_max")
        assert wait_for(
            lambda: Client(server).login().data["expires_in"] == 720)
        entry = ceo.get("settings/api/auth.jwt_expiry_minutes").data
        assert (entry["value"], entry["source"]) == ("12", "file")
        file.write_text("api: [nonsense\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_event("config.reload_failed")
        assert Client(server).login().data["expires_in"] == 720
    finally:
        server.close()


def test_commands(ceo):
    server = ceo.server
    name = "api.ticket_cleanup_interval_seconds"
    assert f"{name} = 60  (default)" in command(server, "settings", "list")
    assert "runtime." not in command(server, "settings", "list", "api")
    assert "= 61  (override)" in command(server, "settings", "set", name, "61")
    assert ceo.get(PATH).data["value"] == "61"
    assert "= 61" in command(server, "settings", "get", name)
    assert "next start" in command(server, "settings", "set", "api.server.headers_max", "99")
    shown = json.loads(command(server, "settings", "get", name, "--json"))
    assert shown["data"]["source"] == "override"
    stale = command(server, "settings", "set", name, "62", "--if-match", '"0"', code=1)
    assert "4002" in stale
    assert "(default)" in command(server, "settings", "unset", name)
    told = command(server, "settings", "history", name).splitlines()
    assert "(taken back)" in told[0] and "61" in told[1]
    assert "3000" in command(server, "settings", "get", "api.nonsense", code=1)
    command(server, "settings", "get", "nonsense", code=2)
    before = json.loads(command(server, "token", "keys", "--json"))["data"]
    after = json.loads(command(server, "token", "rotate-keys", "--json"))["data"]
    assert len(before) == 1 and len(after) == 2 and after[1]["key_id"] == before[0]["key_id"]
    assert ceo.get("auth/me").status == 200


def test_kill_during_writes_keeps_what_was_answered(ceo):
    """kill -9 while settings are written: the last answer holds, or a later."""
    server = ceo.server
    last = [0]

    def write():
        person = ceo.twin()
        for n in range(5, 3600):
            try:
                if put(person, n).status != 200:
                    return
            except (OSError, http.client.HTTPException):
                return
            last[0] = n

    thread = threading.Thread(target=write)
    thread.start()
    server.wait_event("settings.changed", 20)
    server.kill()
    thread.join()
    server.restart()
    ceo.disconnect()
    now = ceo.get(PATH).data
    assert int(now["value"]) in (last[0], last[0] + 1)
    changes = ceo.get(f"{PATH}/history?limit=100").data
    assert changes[0]["revision"] == now["revision"] == int(now["value"]) - 4
    assert len(changes) == min(100, now["revision"])


# ---- settings that contradict one another ----


def test_a_change_that_contradicts_another_is_refused_by_both_names(start):
    ceo = Client(start())
    ceo.setup()
    assert ceo.put("settings/api/cors.origins", {"value": "*"}).status == 200
    answer = ceo.put("settings/api/cors.credentials", {"value": "true"})
    assert answer.brief == (422, 2000)
    for name in ("api.cors.origins", "api.cors.credentials"):
        assert name in answer.json["error"], answer.body
    entry = ceo.get("settings/api/cors.credentials").data
    assert entry["source"] == "default"
    # With the one out of the way the other is fine, and then not the first.
    origin = {"value": "https://a.example"}
    assert ceo.put("settings/api/cors.origins", origin).status == 200
    assert ceo.put("settings/api/cors.credentials", {"value": "true"}).status == 200
    assert ceo.put("settings/api/cors.origins", {"value": "*"}).status == 422


def test_only_what_contradicts_the_file_does_not_count(start):
    """The file has changed: one override goes, and is named; others count."""
    server = start()
    ceo = Client(server)
    ceo.setup()
    kept = ("settings/api/server.headers_max", "20")
    assert ceo.put("settings/api/cors.origins", {"value": "*"}).status == 200
    assert ceo.put(kept[0], {"value": kept[1]}).status == 200
    assert server.stop() == 0
    server.settings["api.cors.credentials"] = "true"
    server.restart()
    ceo.disconnect()
    wait_for(lambda: ceo.get("auth/me").status == 200)
    told = ceo.get("settings/api/cors.origins").data
    assert "api.cors.credentials" in told["ignored"]
    assert ceo.get(kept[0]).data.get("ignored") is None
    many = {f"X-{n}": "x" for n in range(20)}
    assert ceo.get("auth/me", **many).status == 431
    ignored = server.events("settings.override_ignored")
    assert {(e["namespace"], e["key"]) for e in ignored} == {
        ("api", "cors.origins")}
    assert server.events("service.setting_ignored") == []
    origin = {"value": "https://a.example"}
    assert ceo.put("settings/api/cors.origins", origin).status == 200
    assert ceo.get("settings/api/cors.origins").data.get("ignored") is None
