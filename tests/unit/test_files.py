import hashlib
import os
from pathlib import Path
from threading import Barrier, Thread

import pytest

from cinecohort.errors import UserError
from cinecohort.files import (
    digest_bytes,
    digest_file,
    digest_json,
    expanded,
    read_json,
    read_names,
    replacing,
    to_json,
    write_bytes,
    write_json,
    write_text,
    write_text_if_changed,
)

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-4."""


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    write_text(path, "whole")
    with pytest.raises(ValueError, match="by hand"), replacing(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "whole"
        raise ValueError("by hand")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_do_no_harm(tmp_path):
    path = tmp_path / "a.bin"
    together = Barrier(2)

    def write(content):
        for _ in range(20):
            together.wait()
            write_bytes(path, content)

    writers = [Thread(target=write, args=(letter * 5000,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in (b"a" * 5000, b"b" * 5000)
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_whatever_the_locale(tmp_path):
    write_text(tmp_path / "a.txt", "Ä\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\x84\n"


def test_unchanged_text_is_not_written(tmp_path):
    path = tmp_path / "a.txt"
    assert write_text_if_changed(path, "one")
    os.utime(path, ns=(0, 0))
    assert not write_text_if_changed(path, "one")
    assert path.stat().st_mtime_ns == 0
    assert write_text_if_changed(path, "two")
    assert path.read_text() == "two"


def test_json_comes_back_and_equal_values_are_equal_text(tmp_path):
    value = {"b": [1, 2.5, None], "a": "Ä"}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert to_json(value) == to_json({"a": "Ä", "b": [1, 2.5, None]})
    assert list(read_json(tmp_path / "a.json")) == ["a", "b"]
    write_json(tmp_path / "a.json", value, sort_keys=False)
    assert list(read_json(tmp_path / "a.json")) == ["b", "a"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_without_a_number_of_its_own_is_refused(number):
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": number})


def test_digests(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest_bytes(b"abc") == digest_file(tmp_path / "abc") == ABC
    assert digest_json({"b": 1, "a": 2}) == digest_json({"a": 2, "b": 1})
    assert digest_json({"a": 1}) == hashlib.sha256(b'{\n "a": 1\n}\n').hexdigest()
    assert digest_json({"a": 1}) != digest_json({"a": 2})


def test_names_stand_apart_by_lines_or_spaces_and_other_files_are_reported(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("A B\nJosé\n", encoding="utf-8")
    assert read_names(path) == ["A", "B", "José"]
    path.write_text("José\n", encoding="latin-1")
    with pytest.raises(UserError, match=r"names\.txt: is not text in UTF-8"):
        read_names(path)


def test_names_that_are_no_text_have_a_digest_too():
    assert digest_json({os.fsdecode(b"\xff"): 1}) != digest_json({os.fsdecode(b"\xfe"): 1})


def test_paths_are_expanded_where_they_can_be(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("STUDY", "cohort")
    assert expanded("~/$STUDY/net.safetensors") == Path("/home/me/cohort/net.safetensors")
    assert expanded("~nobody_of_this_name/$NOWHERE/a") == Path("~nobody_of_this_name/$NOWHERE/a")
