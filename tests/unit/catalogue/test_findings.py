"""Codes of findings: one home, and no code that is written by hand elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cinecohort
from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding, Level

PACKAGE = Path(cinecohort.__file__).parent
ELSEWHERE = sorted(set(PACKAGE.rglob("*.py")) - set((PACKAGE / "catalogue").iterdir()))


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in ELSEWHERE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def test_the_package_names_only_codes_that_there_are_and_each_of_them() -> None:
    named = {
        node.attr: path
        for path, node in nodes()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    }
    named.pop("__members__", None)
    assert named.keys() - Code.__members__.keys() == set()
    assert Code.__members__.keys() - named.keys() == set(), "codes that nothing raises"


def test_no_code_is_written_as_text() -> None:
    written = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}"
        for path, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in Code.__members__
    ]
    assert written == []


def test_every_code_is_its_name_and_says_what_it_means_and_what_to_do() -> None:
    for code in Code:
        assert code == code.name
        assert code.words and not code.words.endswith(".")
        assert code.advice.endswith(".")


def test_a_slip_in_a_code_cannot_run() -> None:
    with pytest.raises(AttributeError):
        Code.GAPP  # noqa: B018
    with pytest.raises(KeyError):
        Finding("GAPP", Level.INFO, "A gap.")
