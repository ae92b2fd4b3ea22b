"""Everything that can be known before a run: configuration, tables, files, machine, all problems at once.

``cinecohort check`` prints what is found here; the workflow refuses to start where something stops it.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.cohort.import_tables import read_measures_of
from cinecohort.cohort.index import list_subjects, subject_key
from cinecohort.cohort.participant_checks import ParticipantsTable
from cinecohort.cohort.participant_tables import load_participants
from cinecohort.cohort.participants import join_participants, participants_of_source
from cinecohort.cohort.preflight_models import check_models, files_of_models
from cinecohort.cohort.preflight_studies import Known, check_studies
from cinecohort.cohort.problems import Problem, sentences
from cinecohort.cohort.settings import observers_named
from cinecohort.cohort.withdrawals import withdrawn_ids
from cinecohort.config import Config, DatasetOptions
from cinecohort.errors import UserError
from cinecohort.files import digest_json, to_json, write_text
from cinecohort.ledger.plausibility import LIMITS
from cinecohort.measures.reference_ranges import read_ranges
from cinecohort.model_sets import model_sets
from cinecohort.options import parse_leniently
from cinecohort.review.blinding import read_assessments
from cinecohort.review.corrections import check_names
from cinecohort.review.verdicts import read_verdicts
from cinecohort.sources.column_options import column_options
from cinecohort.sources.table_options import TablesOptions

BYTES_OF_AN_IMAGE = 0.6
"""Share of its raw files that a converted, compressed image takes."""


def check_values(values: Mapping[str, Any]) -> list[Problem]:
    """Check the values of a configuration file.

    Where they hold mistakes, these are reported, and the rest is checked without them.
    """
    config, mistakes = parse_leniently(values, Config)
    problems = [Problem(place, sentence) for place, sentence in mistakes]
    return problems if config is None else problems + check_config(config)


def check_config(config: Config) -> list[Problem]:
    """Check what a configuration names: folders, tables, weights, columns of studies, the machine."""
    problems: list[Problem] = []
    people, measures, index = [], None, []
    for name, options in config.datasets.items():
        place = f"datasets.{name}"
        problems += _files(place, options)
        if options.source == "tables":
            continue
        rows = _listed(config, name, problems)
        index += rows
        people.append(_participants(name, options, pd.DataFrame(rows, columns=_KEYS, dtype=str), problems))
    if config.from_tables:
        measures, people = _tables(config, problems)
    problems += check_models(config)
    problems += sentences("review.verdicts", partial(read_verdicts, config.review.verdicts))
    problems += sentences("review.assessments", partial(read_assessments, config.review.assessments))
    # Where a dataset cannot be listed, nobody knows whose a file is.
    listed = {row["dataset"] for row in index} == set(config.datasets)
    named = {row["subject"] for row in index}
    if listed:
        problems += sentences("review.corrections", partial(check_names, config.review.corrections, named))
    problems += list(_reference_ranges(config))
    problems += list(_room(config, index))
    known = [table for table in people if table is not None]
    everyone = pd.concat(known, ignore_index=True) if known and len(known) == len(people) else None
    doubted = _doubted(config, problems)
    problems += check_studies(config, Known(everyone, measures, _sources(config, measures), doubted))
    return list(dict.fromkeys(problems))


_KEYS = ["subject", "dataset", "id", "participant", "visit"]


def _files(place: str, options: DatasetOptions) -> Iterator[Problem]:
    """Whether the files and folders that a dataset names are there and can be read."""
    for key in ("path", "annotations", "participants", "withdrawals"):
        path: Path | None = getattr(options, key)
        if path is None:
            continue
        wanted = path.is_dir() if key in ("path", "annotations") else path.is_file()
        if not wanted:
            unset = " (the variable is not set)" if "$" in str(path) else ""
            kind = "folder" if key in ("path", "annotations") else "file"
            yield Problem(f"{place}.{key}", f"{path}: there is no such {kind}{unset}.")
        elif key == "withdrawals":
            yield from sentences(f"{place}.{key}", partial(withdrawn_ids, path))


def _listed(config: Config, name: str, problems: list[Problem]) -> list[dict[str, str]]:
    """Rows of the index of one dataset; empty where it cannot be listed."""
    options = config.datasets[name]
    if not options.path.is_dir() or (options.withdrawals and not options.withdrawals.is_file()):
        return []
    alone = config.model_copy(update={"datasets": {name: options}})
    try:
        rows, _ = list_subjects(alone)
    except UserError as error:
        problems.append(Problem(f"datasets.{name}", str(error)))
        return []
    if not rows:
        problems.append(
            Problem(
                f"datasets.{name}.path", f"{options.path}: no subject is there; check `path` and `source`."
            )
        )
    for row in rows:
        row["subject"] = subject_key(name, row["id"], config.datasets)
    return rows


def _participants(
    name: str, options: DatasetOptions, rows: pd.DataFrame, problems: list[Problem]
) -> pd.DataFrame | None:
    """Participants of a dataset; None where nothing can be said of them."""
    place = f"datasets.{name}.participants"
    if options.participants is None:
        place = f"datasets.{name}.path"
        try:
            of_source = participants_of_source(options) if options.path.is_dir() else None
        except UserError as error:
            problems.append(Problem(place, str(error)))
            return None
        if of_source is None:
            return rows
        problems += _problems_of(of_source, place)
        return join_participants(rows, of_source.table, name, options)[0]
    if not options.participants.is_file():
        return None
    wanted = {*rows["id"], *rows["participant"], *rows["subject"]} if len(rows) else None
    visits = sorted(set(rows["visit"]) - {""})
    try:
        known = load_participants(options.participants, options.columns, wanted, visits)
    except UserError as error:
        problems.append(Problem(place, str(error)))
        return None
    problems += _problems_of(known, place)
    keys = {"subject", "participant"} & set(known.table.columns)
    if rows.empty or not keys:
        return known.table
    try:
        joined, found = join_participants(rows, known.table, name, options)
    except UserError as error:
        problems.append(Problem(place, str(error)))
        return None
    if found < len(rows):
        sentence = f"{found:,} of {len(rows):,} subjects are in {options.participants}."
        problems.append(Problem(place, sentence, stops=False))
    return joined


def _problems_of(known: ParticipantsTable, place: str) -> list[Problem]:
    """Mistakes and notes of a table of participants, under one setting."""
    mistakes = [Problem(place, sentence) for sentence in known.mistakes]
    return mistakes + [Problem(place, sentence, stops=False) for sentence in known.notes]


def _tables(config: Config, problems: list[Problem]) -> tuple[pd.DataFrame | None, list[pd.DataFrame | None]]:
    """Measures of datasets of tables, and their participants."""
    tables: list[pd.DataFrame] = []
    people: list[pd.DataFrame | None] = []
    for name, options in config.datasets.items():
        try:
            measures, _, odd, notes = read_measures_of({name: options})
        except UserError as error:
            problems += [
                Problem(f"datasets.{name}.settings", line.strip()) for line in str(error).split("\n")
            ]
            rows = pd.DataFrame(columns=_KEYS, dtype=str)
        else:
            tables.append(measures)
            rows = measures.drop_duplicates("subject")[_KEYS]
            notes += _nobody_shared(measures)
            problems += [Problem(f"datasets.{name}.settings", note, stops=False) for note in notes]
            doubted = [finding.message for listed in odd.values() for finding in listed]
            if doubted:
                sentence = f"{len(doubted):,} measures are not believed, such as: {doubted[0]}."
                problems.append(Problem(f"datasets.{name}.settings", sentence, stops=False))
        people.append(_participants(name, options, rows, problems))
    return (pd.concat(tables, ignore_index=True) if len(tables) == len(config.datasets) else None), people


def _doubted(config: Config, problems: Sequence[Problem]) -> set[str]:
    """Columns of participants of which a mistake was reported already: their values say nothing."""
    reported = [p.sentence for p in problems if p.stops and p.place.endswith(".participants")]
    names = {name: [name] for name in LIMITS}
    for options in config.datasets.values():
        for ours, given in options.columns.items():
            theirs = column_options(given).column
            names[ours] = [ours, *([theirs] if isinstance(theirs, str) else theirs)]
    names.setdefault("sex", ["sex"])
    doubted = {
        ours for ours, listed in names.items() if any(name in text for name in listed for text in reported)
    }
    return doubted | ({"bmi"} if doubted & {"height_cm", "weight_kg"} else set())


def _nobody_shared(measures: pd.DataFrame) -> list[str]:
    """Pairs of tables that hold no subject in common, so that nothing can be compared."""
    by_source = measures.groupby("source", sort=False)["subject"]
    subjects = {str(source): set(rows) for source, rows in by_source}
    return [
        f"{first} and {second} share no subject, such as {min(subjects[first])!r} and "
        f"{min(subjects[second])!r}: nothing can be compared."
        for first, second in combinations(subjects, 2)
        if subjects[first].isdisjoint(subjects[second])
    ]


def _sources(config: Config, measures: pd.DataFrame | None) -> set[str]:
    """Names under which measures will stand, as far as they are known."""
    if measures is not None:
        return set(measures["source"])
    models: dict[str, list[str]] = {
        view: [model.name for model in listed] for view, listed in config.models.items()
    }
    return {each.name for each in model_sets(models)} | observers_named(config)


def _reference_ranges(config: Config) -> Iterator[Problem]:
    """Whether the user's table of reference ranges can be used, and what there is to say of it."""
    place, path = "reference_ranges", config.reference_ranges.table
    if path is None:
        return
    try:
        notes = read_ranges(path)[1]
    except UserError as error:
        yield from (Problem(place, line) for line in str(error).split("\n"))
    else:
        yield from (Problem(place, note, stops=False) for note in notes)


