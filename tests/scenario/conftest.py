"""Fixtures: a Troupe of one's own, on every topology."""

import pytest

from client import Client
from server import TOPOLOGIES, Server

LOG_LINES_SHOWN = 80

servers_of_test = []


@pytest.fixture(scope="module", params=TOPOLOGIES)
def topology(request):
    return request.param


@pytest.fixture
def start(topology):
    """Starts a server with settings; each ends in peace, or the test fails."""
    yield from _start(topology)


@pytest.fixture(scope="module")
def start_shared(topology):
    """The same, for tests that leave no trace and so may share one."""
    yield from _start(topology)


def _start(topology):
    mine = []

    def start(env=None, **settings):
        # Many tests open more sockets for one user than people do.
        names = {"api.ws_tickets_per_minute": 0}
        names |= {name.replace("__", "."): v for name, v in settings.items()}
        server = Server(topology, names)
        server.env = env or {}
        mine.append(server)
        servers_of_test.append(server)
        return server.start()

    yield start
    statuses = [server.close() for server in mine]
    assert set(statuses) <= {0, None}, "TERM must end it with 0"
    for server in mine:
        if not server.killed:
            assert server.events_of_level("error") == []
        assert server.crashed() == []


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def ceo(server):
    """The first account, logged in by its set-up."""
    client = Client(server)
    assert client.setup().status == 201
    return client


@pytest.fixture(scope="module")
def first(start_shared):
    """The first account of a server that many tests share."""
    client = Client(start_shared())
    assert client.setup().status == 201
    return client


@pytest.fixture
def reader(first):
    """The same person again, for tests that change nothing."""
    return first.twin()


def pytest_runtest_logfinish():
    servers_of_test[:] = [s for s in servers_of_test if s.home.exists()]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in servers_of_test:
            text = "\n".join(server.log_text().split("\n")[-LOG_LINES_SHOWN:])
            report.sections.append((f"troupe on {server.topology}", text))
