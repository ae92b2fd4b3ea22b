"""Bai 2018, Table 8: an exemplar study of cardiac function, beside the user's own group study."""

from typing import Any

from cinecohort.reporting.document import Block, Column, Paragraph, Section, Strong
from cinecohort.reporting.numbers import UNDEFINED, count, is_defined, p_value, signed
from cinecohort.reporting.paper.cells import Cell, Line, Part, compared, compared_table, not_made
from cinecohort.reporting.paper.own import Own
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.sections.study import Study
from cinecohort.reporting.vocabulary import named_measure
from cinecohort.statistics.published_tables import load

NAME = "bai2018_table8"
TITLE = "Table 8: obesity and cardiac function"


def table_8(own: Own) -> Section:
    """Table 8: both groups after matching, and their difference."""
    study = own.study
    label = f"sec-study-{study.name if study else 'none'}-bai2018-table-8"
    mine: dict[Any, Row] = {}
    obese = 1  # Which of the study's groups, 1 the exposed, is the paper's obese one.
    if study is not None and study.done and beside_table_8(study):
        mine = rows_by(study.tables["comparison"], "outcome")
        obese = 0 if study.reference.lower().startswith("obese") else 1
    printed = load(NAME)
    lines = [
        Line(named_measure(row["measure"]), cells_of(row, mine.get(row["measure"]), obese))
        for row in printed.to_dict("records")
    ]
    first = next(iter(mine.values()), {})
    heads = [
        Column(head("Normal", printed["n_normal"].iloc[0], first.get(f"n{1 - obese}"))),
        Column(head("Obese", printed["n_obese"].iloc[0], first.get(f"n{obese}"))),
        Column("Obese \N{MINUS SIGN} normal"),
        Column("p value"),
    ]
    table = compared_table(
        "tab-bai2018-8",
        "Bai 2018, Table 8. An exemplar study of cardiac function on large-scale datasets using "
        "automatically derived clinical measures: mean (SD) of the matched groups.",
        heads,
        [Part("", lines)],
        "Normal weight: BMI of 18.5 to below 25; obese: BMI of 30 and more. The published difference of the "
        "groups is that of the printed means.",
    )
    blocks: list[Block] = [table, *why_not(own, bool(mine))]
    if study is not None and mine:
        blocks.append(Paragraph([Strong("Verdict on yours. "), str(study.summary.get("verdict", ""))]))
    return Section(TITLE, label, blocks, level=2)


def beside_table_8(study: Study) -> bool:
    """Whether a study names this table, so that its groups are the paper's."""
    return bool(
        (study.summary.get("options") or {}).get("published") == NAME or len(study.tables["published"])
    )


def head(group: str, published_n: object, own_n: object) -> str:
    """Head of a group's column."""
    yours = f"; yours {count(own_n)}" if is_defined(own_n) else ""
    return f"{group}\n(n = {count(published_n)}{yours})"


def cells_of(printed: dict[Any, Any], mine: Row | None, obese: int) -> list[Cell]:
    """Cells of an outcome: normal, obese, their difference, p."""
    own = mine or {}
    theirs = printed["mean_obese"] - printed["mean_normal"]
    ours = own.get("difference")
    if is_defined(ours) and not obese:
        ours = -float(ours)  # type: ignore[arg-type]
    groups = [
        compared(
            (printed[f"mean_{group}"], printed[f"sd_{group}"]),
            (own.get(f"mean{place}"), own.get(f"sd{place}")),
            0,
        )
        for group, place in (("normal", 1 - obese), ("obese", obese))
    ]
    both = signed(float(ours) - theirs, 0) if is_defined(ours) else UNDEFINED  # type: ignore[arg-type]
    effect = Cell(signed(theirs, 0), signed(ours, 0), both)
    return [*groups, effect, Cell(str(printed["p"]), p_value(own.get("p", own.get("welch_p"))))]


def why_not(own: Own, made: bool) -> list[Paragraph]:
    """Say why there is no study beside the table."""
    if made:
        return []
    study = own.study
    if study is None:
        return [not_made("No group study was configured (studies in the configuration).")]
    if not study.done:
        return [not_made(f"{study.title}: {study.summary.get('verdict', 'the study could not be done')}")]
    return [
        not_made(
            f"No study compares the paper's groups: {study.title} does not name this table (published: "
            f"{NAME} in its settings). It is in study/{study.name} of the results."
        )
    ]
