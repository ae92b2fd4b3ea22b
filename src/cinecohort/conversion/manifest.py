"""The manifest of a UK Biobank archive, held against what is in the archive; it decides nothing.

Its ``date`` column is written ``Mon dd, 20yy`` without quotes, whose comma shifts the columns behind it, so
lines are read from both ends around the date. Everything else is in the headers of the images.
"""

import csv
from collections.abc import Collection, Sequence

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding, Level

NAMES = ("manifest.csv", "manifest.cvs")
"""The second is a misspelling that occurs."""


class BrokenManifest(ValueError):
    """The manifest has no column of file names, or lines that cannot be taken apart."""


def is_manifest(name: str) -> bool:
    """Whether an archive member is the manifest."""
    return name.rsplit("/", 1)[-1].lower() in NAMES


def listed_files(content: bytes) -> list[str]:
    """File names that a manifest lists.

    Raises
    ------
    BrokenManifest
        If it cannot be understood.
    """
    rows = [row for row in csv.reader(content.decode("utf-8-sig", "replace").splitlines()) if any(row)]
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if "filename" not in header:
        raise BrokenManifest("has no column `filename`")
    return [_column(row, header, "filename") for row in rows[1:]]


def _column(row: Sequence[str], header: Sequence[str], name: str) -> str:
    place = header.index(name)
    split_date = "date" in header and len(row) == len(header) + 1
    if len(row) != len(header) and not split_date:
        raise BrokenManifest(f"has a line of {len(row)} instead of {len(header)} columns")
    behind_date = split_date and place > header.index("date")
    return row[place - len(header) if behind_date else place].strip()


def compare_manifest(content: bytes, members: Collection[str]) -> list[Finding]:
    """``MANIFEST`` (review) where a manifest and its archive differ, or it is broken.

    Parameters
    ----------
    content
        The manifest.
    members
        Names of the other files in the archive.
    """
    try:
        listed = set(listed_files(content))
    except (BrokenManifest, csv.Error) as fault:
        message = f"The archive's manifest is broken (it {fault}); the images' own headers were used."
        return [Finding(Code.MANIFEST, Level.REVIEW, message)]
    present = {name.rsplit("/", 1)[-1] for name in members}
    absent, unlisted = len(listed - present), len(present - listed)
    if not absent and not unlisted:
        return []
    message = (
        f"The archive's manifest lists {len(listed)} files: {absent} of them are not in the archive, and"
        f" {unlisted} in the archive are not listed."
    )
    return [Finding(Code.MANIFEST, Level.REVIEW, message, value=float(absent + unlisted), threshold=0.0)]
