"""What the documents say of the tests is so: every test they name exists."""

import fnmatch
import re

import pytest

from server import ROOT

NAMED = re.compile(r"`(?:[\w/]+/)?(\w+\.(?:c|py))::([\w*]+)(?:\[[^`]*\])?`")
DEFINED = re.compile(r"^(?:def )?(test_\w+)\(", re.MULTILINE)


def defined_in(name):
    return {
        test
        for file in ROOT.glob(f"tests/*/{name}")
        for test in DEFINED.findall(file.read_text())
    }


@pytest.mark.parametrize("document", ["SECURITY.md", "SCENARIOS.md"])
def test_named_tests_exist(document):
    named = NAMED.findall((ROOT / "docs" / document).read_text())
    assert len(named) > 10
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not fnmatch.filter(defined_in(file), test)
    ]
    assert missing == []


ALONE = re.compile(r"`(test_[\w*]+)(?:\[[^`]*\])?`")
FILE = re.compile(r"`(?:[\w/]+/)?(\w+_test\.c|test_\w+\.py|\w+_fuzz\.c)[`: ]")
FOLDER = re.compile(r"`((?:actors|gateway|runtime|scenario|store)/\w+_test)`")


@pytest.mark.parametrize("document", ["SECURITY.md", "SCENARIOS.md"])
def test_named_files_and_lone_tests_exist(document):
    """Those that stand beside their file's name, or its letter."""
    text = (ROOT / "docs" / document).read_text()
    files = {file.name for file in ROOT.glob("tests/*/*")}
    missing = [file for file in FILE.findall(text) if file not in files]
    missing += [
        path for path in FOLDER.findall(text)
        if not (ROOT / "tests" / f"{path}.c").exists()
    ]
    every = defined_in("*_test.c") | defined_in("test_*.py")
    missing += [
        test for test in ALONE.findall(text) if not fnmatch.filter(every, test)
    ]
    assert missing == []


ROW = re.compile(r"^\| (.+?) \|$", re.MULTILINE)
CHAPTER = re.compile(r"^\d+\.\d+\.\d+")
BLACK_BOX = [*range(1, 42), *range(46, 51), *range(61, 71)]
DEFECTS = [f"D-{n:02}" for n in range(1, 57)]
HAZARDS = [f"LD-{n}" for n in range(1, 13)]


def rows(document):
    text = (ROOT / "docs" / document).read_text()
    return [row.split(" | ") for row in ROW.findall(text)]


def test_each_row_of_the_asvs_has_a_test_or_does_not_apply():
    asvs = [row for row in rows("SECURITY.md") if CHAPTER.match(row[0])]
    assert len(asvs) > 50
    for row in asvs:
        shown = row[-1]
        assert NAMED.search(shown) or shown == "does not apply", row


def spans(text):
    """What a cell names: D-01 to D-07 are seven."""
    found = set()
    for kind, one, last in re.findall(
            r"\b(D-|LD-|AT-|)(\d+)(?: (?:to|–) (?:D-|AT-)?(\d+))?", text):
        for n in range(int(one), int(last or one) + 1):
            found.add(f"{kind}{n:02}" if kind == "D-" else f"{kind}{n}")
    return found


@pytest.mark.parametrize("number", BLACK_BOX)
def test_each_scenario_has_a_test_from_outside(number):
    """In its name, in a file that runs on one process and on three."""
    name = re.compile(rf"^def test_(?:\d+_)*{number:02}_", re.M)
    files = set(ROOT.glob("tests/scenario/test_*.py")) - set(
        ROOT.glob("tests/scenario/test_backup*"))
    assert any(name.search(file.read_text()) for file in files)


def test_each_defect_is_in_the_table():
    named = spans(" ".join(row[0] for row in rows("SCENARIOS.md")))
    tickets_and_settings = [f"AT-{n}" for n in [*range(20, 27), 79]]
    missing = {*DEFECTS, *HAZARDS, *tickets_and_settings} - named
    assert missing == set()


def test_what_is_shown_by_number_has_each_number():
    """`file.py, by number`: there is a test of each number of the row."""
    letters = {"S": "test_sessions.py", "A": "test_accounts.py",
               "F": "test_sessions_faults.py", "T": "test_settings.py"}
    seen = 0
    for row in rows("SCENARIOS.md"):
        found = re.match(r"([SAFT]), by number$", row[1]) if row[1:] else None
        if found is None:
            continue
        tests = " ".join(defined_in(letters[found[1]]))
        for number in spans(row[0]):
            seen += 1
            assert f"test_{int(number):02}_" in tests, (row[0], number)
    assert seen > 24
