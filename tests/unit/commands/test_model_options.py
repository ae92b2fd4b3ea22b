"""Options of a command that are derived from a settings model."""

import argparse
from importlib import import_module
from typing import Literal

import pytest
from pydantic import Field

from cinecohort.cli import build_parser
from cinecohort.commands.model_options import add_options, read_options
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.measures.options import MeasureOptions
from cinecohort.options import Options
from cinecohort.phantom.options import PhantomOptions
from cinecohort.segmentation.options import SegmentationOptions
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.study_options import MatchingOptions, StudyOptions


class Tea(Options):
    kind: Literal["green", "black"] = "green"
    """Which tea."""
    spoons: int = Field(default=2, ge=1)
    """How many spoons, at 100 % of their size."""
    minutes: float | None = None
    """How long it draws; unset: as it says on the box."""
    milk: bool = False
    """Whether there is milk."""
    cup: bool = True
    """Whether it comes in a cup."""
    beside: tuple[Literal["cake", "jam"], ...] = ("cake",)
    """What comes with it."""


NAMES = tuple(Tea.model_fields)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_options(parser, Tea, NAMES)
    return Tea(**read_options(parser.parse_args(words), NAMES))


COMMANDS = {
    "agree a.csv b.csv --out x": (AgreementOptions, "SETTINGS"),
    "compare t.csv --group g --outcomes y --out x": (StudyOptions, ("alpha",)),
    "evaluate --auto a --manual m --out x": (EvaluationOptions, "SETTINGS"),
    "match t.csv --treatment a --out x": (MatchingOptions, "SETTINGS"),
    "measure d --out x": (MeasureOptions, tuple(MeasureOptions.model_fields)),
    "phantom d": (PhantomOptions, "SETTINGS"),
    "segment d": (SegmentationOptions, "SETTINGS"),
}


OF_PRESETS = {"test_time_augmentation"}
"""Settings that stand for what the preset says where they are not given."""


@pytest.mark.parametrize("words", list(COMMANDS))
def test_defaults_are_those_of_the_model(words):
    assert parsed() == Tea()
    name, (model, names) = words.split()[0], COMMANDS[words]
    if isinstance(names, str):
        names = getattr(import_module(f"cinecohort.commands.{name}"), names)
    arguments = build_parser(name).parse_args(words.split())
    defaults = {setting: model.model_fields[setting].default for setting in names}
    defaults |= dict.fromkeys(OF_PRESETS & set(names)) if name == "segment" else {}
    assert read_options(arguments, names) == defaults


def test_values_are_read_and_what_the_model_refuses_is_wrong_usage(capsys):
    words = ("--kind", "black", "--spoons", "3", "--minutes", "2.5", "--milk", "--no-cup")
    strong = Tea(kind="black", spoons=3, minutes=2.5, milk=True, cup=False, beside=("jam", "cake"))
    assert parsed(*words, "--beside", "jam", "cake") == strong
    assert parsed("--minutes", "none").minutes is None
    for wrong in (
        ("--kind", "red"),
        ("--spoons", "0"),
        ("--spoons", "x"),
        ("--minutes", "long"),
        ("--beside", "tea"),
    ):
        with pytest.raises(SystemExit, match="2"):
            parsed(*wrong)
        assert wrong[0] in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "How many spoons, at 100 % of their size (default 2)" in text
