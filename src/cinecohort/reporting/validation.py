"""Marks what rests on networks never tested on labelled real hearts, wherever the report shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cinecohort.catalogue.measures import PRINTED, views_of
from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.errors import UserError
from cinecohort.reporting.document import (
    Block,
    Figure,
    Gallery,
    Named,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
)
from cinecohort.reporting.numbers import listing
from cinecohort.reporting.results import Results
from cinecohort.segmentation.descriptions import ModelDescription, describe_model
from cinecohort.segmentation.model_cards import is_shipped
from cinecohort.segmentation.options import ModelOptions
from cinecohort.statistics.unvalidated import unvalidated_views

MARK = "†"
NOTE = (
    f"{MARK} Automatic values are by a network that was not validated on labelled real hearts: no result to "
    "rely on."
)


def described(name_or_path: str) -> ModelDescription | None:
    """Read the description of weights, None where they are not at hand any more."""
    try:
        return describe_model(name_or_path)
    except UserError:
        return None


def members(entry: Mapping[str, Any]) -> list[ModelDescription | None]:
    """Descriptions of the weights of a configured model: one, or several of an ensemble."""
    return [described(weights) for weights in ModelOptions(**entry).members]


def shipped_primary(results: Results, view: str) -> ModelDescription | None:
    """Description of the first network of a view, where it is a single one of those that are shipped."""
    entries = (results.config.get("models") or {}).get(view) or []
    found = members(entries[0]) if entries else []
    model = found[0] if len(found) == 1 else None
    return model if model is not None and is_shipped(model) else None


def unvalidated_models(results: Results) -> list[str]:
    """Configured models that are not validated: ``net (2-chamber)``.

    Their weights' card says so; where it is not at hand, such as by a path relative to another folder, the
    measures that were made by them do.
    """
    recorded = models_not_validated(results.measures)
    return [
        f"{entry.get('name')} ({VIEW_NAMES.get(str(view), str(view))})"
        for view, entries in (results.config.get("models") or {}).items()
        for entry in entries
        if not entry.get("validation")  # The run would have refused a record that lifts nothing.
        and any(
            f"{view}={entry.get('name')}" in recorded if model is None else not model.validated
            for model in members(entry)
        )
    ]


def models_not_validated(measures: pd.DataFrame) -> set[str]:
    """Models, as ``la_2ch=net``, of which a row of measures says that they were not validated."""
    if "models" not in measures:
        return set()
    rows = set(zip(unvalidated_views(measures), measures["models"].astype(str), strict=True))
    return {
        model
        for views, models in rows
        for model in models.split(",")
        if model.partition("=")[0] in views.split(",") and "=" in model
    }


def views_not_validated(measures: pd.DataFrame) -> set[str]:
    """Views of which a row of measures says that their network was not validated."""
    return {view for text in unvalidated_views(measures).unique() for view in str(text).split(",") if view}


@dataclass(frozen=True)
class Marks:
    """What is to be marked.

    Parameters
    ----------
    views
        Views with a network that was not validated.
    included
        Whether its measures take part in agreement and studies.
    sources
        Sources of measures that have such views.
    """

    views: frozenset[str]
    included: bool
    sources: frozenset[str]

    @classmethod
    def of(cls, results: Results) -> "Marks":
        """Find them in the measures of a run."""
        marked = results.measures[unvalidated_views(results.measures) != ""]
        included = results.config.get("unvalidated") == "include"
        return cls(frozenset(views_not_validated(marked)), included, frozenset(map(str, marked["source"])))


def marked_sections(sections: Iterable[Section], marks: Marks, unmarked: frozenset[str]) -> list[Section]:
    """Sections with every table and figure that shows such measures marked and noted.

    Parameters
    ----------
    sections
        The report's sections.
    marks
        What to mark. Agreement and studies hold such measures only where they were included.
    unmarked
        Beginnings of the labels of sections that hold none, such as studies of an observer's measures.
    """
    result = []
    for section in sections:
        analysis = section.label.startswith(("sec-agreement", "sec-study", "sec-reliability"))
        holds_none = (analysis and not marks.included) or section.label.startswith(tuple(unmarked) or "-")
        blocks = section.blocks if holds_none else [marked(block, marks) for block in section.blocks]
        result.append(replace(section, blocks=blocks))
    return result


def marked(block: Block, marks: Marks) -> Block:
    """Mark a table or figure that shows a measure of a network that was not validated."""
    if not isinstance(block, Table | Figure | Gallery):
        return block
    if isinstance(block, Table):
        block = _marked_table(block, marks)
    shown = marks.views & set(block.views)
    if not shown:
        return block
    names = listing(VIEW_NAMES.get(view, view) for view in sorted(shown))
    note = (
        f"Automatic values from the {names} view are by a network that was not validated on labelled real "
        "hearts."
    )
    if isinstance(block, Table):
        return replace(block, notes=_with(block.notes, note))
    return replace(block, caption=_with(block.caption, note))


def _marked_table(table: Table, marks: Marks) -> Table:
    """Mark the rows, headings and columns that are :class:`Named` by such a view."""
    touched = False

    def with_mark(text: str) -> str:
        nonlocal touched
        if not isinstance(text, Named) or not marks.views & text.views:
            return text
        touched = True
        return f"{text} {MARK}"

    rows = [
        with_mark(row) if isinstance(row, str) else [with_mark(cell) for cell in row] for row in table.rows
    ]
    columns = [replace(column, title=with_mark(column.title)) for column in table.columns]
    return replace(table, rows=rows, columns=columns, notes=_with(table.notes, NOTE)) if touched else table


def _with(text: Text, note: str) -> Text:
    if isinstance(text, str):
        return f"{text} {note}".strip()
    return [*text, f" {note}"]


def summary_blocks(results: Results) -> list[Block]:
    """Say on the first page which measures rest on networks that were not validated, and where they are."""
    marks = Marks.of(results)
    models = unvalidated_models(results)
    if not marks.views and not models:
        return []
    names = listing(models) or listing(VIEW_NAMES.get(view, view) for view in sorted(marks.views))
    resting = [name.label for key, name in PRINTED.items() if marks.views & set(views_of(key))]
    measured = f" What was measured by them ({listing(resting)}) is marked {MARK}" if resting else ""
    fate = (
        " and takes part in agreement and studies, since the configuration asks for it."
        if marks.included
        else " and is kept out of agreement and studies (the configuration may ask for it)."
    )
    words = f"Not tested on labelled real hearts: {names}.{measured + fate if measured else ''}"
    return [Paragraph([Strong("Not validated. "), words])]
