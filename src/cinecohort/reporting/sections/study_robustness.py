"""Tables of how firm a group study is: other choices of analysis, subgroups, missing outcomes, power."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from cinecohort.catalogue.covariates import BY_COLUMN, covariate_words, in_sentence, level_words
from cinecohort.catalogue.measures import measure_digits, measure_label, views_of
from cinecohort.reporting.document import Block, Column, Named, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    ci,
    count,
    hidden_count,
    interval,
    is_defined,
    number,
    p_value,
    quantity,
)
from cinecohort.reporting.sections.study_tables import difference, without_p
from cinecohort.reporting.vocabulary import named_measure

MOST_ROWS = 40
MOST_OUTCOMES = 5
UNMATCHED = "no matching"
CHOICES = {
    "primary": "{}",
    UNMATCHED: "{}",
    "exact": "exact on {}",
    "replacement": "{} replacement",
    "order": "order: {}",
}
"""Analysis to the words of a row of the table of sensitivity, with its setting in braces."""


def sensitivity_table(table: pd.DataFrame, name: str, confidence: float) -> list[Block]:
    """Differences by other choices of analysis: one row per choice, one column per outcome."""
    if table.empty or "analysis" not in table:
        return []
    # An analysis that could not be made is one row of no outcome, with a note.
    outcomes = [outcome for outcome in dict.fromkeys(table["outcome"]) if outcome]
    shown = outcomes[:MOST_OUTCOMES]
    parts = [part.to_dict("records") for _, part in table.groupby(["analysis", "setting"], sort=False)]
    marks = NoteMarks()
    made: list[list[dict[Hashable, Any]]] = []
    not_made: list[list[dict[Hashable, Any]]] = []
    for part in parts:
        (made if any(is_defined(row.get("estimate")) for row in part) else not_made).append(part)
    rows: list[list[str] | str] = []
    for part in made[:MOST_ROWS]:
        if part[0]["analysis"] == UNMATCHED and not any(isinstance(row, str) for row in rows):
            rows.append("Without matching")
        rows.append(sensitivity_row(part, shown, marks))
    if not rows:
        return []
    notes = [
        *filter(None, [marks.note().strip()]),
        "Intervals of matched analyses count matched sets: the analysis as planned has the difference of "
        "the comparison of the groups, whose interval takes all subjects for independent.",
        *(f"Not done: {choice_words(part[0])} ({reasons_in_words(part)})." for part in not_made),
    ]
    notes += without_p(row for part in parts[:MOST_ROWS] for row in part)
    notes += left_in_file(len(outcomes) - len(shown), "outcome", "sensitivity.csv")
    notes += left_in_file(len(made) - MOST_ROWS, "analysis", "sensitivity.csv", "analyses")
    return [
        Table(
            f"tab-study-{name}-sensitivity",
            f"Sensitivity: differences ({ci(confidence)}) under other choices.",
            [
                Column("Analysis", "left"),
                Column("n"),
                Column("Largest |SMD|"),
                *(Column(named_measure(outcome)) for outcome in shown),
            ],
            rows,
            notes=" ".join(notes),
        )
    ]


def sensitivity_row(part: list[dict[Hashable, Any]], outcomes: list[str], marks: NoteMarks) -> list[str]:
    """Cells of one choice of analysis."""
    known = {str(row["outcome"]): row for row in part if row["outcome"]}
    sizes = [group_sizes(row) for row in known.values()]
    most = max(sizes, key=lambda pair: sum(pair), default=None)
    cells = []
    for outcome in outcomes:
        row = known.get(outcome, {})
        low, high = row.get("ci_low"), row.get("ci_high")
        text = difference(row.get("estimate"), low, high, measure_digits(outcome))
        if text != UNDEFINED and group_sizes(row) != most:
            text += marks.of(f"n = {count(row.get('n1'))} + {count(row.get('n0'))}")
        cells.append(text)
    n = f"{count(most[0])} + {count(most[1])}" if most else UNDEFINED
    return [choice_words(part[0]), n, number(part[0].get("max_abs_smd"), 2), *cells]


def choice_words(row: Mapping[Hashable, Any]) -> str:
    """What was chosen in an analysis, such as ``caliper 0.2 SD of the score``."""
    analysis, setting = str(row["analysis"]), str(row["setting"])
    if analysis in CHOICES:
        setting = in_sentence(covariate_words(setting)) if analysis == "exact" else setting
        return CHOICES[analysis].format(setting)
    return analysis if setting in ("", "nan") else f"{analysis} {setting.removesuffix(' of the score')}"


def reasons_in_words(part: list[dict[Hashable, Any]]) -> str:
    """Why an analysis could not be made; columns of participants in words."""
    reasons = dict.fromkeys(str(row["note"]) for row in part if isinstance(row.get("note"), str))
    names = re.compile(rf"\b({'|'.join(BY_COLUMN)})\b")
    text = names.sub(lambda found: in_sentence(covariate_words(found[0])), "; ".join(filter(None, reasons)))
    return text.rstrip(".")


def group_sizes(row: Mapping[Hashable, Any]) -> tuple[int, int]:
    """Sizes of both groups in an analysis; 0 where unknown."""
    first, second = (int(row[name]) if is_defined(row.get(name)) else 0 for name in ("n1", "n0"))
    return first, second


def left_in_file(n: int, noun: str, file: str, plural: str | None = None) -> list[str]:
    """Return a sentence on what was cut from a table, if anything was."""
    return [f"And {quantity(n, noun, plural).replace(' ', ' more ', 1)} in {file}."] if n > 0 else []


def subgroup_table(table: pd.DataFrame, name: str, confidence: float) -> list[Block]:
    """Differences in subgroups with the test of interaction."""
    if table.empty or "factor" not in table:
        return []
    rows: list[list[str] | str] = []
    blocks = list(table.groupby(["factor", "outcome"], sort=False))
    shown = 0
    for (factor, outcome), part in blocks:
        # Cut between blocks: a block without its last levels reads as if there were no more of them.
        if rows and len(rows) + 1 + len(part) > 2 * MOST_ROWS:
            break
        shown += 1
        digits = measure_digits(str(outcome))
        interaction = p_value(part["interaction_p"].iloc[0])
        by = in_sentence(covariate_words(str(factor)))
        tested = f" (interaction p {interaction})" if interaction != UNDEFINED else ""
        words = f"{measure_label(str(outcome))}, by {by}{tested}"
        rows.append(Named(words, views_of(str(outcome))))
        for row in part.to_dict("records"):
            level = level_words(str(factor), str(row["level"]))
            sizes = f"{count(row['n1'])} + {count(row['n0'])}"
            text = difference(row["estimate"], row["ci_low"], row["ci_high"], digits)
            rows.append([level, sizes, text, p_value(row["p"])])
    return [
        Table(
            f"tab-study-{name}-subgroups",
            "Differences in subgroups of the matched.",
            [
                Column("Subgroup", "left"),
                Column("n"),
                Column(f"Difference ({ci(confidence)})"),
                Column("p"),
            ],
            rows,
            notes=" ".join(
                [
                    "Subgroups are small and many; an interaction found here is a question, not an answer.",
                    *without_p(table.to_dict("records")),
                    *left_in_file(
                        len(blocks) - shown, "set of subgroups", "subgroups.csv", "sets of subgroups"
                    ),
                ]
            ),
        )
    ]


def missing_table(table: pd.DataFrame, name: str, groups: tuple[str, str], smallest: int) -> list[Block]:
    """Outcomes that matched subjects lack, where any does, with the bounds of the difference."""
    if table.empty or "missing1" not in table:
        return []
    rows: list[list[str] | str] = []
    for row in table.to_dict("records"):
        if not row["missing1"] and not row["missing0"]:
            continue
        digits = measure_digits(str(row["outcome"]))
        counts = [
            [hidden_count(row[f"{kind}{group}"], smallest) for kind in ("missing", "voided")]
            for group in (1, 0)
        ]
        cells = [f"{missing} ({failed})" for missing, failed in counts]
        bounds = interval(row["difference_low"], row["difference_high"], digits)
        rows.append([measure_label(str(row["outcome"])), *cells, bounds])
    if not rows:
        return []
    return [
        Table(
            f"tab-study-{name}-missing",
            "Outcomes that matched subjects lack.",
            [
                Column("Outcome", "left"),
                Column(f"Missing (failed), {groups[0]}"),
                Column(f"Missing (failed), {groups[1]}"),
                Column("Bounds of the difference"),
            ],
            rows,
            notes="Failed: the label map lost the structure, so that the measure is not given "
            "(cohort/voided.tsv). Bounds: the difference of means if every missing value were the smallest "
            "or the largest seen among the matched subjects.",
        )
    ]


def power_table(table: pd.DataFrame, name: str) -> list[Block]:
    """Smallest differences that the study would find."""
    if table.empty or "outcome" not in table:
        return []
    rows = []
    sources = list(dict.fromkeys(table["sd_source"].astype(str)))
    several = len(sources) > 1
    for row in table.to_dict("records"):
        digits = measure_digits(str(row["outcome"]))
        rows.append(
            [
                named_measure(str(row["outcome"])),
                *([str(row["sd_source"])] if several else []),
                number(row["detectable"], digits),
                number(row["detectable_d"], 2),
                number(row["detectable_all"], digits),
            ]
        )
    level, power = table["alpha"].iloc[0], table["power"].iloc[0]
    return [
        Table(
            f"tab-study-{name}-power",
            f"Smallest difference found with {100 * power:g} % power at the level {level:g}"
            + ("." if several else f", by the {sources[0]} SDs."),
            [
                Column("Outcome", "left"),
                *([Column("SD", "left")] if several else []),
                Column("One outcome"),
                Column("in SDs"),
                Column("All outcomes together"),
            ],
            rows,
        )
    ]
