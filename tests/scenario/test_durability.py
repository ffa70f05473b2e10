"""What was acknowledged is there, however the program ended."""

import pytest

from client import Client, Gone, Patient, Socket
from server import TOPOLOGIES, wait_gone

SETTING = "settings/api/ticket_cleanup_interval_seconds"
TASKS = 25


def fill(ceo):
    """Writes of every kind; returns what must be found again."""
    made = [ceo.create_task(f"task {n}").data for n in range(TASKS)]
    etag = ceo.put(SETTING, {"value": "61"}).etag
    left = Client(ceo.server)
    assert left.login().status == 200
    assert left.logout().status == 204
    return sorted(made, key=lambda task: task["id"]), etag, left.token


def check(ceo, found):
    made, etag, left = found
    now = Patient(ceo.server, ceo.token)
    assert now.tasks() == made
    assert now.get(SETTING).etag == etag
    assert Patient(ceo.server, left).me().brief == (401, 1002)
    assert Patient(ceo.server).setup().brief == (409, 4000)


def test_all_is_there_after_a_power_cut(ceo):
    found = fill(ceo)
    ceo.server.kill()
    ceo.server.restart()
    check(ceo, found)


def test_all_is_there_after_a_stop(ceo):
    found = fill(ceo)
    assert ceo.server.stop() == 0
    ceo.server.restart()
    check(ceo, found)


@pytest.mark.parametrize("other", TOPOLOGIES)
def test_data_moves_between_topologies(ceo, other):
    found = fill(ceo)
    assert ceo.server.stop() == 0
    ceo.server.restart(other)
    check(ceo, found)


def test_history_goes_on_after_a_power_cut(ceo):
    live = ceo.socket()
    live.subscribe("tasks")
    ceo.create_task("before")
    before = live.event()
    ceo.server.kill()
    ceo.server.restart()

    later = ceo.twin()
    live = later.socket()
    live.subscribe("tasks")
    later.create_task("after")
    after = live.event()
    assert after["epoch"] == before["epoch"]
    assert after["offset"] == before["offset"] + 1


def test_tickets_do_not_survive(ceo):
    ticket = ceo.ticket()
    ceo.server.kill()
    ceo.server.restart()
    live = Socket(ceo.server)
    live.send({"action": "auth", "ticket": ticket})
    with pytest.raises(Gone) as gone:
        live.receive()
    assert gone.value.code == 4001


def test_stop_closes_sockets_politely(ceo):
    live = ceo.socket()
    assert ceo.server.stop() == 0
    assert live.wait_closed()[0] in (1000, 1001)


@pytest.mark.parametrize("topology", ["split"], indirect=True)
def test_nodes_end_with_their_parent(ceo):
    """A parent that dies leaves nobody who holds the store."""
    server = ceo.server
    nodes = server.nodes()
    assert len(nodes) == 3
    server.killed = True
    server.process.kill()
    server.process.wait()
    for pid in nodes.values():
        wait_gone(pid)
    server.restart()
    assert ceo.twin().me().status == 200


@pytest.mark.parametrize("topology", ["split"], indirect=True)
@pytest.mark.parametrize("name", ["edge", "core", "vault"])
def test_killed_node_comes_back(ceo, name):
    """Its clients come back too, and find everything."""
    server = ceo.server
    found = fill(ceo)
    server.kill_node(name)
    check(ceo, found)
    more = Patient(server, ceo.token).create_task("more", "a-key")
    assert more.status == 201
