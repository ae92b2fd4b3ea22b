"""Tables of the agreement of measures: differences, limits of agreement, correlation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cinecohort.catalogue.measures import COMPARED, measure_digits
from cinecohort.reporting import published
from cinecohort.reporting.document import Block, Citation, Column, Inline, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    ci,
    count,
    interval,
    is_defined,
    mean_sd,
    number,
    p_value,
    quantity,
    signed,
    with_n,
)
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.vocabulary import named_measure

FEWEST_CORRELATED = 4
"""Pairs below which no correlation is printed: its interval does not exist."""
FAILED_WORDS = (
    "Failed: subjects of whom the measure is not given since a label map lost its structure "
    "(cohort/voided.tsv); they are in the tables of overlap. "
)


@dataclass(frozen=True)
class Comparison:
    """What was compared with what; ``frames`` is ``own`` or the observer whose frames were measured.

    ``titled`` says whether its title names the frames, which goes without saying where all are the own ones.
    """

    folder: str
    kind: str
    first: str
    second: str
    frames: str
    primary: bool
    n: int
    titled: bool = True

    @classmethod
    def of(cls, row: Row) -> "Comparison":
        """Make it from a row of ``comparisons.csv``."""
        return cls(
            folder=str(row["folder"]),
            kind=str(row["kind"]),
            first=str(row["first"]),
            second=str(row["second"]),
            frames=str(row["frames"]),
            primary=str(row["primary"]).lower() == "true",
            n=int(row["n"]),
        )

    @property
    def human(self) -> bool:
        """Whether both are observers."""
        return self.kind == "observer-observer"

    @property
    def title(self) -> str:
        """Name for a column."""
        if self.kind != "automatic-observer" or not self.titled:
            return f"{self.first} vs {self.second}"
        whose = "own frames" if self.frames == "own" else f"frames of {self.frames}"
        return f"{self.first} vs {self.second}, {whose}"


def measure_name(column: str, human: bool, unit: bool = True) -> str:
    """Printed name of a measure; where no automatic value is compared it names no view."""
    name = named_measure(column, unit)
    return str(name) if human else name


@dataclass(frozen=True)
class AgreementTables:
    """What the agreement stage wrote.

    Parameters
    ----------
    comparisons
        What was compared with what, over all datasets together.
    differences, limits, correlation
        Rows of all comparisons, distinguished by ``folder``; those of one dataset name it.
    confidence
        Of their intervals.
    """

    comparisons: list[Comparison]
    differences: pd.DataFrame
    limits: pd.DataFrame
    correlation: pd.DataFrame
    confidence: float

    def printed(self, fewest: int) -> "AgreementTables":
        """Return those of the comparisons of so many subjects."""
        return replace(self, comparisons=[one for one in self.comparisons if one.n >= fewest])

    @staticmethod
    def of(table: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
        """Rows of a comparison."""
        return table[table["folder"] == comparison.folder]


def difference_table(
    tables: AgreementTables,
    comparisons: Sequence[Comparison],
    label: str,
    caption: str,
    theirs: published.Published | None = None,
) -> list[Block]:
    """Absolute and relative differences (Bai 2018, Tables 5 and 9); one column per comparison.

    Without published figures only the absolute ones; the relative ones are in the results folder.
    """
    cells = [rows_by(tables.of(tables.differences, comparison), "measure") for comparison in comparisons]
    measures = [name for name in COMPARED if any(has_difference(known.get(name)) for known in cells)]
    if not measures:
        return []
    kinds = {"absolute": "Absolute difference |A − B|", "relative": "Relative difference 100 |A − B| / B (%)"}
    if theirs is None:
        kinds.pop("relative")
    theirs = theirs or published.NOTHING
    human = all(comparison.human for comparison in comparisons)
    rows: list[list[str] | str] = []
    marks = NoteMarks()
    for kind, heading in kinds.items():
        rows.append(heading)
        for measure in measures:
            row = [measure_name(measure, human, unit=kind == "absolute")]
            for comparison, known in zip(comparisons, cells, strict=True):
                row.append(difference_cell(known.get(measure), measure, kind, comparison.n, marks))
            row += [theirs.cell(kind, measure, column) for column, _ in theirs.columns]
            rows.append(row)
    notes: list[Inline] = [marks.note()]
    if theirs.columns:
        notes += ["Published figures: Tables 5 and 9 of Bai et al.", Citation(("bai2018",)), ", UK Biobank."]
    spans = [("", 1), ("This cohort", len(comparisons)), ("Published, Bai et al. 2018", len(theirs.columns))]
    return [
        Table(
            label,
            f"Differences between measures{caption}: mean (SD) over subjects.",
            [
                Column("Measure", "left"),
                *(Column(with_n(comparison.title, comparison.n)) for comparison in comparisons),
                *(Column(title) for _, title in theirs.columns),
            ],
            rows,
            spans=spans if theirs.columns else (),
            notes=notes,
            published_columns=len(theirs.columns),
        )
    ]


def has_difference(row: Row | None) -> bool:
    """Say whether a difference is known."""
    return row is not None and is_defined(row["absolute_mean"])


def difference_cell(row: Row | None, measure: str, kind: str, total: int, marks: NoteMarks) -> str:
    """Mean (SD) of a difference, marked where its n is not the comparison's."""
    if row is None:
        return UNDEFINED
    if kind == "absolute":
        n = row["n"]
        text = mean_sd(row["absolute_mean"], row["absolute_sd"], measure_digits(measure))
    else:
        n = row.get("n_relative", row["n"])
        text = mean_sd(row["relative_mean_pct"], row["relative_sd_pct"], 1)
    return marks.with_n(text, n, total)


