"""Options of a command that are derived from a settings model."""

import argparse
from typing import Literal

import pytest
from pydantic import Field

from cinecohort.commands.match import SETTINGS, add_arguments
from cinecohort.commands.model_options import add_options, read_options
from cinecohort.options import Options
from cinecohort.statistics.study_options import MatchingOptions


class Tea(Options):
    kind: Literal["green", "black"] = "green"
    """Which tea."""
    spoons: int = Field(default=2, ge=1)
    """How many spoons, at 100 % of their size."""
    minutes: float | None = None
    """How long it draws; unset: as it says on the box."""
    milk: bool = False
    """Whether there is milk."""


NAMES = tuple(Tea.model_fields)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_options(parser, Tea, NAMES)
    return Tea(**read_options(parser.parse_args(words), NAMES))


def test_defaults_are_those_of_the_model():
    assert parsed() == Tea()
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(["t.csv", "--treatment", "a", "--out", "x"])
    assert MatchingOptions(**read_options(arguments, SETTINGS)) == MatchingOptions()


def test_values_are_read_and_what_the_model_refuses_is_wrong_usage(capsys):
    words = ("--kind", "black", "--spoons", "3", "--minutes", "2.5", "--milk")
    assert parsed(*words) == Tea(kind="black", spoons=3, minutes=2.5, milk=True)
    for wrong in (("--kind", "red"), ("--spoons", "0"), ("--spoons", "x"), ("--minutes", "long")):
        with pytest.raises(SystemExit, match="2"):
            parsed(*wrong)
        assert wrong[0] in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "How many spoons, at 100 % of their size (default 2)" in text
