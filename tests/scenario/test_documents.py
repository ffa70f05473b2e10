"""What the documents say of the tests is so: every test they name exists."""

import fnmatch
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
