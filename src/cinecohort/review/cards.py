"""Cards of the review room: what a reviewer sees of a subject, as small scripts beside its pictures.

A page opened from a disk may load scripts, not data; so each card is a script that hands over its values.
Nothing here says which group of a study a subject is in, so that no verdict depends on it.
"""

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cinecohort.catalogue.findings import finding_words
from cinecohort.catalogue.measures import MEASURES, Use, measure_of
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.errors import is_machine_fault
from cinecohort.files import read_json, write_text, write_text_if_changed
from cinecohort.findings import Status, in_print
from cinecohort.label_maps import structures_shown
from cinecohort.measures.reference_ranges import NO_REFERENCE, Reference, reference_used
from cinecohort.review.corrections import corrected_digests
from cinecohort.review.digests import seen_digests
from cinecohort.review.options import ReviewOptions
from cinecohort.review.pictures import COLUMNS, Media, draw_observer, draw_subject
from cinecohort.review.plots import slice_differences
from cinecohort.store import read_record

PICTURES_VERSION = 3
"""Raised when the pictures are drawn in another way, so that all are made again."""
CARD, MADE = "card.js", "pictures.json"


@dataclass
class Subject:
    """What the cohort's tables say of a subject.

    Parameters
    ----------
    status
        Row of ``status.tsv``.
    findings, measures, voided
        Rows of these tables; of the measures only the first network's (or, without one, a person's) at its
        own frames.
    person
        ``sex``, ``age_years``, ``height_cm`` and ``weight_kg``, as far as known.
    reference
        Ranges of healthy people.
    """

    status: dict[str, str]
    findings: list[dict[str, str]] = field(default_factory=list)
    measures: dict[str, str] = field(default_factory=dict)
    voided: list[dict[str, str]] = field(default_factory=list)
    person: dict[str, Any] = field(default_factory=dict)
    reference: Reference = NO_REFERENCE

    @property
    def key(self) -> str:
        """The subject's key."""
        return self.status["subject"]

    @property
    def numbers(self) -> dict[str, float]:
        """Measures, indexed ones, ends of intervals and frames that have a value."""
        return {
            name: float(text)
            for name, text in self.measures.items()
            if text and (measure_of(name) or name in ("ed_frame", "es_frame"))
        }


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a table of the cohort as text."""
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t")


def subjects_shown(cohort: Path, options: ReviewOptions, judged: Iterable[str] = ()) -> list[Subject]:
    """Subjects that have a card, in the order of ``status.tsv``.

    Parameters
    ----------
    cohort
        Folder of the cohort's tables.
    options
        Who is shown.
    judged
        Subjects that have a verdict already; they stay in the room.
    """
    kept = set(judged)
    everybody = options.room == "all"
    reference = reference_used(cohort)
    shown = {
        row["subject"]: Subject(row, reference=reference)
        for row in rows_of(cohort / "status.tsv")
        if everybody or row["status"] != str(Status.OK) or row["subject"] in kept
    }
    for row in rows_of(cohort / "participants.tsv"):
        if row["subject"] in shown:
            shown[row["subject"]].person = person_of(row)
    for row in rows_of(cohort / "findings.tsv"):
        if row["subject"] in shown:
            shown[row["subject"]].findings.append(row)
    for row in rows_of(cohort / "measures.tsv"):
        subject = shown.get(row["subject"])
        # The first network's row comes first; the observers' stand below the networks'.
        if subject and not subject.measures and row["frames"] == "own":
            subject.measures = row
    for row in rows_of(cohort / "voided.tsv"):
        subject = shown.get(row["subject"])
        if subject and row["frames"] == "own" and row["source"] == subject.measures.get("source"):
            subject.voided.append(row)
    return list(shown.values())


def person_of(row: Mapping[str, str]) -> dict[str, Any]:
    """Sex, age and body size from a row of the participants' table, as far as they are known."""
    numbers = {name: float(row[name]) for name in ("age_years", "height_cm", "weight_kg") if row.get(name)}
    return {**numbers, **({"sex": row["sex"]} if row.get("sex") else {})}


def write_cards(subjects: Sequence[Subject], store: Path, room: Path, threads: int) -> list[dict[str, Any]]:
    """Write the folder of every subject that is shown, and remove the others'.

    Parameters
    ----------
    subjects
        Who is shown.
    store
        Folder of the subjects' folders.
    room
        The room's folder; a subject has ``subjects/{subject}/`` in it.
    threads
        Processes that draw.

    Returns
    -------
    list of dict
        What the list of subjects holds of each: ``s`` key, ``d`` dataset, ``t`` status, ``c`` codes, ``n``
        findings that flag, ``p`` probability of failure where the table has one.
    """
    folder = room / "subjects"
    names = {subject.key for subject in subjects}
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.name not in names:
            shutil.rmtree(old)
    work = partial(write_card, store=store, folder=folder)
    if threads > 1 and len(subjects) > 1:
        with ProcessPoolExecutor(min(threads, len(subjects))) as pool:
            return list(pool.map(work, subjects, chunksize=4))
    return [work(subject) for subject in subjects]


