"""Converting every subject of a folder, outside the workflow."""

import sys
from collections import Counter
from functools import partial
from pathlib import Path

from cinecohort.cohort.versions import VERSIONS
from cinecohort.cohort.workers import Died, results_of
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
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

    Raises
    ------
    UserError
        After all others were converted, if the machine was to blame for what some subjects met.
    """
    opened = open_detected(source, layout, annotations)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    subjects = opened.subjects()
    if line := passed_over(opened):
        print(line, file=sys.stderr)
    if options is None:
        options = ConversionOptions(required_views=getattr(opened, "required_views", ("sa",)))
    work = partial(convert_guarded, opened, options)
    items = [(subject, destination / subject.key) for subject in subjects]
    for place, result in results_of(work, items, 1):
        key, folder = subjects[place].key, items[place][1]
        try:
            if isinstance(result, BaseException) and not isinstance(result, Died):
                raise result
            outcome: Outcome = _died(key) if isinstance(result, Died) else result
            write_record(folder, "convert", VERSIONS["convert"], "", outcome)
        except Exception as fault:
            faults.append(f"{key} ({type(fault).__name__}: {fault})")
            continue
        counts[str(outcome.status)] += 1
        print(f"{key}: {sentence_of(outcome)}", flush=True)
        if outcome.traceback:
            print(outcome.traceback, file=sys.stderr)
    if faults:
        raise UserError(
            f"{len(faults)} of {len(subjects)} subjects met a fault of the machine, not of the data: "
            f"{faults[0]}. The others are converted; see to the machine and convert again."
        )
    return counts


def convert_guarded(opened: Source, options: ConversionOptions, subject: RawSubject, folder: Path) -> Outcome:
    """Convert one subject; an unexpected fault of its data becomes its status.

    Raises
    ------
    MemoryError, OSError
        What the machine is to blame for.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return opened.convert(subject, folder, options)
    except Exception as fault:
        from cinecohort.cohort.runner import outcome_of  # it imports pandas, which conversion does not need

        return outcome_of(fault, "convert", subject.key)


def _died(key: str) -> Outcome:
    from cinecohort.cohort.runner import died

    return died(key, "convert")


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
