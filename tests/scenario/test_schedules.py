"""When periodic services run, as an operator sets it."""

import json
import subprocess

import pytest

from client import Client, Patient
from server import STOP_S, TROUPE

PATH = "schedules/session-cleanup"
DAILY = {"cron": "30 3 * * *", "jitter_seconds": 60, "missed": "skip"}


def command(server, *words):
    return subprocess.run([TROUPE, *words, "--data", str(server.data)],
                          capture_output=True, text=True, timeout=STOP_S,
                          check=False)


def test_a_schedule_is_set_shown_and_kept(ceo):
    listed = {one["service"]: one for one in ceo.get("schedules").data}
    assert listed["session-cleanup"]["is_own"] is False
    assert listed["session-cleanup"]["interval_seconds"] == 60
    put = ceo.put(PATH, DAILY)
    assert put.status == 200, put.text
    assert put.data["cron"] == DAILY["cron"]
    assert put.data["next_run_at"][11:16] in ("03:30", "03:31")
    ceo.server.kill()
    ceo.server.restart()
    now = Patient(ceo.server, ceo.token)
    after = {one["service"]: one for one in now.get("schedules").data}
    assert after["session-cleanup"]["cron"] == DAILY["cron"]
    assert after["session-cleanup"]["missed"] == "skip"
    assert after["session-cleanup"]["jitter_seconds"] == 60
    assert after["ticket-cleanup"]["is_own"] is False


@pytest.mark.parametrize("body", [
    {"cron": "* * * *"},
    {"cron": "0 0 30 2 *"},
    {"cron": "@reboot"},
    {"cron": "0 0 * * *", "interval_seconds": 60},
    {"interval_seconds": 0},
    {"interval_seconds": -1},
    {"interval_seconds": 10 ** 12},
    {"missed": "twice"},
    {"cron": "x" * 200},
    {"crontab": "@daily"},
])
def test_what_is_no_schedule_is_refused(reader, body):
    answer = reader.put(PATH, body)
    assert answer.status in (400, 422), answer.text
    shown = {one["service"]: one for one in reader.get("schedules").data}
    assert shown["session-cleanup"]["is_own"] is False


def test_an_unknown_service_and_a_stranger(reader):
    assert reader.put("schedules/nothing", DAILY).status == 404
    assert Client(reader.server).get("schedules").status == 401


def test_the_command_lists_and_sets(ceo):
    server = ceo.server
    listed = command(server, "schedule", "list")
    assert listed.returncode == 0, listed.stderr
    assert "session-cleanup" in listed.stdout and "60 s" in listed.stdout
    put = command(server, "schedule", "set", "session-cleanup", "--cron",
                  "0 4 * * SUN", "--jitter", "5", "--json")
    assert put.returncode == 0, put.stderr
    assert json.loads(put.stdout)["data"]["cron"] == "0 4 * * SUN"
    assert "0 4 * * SUN" in command(server, "schedule", "list").stdout
    bad = command(server, "schedule", "set", "session-cleanup", "--cron", "4")
    assert bad.returncode == 1 and "hour" in bad.stderr
    odd = command(server, "schedule", "set", "session-cleanup", "--every", "x")
    assert odd.returncode == 2 and "seconds" in odd.stderr
    for words in (["x" * 300], ["session-cleanup", "--cron", "* " * 400]):
        long = command(server, "schedule", "set", *words)
        assert long.returncode == 2 and "too long" in long.stderr
