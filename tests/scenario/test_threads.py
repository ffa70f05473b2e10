"""Every thread of every process has the name that OPERATE.md lists."""

import pathlib
import re

from client import Client, wait_for

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "OPERATE.md"
# Of a process that links or serves; n is a number.
ALWAYS = {"troupe", "loop-n", "work-cpu-n", "work-disk-n"}
STORE = {"store-writer", "store-reader-n"}


def names(pid):
    found = []
    for comm in pathlib.Path(f"/proc/{pid}/task").glob("*/comm"):
        try:
            found.append(comm.read_text().strip())
        except OSError:  # the thread has ended meanwhile
            pass
    return sorted(found)


def kinds(pid):
    return {re.sub(r"\d+$", "n", name) for name in names(pid)}


def test_every_thread_has_its_name(start, topology):
    server = start()
    assert Client(server).setup().status == 201
    nodes = server.nodes()
    for name, pid in nodes.items():
        has_store = topology == "one" or name == "vault"
        wanted = ALWAYS | (STORE if has_store else set())
        wait_for(lambda: kinds(pid) == wanted)
        found = names(pid)
        assert found.count("troupe") == 1, found
        assert len(set(found)) == len(found), found
        assert max(map(len, found)) <= 15


def test_the_names_are_documented():
    told = DOCUMENT.read_text()
    for name in ALWAYS | STORE:
        assert f"`{name}`" in told.replace("-N`", "-n`"), name
