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
