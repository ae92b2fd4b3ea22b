"""Tables of experiments: mean (SD) of Dice by row, dataset and structure, and what the papers printed.

Below ``tables/``: ``{table}.csv`` (long, measured and published rows apart by the column ``origin``),
``{table}.md`` and ``{table}.svg``; and ``curves.csv`` with ``curves.svg`` of all rows.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.experiments.accuracy import (
    NOT_SEGMENTED,
    SEEN,
    WEIGHTS,
    compared_structures,
    folder_of_tests,
    record_of_test,
)
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.rows import fold_folders, read_curve, read_row
from cinecohort.files import read_json, replacing, write_text
from cinecohort.reporting.numbers import UNDEFINED, count, mean_sd, number
from cinecohort.segmentation.descriptions import ANY_SOURCE
from cinecohort.statistics import published_tables

MEASURED, PUBLISHED = "measured", "published"
STILL_RISING = 0.01
"""Gain of validation Dice over the last quarter of a training above which it is called unfinished."""

COLUMNS = ("origin", "row", "title", "trained_on", "dataset", "structure", "n", "n_seen",
           "n_not_segmented", "n_other_frames", "mean", "sd", "iterations", "recipe_iterations", "minutes",
           "last_quarter_gain", "paper", "paper_table")  # fmt: skip


def tables_folder(options: ExperimentOptions) -> Path:
    """Folder of tables, curves and their figures."""
    return options.results / "tables"


def table_of_test(options: ExperimentOptions, row: str, name: str) -> Path:
    """Return the path of a table that a test wrote.

    Raises
    ------
    UserError
        If it is not there, or was made with other weights than the row has now.
    """
    path, dataset = folder_of_tests(options, row) / name, name.split(".")[0]
    if not path.is_file():
        raise UserError(f"{path}: is missing; test row {row} on dataset {dataset} first.")
    record = record_of_test(options, row, dataset)
    if not record.is_file() or read_json(record)[WEIGHTS] != read_row(options, row)[WEIGHTS]:
        raise UserError(
            f"{path}: is not known to be of the weights that row {row} has now; test it on dataset {dataset} "
            "again."
        )
    return path


def read_tests(options: ExperimentOptions, rows: Sequence[str], datasets: Sequence[str]) -> pd.DataFrame:
    """Read the overlap of some rows on some datasets."""
    paths = [table_of_test(options, row, f"{dataset}.csv") for row in rows for dataset in datasets]
    return pd.concat([pd.read_csv(path, dtype={"subject": str}) for path in paths], ignore_index=True)


def count_fates(options: ExperimentOptions, row: str, dataset: str) -> dict[str, int]:
    """How many subjects of a test ended in which way."""
    table = pd.read_csv(table_of_test(options, row, f"{dataset}.subjects.csv"), dtype=str)
    return {str(status): int(n) for status, n in table["status"].value_counts().items()}


def read_curves(options: ExperimentOptions, rows: Sequence[str]) -> pd.DataFrame:
    """Read the curves of rows.

    Returns
    -------
    pandas.DataFrame
        ``row, title, fold, iteration, minutes, loss, mean_dice``; minutes are in proportion to iterations.
        A row whose weights were given has none.

    Raises
    ------
    UserError
        If a row is not trained.
    """
    points: list[dict[str, Any]] = []
    for row in rows:
        if options.rows[row].weights:
            continue
        read_row(options, row)
        for fold, folder in enumerate(fold_folders(options, row), start=1):
            curve = read_curve(folder)
            minutes = read_json(folder / "time.json")["seconds"] / 60
            for point in curve:
                part = int(point["iteration"]) / int(curve[-1]["iteration"])
                points.append(
                    {
                        "row": row,
                        "title": options.title_of(row),
                        "fold": fold,
                        "iteration": int(point["iteration"]),
                        "minutes": round(part * minutes, 3),
                        "loss": float(point["loss"]),
                        "mean_dice": float(point["mean_dice"]),
                    }
                )
    names = ["row", "title", "fold", "iteration", "minutes", "loss", "mean_dice"]
    return pd.DataFrame(points, columns=names)


def last_quarter_gain(curve: pd.DataFrame) -> float:
    """What validation Dice gained over about the last quarter of a training; NaN where it was not measured.

    Parameters
    ----------
    curve
        Points of one training, in order: ``iteration, mean_dice``.
    """
    known = curve.dropna(subset=["mean_dice"])
    if len(known) < 2:
        return float("nan")
    earlier = known[known["iteration"] <= 0.75 * known["iteration"].iloc[-1]]
    before = earlier if len(earlier) else known.iloc[:1]
    return float(known["mean_dice"].iloc[-1] - before["mean_dice"].iloc[-1])


def measured_rows(options: ExperimentOptions, table: str) -> pd.DataFrame:
    """Mean (SD, n - 1) of 3D Dice over subjects and frames; one line per row, dataset and structure."""
    wanted = options.tables[table]
    tests = read_tests(options, wanted.rows, wanted.datasets)
    curves = read_curves(options, wanted.rows)
    rows = []
    for name in wanted.rows:
        record = read_row(options, name)
        first = curves[(curves["row"] == name) & (curves["fold"] == 1)]
        about = {
            "origin": MEASURED,
            "row": name,
            "title": options.title_of(name),
            "trained_on": training_words(options, name, record),
            "iterations": record["iterations"],
            "recipe_iterations": record.get("recipe_iterations"),
            "minutes": record["minutes"],
            "last_quarter_gain": last_quarter_gain(first),
        }
        for dataset in wanted.datasets:
            fates = count_fates(options, name, dataset)
            here = tests[(tests["row"] == name) & (tests["dataset"] == dataset)]
            # The observer named no end-diastole and end-systole, so that all annotated frames were compared.
            other_frames = here.loc[here["phase"].isna(), "subject"].nunique()
            for structure in compared_structures(options, tests):
                part = here[here["structure"] == structure].dropna(subset=["dice"])
                rows.append(
                    {
                        **about,
                        "dataset": options.title_of_dataset(dataset),
                        "structure": structure,
                        "n": part["subject"].nunique(),
                        "n_seen": fates.get(SEEN, 0),
                        "n_not_segmented": fates.get(NOT_SEGMENTED, 0),
                        "n_other_frames": other_frames,
                        "mean": part["dice"].mean(),
                        "sd": part["dice"].std(ddof=1),
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def training_words(options: ExperimentOptions, row: str, record: dict[str, Any]) -> str:
    """What a row was trained on, in order, with the number of subjects of the last training."""
    start = options.rows[row].start_from
    names = [options.title_of_dataset(name) for name in options.rows[row].trained_on]
    sources = ["own data" if source == ANY_SOURCE else source for source in record["trained_on"]]
    words = f"{' + '.join(names or sources)} (n = {record['training_subjects']})"
    return f"{training_words(options, start, read_row(options, start))}, then {words}" if start else words


def published_rows(name: str, view: str) -> pd.DataFrame:
    """Dice of a published table in the same columns; the papers' networks were trained on UK Biobank.

    Pairs of human observers stand a line each, trained on nothing.
    """
    table = published_tables.load(name)
    table = table[(table["metric"] == "dice") & (table["view"] == view)]
    people = table["comparison"].isin(published_tables.OBSERVER_PAIRS)
    methods = table["method"].where(~people, table["method"] + ", " + table["comparison"])
    titles = [
        method if pd.isna(group) else f"{method}, {'fine-tuned: ' if by == 'fine_tuned' else ''}{group}"
        for method, by, group in zip(methods, table["group_by"], table["group"], strict=True)
    ]
    return pd.DataFrame(
        {
            "origin": PUBLISHED,
            "row": "",
            "title": titles,
            "trained_on": people.map({True: "", False: "UKBB"}),
            "dataset": table["dataset"],
            "structure": table["structure"],
            "n": table["n"],
            "mean": table["mean"],
            "sd": table["sd"],
            "paper": table["paper"],
            "paper_table": table["table"],
        },
        columns=list(COLUMNS),
    )


def make_table(options: ExperimentOptions, table: str) -> Path:
    """Write a table as CSV and Markdown, and its figure.

    Returns
    -------
    pathlib.Path
        The CSV.
    """
    from cinecohort.experiments.figures import draw_tests

    wanted = options.tables[table]
    rows = measured_rows(options, table)
    if wanted.published is not None:
        rows = pd.concat([rows, published_rows(wanted.published, options.view)], ignore_index=True)
    folder = tables_folder(options)
    path = folder / f"{table}.csv"
    with replacing(path) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.6g")
    write_text(folder / f"{table}.md", markdown(options, table, rows))
    tests = read_tests(options, wanted.rows, wanted.datasets)
    trained_on = [
        (row, dataset)
        for row in wanted.rows
        for dataset in wanted.datasets
        if set(count_fates(options, row, dataset)) == {SEEN}
    ]
    draw_tests(options, table, tests, trained_on, folder / f"{table}.svg")
    return path


def exceptions(rows: pd.DataFrame) -> list[str]:
    """Sentences on the tested subjects that are in no mean, and on those with other frames than ED and ES."""
    measured = rows[rows["origin"] == MEASURED]
    lines = measured.drop_duplicates(["row", "dataset"])
    failed = [
        f"{title} on {dataset} {number:.0f}"
        for title, dataset, number in lines[["title", "dataset", "n_not_segmented"]].to_numpy()
        if number > 0
    ]
    # The observer decides which these are: rows differ only where they saw some in training.
    others = lines.groupby("dataset", sort=False)["n_other_frames"].max()
    pooled = [f"{dataset} {number:.0f}" for dataset, number in others.items() if number > 0]
    sentences = []
    if failed:
        sentences.append(
            f"Subjects that could not be segmented, which are in no mean: {', '.join(failed)} (see the "
            "lists of subjects beside the tests)."
        )
    if pooled:
        sentences.append(
            "Subjects whose labels do not name both end-diastole and end-systole, so that other annotated "
            f"frames are in the means: {', '.join(pooled)}."
        )
    return sentences


def make_curves(options: ExperimentOptions) -> Path:
    """Write the curves of all rows as CSV and as a figure; return the CSV."""
    from cinecohort.experiments.figures import draw_curves

    curves = read_curves(options, list(options.rows))
    path = tables_folder(options) / "curves.csv"
    with replacing(path) as temporary:
        curves.to_csv(temporary, index=False, float_format="%.6g")
    draw_curves(curves, path.with_suffix(".svg"))
    return path


def markdown(options: ExperimentOptions, table: str, rows: pd.DataFrame) -> str:
    """A table for people: one line per row and dataset, the published ones below, marked."""
    structures = compared_structures(options, rows)
    head = ["", "trained on", "tested on", "n", *structures]
    head += ["iterations (recipe)", "minutes", "last quarter"]
    lines = [f"# {options.tables[table].title or table}", "", caption(options, table, rows), ""]
    lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for origin in (MEASURED, PUBLISHED):
        part = rows[rows["origin"] == origin]
        for _, here in part.groupby(["row", "title", "dataset"], sort=False):
            lines.append(f"| {' | '.join(line_cells(here, structures))} |")
    return "\n".join(lines) + "\n"


def line_cells(here: pd.DataFrame, structures: Sequence[str]) -> list[str]:
    """Cells of a line of the Markdown table."""
    first = here.iloc[0]
    by_structure = here.set_index("structure")
    dice = [
        mean_sd(by_structure.loc[name, "mean"], by_structure.loc[name, "sd"], 3)
        if name in by_structure.index
        else UNDEFINED
        for name in structures
    ]
    if first["origin"] == PUBLISHED:
        mark = f"*published* ({first['paper']}, {first['paper_table']}): {first['title']}"
        return [
            mark,
            first["trained_on"] or UNDEFINED,
            first["dataset"],
            count(first["n"]),
            *dice,
            *[UNDEFINED] * 3,
        ]
    if not here["n"].any() and first["n_seen"]:
        dice = ["trained on"] * len(structures)
    iterations = count(first["iterations"])
    if pd.notna(first["recipe_iterations"]):
        iterations += f" ({count(first['recipe_iterations'])})"
    minutes = number(first["minutes"], 1)
    cells = [first["title"], first["trained_on"], first["dataset"], count(here["n"].max()), *dice]
    return [*cells, iterations, minutes, convergence_words(first["last_quarter_gain"])]


def convergence_words(gain: float) -> str:
    """Whether a training had come to rest, by what its last quarter still gained."""
    if pd.isna(gain):
        return UNDEFINED
    return f"no, {gain:+.3f}" if gain > STILL_RISING else f"{gain:+.3f}"


def caption(options: ExperimentOptions, table: str, rows: pd.DataFrame) -> str:
    """What has to be known to read a table, whose rows are given."""
    wanted = options.tables[table]
    minutes = sorted({options.budget_of(row) or 0.0 for row in wanted.rows if not options.rows[row].weights})
    length = " and ".join(f"{item:g}" for item in minutes if item)
    parts = [
        "3D Dice at end-diastole and end-systole, mean (SD) over subjects and frames; n: subjects, none of "
        "which the row's training saw.",
        *exceptions(rows),
        "Segmentations of whole images, cleaned up as in the workflow (largest component, holes), all rows "
        "alike."
        if options.clean_up
        else "Segmentations as the network leaves them.",
    ]
    shorter = " (fine-tuning the shorter)" if len(minutes) > 1 else ""
    if length:
        trained = [row for row in wanted.rows if not options.rows[row].weights]
        by_wall = {read_row(options, row)["clock"] for row in trained} == {"wall"}
        unit = "minutes" if by_wall else "processor minutes"
        parts.append(
            f"Each row got as many iterations as were expected to take {length} {unit}{shorter} by a timing "
            "beforehand, whatever its recipe asks for; the last column is what the validation Dice still "
            f"gained in the last quarter of the training: above {STILL_RISING:g} it had not converged, and "
            "near 0 with a low Dice it had hardly begun (see the curves)."
        )
    if any(options.rows[row].weights for row in wanted.rows):
        parts.append(
            "Rows without minutes are weights that existed already, trained as their model cards say."
        )
    if wanted.published:
        parts.append("Published figures are of networks trained on UK Biobank: other data, full training.")
    return " ".join(parts)