def _room(config: Config, index: list[dict[str, str]]) -> Iterator[Problem]:
    """Room on the disk."""
    folder = config.results.absolute()
    while not folder.exists():
        folder = folder.parent
    stored = {path.parent.name for path in (config.results / "subjects").glob("*/convert.json")}
    need = BYTES_OF_AN_IMAGE * sum(int(row["n_bytes"]) for row in index if row["subject"] not in stored)
    free = shutil.disk_usage(folder).free
    if need > free:
        yield Problem(
            "results",
            f"{config.results}: {need / 1e9:.1f} GB are needed for the images, and {free / 1e9:.1f} GB "
            "are free.",
        )


def checked_before(config: Config) -> bool:
    """Whether this configuration and its tables were checked already and nothing stopped them."""
    path = _mark(config)
    return path.is_file() and path.read_text(encoding="utf-8") == to_json(_fingerprint(config))


def note_checked(config: Config) -> None:
    """Remember that nothing stops this configuration with its tables as they are."""
    write_text(_mark(config), to_json(_fingerprint(config)))


def _mark(config: Config) -> Path:
    return config.results / "index" / "checked.json"


def _fingerprint(config: Config) -> dict[str, str]:
    tables = [path for o in config.datasets.values() for path in (o.participants, o.withdrawals) if path]
    tables += [config.reference_ranges.table] if config.reference_ranges.table else []
    tables += [
        options.path / file.path
        for options in config.datasets.values()
        if isinstance(options.settings, TablesOptions)
        for source in options.settings.tables.values()
        for file in source.files
    ]
    tables += list(files_of_models(config))
    states = {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in tables if path.is_file()}
    return {"configuration": digest_json(json.loads(config.model_dump_json())), "tables": digest_json(states)}


def check_before_run(values: Mapping[str, Any], main_process: bool) -> list[str]:
    """Refuse a configuration that something stops, and return what else is to be reported.

    The workflow calls it. In jobs, and where configuration and tables were found right before, nothing is
    looked at again.

    Raises
    ------
    UserError
        With every problem and its place.
    """
    if not main_process:
        return []
    config, mistakes = parse_leniently(values, Config)
    if config is not None and not mistakes and checked_before(config):
        return []
    problems = [Problem(place, sentence) for place, sentence in mistakes]
    problems += check_config(config) if config is not None else []
    stopping = [problem.line() for problem in problems if problem.stops]
    if stopping:
        plural = "mistake" if len(stopping) == 1 else "mistakes"
        raise UserError("\n".join([f"configuration has {len(stopping)} {plural}:", *stopping]))
    return [problem.line() for problem in problems]
