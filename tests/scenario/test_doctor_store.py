"""A database that lies: `troupe doctor store` names it, nothing builds on it."""

import json
import subprocess

from server import SPLIT, TROUPE

PAGE = 4096


def doctor(server, *words):
    done = subprocess.run(
        [TROUPE, "doctor", "store", "--data", server.data, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def file_of(server):
    return server.data / "store.lmdb" / "data.mdb"


def filled(ceo):
    for n in range(5):
        assert ceo.create_task(f"task {n}").status == 201
    ceo.server.stop()


def flip(file, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)


def start_fails(server, *command):
    done = subprocess.run(
        [TROUPE, *command, "--data", server.data, "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, (done.returncode, done.stderr)
    return done.stderr.splitlines()[-1]  # the last word has the reason


def test_what_a_program_has_written_is_whole(ceo):
    code, _, err = doctor(ceo.server)
    assert code == 1 and "a running program has it open" in err
    filled(ceo)
    code, out, err = doctor(ceo.server, "--json")
    told = json.loads(out)
    assert code == 0 and told["whole"] is True and told["findings"] == []
    assert told["rows"] > 10 and told["entries"] > 10
    assert doctor(ceo.server)[1].startswith("whole: ")


def test_a_row_that_lies_is_named(ceo):
    filled(ceo)
    file = file_of(ceo.server)
    at = file.read_bytes().rindex(b"task 3")
    while at > 0:  # old pages have it too: damage every copy
        flip(file, at)
        at = file.read_bytes().rfind(b"task 3", 0, at)
    code, out, _ = doctor(ceo.server, "--json")
    told = json.loads(out)
    assert code == 1 and told["whole"] is False
    assert told["findings"]
    assert {f["table"] for f in told["findings"]} <= {"tasks", "journal"}
    assert all("does not decode" in f["what"] for f in told["findings"])
    ceo.server.restart()
    ceo.disconnect()
    assert ceo.get("tasks").status == 500
    assert ceo.me().status == 200, "the rest goes on"
    ceo.server.killed = True  # it has logged the row as an error


def test_a_file_cut_short_ends_with_a_clear_line(ceo):
    filled(ceo)
    file = file_of(ceo.server)
    whole = file.read_bytes()
    for size in (0, 100, PAGE, 2 * PAGE, len(whole) // 2):
        file.write_bytes(whole[:size])
        code, _, err = doctor(ceo.server)
        assert code == 1 and "data.mdb" in err, (size, code, err)
        assert "data.mdb" in start_fails(ceo.server, "run")
    file.write_bytes(whole)
    assert doctor(ceo.server)[0] == 0


def test_up_does_not_start_a_corrupt_store_for_ever(ceo):
    filled(ceo)
    flip(file_of(ceo.server), 16)
    said = start_fails(ceo.server, "up", "--topology", SPLIT)
    assert "before it was ready" in said and "data.mdb" in said


def test_pages_are_verified_where_a_setting_says_so(ceo):
    filled(ceo)
    file = file_of(ceo.server)
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // PAGE):
        content[page * PAGE + 10] ^= 0x70  # what kind of page it is
    file.write_bytes(content)
    assert doctor(ceo.server)[0] == 1
    verify = ("--set", "persistence.lmdb.verify=true")
    assert "page" in start_fails(ceo.server, "run", *verify)
