"""`troupe load`: topologies on four placements, faults, mistakes planted.

Sizes are small: what is judged is the books, not the speed.
"""

import json
import os
import select
import subprocess
import tempfile

import pytest

from client import PASSWORD, USERNAME, deadline
from server import TROUPE

UNBALANCED = 3
DIFFERS = 4
RUN_S = 60

# On few actors, so that each can have a process of its own.
TOPOLOGIES = {
    "ping-pong": 2,
    "counting": 1,
    "thread-ring": 5,
    "fan-in": 4,
    "fan-out": 4,
    "tree": 8,
    "mesh": 5,
    "pipeline": 2,
    "star": 4,
    "bank": 4,
    "work-pulling": 3,
}
PLACEMENTS = ("one-loop", "loop-per-actor", "processes:2", "process-per-actor")
SMALL = ("--messages", os.environ.get("TROUPE_LOAD_MESSAGES", "2k"))


def load(*words, **env):
    return subprocess.run(
        [TROUPE, "load", *words],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        env={**os.environ, **env},
    )


def found(*words, code=0):
    """The result of a run that must end with this code."""
    done = load(*words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def balances(result):
    books = result["books"]
    ends = ("handled", "queued", "refused", "dead", "lost")
    assert books["sent"] == sum(books[end] for end in ends)
    assert books["doubled"] == books["reordered"] == 0
    assert result["balanced"] and result["complaint"] == ""
    assert 0 < result["memory"] <= result["memory_bound"]
    return books


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_books_balance_on_every_placement(name, placement):
    result = found(
        name, *SMALL, "--actors", str(TOPOLOGIES[name]), "--placement", placement
    )
    books = balances(result)
    assert books["handled"] == books["sent"] > 0
    assert result["messages"] > 0 and result["per_second"] > 0


@pytest.mark.parametrize(
    "fault, words",
    [
        ("lose", "were lost"),
        ("double", "came twice"),
        ("swap", "came out of order"),
    ],
)
def test_a_planted_mistake_is_found_and_named(fault, words):
    done = load("fan-in", "--messages", "20k", "--faults", fault, "--actors", "2")
    assert done.returncode == UNBALANCED
    assert "edge producer.0 -> consumer.0: " in done.stderr
    assert words in done.stderr


FAULTS = {
    "slow receiver": ("fan-in", "one-loop", "slow:consumer=20us"),
    "stopped receiver": ("fan-in", "loops:2", "stop:consumer.0=200ms@100ms"),
    "killed actor": ("bank", "loops:2", "fail:account.1@100ms/100ms"),
    "cut link": ("fan-in", "processes:2", "cut:n0=200ms@100ms"),
    "stopped process": ("star", "processes:2", "freeze:n0=200ms@100ms"),
    "clock jump": ("star", "processes:2", "clock:n0=30s@100ms,back:n1=1m@200ms"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_nothing_is_lost_while_both_ends_live(what):
    name, placement, faults = FAULTS[what]
    result = found(
        *(name, "--actors", "4", "--duration", "600ms"),
        *("--placement", placement, "--faults", faults),
    )
    assert balances(result)["lost"] == 0


def test_a_killed_process_loses_what_it_had_and_no_more():
    result = found(
        *("mesh", "--actors", "6", "--duration", "1200ms"),
        *("--placement", "processes:3", "--faults", "kill:n1@200ms/300ms"),
    )
    books = balances(result)
    assert books["handled"] > 0
    # A window of 16 for each of the 6, each time: no more was on its way.
    assert books["lost"] <= 4 * 2 * 6 * 16


def test_overload_is_refused_by_name_and_memory_stays():
    result = found(
        *("fan-in", "--actors", "4", "--rate", "200k", "--duration", "500ms"),
        *("--faults", "slow:consumer=50us,box:consumer=256"),
    )
    books = balances(result)
    assert books["refused"] > 0 and books["lost"] == 0
    assert [r["status"] for r in result["reasons"]] == ["FULL"]


def test_asks_far_past_overload_are_refused_and_memory_stays():
    result = found(
        *("star", "--rate", "1m", "--duration", "400ms"),
        *("--faults", "slow:centre=20us,box:centre=1024"),
    )
    books = balances(result)
    assert books["refused"] > books["handled"] and books["lost"] == 0
    assert [r["status"] for r in result["reasons"]] == ["FULL"]


def test_what_is_between_two_loops_is_within_the_printed_bound():
    result = found(
        *("fan-in", "--actors", "4", "--placement", "loops:2", "--rate", "2m"),
        *("--duration", "400ms"),
        *("--faults", "stop:consumer.0=300ms@20ms,box:consumer=64"),
    )
    assert balances(result)["lost"] == 0


def on_hosts(*words):
    """The result on two hosts; None where the system has no namespaces."""
    can = subprocess.run(["unshare", "-Urn", "true"], capture_output=True)
    done = load(*words, "--placement", "hosts:2", "--json")
    if can.returncode != 0:
        assert done.returncode == 1 and "namespaces" in done.stderr
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_two_hosts_in_namespaces():
    result = on_hosts("star", *SMALL)
    assert result is None or balances(result)["handled"] > 0


def test_a_host_outlives_the_process_that_is_killed_on_it():
    result = on_hosts(
        *("counting", "--duration", "1200ms"),
        *("--faults", "kill:n1@200ms/400ms"),
    )
    assert result is None or balances(result)["handled"] > 0


def write_runs(path, per_second):
    run = {"load": "x", "placement": "one-loop", "cpu_ns": 100}
    lines = [json.dumps(run | {"per_second": n}) for n in per_second]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_compare_sees_five_percent(tmp_path):
    noise = (0, 9, -7, 4, -12, 11, -3, 6)
    a = write_runs(tmp_path / "a.json", [1000 + n for n in noise])
    b = write_runs(tmp_path / "b.json", [950 + n for n in reversed(noise)])
    done = load("compare", a, b)
    assert done.returncode == DIFFERS
    assert "throughput  B / A = 0.9" in done.stdout
    assert "B is worse" in done.stdout
    assert load("compare", b, "vs", a).returncode == DIFFERS


def test_compare_calls_equal_equal(tmp_path):
    noise = (0, 9, -7, 4, -12, 11, -3, 6)
    a = write_runs(tmp_path / "a.json", [1000 + n for n in noise])
    b = write_runs(tmp_path / "b.json", [1001 - n for n in noise])
    done = load("compare", a, b)
    assert done.returncode == 0
    assert "no difference" in done.stdout


def test_compare_reads_what_load_writes(tmp_path):
    runs = load("ping-pong", *SMALL, "--repeat", "4", "--json")
    path = tmp_path / "runs.json"
    path.write_text(runs.stdout)
    done = load("compare", str(path), str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["throughput"]["ratio"] == 1


@pytest.mark.parametrize("name", ["star", "ticket-to-socket"])
def test_an_interrupted_run_leaves_nothing_behind(name):
    with tempfile.TemporaryDirectory(prefix="load-") as home:
        run = subprocess.Popen(
            [TROUPE, "load", name, "--duration", "50s"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": home},
        )
        left = deadline(RUN_S)
        while not os.listdir(home):
            select.select([run.stderr], [], [], min(left(), 0.02))
        run.terminate()
        said = run.communicate(timeout=RUN_S)[1]
        assert run.returncode == 1, said
        assert os.listdir(home) == []


@pytest.mark.parametrize(
    "words, said",
    [
        (("pingpong",), "did you mean ping-pong?"),
        (("counting", "--placement", "processes:9"), "more actors are needed"),
        (("counting", "--rate", "x"), "whole number"),
        (("thread-ring", "--rate", "5"), "a ring"),
        (("counting", "--faults", "kill:n5"), "no such target"),
        (("counting", "--messages", "5", "--duration", "5s"), "not together"),
        (("compare", "a.json"), "needs A.json B.json"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(words, said):
    done = load(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "roles:\n"
        "  a: { count: 3, does: source, to: b, pick: random }\n"
        "  b: { count: 2, does: sink }\n"
    )
    result = found(str(path), *SMALL)
    assert result["load"] == "mine" and result["actors"] == 5
    assert balances(result)["handled"] == 2000
    path.write_text("roles:\n  a: { does: nothing }\n")
    done = load(str(path))
    assert done.returncode == 2
    assert "mine.yaml:2: does: nothing is not known here" in done.stderr


JOURNEYS = {
    "login-storm": ("--actors", "2", "--messages", "3"),
    "ticket-to-socket": ("--actors", "2", "--messages", "20"),
    "publish": ("--actors", "5", "--messages", "20"),
    "settings-contention": ("--actors", "4", "--messages", "40"),
    "cost-records": ("--actors", "4", "--messages", "40"),
}


@pytest.mark.parametrize("name", JOURNEYS)
def test_journeys_on_a_node_of_their_own(name):
    result = found(name, *JOURNEYS[name])
    books = result["books"]
    assert result["balanced"] and books["lost"] == books["doubled"] == 0
    assert books["sent"] == books["handled"] + books["refused"]
    assert result["latency"]["count"] > 0
    assert result["cpu_ns"] > 0
    if name == "publish":
        assert books["handled"] == 20 + 5 * 20
    if name == "cost-records":
        assert books["handled"] == 40 and not result["reasons"]
    if name == "settings-contention":
        assert books["handled"] >= 10
        assert {r["status"] for r in result["reasons"]} <= {"HTTP 409"}


def test_a_journey_keeps_to_its_schedule():
    result = found(
        *("ticket-to-socket", "--actors", "4"),
        *("--rate", "50", "--duration", "500ms"),
    )
    assert result["books"]["sent"] == 25


def test_a_journey_against_a_server(server, ceo):
    where = "{}:{}".format(*server.address)
    words = ("publish", "--actors", "3", "--messages", "10", "--json")
    account = {"TROUPE_LOAD_USER": USERNAME, "TROUPE_LOAD_PASSWORD": PASSWORD}
    done = load(*words, "--server", where, **account)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["books"]["handled"] == 10 + 3 * 10
    account["TROUPE_LOAD_PASSWORD"] = "not the password"
    done = load(*words, "--server", where, **account)
    assert done.returncode == 1 and "HTTP 401" in done.stderr
    assert load(*words, "--server", where).returncode == 2
