"""Results folders with made-up numbers in the columns of the cohort tables."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.fake_cohort import FakeCohort


@pytest.fixture
def fake_results(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a results folder; its arguments are those of :class:`FakeCohort`."""

    def write(**settings: Any) -> Path:
        return FakeCohort(tmp_path / "results", **settings).write()

    return write


@pytest.fixture(scope="module")
def quick_figures() -> Iterator[None]:
    """Figures have tests of their own; here a picture of nothing stands for each."""
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>'

    def comparison_figures(result: Any, folder: Path, names: Any) -> list[Path]:
        for name in ("bland_altman.svg", "correlation.svg"):
            (folder / name).write_text(picture)
        return []

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(
            "cinecohort.reporting.exports.render", lambda compiler, text, path: path.write_text("")
        )
        module = "cinecohort.reporting.agreement_figures"
        monkeypatch.setattr(f"{module}.write_comparison_figures", comparison_figures)
        for name in ("write_bland_altman_grid", "write_dice_boxplot"):
            monkeypatch.setattr(f"{module}.{name}", lambda path, *_: path.write_text(picture))
        for name in ("draw_distributions", "draw_bullseye"):
            section = "cinecohort.reporting.sections.measures"
            monkeypatch.setattr(f"{section}.{name}", lambda *arguments: arguments[-1].write_text(picture))
        yield
