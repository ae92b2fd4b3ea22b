"""Fixtures that several rooms' tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, without a limit of time: a property fails for its data, not for a slow machine.
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("reproducible")

LONGEST = (
    "test_slurm.py",
    "test_only_what_changed.py",
    "test_fuzz.py",
    "test_nothing_sent.py",
    "test_documentation.py",
    "test_after_failures.py",
    "test_release.py",
    "test_experiments.py",
    "test_dry_runs.py",
    "test_report.py",
    "test_hostile_subjects.py",
    "test_mnn_engine.py",
    "test_stage_digests.py",
)
"""Files that take long: begun first, so that no worker is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order within a file stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data, or skip with the reason where there is none."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CINECOHORT_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set CINECOHORT_REAL_DATA or put it into ../shared/data")
    return folder.resolve()
