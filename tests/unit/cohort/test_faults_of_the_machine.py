"""What the machine is to blame for leaves its subject without a record, and is done by the next run."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from cinecohort.cohort.convert_folder import convert_all
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.runner import Interrupted
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.config import Config, parse_config
from cinecohort.errors import UserError
from cinecohort.findings import Status
from cinecohort.store import read_record
from support import hostile


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    raw = tmp_path_factory.mktemp("raw")
    for key in "abc":
        hostile.write_good(raw / key)
    return raw


def configuration(raw: Path, results: Path) -> Config:
    """A dataset whose index is written."""
    dataset = {"source": "dicom", "path": str(raw)}
    config = parse_config({"datasets": {"d": dataset}, "results": str(results)})
    refresh_index(config)
    return config


def statuses(store: Path) -> list[Status | None]:
    records = [read_record(store / key, "convert") for key in "abc"]
    return [None if record is None else record.status for record in records]


def refuse_for_b(monkeypatch, number: int) -> None:
    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.parent.name == "b" and path.suffix == ".dcm":
            raise MemoryError if number == errno.ENOMEM else OSError(number, os.strerror(number), str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read)


FAULTS = (errno.EIO, errno.EACCES, errno.ESTALE, errno.ENOMEM)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("number", FAULTS)
def test_the_next_run_does_what_the_machine_kept_from_this_one(raw, tmp_path, monkeypatch, number, threads):
    config = configuration(raw, tmp_path / "results")
    (index,) = (config.results / "index").glob("0*.tsv")
    files = (config.results / "convert" / index.name, tmp_path / "findings.tsv", threads)
    with monkeypatch.context() as patched:
        refuse_for_b(patched, number)
        with pytest.raises(Interrupted, match="b: convert was stopped by a fault of the machine"):
            run_stage("convert", settings_for("convert", config), *files)
    assert statuses(config.results / "subjects") == [Status.OK, None, Status.OK]
    run_stage("convert", settings_for("convert", config), *files)
    assert statuses(config.results / "subjects") == [Status.OK] * 3


@pytest.mark.parametrize("number", FAULTS)
def test_so_does_the_command(raw, tmp_path, monkeypatch, number):
    with monkeypatch.context() as patched:
        refuse_for_b(patched, number)
        with pytest.raises(UserError, match="1 of 3 subjects met a fault of the machine"):
            convert_all(raw, tmp_path, "dicom", None)
    assert statuses(tmp_path) == [Status.OK, None, Status.OK]
    convert_all(raw, tmp_path, "dicom", None)
    assert statuses(tmp_path) == [Status.OK] * 3


@pytest.mark.parametrize("what", ["a file", "the subject"])
def test_what_went_since_it_was_listed_is_listed_again(tmp_path, what):
    for key in "abc":
        hostile.write_good(tmp_path / "raw" / key)
    config = configuration(tmp_path / "raw", tmp_path / "results")
    (index,) = (config.results / "index").glob("0*.tsv")
    gone = tmp_path / "raw" / "b"
    if what == "a file":
        sorted(gone.iterdir())[0].unlink()
    else:
        shutil.rmtree(gone)
    table = config.results / "convert" / index.name
    with pytest.raises(Interrupted, match="b: convert was stopped"):
        run_stage("convert", settings_for("convert", config), table, tmp_path / "f.tsv")
    assert statuses(config.results / "subjects") == [Status.OK, None, Status.OK]
    refresh_index(config)
    run_stage("convert", settings_for("convert", config), table, tmp_path / "f.tsv")
    done = [status is not None for status in statuses(config.results / "subjects")]
    assert done == [True, what == "a file", True]
