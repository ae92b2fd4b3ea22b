"""The tiny cohort, run once; tests work on copies."""

import shutil
from pathlib import Path

import pytest

from support.tiny_cohort import Cohort, write_patient


@pytest.fixture(scope="session")
def finished_cohort(tmp_path_factory) -> Cohort:
    """Five patients, run to the end once; tests work on copies."""
    cohort = Cohort(tmp_path_factory.mktemp("cohort"))
    for number in range(1, 6):
        write_patient(cohort.raw, number)
    cohort.configure()
    cohort.snakemake()
    return cohort


def copied(finished: Cohort, folder: Path) -> Cohort:
    """A copy of a cohort, with the times of its files."""
    copy = Cohort(folder)
    shutil.copytree(finished.folder, copy.folder, copy_function=shutil.copy2, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def changed_cohort(finished_cohort, tmp_path_factory) -> tuple[Cohort, str]:
    """The finished cohort with its first subject replaced, run again, and what that run printed."""
    cohort = copied(finished_cohort, tmp_path_factory.mktemp("changed") / "copy")
    write_patient(cohort.raw, 1, scale=1.2)
    return cohort, cohort.snakemake()


@pytest.fixture
def cohort(finished_cohort, tmp_path) -> Cohort:
    """A copy of the finished cohort, with the times of its files."""
    return copied(finished_cohort, tmp_path / "copy")
