"""The tiny cohort, run once; tests work on copies."""

import shutil

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


@pytest.fixture
def cohort(finished_cohort, tmp_path) -> Cohort:
    """A copy of the finished cohort, with the times of its files."""
    copy = Cohort(tmp_path / "copy")
    shutil.copytree(finished_cohort.folder, copy.folder, copy_function=shutil.copy2, symlinks=True)
    return copy