def dataset_differences(tables: AgreementTables, main: list[Comparison]) -> list[Block]:
    """Absolute differences of the primary comparison in each dataset, where there are several."""
    automatic = next((one for one in main if one.kind == "automatic-observer"), None)
    single = tables.differences[tables.differences["dataset"] != ""]
    if automatic is None or single.empty:
        return []
    chosen = single[
        (single["first"] == automatic.first)
        & (single["second"] == automatic.second)
        & (single["frames"] == automatic.frames)
    ]
    cells = {str(name): rows_by(part, "measure") for name, part in chosen.groupby("dataset", sort=False)}
    if len(cells) < 2:
        return []
    sizes = {name: max(int(row["n"]) for row in known.values()) for name, known in cells.items()}
    measures = [n for n in COMPARED if any(has_difference(known.get(n)) for known in cells.values())]
    marks = NoteMarks()
    rows: list[list[str] | str] = [
        [
            named_measure(measure),
            *(
                difference_cell(known.get(measure), measure, "absolute", sizes[name], marks)
                for name, known in cells.items()
            ),
        ]
        for measure in measures
    ]
    return [
        Table(
            "tab-differences-dataset",
            f"Absolute differences of {automatic.title} by dataset: mean (SD).",
            [Column("Measure", "left"), *(Column(with_n(name, sizes[name])) for name in cells)],
            rows,
            notes=marks.note(),
        )
    ]


def limits_table(tables: AgreementTables, comparisons: list[Comparison]) -> list[Block]:
    """Bias and limits of agreement with their intervals, with and without outliers."""
    rows: list[list[str] | str] = []
    failed = has_failed(tables, comparisons)
    for comparison in comparisons:
        known = rows_by(tables.of(tables.limits, comparison), "measure", "outliers")
        measures = [name for name in COMPARED if is_defined(known.get((name, "kept"), {}).get("bias"))]
        rows += [comparison.title] if measures else []
        for measure in measures:
            name = measure_name(measure, comparison.human)
            rows.append(limits_row(name, measure, known[measure, "kept"], failed))
            without = known.get((measure, "removed"), {})
            if is_defined(without.get("n_removed")) and without["n_removed"] > 0:
                words = f"    without {quantity(int(without['n_removed']), 'outlier')}"
                rows.append(limits_row(words, measure, without, failed))
    if not rows:
        return []
    return [
        Table(
            "tab-limits",
            f"Bias and limits of agreement, with exact {100 * tables.confidence:g} % confidence intervals.",
            [
                Column("Measure", "left"),
                Column("n"),
                *([Column("Failed")] if failed else []),
                Column(f"Bias ({ci(tables.confidence)})"),
                Column("SD"),
                Column(f"Lower limit ({ci(tables.confidence)})"),
                Column(f"Upper limit ({ci(tables.confidence)})"),
                Column("Trend p"),
            ],
            rows,
            notes=(FAILED_WORDS if failed else "")
            + "Rows without outliers follow only where pairs were removed, by the rule under methods. "
            "Trend p: slope of the difference on the mean; it is biased where the standard deviations of the "
            "two differ.",
        )
    ]


