"""The tiny cohort, run once; tests work on copies."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.tiny_cohort import Cohort, write_patient


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of several workers to ask for it makes; the others wait."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def finished_cohort(tmp_path_factory) -> Cohort:
    """Five patients, run to the end once; tests work on copies."""

    def make(folder: Path) -> None:
        cohort = Cohort(folder)
        for number in range(1, 6):
            write_patient(cohort.raw, number)
        cohort.configure()
        cohort.snakemake()

    return Cohort(made_once(tmp_path_factory, "finished", make))


def copied(finished: Cohort, folder: Path) -> Cohort:
    """A copy of a cohort, with the times of its files."""
    copy = Cohort(folder)
    shutil.copytree(finished.folder, copy.folder, copy_function=shutil.copy2, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def changed_cohort(finished_cohort, tmp_path_factory) -> tuple[Cohort, str]:
    """The finished cohort with its first subject replaced, run again, and what that run printed."""

    def make(folder: Path) -> None:
        cohort = copied(finished_cohort, folder)
        write_patient(cohort.raw, 1, scale=1.2)
        cohort.printed.write_text(cohort.snakemake())

    cohort = Cohort(made_once(tmp_path_factory, "changed", make))
    return cohort, cohort.printed.read_text()


@pytest.fixture
def cohort(finished_cohort, tmp_path) -> Cohort:
    """A copy of the finished cohort, with the times of its files."""
    return copied(finished_cohort, tmp_path / "copy")
