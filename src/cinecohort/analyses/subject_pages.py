"""One page per subject of a cohort, as ``cinecohort study`` makes it for one patient."""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

from cinecohort.analyses.patient_calibration import by_structure
from cinecohort.errors import is_machine_fault
from cinecohort.files import digest_json, read_json, write_json
from cinecohort.findings import Finding, Level, in_print
from cinecohort.ledger.rows import write_rows
from cinecohort.reporting.patient import PatientPage, make_patient_page, unvalidated_words
from cinecohort.review.cards import Subject, digests_of_images, subjects_shown
from cinecohort.review.options import ReviewOptions

COLUMNS = ("subject", "page", "reason")
MADE = ".made.json"


def make_pages(
    results: Path, which: Literal["flagged", "all"], synthetic: bool, version: int, threads: int = 1
) -> None:
    """Write ``results/pages/{subject}.pdf``, and ``pages.tsv`` that lists them.

    Parameters
    ----------
    results
        The results folder, with the cohort's tables and the store.
    which
        Subjects that are flagged, excluded or in error, or all.
    synthetic
        Whether the data are made up.
    version
        Of the page: another one makes all pages again.
    threads
        Processes.
    """
    folder = results / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    subjects = subjects_shown(results / "cohort", ReviewOptions(room=which))
    for old in {path.stem for path in folder.glob("*.pdf")} - {subject.key for subject in subjects}:
        (folder / f"{old}.pdf").unlink()
    try:
        made: dict[str, str] = dict(read_json(folder / MADE))
    except (OSError, ValueError, TypeError):
        made = {}
    work = partial(
        _page,
        store=results / "subjects",
        folder=folder,
        made=made,
        synthetic=synthetic,
        version=version,
    )
    if threads > 1 and len(subjects) > 1:
        with ProcessPoolExecutor(min(threads, len(subjects))) as pool:
            pages = list(pool.map(work, subjects, chunksize=4))
    else:
        pages = [work(subject) for subject in subjects]
    write_json(folder / MADE, {row["subject"]: row.pop("digest") for row in pages})
    write_rows(folder / "pages.tsv", pages, COLUMNS)


def _page(
    subject: Subject,
    store: Path,
    folder: Path,
    made: Mapping[str, str],
    synthetic: bool,
    version: int,
) -> dict[str, str]:
    """Make a subject's page, unless it is there and nothing that it shows has changed."""
    home, output = store / subject.key, folder / f"{subject.key}.pdf"
    row = {"subject": subject.key, "page": output.name, "reason": ""}
    if not (home / "sa.nii.gz").is_file():
        output.unlink(missing_ok=True)
        return {**row, "page": "", "reason": "there is no short-axis image", "digest": ""}
    files = digests_of_images(home)
    ranges = subject.reference.model_dump(mode="json")
    facts = [
        subject.measures,
        subject.findings,
        subject.voided,
        files,
        synthetic,
        version,
        subject.person,
        ranges,
        by_structure(subject.status),
    ]
    digest = digest_json(facts)
    if made.get(subject.key) == digest and output.is_file():
        return {**row, "digest": digest}
    try:
        make_patient_page(page_of(subject, home, synthetic), output)
    except Exception as fault:
        if is_machine_fault(fault):
            raise
        output.unlink(missing_ok=True)
        reason = "the page could not be made from the files in the store"
        return {**row, "page": "", "reason": reason, "digest": ""}
    return {**row, "digest": digest}


def page_of(subject: Subject, home: Path, synthetic: bool) -> PatientPage:
    """What is printed of a subject, from the cohort's tables."""
    listed = [
        Finding(row["code"], Level(row["level"]), row["message"], row["view"] or None)  # type: ignore[arg-type]
        for row in subject.findings
    ]
    unvalidated = subject.measures.get("unvalidated") or ""
    warnings = unvalidated_words([view for view in unvalidated.split(",") if view])
    if corrected := subject.measures.get("corrected"):
        warnings.append(f"Measured on a label map that a person corrected: {corrected}.")
    status = subject.status
    if status["status"] != "ok":
        warnings.append(f"{status['status'].capitalize()}: {in_print(status['reason'])}.")
    return PatientPage(
        subject.key,
        home,
        subject.numbers | {"models": subject.measures.get("models", "")},
        listed,
        subject.measures.get("source", ""),
        warnings,
        synthetic,
        subject.person,
        subject.reference,
        {row["measure"]: row["reason"] for row in subject.voided},
        by_structure(subject.status),
    )
