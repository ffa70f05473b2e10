"""The command line: help, mistakes in it, and stores that cannot be opened."""

import json
import os
import shutil
import subprocess
import time

import pytest

from server import EVENT_S, READY_S, ROOT, STOP_S, TOPOLOGIES, TROUPE, Server

NOBODY = 65534


def troupe(*arguments, env=None, timeout=STOP_S, **options):
    return subprocess.run(
        [TROUPE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        **options,
    )


def commands():
    """What --help lists: a name, and what it does."""
    lines = troupe("--help").stdout.splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ")]


def test_help():
    done = troupe("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"run", "up", "check", "describe"} <= set(commands())


def test_help_of_every_command():
    for name in commands():
        done = troupe(name, "--help")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert f"troupe {name}" in done.stdout


def test_an_answer_that_cannot_be_written_is_no_success():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [TROUPE, "--help"], stdout=full, timeout=STOP_S,
            stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "cannot be written: No space left" in done.stderr


def test_version():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    version = cmake.split("project(troupe VERSION ")[1].split()[0]
    done = troupe("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"troupe {version}")


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["run", "--nonsense"], "--nonsense"),
        (["up", "--nonsense"], "--nonsense"),
        (["check", "--nonsense"], "--nonsense"),
        (["run", "--data"], "--data"),
        (["run", "surplus"], "surplus"),
        ([], "--help"),
    ],
)
def test_bad_usage(arguments, named):
    done = troupe(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert done.stdout == ""


MISTAKEN = """\
api:
  server:
    port: 70000
    prot: 1
  lifecycle_cleanup_enabled: perhaps
persistence:
  backend: paper
nonsense: 1
"""
MISTAKES = [
    (3, "api.server.port", "65535"),
    (4, "api.server.prot", "port"),
    (5, "api.lifecycle_cleanup_enabled", "true"),
    (7, "persistence.backend", "lmdb"),
    (8, "nonsense", ""),
]


@pytest.mark.parametrize("command", ["run", "check"])
def test_every_mistake_of_a_file_at_once(tmp_path, command):
    """File, line, key, and what was expected."""
    file = tmp_path / "bad.yaml"
    file.write_text(MISTAKEN)
    done = troupe(command, "--config", file, "--data", tmp_path)
    assert done.returncode == 2
    for line, key, expected in MISTAKES:
        [told] = [
            text
            for text in done.stderr.splitlines()
            if text.startswith(f"{file}:{line}:")
        ]
        assert key in told
        assert expected in told


def test_mistakes_of_environment_and_flags_too(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("api:\n  server:\n    port: x\n")
    done = troupe(
        *["run", "--config", file, "--data", tmp_path],
        *["--set", "api.server.headers_max=many"],
        *["--set", "api.nonsense=1"],
        env={"TROUPE_API_SERVER_REQUESTS_MAX": "0"},
    )
    assert done.returncode == 2
    for told in (
        f"{file}:3:",
        "api.server.headers_max",
        "api.nonsense",
        "TROUPE_API_SERVER_REQUESTS_MAX",
    ):
        assert told in done.stderr


@pytest.mark.parametrize(
    "text", ["a: [", "a: 1\na: 2\n", "\t- x", "a: &x 1\nb: *x\n", "\xff", "- a"]
)
def test_file_of_bad_form(tmp_path, text):
    file = tmp_path / "bad.yaml"
    file.write_bytes(text.encode("latin-1"))
    done = troupe("check", "--config", file)
    assert done.returncode == 2
    assert str(file) in done.stderr


def test_configuration_that_is_not_there(tmp_path):
    done = troupe("check", "--config", tmp_path / "absent.yaml")
    assert done.returncode == 2
    assert "absent.yaml" in done.stderr


def test_good_configuration(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text("api:\n  server:\n    port: 3002\n")
    assert troupe("check", "--config", file).returncode == 0


def test_topologies_that_are_shipped():
    for file in (ROOT / "ops/topologies").glob("*.yaml"):
        assert troupe("check", "--topology", file).returncode == 0, file


@pytest.mark.parametrize(
    "text, told",
    [
        ("nodes: {}\n", "store"),
        ("nodes:\n  a: { actors: [nonsense] }\n", "nonsense"),
        ("nodes:\n  a: { actors: [store] }\n  b: { actors: [store] }\n", "store"),
    ],
)
def test_bad_topology(tmp_path, text, told):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = troupe("check", "--topology", file)
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert told in done.stderr


def run_on(data, **options):
    return troupe("run", "--data", data, "--listen", "127.0.0.1:0", **options)


def check_refused(done, data):
    """Exit status 1, no readiness, and one clear line."""
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    [last_word] = [line for line in lines if line.startswith("troupe run:")]
    assert str(data) in last_word


def test_data_folder_is_made(tmp_path):
    server = Server("one")
    try:
        server.data = tmp_path / "absent" / "data"
        server.start()
        assert server.stop() == 0
        assert server.data.is_dir()
    finally:
        server.close()


def test_data_folder_is_a_file(tmp_path):
    data = tmp_path / "file"
    data.write_text("")
    check_refused(run_on(data), data)


def test_data_folder_not_writable(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o555)
    if os.getuid() != 0:
        check_refused(run_on(data), data)
        return
    # Nothing is unwritable for root: run a copy as nobody.
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    program = shutil.copy(TROUPE, tmp_path / "troupe")
    done = subprocess.run(
        [program, "run", "--data", data, "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=STOP_S,
        user=NOBODY,
        cwd=tmp_path,
    )
    check_refused(done, data)


def test_data_folder_in_use(tmp_path):
    server = Server("one")
    try:
        server.start()
        check_refused(run_on(server.data), server.data)
        assert server.stop() == 0
    finally:
        server.close()


def test_data_that_is_no_store(tmp_path):
    server = Server("one")
    try:
        server.start()
        assert server.stop() == 0
        for file in server.data.rglob("*"):
            if file.is_file() and file.stat().st_size > 0:
                file.write_bytes(b"\xa5" * file.stat().st_size)
        check_refused(run_on(server.data), server.data)
    finally:
        server.close()


def test_port_in_use():
    server = Server("one")
    try:
        host, port = server.start().address
        other = Server("one")
        done = troupe("run", "--data", other.data, "--listen", f"{host}:{port}")
        assert done.returncode == 1
        assert str(port) in done.stderr
        other.close()
    finally:
        server.close()


def test_term_while_it_waits_for_another_node(tmp_path):
    split = ROOT / "ops/topologies/split.yaml"
    common = ["--topology", split, "--data", tmp_path]
    edge = subprocess.Popen(
        [TROUPE, "run", "--node", "edge", *common],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while "node.start" not in edge.stderr.readline():
            pass
        edge.terminate()
        edge.communicate(timeout=STOP_S)
        assert edge.returncode == 0
    finally:
        edge.kill()
        edge.wait()


def test_up_does_not_start_what_is_killed_for_ever(tmp_path, monkeypatch):
    monkeypatch.setenv("TROUPE_FAULT", "kill:node.start")
    monkeypatch.setenv("TROUPE_RUNTIME_FAULT_POINTS", "true")
    split = ROOT / "ops/topologies/split.yaml"
    common = ["--topology", split, "--data", tmp_path, "--node", "vault"]
    done = troupe("up", *common, timeout=READY_S + 10 * STOP_S)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert "node vault ended 10 times before it was ready" in said
    assert "by signal 9" in said
    assert done.stderr.count("node.spawn") == 10
    assert "node=edge" not in done.stderr, "only the named one was started"


def test_up_of_a_node_that_is_not_there(tmp_path):
    split = ROOT / "ops/topologies/split.yaml"
    done = troupe("up", "--topology", split, "--data", tmp_path, "--node", "x")
    assert done.returncode == 2
    assert "--node x" in done.stderr


def test_child_of_a_parent_that_has_gone(tmp_path):
    """Its signal would never come: the child must find out by itself."""
    done = troupe("run", "--data", tmp_path, "--child", "1")
    assert done.returncode == 1
    assert "parent" in done.stderr
    assert "ready" not in done.stdout


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_status_shows_books_that_balance(topology):
    server = Server(topology)
    options = ["--data", server.data]
    if topology == "split":
        options += ["--topology", ROOT / "ops/topologies/split.yaml"]
    try:
        server.start()
        nodes = []
        end = time.monotonic() + EVENT_S
        while not nodes or not all(node["books"] for node in nodes):
            assert time.monotonic() < end
            done = troupe("status", *options, "--books", "--json")
            nodes = json.loads(done.stdout)["nodes"]
        assert done.returncode == 0
        rows = [row for node in nodes for row in node["books"]]
        for row in rows:
            ends = set(row) - {"from", "to", "sent", "queued", "missing"}
            assert row["missing"] == 0
            assert row["sent"] == row["queued"] + sum(row[e] for e in ends)
        assert any(row["to"] == "store" and row["handled"] for row in rows)
        if topology == "split":
            assert any(row["to"].startswith("link:") for row in rows)
        done = troupe("status", *options, "--books")
        assert "sent=" in done.stdout and "UNBALANCED" not in done.stdout
    finally:
        server.close()