def write_card(subject: Subject, store: Path, folder: Path) -> dict[str, Any]:
    """Write one subject's card and, where they are not there yet, its pictures."""
    home, mine = store / subject.key, folder / subject.key
    curves = curves_of(home, subject.measures.get("source", ""))
    roles = {role: curves.get(f"{role}_frame") for role in ("ed", "es")}
    media, differences, fault = pictures_of(home, mine, roles)
    codes = sorted({row["code"] for row in subject.findings if row["level"] != "info"})
    card = {
        "subject": subject.key,
        "dataset": subject.status["dataset"],
        "status": subject.status["status"],
        "probability": probabilities(subject.status),
        "findings": findings_in_words(subject.findings),
        "measures": measures_shown(subject),
        "voided": reasons_of(subject.voided),
        "source": subject.measures.get("source", ""),
        "kind": subject.measures.get("kind", ""),
        "unvalidated": subject.measures.get("unvalidated", ""),
        "corrected": sorted(corrected_digests(home)),
        "media": [asdict(one) for one in media],
        "fault": fault,
        "differences": differences,
        "columns": COLUMNS,
        "curves": curves,
        "digests": seen_digests(home),
        "structures": {view: structures_shown(home, view) for view in STRUCTURES},
    }
    write_text_if_changed(mine / CARD, f"card({json.dumps(card, sort_keys=True, separators=(',', ':'))});\n")
    return {
        "s": subject.key,
        "d": card["dataset"],
        "t": card["status"],
        "c": codes,
        "n": sum(row["level"] in ("review", "reject", "error") for row in subject.findings),
        "p": probabilities(subject.status).get("all"),
    }


def pictures_of(
    home: Path, mine: Path, roles: Mapping[str, int | None]
) -> tuple[list[Media], dict[str, Any], str]:
    """Pictures of a subject, drawn again only where what they show has changed; and why there are none.

    With them goes in which slices the network and observers differ.

    A subject that is not measured any more, since a reviewer rejected it, keeps the stills that it had.
    """
    shown = {"version": PICTURES_VERSION, "files": digests_of_images(home), "roles": dict(roles)}
    try:
        made = read_json(mine / MADE)
        media = [Media(**one) for one in made["media"]]
        files = [name for one in media for name in (one.file, one.plain) if name]
        unknown = not any(frame is not None for frame in roles.values())
        same = made["shown"] == (shown | {"roles": made["shown"]["roles"]} if unknown else shown)
        if same and all((mine / name).is_file() for name in files):
            return media, made["differences"], ""
    except (OSError, ValueError, KeyError, TypeError):
        pass
    for old in mine.glob("*.webp"):
        old.unlink()
    try:
        media = draw_subject(home, mine, roles)
        differences = slice_differences(home)
        media += draw_observer(home, mine, differences)
    except Exception as fault:
        if is_machine_fault(fault):
            raise
        return [], {}, "The pictures could not be drawn from the files in the store."
    record = {"shown": shown, "media": [asdict(one) for one in media], "differences": differences}
    write_text(mine / MADE, json.dumps(record, sort_keys=True) + "\n")
    return media, differences, ""


def digests_of_images(home: Path) -> dict[str, str]:
    """Digests of the images and label maps that pictures are made from, by their records."""
    stages = ("convert", "segment", "segmentation_quality")  # The last holds corrected label maps.
    records = [read_record(home, stage) for stage in stages]
    return {
        name: str(facts["sha256"]) for record in records if record for name, facts in record.outputs.items()
    }


def curves_of(home: Path, source: str) -> dict[str, Any]:
    """Volume curves of a source, with its frames of end-diastole and end-systole; empty without any."""
    try:
        return dict(read_json(home / "curves.json")[source])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        if is_machine_fault(fault):
            raise  # A page without curves and stills would count as made.
        return {}


def findings_in_words(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Findings as they are read: the gravest first, with the meaning of the code and the sentence."""
    order = {"error": 0, "reject": 1, "review": 2, "info": 3}
    return [
        {
            "code": row["code"],
            "level": row["level"],
            "view": row["view"],
            "words": finding_words(row["code"]),
            "message": in_print(row["message"]),
        }
        for row in sorted(rows, key=lambda row: order.get(row["level"], 9))
    ]


def measures_shown(subject: Subject) -> list[dict[str, Any]]:
    """Printed measures that have a value, rounded as in the report, with interval, healthy range and z."""
    shown, row, known = list[dict[str, Any]](), subject.measures, subject.numbers
    for measure in MEASURES:
        if measure.use is not Use.PRINTED or not row.get(measure.column):
            continue
        numbers = (row.get(f"{measure.column}{ending}") for ending in ("", "_low", "_high"))
        value, low, high = (f"{float(number):.{measure.digits}f}" if number else "" for number in numbers)
        found = subject.reference.compare(measure.column, known, subject.person)
        shown.append(
            {"label": measure.label, "unit": measure.unit, "value": value, "low": low, "high": high}
            | ({"range": found.words(measure.digits), "z": f"{found.z:+.1f}"} if found else {})
        )
    return shown


def reasons_of(voided: Iterable[Mapping[str, str]]) -> list[str]:
    """Why measures are not given, one sentence for each reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    labels = {measure.column: measure.label for measure in MEASURES if measure.use is Use.PRINTED}
    for row in voided:
        if row["measure"] in labels:
            by_reason[row["reason"]].append(labels[row["measure"]])
    return [f"{', '.join(names)}: not given, since {reason}." for reason, names in by_reason.items()]


def probabilities(status: Mapping[str, str]) -> dict[str, float]:
    """Probability of failure, of the whole (``all``) and of each structure, where the table has them."""
    found = {"all": status.get("failure_probability")}
    found |= {name.upper(): status.get(f"failure_probability_{name}") for name in ("lv", "myo", "rv")}
    return {name: float(text) for name, text in found.items() if text}
