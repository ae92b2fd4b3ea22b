"""Archives read in memory give what zipfile gives, member by member, and survive damage."""

import io
import zipfile
from pathlib import Path

import pytest

from cinecohort.conversion.limits import Limits
from cinecohort.conversion.raw_files import RawBytes, ought_to_be_image, read_files, read_zip
from cinecohort.errors import Vanished

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
    files = list(read_files([tmp_path / "a.dcm", tmp_path / "b.zip"]))
    assert [file.name for file in files] == ["a.dcm", *MEMBERS]


def test_a_file_that_vanished_is_no_fault_of_the_subject(tmp_path: Path) -> None:
    with pytest.raises(Vanished, match=r"gone\.dcm"):
        list(read_files([tmp_path / "gone.dcm"]))


@pytest.mark.parametrize(
    ("to", "reason"), [("nowhere", "leads to nothing"), (".", "leads back"), ("stray", "leads to nothing")]
)
def test_stray_links_are_said_to_be_what_they_are(tmp_path: Path, to: str, reason: str) -> None:
    (tmp_path / "stray").symlink_to(to)
    (file,) = read_files([tmp_path / "stray"])
    assert file.content is None
    assert reason in file.fault


def nameless() -> bytes:
    """An archive whose second member has no name, which zipfile itself would not write."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("first.dcm", b"first")
        member = zipfile.ZipInfo("x")
        member.filename = ""
        packed.writestr(member, b"second")
    return stream.getvalue()


def test_a_member_without_a_name_is_read_like_any_other() -> None:
    assert [file.content for file in read_zip(nameless(), "a.zip")] == [b"first", b"second"]


def test_a_version_that_nobody_reads_is_a_fault_of_the_archive() -> None:
    content = bytearray(archive())
    for place in range(len(content) - 4):
        if content[place : place + 4] == b"PK\x01\x02":
            content[place + 6] = 64
    (file,) = read_zip(bytes(content), "a.zip")
    assert file.fault == "is not a whole zip archive"


SMALL = Limits(file_mb=1, subject_mb=2, files=10)


def of_size(**sizes: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, size in sizes.items():
            packed.writestr(name, b"\0" * 128 + b"DICM" + b"\0" * (size - 132))
    return stream.getvalue()


def test_a_member_that_inflates_to_more_than_the_limit_is_not_inflated() -> None:
    small, large = read_zip(of_size(small=500_000, large=1_500_000), "a.zip", SMALL)
    assert small.content is not None
    assert (large.content, large.fault) == (None, "is larger than conversion.limits.file_mb allows")


def test_nor_if_it_lies_about_its_size() -> None:
    content = of_size(liar=900_000).replace((900_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    (file,) = read_zip(content, "a.zip", SMALL)
    assert file.fault == "is damaged in the archive"


def test_all_images_of_a_subject_together_are_limited() -> None:
    files = list(read_zip(of_size(a=900_000, b=900_000, c=900_000), "a.zip", SMALL))
    assert [file.content is None for file in files] == [False, False, True]
    assert "conversion.limits.subject_mb" in files[-1].fault


def test_an_archive_of_too_many_files_is_not_opened() -> None:
    (file,) = read_zip(of_size(**{f"f{n}": 200 for n in range(11)}), "a.zip", SMALL)
    assert "conversion.limits.files" in file.fault


def test_a_large_file_that_is_no_image_is_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "movie.avi").write_bytes(b"\1" * 1_500_000)
    (file,) = read_files([tmp_path / "movie.avi"], SMALL)
    assert not ought_to_be_image(file)


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
