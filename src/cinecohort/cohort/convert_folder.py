"""Converting every subject of a folder, outside the workflow."""

import sys
from collections import Counter
from pathlib import Path

from cinecohort.cohort.runner import outcome_of
from cinecohort.cohort.versions import VERSIONS
from cinecohort.conversion.options import ConversionOptions
from cinecohort.findings import Level, Outcome
from cinecohort.sources.base import RawSubject, Source, passed_over
from cinecohort.sources.detect import open_detected
from cinecohort.store import write_record


def convert_all(
    source: Path,
    destination: Path,
    layout: str,
    annotations: Path | None,
    options: ConversionOptions | None = None,
) -> Counter[str]:
    """Convert every subject into ``destination/<subject>/``, each with its record ``convert.json``.

    Returns
    -------
    collections.Counter
        Subjects by status.
    """
    options = options or ConversionOptions()
    opened = open_detected(source, layout, annotations)
    counts: Counter[str] = Counter()
    subjects = opened.subjects()
    if line := passed_over(opened):
        print(line, file=sys.stderr)
    for subject in subjects:
        folder = destination / subject.key
        folder.mkdir(parents=True, exist_ok=True)
        outcome = convert_one(opened, subject, folder, options)
        write_record(folder, "convert", VERSIONS["convert"], "", outcome)
        counts[str(outcome.status)] += 1
        print(f"{subject.key}: {sentence_of(outcome)}", flush=True)
    return counts


def convert_one(opened: Source, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
    """Convert one subject; an unexpected fault of its data becomes its status and stops nobody else.

    Raises
    ------
    MemoryError, OSError
        What the machine is to blame for: no memory, a full or broken disk.
    """
    try:
        return opened.convert(subject, folder, options)
    except Exception as fault:
        return outcome_of(fault, "convert", subject.key)


def sentence_of(outcome: Outcome) -> str:
    """Status, views, the gravest finding, and how many more of those that matter are in the record."""
    grave = [
        finding
        for level in (Level.ERROR, Level.REJECT, Level.REVIEW)
        for finding in outcome.findings
        if finding.level is level
    ]
    words = f"{outcome.status}; {outcome.values.get('views') or 'no view'}"
    if not grave:
        return words
    more = f" ({len(grave) - 1} more in convert.json)" if len(grave) > 1 else ""
    return f"{words}; {grave[0].code}: {grave[0].message}{more}"
