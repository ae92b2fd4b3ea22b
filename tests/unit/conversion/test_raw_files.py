"""Archives read in memory give what zipfile gives, member by member, and survive damage."""

import io
import zipfile
from pathlib import Path

import pytest

from cinecohort.conversion.raw_files import RawBytes, ought_to_be_image, read_files, read_zip

MEMBERS = {f"folder/{n}.dcm": bytes([n]) * (1000 * n) for n in range(5)}


def archive(compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as packed:
        packed.mkdir("folder")
        for name, content in MEMBERS.items():
            packed.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_same_as_zipfile(compression: int) -> None:
    found = {file.name: file.content for file in read_zip(archive(compression), "a.zip")}
    assert found == MEMBERS


def test_one_damaged_member_costs_only_itself() -> None:
    content = bytearray(archive(zipfile.ZIP_STORED))
    content[content.index(b"\3" * 100)] ^= 1
    files = {file.name: file for file in read_zip(bytes(content), "a.zip")}
    assert files["folder/3.dcm"].content is None
    assert files["folder/3.dcm"].fault == "is damaged in the archive"
    assert [name for name, file in files.items() if file.content is None] == ["folder/3.dcm"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_a_fault_and_no_crash(compression: int) -> None:
    assert all(file.content is None for file in read_zip(archive(compression), "a.zip"))


def test_truncated_archive() -> None:
    (file,) = read_zip(archive()[:-40], "a.zip")
    assert (file.name, file.content, file.fault) == ("a.zip", None, "is not a whole zip archive")


def test_files_and_archives_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"1234")
    (tmp_path / "b.zip").write_bytes(archive())
    files = list(read_files([tmp_path / "a.dcm", tmp_path / "b.zip", tmp_path / "gone.dcm"]))
    assert [file.name for file in files] == ["a.dcm", *MEMBERS, "gone.dcm"]
    assert files[-1].content is None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.dcm", b"", True),
        ("IM0001", b"", True),
        ("1.2.840.113", b"", True),
        ("notes.txt", b"hello", False),
        ("picture.jpg", b"", False),
        ("DICOMDIR", b"", False),
        ("oddly.txt", b"\0" * 128 + b"DICM", True),
    ],
)
def test_what_ought_to_be_an_image(name: str, content: bytes, expected: bool) -> None:
    assert ought_to_be_image(RawBytes(name, content)) is expected
