"""A damaged file of the results says so in a sentence before anything is computed, or is made again."""

import errno
import os
import time

import pytest

from cinecohort.cohort import refresh
from cinecohort.cohort.index import converted_path, note_converted, shards
from cinecohort.cohort.refresh import compare_index, refresh_index
from cinecohort.cohort.run_lock import RunLock
from cinecohort.config import parse_config
from cinecohort.errors import UserError

DAMAGE = (b"", b"\xff\xfe{\x00", b"{", b"[]", b'{"n_shards": "two"}', b"[" * 100_000, b"\x00" * 50)


@pytest.fixture
def config(tmp_path):
    for key in "abc":
        (tmp_path / "raw" / key).mkdir(parents=True)
        (tmp_path / "raw" / key / "1.dcm").write_bytes(b"image")
    table = tmp_path / "participants.tsv"
    table.write_text("subject\tsex\na\tF\n")
    dataset = {"source": "dicom", "path": str(tmp_path / "raw"), "participants": str(table)}
    config = parse_config({"datasets": {"d": dataset}, "results": str(tmp_path / "results")})
    refresh_index(config)
    return config


@pytest.mark.parametrize("content", DAMAGE)
def test_shards(config, content):
    (config.results / "index" / "shards.json").write_bytes(content)
    with pytest.raises(UserError, match=r"shards\.json: is damaged"):
        compare_index(config)


@pytest.mark.parametrize("content", [*DAMAGE, b"subject\tdataset\na\tb\tc\td\n", b"\xe9t\xe9\n"])
def test_what_was_converted_is_forgotten_where_it_cannot_be_read(config, content):
    (shard,) = shards(config.results)
    note_converted(config.results, shard, (config.results / "index" / f"{shard}.tsv").read_text())
    assert compare_index(config).summary.new == ()
    converted_path(config.results, shard).write_bytes(content)
    assert compare_index(config).summary.new == ("a", "b", "c")


@pytest.mark.parametrize("content", DAMAGE)
def test_a_lock_with_anything_in_it_is_taken_where_nobody_holds_it(config, content):
    lock = RunLock(config.results)
    lock.path.write_bytes(content)
    lock.keep()
    lock.release()


def test_a_lock_that_is_a_folder(config):
    lock = RunLock(config.results)
    lock.path.unlink(missing_ok=True)
    lock.path.mkdir()
    with pytest.raises(UserError, match="remove it"):
        lock.keep()


def test_a_table_of_the_future(config):
    table = config.datasets["d"].participants
    os.utime(table, (time.time() + 20 * 365 * 86_400,) * 2)
    with pytest.raises(UserError, match=r"participants\.tsv: is dated in the future"):
        compare_index(config)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_results_that_cannot_be_written(config, monkeypatch, number):
    def refuse(path, text):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(refresh, "write_text_if_changed", refuse)
    with pytest.raises(UserError, match=f"index cannot be written .{os.strerror(number)}"):
        refresh_index(config)
