"""Results folders with made-up numbers in the columns of the cohort tables."""

from collections.abc import Callable
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
