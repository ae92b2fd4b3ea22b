"""Tables of a group study: characteristics, balance, comparison, sensitivity, subgroups, power."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from cinecohort.catalogue.covariates import covariate_words, in_sentence
from cinecohort.catalogue.measures import measure_digits
from cinecohort.reporting.document import Block, Citation, Column, Inline, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    ci,
    count,
    hidden_count,
    interval,
    is_defined,
    mean_sd,
    number,
    p_value,
    signed,
    with_n,
)
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.vocabulary import named_measure
from cinecohort.statistics.balance import without_mirrors

FEW_SETS = 20
"""Matched sets below which subgroups, other choices of analysis and E-values are not printed."""
STAGES = ("before", "after")
CITED = {"Bai 2018": (Citation(("bai2018",)),), "Chen 2020": (Citation(("chen2020",)),)}
NOT_BALANCED = (
    "The groups are not balanced after matching (see the table of balance): draw conclusions from the "
    "adjusted differences below, not from these."
)
DETAILS = {
    "cluster": "Matched pairs, cluster-robust",
    "adjusted": "Adjusted for covariates",
}


def baseline_table(table: pd.DataFrame, name: str, groups: tuple[str, str], smallest: int) -> list[Block]:
    """Characteristics before and after matching, with standardised mean differences."""
    if table.empty or "variable" not in table:
        return []
    known = rows_by(table.assign(level=table["level"].fillna("")), "variable", "level", "stage")
    sizes = {
        stage: next(row for key, row in known.items() if key[2] == stage)
        for stage in STAGES
        if any(key[2] == stage for key in known)
    }
    if len(sizes) < len(STAGES):
        return []
    rows: list[list[str] | str] = []
    alike: list[str] = []
    shown = without_second_of_two(list(dict.fromkeys(key[:2] for key in known)))
    last_level = dict(shown)
    for variable, level in shown:
        at_both = [known.get((variable, level, stage), {}) for stage in STAGES]
        if same_for_all(at_both):
            alike.append(same_words(str(variable), level, at_both[0]))
            continue
        cells = []
        for stage in STAGES:
            row = known.get((variable, level, stage), {})
            cells += [
                baseline_cell(row, "1", smallest),
                baseline_cell(row, "0", smallest),
                number(row.get("smd"), 2),
            ]
        rows.append([covariate_words(str(variable), level), *cells])
        if level == last_level[variable]:
            rows.extend(missing_row(at_both, smallest))
    heads = []
    for stage in STAGES:
        heads += [
            Column(with_n(groups[0], sizes[stage]["n1"])),
            Column(with_n(groups[1], sizes[stage]["n0"])),
            Column("SMD"),
        ]
    return [
        Table(
            f"tab-study-{name}-baseline",
            "Characteristics before and after matching: mean (SD) or n (%).",
            [Column("Characteristic", "left"), *heads],
            rows,
            spans=[("", 1), ("Before matching", 3), ("After matching", 3)],
            notes=f"SMD: standardised mean difference, over the SD of {groups[0]} in the full sample. "
            "Percentages are of the subjects for whom the value is known. "
            "After matching, means, SDs and percentages are weighted by the matching; n counts subjects."
            + (f" The same for everybody: {'; '.join(alike)}." if alike else ""),
        )
    ]


def without_second_of_two(levels: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Variables and their levels without the second of two, which mirrors the first."""
    of = {variable: [level for name, level in levels if name == variable] for variable, _ in levels}
    return [(name, level) for name, level in levels if len(of[name]) != 2 or level == of[name][0]]


def same_for_all(stages: list[Row]) -> bool:
    """Say whether a characteristic is known of everybody and the same."""
    if any(row.get(f"missing{group}") for row in stages for group in ("1", "0")):
        return False
    return all(
        row.get(f"percent{group}") == 100
        or (row.get(f"sd{group}") == 0 and row.get("mean1") == row.get("mean0"))
        for row in stages
        for group in ("1", "0")
    )


def same_words(variable: str, level: str, row: Row) -> str:
    """A characteristic that all share, such as ``vendor: SIEMENS``."""
    value = "" if level else f": {number(row.get('mean1'), 1)}"
    return in_sentence(covariate_words(variable, level)) + value


def missing_row(stages: list[Row], smallest: int) -> list[list[str]]:
    """Return a row of missing counts of a variable, or nothing where no value is missing."""
    missing = [int(row.get(f"missing{group}", 0)) for row in stages for group in ("1", "0")]
    if not any(missing):
        return []
    first, second, third, fourth = (hidden_count(n, smallest) for n in missing)
    return [["    missing, n", first, second, "", third, fourth, ""]]


