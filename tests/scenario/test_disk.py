"""Disks that fail: full, without a sync, and in the middle of a commit.

The full one is a small file system in a mount namespace of the server's own,
which needs root, as CI has.  The others are of a library that stands before
the system's calls, and fails those that a file in a folder names.
"""

import os
import subprocess
from contextlib import contextmanager
from decimal import Decimal

import pytest

from client import Client, task
from server import Server
from test_money import budget, cost, hold, settle, standing, total

DISK = "24m"
CHUNK = 65536
TASK = task("t")

# LMDB writes the page that makes a commit count by itself, and not whole.
SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fails(const char *what)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", getenv("FAILING"), what);
	return access(path, F_OK) == 0;
}
int fdatasync(int fd)
{
	if (fails("sync"))
		return errno = EIO, -1;
	return (int)syscall(SYS_fdatasync, fd);
}
ssize_t pwrite(int fd, const void *at, size_t size, off_t off)
{
	if (size > 64 && size < 4096 && fails("meta"))
		return errno = EIO, -1;
	return syscall(SYS_pwrite64, fd, at, size, off);
}
"""


class Small(Server):
    """Its data are on a disk of a few MiB."""

    def command(self):
        mount = f'mount -t tmpfs -o size={DISK} none {self.data} && exec "$@"'
        return ["unshare", "-m", "sh", "-c", mount, "sh", *super().command()]

    @property
    def filler(self):
        return f"/proc/{self.process.pid}/root{self.data}/filler"

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(CHUNK))
            except OSError:
                pass


@contextmanager
def running(server):
    server.killed = True  # it logs what fails as errors
    try:
        client = Client(server.start())
        assert client.setup().status == 201
        yield client
    finally:
        assert server.close() == 0


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A library to be loaded first, and the folder that it looks into."""
    home = tmp_path_factory.mktemp("failing")
    (home / "shim.c").write_text(SHIM)
    words = ["-shared", "-fPIC", "-O1", "-o", home / "shim.so", home / "shim.c"]
    subprocess.run(["cc", *words], check=True, timeout=60)
    return home


def until_refused(ceo, made):
    """Makes tasks until one is not made; LMDB may have pages to use again."""
    for n in range(3000):
        answer = ceo.post("tasks", {**TASK, "title": f"{n}" * 200})
        if answer.status != 201:
            return answer
        made.append(answer.data["id"])
    raise AssertionError("a full disk takes everything")


def kept(ceo):
    return sorted(made["id"] for made in ceo.tasks())


def test_a_full_disk_refuses_keeps_and_resumes(topology):
    server = Small(topology)
    with running(server) as ceo:
        of_project = budget(ceo, "10")
        held = hold(ceo, "1").data["hold"]["id"]
        assert ceo.post("costs", cost("0.25")).data["durable"] == "applied"
        live = ceo.socket()
        live.subscribe("budget")
        server.fill()
        made = []
        refused = until_refused(ceo, made)
        assert refused.brief == (500, 8002)
        assert "the disk is full" in refused.json["error"]
        assert "free some space" in refused.json["error"]
        assert hold(ceo, "1").brief == (500, 8002)
        assert settle(ceo, held, "1").brief == (500, 8002)
        # A record is never refused for it: it is made up for.
        assert ceo.post("costs", cost("0.5")).data["durable"] == "queued"
        assert kept(ceo) == sorted(made)
        assert standing(ceo, of_project) == (Decimal("0.25"), 1)
        os.unlink(server.filler)
        made.append(ceo.post("tasks", TASK).data["id"])
        assert kept(ceo) == sorted(made)
        assert live.event()["event_type"] == "cost.recorded"
        assert settle(ceo, held, "1").status == 200
        assert total(ceo) == Decimal("1.75")
        assert standing(ceo, of_project) == (Decimal("1.75"), 0)


@pytest.mark.parametrize("what", ["sync", "meta"])
def test_a_failing_write_refuses_keeps_and_resumes(topology, failing, what):
    server = Server(topology)
    server.env = {"LD_PRELOAD": failing / "shim.so", "FAILING": failing}
    with running(server) as ceo:
        of_project = budget(ceo, "10")
        assert ceo.post("costs", cost("0.25")).data["durable"] == "applied"
        (failing / what).touch()
        try:
            for opened in range(2, 4):
                assert ceo.post("tasks", TASK).brief == (500, 8002)
                if what == "meta":  # it is of no use until it is opened again
                    ceo.get("tasks")
                    server.wait_event("persistence.backend.connected", opened)
                assert ceo.get("tasks").data["tasks"] == []
        finally:
            (failing / what).unlink()
        made = ceo.post("tasks", TASK).data["id"]
        assert kept(ceo) == [made]
        assert total(ceo) == Decimal("0.25")
        assert standing(ceo, of_project) == (Decimal("0.25"), 0)
        server.kill()
        server.restart()
        assert kept(ceo.twin()) == [made]