def has_failed(tables: AgreementTables, comparisons: list[Comparison]) -> bool:
    """Say whether any of these comparisons lacks subjects whose label map lost a structure."""
    table = tables.limits[tables.limits["folder"].isin([each.folder for each in comparisons])]
    return "n_failed" in table and bool((pd.to_numeric(table["n_failed"]).fillna(0) > 0).any())


def limits_row(name: str, measure: str, row: Row, failed: bool) -> list[str]:
    """Cells of one measure."""
    digits = measure_digits(measure)

    def with_interval(column: str) -> str:
        bounds = interval(row[f"{column}_ci_low"], row[f"{column}_ci_high"], digits)
        text = signed(row[column], digits)
        return text if bounds == UNDEFINED else f"{text} ({bounds})"

    return [
        name,
        count(row["n"]),
        *([count(row.get("n_failed") or 0)] if failed else []),
        with_interval("bias"),
        number(row["sd"], digits),
        with_interval("loa_lower"),
        with_interval("loa_upper"),
        p_value(row.get("proportional_p")),
    ]


def correlation_table(
    tables: AgreementTables, comparisons: list[Comparison], with_published: bool
) -> list[Block]:
    """Spearman's coefficient with interval, its square, Pearson's and Lin's (Chen 2020, Table IX)."""
    cohorts, theirs = published.spearman() if with_published else ([], {})
    rows: list[list[str] | str] = []
    for comparison in comparisons:
        known = rows_by(tables.of(tables.correlation, comparison), "measure")
        measures = [name for name in COMPARED if is_correlated(known.get(name, {}))]
        rows += [comparison.title] if measures else []
        for measure in measures:
            name = measure_name(measure, comparison.human, unit=False)
            cells = correlation_row(name, known[measure])
            printed = [] if comparison.human else theirs.get(measure, [])
            rows.append([*cells, *(printed or [UNDEFINED] * len(cohorts))])
    if not rows:
        return []
    notes: list[Inline] = ["ρ: Spearman's rank correlation, with its p value."]
    if theirs:
        notes += [
            " Published, Chen et al.",
            Citation(("chen2020",)),
            " (Table IX): rank correlation of automatic and manual measures in UK Biobank (UKBB, n = 600), "
            "ACDC (n = 100) and BSCMR-AS (n = 599).",
        ]
    heads = ("n", "ρ", ci(tables.confidence), "ρ²", "p", "Pearson r", "Lin's\nconcordance")
    return [
        Table(
            "tab-correlation",
            "Correlation of measures: Spearman's ρ with its interval, Pearson's r and Lin's concordance.",
            [
                Column("Measure", "left"),
                *(Column(head) for head in heads),
                *(Column(name) for name in cohorts),
            ],
            rows,
            spans=[("", 1), ("This cohort", len(heads)), ("Published ρ", len(cohorts))] if theirs else (),
            notes=notes,
            published_columns=len(cohorts),
        )
    ]


def is_correlated(row: Row) -> bool:
    """Say whether a correlation is known, of enough pairs to be printed."""
    return is_defined(row.get("spearman_rho")) and row["n"] >= FEWEST_CORRELATED


def correlation_row(name: str, row: Row) -> list[str]:
    """Cells of one measure."""
    return [
        name,
        count(row["n"]),
        number(row["spearman_rho"], 3),
        interval(row["spearman_ci_low"], row["spearman_ci_high"], 3),
        number(row["spearman_rho2"], 3),
        p_value(row["spearman_p_exact"] if is_defined(row.get("spearman_p_exact")) else row["spearman_p"]),
        number(row["pearson_r"], 3),
        number(row["concordance"], 3),
    ]