def baseline_cell(row: Mapping[str, object], group: str, smallest: int) -> str:
    """Mean (SD), or n (%) of those of a group whose value is known."""
    if is_defined(row.get(f"mean{group}")):
        return mean_sd(row[f"mean{group}"], row.get(f"sd{group}"), 1)
    if is_defined(row.get(f"count{group}")):
        part, share = round(float(row[f"count{group}"])), row.get(f"percent{group}")  # type: ignore[arg-type]
        if 0 < part < smallest or not is_defined(share):
            return hidden_count(part, smallest)
        return f"{count(part)} ({number(share, 1)} %)"
    return UNDEFINED


def balance_table(table: pd.DataFrame, name: str, groups: tuple[str, str]) -> list[Block]:
    """Standardised mean difference, variance ratio and distance of distributions before and after."""
    if table.empty or "covariate" not in table:
        return []
    table = without_mirrors(table) if {"variable", "level"} <= set(table) else table
    known = rows_by(table, "covariate", "stage")
    rows: list[list[str] | str] = []
    for covariate in dict.fromkeys(table["covariate"]):
        before, after = (known.get((covariate, stage), {}) for stage in STAGES)
        row = before or after
        title = covariate_words(str(row.get("variable", covariate)), row.get("level"))
        cells = [
            number(stage.get(column), 2)
            for column in ("smd", "variance_ratio", "ecdf_max")
            for stage in (before, after)
        ]
        rows.append([title, *cells])
    return [
        Table(
            f"tab-study-{name}-balance",
            "Balance of the covariates.",
            [Column("Covariate", "left"), *([Column("before"), Column("after")] * 3)],
            rows,
            spans=[
                ("", 1),
                ("Standardised mean difference", 2),
                ("Variance ratio", 2),
                ("Largest difference of distributions", 2),
            ],
            notes=f"Differences are {groups[0]} − {groups[1]}. The largest difference of distributions is "
            "that of the empirical cumulative distribution functions. A dash: not defined for a category; "
            "of a factor of two levels one is given.",
        )
    ]


def comparison_table(
    table: pd.DataFrame,
    theirs: Mapping[str, Row],
    name: str,
    groups: tuple[str, str],
    confidence: float,
    balanced: bool = True,
) -> list[Block]:
    """Outcomes of the matched groups (Bai 2018, Table 8), with published figures beside them.

    Groups that matching left unlike are said to be so below the table.
    """
    if table.empty or "outcome" not in table:
        return []
    known = rows_by(table, "outcome")
    n1, n0 = largest_n(known.values())
    printed = {outcome: row for outcome, row in theirs.items() if outcome in known}
    rows: list[list[str] | str] = []
    marks = NoteMarks()
    for outcome, row in known.items():
        digits = measure_digits(outcome)
        cells = [
            named_measure(outcome),
            marks.with_n(mean_sd(row["mean1"], row["sd1"], digits), row["n1"], n1),
            marks.with_n(mean_sd(row["mean0"], row["sd0"], digits), row["n0"], n0),
            difference(row["difference"], row["ci_low"], row["ci_high"], digits),
            p_value(row.get("p", row["welch_p"])),
            p_value(row["p_holm"]),
            signed(row.get("hedges_g"), 2),
        ]
        rows.append(cells + published_cells(printed.get(outcome), bool(printed)))
    heads = [
        Column("Outcome", "left"),
        Column(with_n(groups[0], n1)),
        Column(with_n(groups[1], n0)),
        Column(f"Difference ({ci(confidence)})"),
        Column("p"),
        Column("p (Holm)"),
        Column("g"),
    ]
    method = str(next(iter(known.values())).get("p_method", "Welch"))
    test = "Welch's test" if method == "Welch" else f"{method}, as means and SDs with the matching's weights"
    notes: list[Inline] = [
        f"Mean (SD). {marks.note()}p: {test}, two-sided; p (Holm): adjusted for the number of outcomes; "
        "g: Hedges' g.",
        *(f" {note[:1].upper()}{note[1:]}." for note in notes_of(known.values(), "p_note")),
        *([] if balanced else [f" {NOT_BALANCED}"]),
    ]
    spans: list[tuple[str, int]] = []
    if printed:
        row = next(iter(printed.values()))
        heads += [
            Column(with_n(groups[0], row["n1"])),
            Column(with_n(groups[1], row["n0"])),
            Column("p"),
        ]
        paper = str(row.get("paper", ""))
        spans = [("", 1), ("This cohort, matched", 6), (f"Published, {paper}", 3)]
        notes += [
            f" Published figures: {paper}",
            *CITED.get(paper, ()),
            f", {row.get('table', '')}, as printed.",
        ]
    return [
        Table(
            f"tab-study-{name}-comparison",
            f"Outcomes of {groups[0]} and {groups[1]} after matching.",
            heads,
            rows,
            spans=spans,
            notes=notes,
            published_columns=3 if printed else 0,
        ),
        *other_estimates(known, name, groups, confidence),
    ]


