import os

import pytest

from cinecohort.cohort import contents
from cinecohort.cohort.contents import content_digest
from cinecohort.files import read_json
from cinecohort.sources.base import RawSubject
from cinecohort.sources.listing import files_below


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw" / "a").mkdir(parents=True)
    (tmp_path / "raw" / "a" / "one.dcm").write_bytes(b"one")
    (tmp_path / "raw" / "a" / "two.dcm").write_bytes(b"two")
    return tmp_path / "raw"


def digest(raw):
    subject = RawSubject("a", "a", "", ("a",), files_below(raw, ["a"]))
    return content_digest(subject, raw, raw.parent / "cache" / "a.json")


@pytest.fixture
def reads(monkeypatch):
    names = []
    original = contents.digest_file
    monkeypatch.setattr(contents, "digest_file", lambda path: names.append(path.name) or original(path))
    return names


def test_content_is_read_again_only_when_a_size_or_time_moved(raw, reads):
    first = digest(raw)
    assert reads == ["one.dcm", "two.dcm"]
    assert digest(raw) == first
    assert len(reads) == 2
    os.utime(raw / "a" / "one.dcm", ns=(0, 1))
    assert digest(raw) == first
    assert len(reads) == 4


@pytest.mark.parametrize("change", ["edit", "rename", "add", "remove"])
def test_whatever_changes_in_the_files_changes_the_digest(raw, change):
    first = digest(raw)
    file = raw / "a" / "one.dcm"
    if change == "edit":
        file.write_bytes(b"0ne!")
    elif change == "rename":
        file.rename(raw / "a" / "three.dcm")
    elif change == "add":
        (raw / "a" / "three.dcm").write_bytes(b"")
    else:
        file.unlink()
    assert digest(raw) != first


def test_the_cache_may_be_lost_or_damaged(raw):
    first = digest(raw)
    cache = raw.parent / "cache" / "a.json"
    for damage in ("", "[]", "{", '{"listed": 1}'):
        cache.write_text(damage)
        assert digest(raw) == first
    cache.unlink()
    assert digest(raw) == first
    assert read_json(cache)["content"] == first


def test_a_file_that_vanished_after_it_was_listed_counts_as_absent(raw):
    subject = RawSubject("a", "a", "", ("a",), files_below(raw, ["a"]))
    whole = content_digest(subject, raw, raw.parent / "first.json")
    (raw / "a" / "two.dcm").unlink()
    assert content_digest(subject, raw, raw.parent / "second.json") != whole


def test_names_that_are_not_utf8_do_no_harm(raw):
    (raw / "a" / os.fsdecode(b"M\xfcller.dcm")).write_bytes(b"three")
    assert digest(raw) == digest(raw)
