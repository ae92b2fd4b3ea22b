"""Fixtures that several rooms' tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, without a limit of time: a property fails for its data, not for a slow machine.
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data, or skip with the reason where there is none."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CINECOHORT_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set CINECOHORT_REAL_DATA or put it into ../shared/data")
    return folder.resolve()