def largest_n(rows: Iterable[Row]) -> tuple[int, int]:
    """Sizes of both groups in the outcome that most of them have."""
    rows = list(rows)
    return max(int(row["n1"]) for row in rows), max(int(row["n0"]) for row in rows)


def published_cells(row: Row | None, any_printed: bool) -> list[str]:
    """Cells of a published row, as printed."""
    if not any_printed:
        return []
    if row is None:
        return [UNDEFINED] * 3
    return [mean_sd(row["mean1"], row["sd1"], 0), mean_sd(row["mean0"], row["sd0"], 0), str(row["p_printed"])]


def difference(estimate: object, low: object, high: object, digits: int) -> str:
    """Difference with its interval."""
    bounds = interval(low, high, digits)
    return signed(estimate, digits) if bounds == UNDEFINED else f"{signed(estimate, digits)} ({bounds})"


def other_estimates(
    known: Mapping[str, Row], name: str, groups: tuple[str, str], confidence: float
) -> list[Block]:
    """The same differences by analyses that respect the matching."""
    rows: list[list[str] | str] = []
    for outcome, row in known.items():
        digits = measure_digits(outcome)
        cells = [named_measure(outcome), p_value(row.get("paired_p"))]
        for stem in DETAILS:
            low, high = row.get(f"{stem}_ci_low"), row.get(f"{stem}_ci_high")
            text = difference(row.get(f"{stem}_estimate"), low, high, digits)
            # Adjusted by more covariates than the sample bears, an estimate without an interval misleads.
            text = UNDEFINED if stem == "adjusted" and not is_defined(low) else text
            cells += [text, p_value(row.get(f"{stem}_p"))]
        rows.append([*cells, e_value_words(row)])
    e_value = (
        "E-value: how strongly an unmeasured confounder would have to be tied to group and outcome, on the "
        "scale of the risk ratio, to explain the difference away, and in brackets the interval's limit; "
        "given where the interval excludes no difference. "
    )
    return [
        Table(
            f"tab-study-{name}-estimates",
            f"The same differences ({groups[0]} − {groups[1]}) by analyses that respect the matching.",
            [
                Column("Outcome", "left"),
                Column("Paired t, p"),
                *([Column(f"Difference ({ci(confidence)})"), Column("p")] * len(DETAILS)),
                Column("E-value (of the limit)"),
            ],
            rows,
            spans=[("", 2), *((words, 2) for words in DETAILS.values()), ("", 1)],
            notes=" ".join(
                [
                    (e_value if any(row[-1] != UNDEFINED for row in rows) else "")
                    + "Intervals differ from those of the table before: these count matched sets, Welch's "
                    "test counts subjects.",
                    *(f"Adjusted: {note}." for note in notes_of(known.values(), "adjusted_note")),
                    *without_p(known.values(), "cluster_note"),
                ]
            ),
        )
    ]


def notes_of(rows: Iterable[Mapping[Any, Any]], column: str) -> list[str]:
    """What an analysis left out or could not give, each said once."""
    notes = (row.get(column) for row in rows)
    return list(dict.fromkeys(note for note in notes if isinstance(note, str) and note))


def without_p(rows: Iterable[Mapping[Any, Any]], column: str = "note") -> list[str]:
    """Sentences on why some outcomes have an estimate alone, or no p."""
    notes = [note for note in notes_of(rows, column) if "no p: " in note]
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]


def e_value_words(row: Row) -> str:
    """E-value with that of the interval's limit, where the interval excludes no effect; else a dash.

    The standardised difference of a few sets, which it follows from, is too large by far.
    """
    limit = row.get("e_value_ci") if min(int(row["n1"]), int(row["n0"])) >= FEW_SETS else None
    if not is_defined(limit) or float(limit) <= 1:  # type: ignore[arg-type]
        return UNDEFINED
    return f"{number(row.get('e_value'), 2)} ({number(limit, 2)})"
