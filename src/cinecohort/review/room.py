"""The review room of a cohort: one page that works from a disk, without a server or a network."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from cinecohort.catalogue.findings import finding_words
from cinecohort.files import write_text
from cinecohort.review.cards import subjects_shown, write_cards
from cinecohort.review.options import ReviewOptions


def make_room(
    results: Path,
    options: ReviewOptions,
    title: str,
    synthetic: bool,
    judged: Iterable[str] = (),
    threads: int = 1,
) -> None:
    """Write ``results/review/``: the page, and a folder of each subject that is shown.

    Parameters
    ----------
    results
        The results folder, with the cohort's tables and the store.
    options
        Who is shown.
    title, synthetic
        Title of the run, and whether its data are made up.
    judged
        Subjects that have a verdict already.
    threads
        Processes that draw.
    """
    room = results / "review"
    subjects = subjects_shown(results / "cohort", options, judged)
    listed = write_cards(subjects, results / "subjects", room, threads)
    write_page(room / "index.html", listed, title, synthetic)


def write_page(path: Path, subjects: Sequence[Mapping[str, Any]], title: str, synthetic: bool) -> None:
    """Write the page with its list of subjects; see :func:`cinecohort.review.cards.write_cards`."""
    codes = sorted({code for subject in subjects for code in subject["c"]})
    room = {
        "title": title,
        "synthetic": synthetic,
        "subjects": list(subjects),
        "words": {code: finding_words(code) for code in codes},
    }
    page = files("cinecohort.review") / "page"
    text = (page / "index.html").read_text(encoding="utf-8")
    # "</" would end the script that the list stands in.
    parts = {
        "STYLE": (page / "room.css").read_text(encoding="utf-8"),
        "ROOM": json.dumps(room, sort_keys=True, separators=(",", ":")).replace("</", "<\\/"),
        "SCRIPT": (page / "room.js").read_text(encoding="utf-8"),
    }
    for name, part in parts.items():
        text = text.replace(f"/*{name}*/", part)
    write_text(path, text)
