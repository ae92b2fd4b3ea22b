"""Names of folders as keys of subjects: those that give a person away are refused, or hashed.

A subject's key stands in every table, log and report. A folder that the scanner or an export named after the
patient would carry the name there.
"""

import io
import re
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.privacy import hashed
from cinecohort.errors import FORMAT_FAULTS, UserError
from cinecohort.files import write_text
from cinecohort.findings import Outcome
from cinecohort.sources.base import RawSubject, Source

START_BYTES = 1 << 16
"""So much of a file holds the patient's name."""

_DAMAGE: tuple[type[Exception], ...] = (*FORMAT_FAULTS, OSError)

LOOKED_AT = 3
"""Files of a subject that are looked at for the patient's name."""

_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
DATE = re.compile(rf"(?<!\d)(?:{_YEAR}[-_.]?{_MONTH}[-_.]?{_DAY}|{_DAY}[-_.]?{_MONTH}[-_.]?{_YEAR})(?!\d)")
NAME = re.compile(r"[^\W\d_][\w'-]*\^.*|[^\W\d_a-z][^\W\d_A-Z]+[ ,_.]+[^\W\d_a-z][^\W\d_A-Z]+")
"""A name as DICOM writes it, or two words of small letters with capitals (``Doe_Jane``)."""

HEADER = "key\tname"
SECRET = "(secret)"


def gives_away(key: str, patient: Mapping[str, str]) -> bool:
    """Whether a folder's name is a person's, by itself or by what the images in it say.

    Parameters
    ----------
    key
        The folder's name.
    patient
        ``PatientName``, ``PatientID`` and ``PatientBirthDate`` of an image in it; those of a phantom are
        nobody's.
    """
    name = patient.get("PatientName", "")
    if "PHANTOM" in name.upper():
        return False
    if DATE.search(key) or NAME.fullmatch(key):
        return True
    words, of_name = _words(key), _words(name)
    if words and of_name and (words <= of_name or of_name <= words):
        return True
    identifier = patient.get("PatientID", "").strip().casefold()
    born = patient.get("PatientBirthDate", "")
    return bool(identifier and identifier == key.casefold()) or bool(born and born in key)


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[\W\d_]+", text.casefold()) if len(word) > 1}


def patient_of(root: Path, subject: RawSubject) -> dict[str, str]:
    """What the first image of a subject says of the patient; empty where there is none."""
    import pydicom  # slow, and needed for DICOM alone, while this module is imported with every configuration

    from cinecohort.conversion import dicom_header

    for name, size, _ in subject.files[:LOOKED_AT]:
        start = dicom_header.with_preamble(_start_of(root / name)) if size else b""
        if not dicom_header.is_dicom(start):
            continue
        tags = ["PatientName", "PatientID", "PatientBirthDate"]
        try:
            with dicom_header.unreadable_where_damaged("no header"), dicom_header.quiet_pydicom():
                read = pydicom.dcmread(io.BytesIO(start), stop_before_pixels=True, specific_tags=[*tags])
                return {tag: str(read.get(tag, "") or "") for tag in tags}
        except dicom_header.UnreadableFile:
            continue
    return {}


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            start = stream.read(START_BYTES)
        if start[:4] != b"PK\x03\x04":
            return start
        with zipfile.ZipFile(path) as archive:
            members = (member for member in archive.infolist()[:LOOKED_AT] if member.file_size > 132)
            return next((archive.open(member).read(START_BYTES) for member in members), b"")
    except _DAMAGE:  # Whoever reads the file says what is wrong with it.
        return b""


def _folder_of(subject: RawSubject) -> str:
    """The folder's name: the key without the number that one of several visits in a folder has behind it."""
    return subject.key.removesuffix(f"_{subject.visit}") if subject.visit else subject.key


def refuse_names(dataset: str, root: Path, subjects: list[RawSubject]) -> None:
    """Refuse subjects whose folders are named after people.

    Raises
    ------
    UserError
        If there are any; it does not repeat their names.
    """
    named = [
        place
        for place, subject in enumerate(subjects, 1)
        if gives_away(_folder_of(subject), patient_of(root, subject))
    ]
    if named:
        raise UserError(
            f"{len(named):,} of {len(subjects):,} folders of the dataset {dataset} are named after a patient "
            "(PatientName, PatientID, a date, or what looks like a name; the first is number "
            f"{named[0]:,} in the order of names), and a folder's name stands in every table and report. Set "
            "`subject_names: hashed` and a `key_table` outside the results, or rename the folders, or set "
            "`subject_names: folder` if these names are pseudonyms."
        )


class KeyTable:
    """Which hashed key is which folder, and the secret that the hashes are made with.

    Parameters
    ----------
    path
        The table: tab-separated, ``key`` and ``name``. It is made at the first listing, for its owner only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> dict[str, str]:
        """Key to folder, and the secret."""
        if not self.path.is_file():
            return {SECRET: secrets.token_hex(16)}
        try:
            header, *lines = self.path.read_text(encoding="utf-8").splitlines()
            names = dict(line.split("\t", 1) for line in lines)
        except ValueError:
            header, names = "", {}
        if header != HEADER or SECRET not in names:
            raise UserError(
                f"{self.path}: is damaged, or no table of keys; restore it, or delete it for new keys."
            )
        return names

    def key_of(self, name: str) -> str:
        """Key of a folder: a keyed hash of its name."""
        return f"s{hashed(name, self.names[SECRET])}"

    def add(self, names: list[str]) -> None:
        """Keep which keys these folders have."""
        known = {**self.names, **{self.key_of(name): name for name in names}}
        if known != self.names or not self.path.is_file():
            text = "".join(f"{key}\t{name}\n" for key, name in known.items())
            write_text(self.path, f"{HEADER}\n{text}")
            self.path.chmod(0o600)
            self.names = known


class HashedNames:
    """A source whose subjects go by keyed hashes of their names."""

    def __init__(self, source: Source, table: KeyTable):
        self.source = source
        self.table = table

    def _renamed(self, subject: RawSubject) -> RawSubject:
        key, participant = self.table.key_of(subject.key), self.table.key_of(subject.participant)
        return replace(subject, key=key, participant=participant, paths=(key,))

    def subjects(self) -> list[RawSubject]:
        """List every subject, and keep their keys."""
        found = self.source.subjects()
        self.table.add([name for subject in found for name in (subject.key, subject.participant)])
        return [self._renamed(subject) for subject in found]

    def _name(self, key: str) -> str:
        if key not in self.table.names:
            raise UserError(f"Subject '{key}': is not in {self.table.path}; start the workflow again.")
        return self.table.names[key]

    def subject(self, key: str) -> RawSubject:
        """List one subject."""
        return self._renamed(self.source.subject(self._name(key)))

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Convert a subject; the outcome and a fault of the machine name the subject by its key alone.

        Raises
        ------
        OSError
            What the machine is to blame for.
        """
        try:
            outcome = self.source.convert(self.source.subject(self._name(subject.key)), folder, options)
        except OSError as fault:
            raise type(fault)(fault.errno, fault.strerror, f"a raw file of {subject.key}") from None
        # The conversion table names the participant too.
        return replace(outcome, values={**outcome.values, "participant": subject.participant})
