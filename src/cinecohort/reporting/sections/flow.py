"""The flow of subjects: who was received, who was left out where and why, who was analysed."""

from itertools import pairwise

import pandas as pd

from cinecohort.catalogue.findings import finding_words
from cinecohort.reporting.document import (
    Block,
    Column,
    FlowDiagram,
    FlowStep,
    Paragraph,
    Reference,
    Section,
    Table,
)
from cinecohort.reporting.numbers import count, hidden_count, listing, percent, quantity
from cinecohort.reporting.results import after_the_flow
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.vocabulary import STAGE_NAMES, STEP_NAMES

MOST_REASONS = 6
"""Reasons listed in one box of the diagram; the table holds them all."""


def section(context: Context) -> Section:
    """Flow of subjects as a diagram and, by dataset, as tables (STROBE item 13)."""
    results = context.results
    blocks: list[Block] = [Paragraph(sentence(context))]
    diagram = flow_diagram(context)
    if diagram:
        blocks.append(diagram)
    if len(results.datasets) > 1:
        blocks.append(dataset_table(context))
    reasons = reason_table(context)
    if reasons:
        blocks.append(reasons)
    return Section("Flow of subjects", "sec-flow", blocks)


def sentence(context: Context) -> str:
    """Say the flow in words."""
    results = context.results
    n, analysed = results.n_received, len(results.analysed)
    excluded, errors = results.count("excluded", "error"), results.count("error")
    flagged = len(results.flagged)
    words = f"{count(flagged)} of them {'is' if flagged == 1 else 'are'} flagged for review and kept"
    kept = words if flagged else "none of them is flagged for review"
    if n and analysed == n:
        return f"No subject was excluded: all {count(n)} that were received were analysed; {kept}."
    text = f"Of {quantity(n, 'subject')} received, {count(analysed)} ({percent(analysed, n)}) "
    text += f"{'was' if analysed == 1 else 'were'} analysed and "
    text += f"{count(excluded)} ({percent(excluded, n)}) excluded"
    if errors:
        text += f", {count(errors)} of these because of an unexpected fault that the logs describe"
    return f"{text}; {kept.replace('of them', 'of the analysed', 1)}."


def step_totals(flow: pd.DataFrame) -> pd.DataFrame:
    """Sum received and excluded over datasets, one row per step in order."""
    steps = flow[flow["code"] == ""]
    return steps.groupby("step", sort=False)[["received", "excluded"]].sum().reset_index()


def flow_diagram(context: Context) -> FlowDiagram | None:
    """Make the diagram of all datasets together; None without a table of the flow."""
    flow = context.results.flow
    totals = step_totals(flow)
    if totals.empty:
        return None
    codes = flow[flow["code"] != ""].groupby(["step", "code"], sort=False)["n"].sum().reset_index()
    steps = []
    passed: int | None = None
    pending: list[str] = []
    for row in totals[totals["step"] != "analysed"].to_dict("records"):
        n = int(row["received"])
        if passed is None:
            steps.append(FlowStep("Received", count(n)))
            passed = n
        excluded = int(row["excluded"])
        reasons = codes[codes["step"] == row["step"]]
        pending = excluded_words(excluded, reasons, context.options.smallest_count)
        if row["step"] != "indexed":
            steps[-1] = FlowStep(steps[-1].title, steps[-1].n, pending)
            passed = n - excluded
            steps.append(
                FlowStep(STEP_NAMES.get(str(row["step"]), str(row["step"]).capitalize()), count(passed))
            )
    analysed = len(context.results.analysed)
    flagged = len(context.results.flagged)
    late = int(after_the_flow(context.results.status).sum())
    if late:
        lines = [f"Left out: n = {count(late)}", "fault of the comparison with observers"]
        steps[-1] = FlowStep(steps[-1].title, steps[-1].n, lines)
        steps.append(FlowStep("", ""))
    steps[-1] = FlowStep("Analysed", f"{count(analysed)} ({count(flagged)} flagged for review)")
    if not any(step.excluded for step in steps):
        return None
    steps, idle = without_idle_steps(steps)
    words = ", ".join(f"{step.title.lower()} {step.n}" for step in steps)
    return FlowDiagram(
        "fig-flow",
        "Flow of subjects. Boxes on the right give the number left out on the way from one step to the next, "
        f"with reasons.{idle_words(idle)}",
        steps,
        f"Flow of subjects: {words}.",
    )


def without_idle_steps(steps: list[FlowStep]) -> tuple[list[FlowStep], list[str]]:
    """Steps of a diagram without those that everybody passed, and the titles of the latter.

    What is left out after an idle step hangs on the box above it, which has the same number.
    """
    drawn, idle = steps[:1], []
    for before, step in pairwise(steps):
        if before.excluded or step is steps[-1]:
            drawn.append(step)
            continue
        idle.append(step.title)
        drawn[-1] = FlowStep(drawn[-1].title, drawn[-1].n, step.excluded)
    return drawn, idle


def idle_words(titles: list[str]) -> str:
    """Sentence on the steps at which nobody was left out, empty where there are none."""
    if not titles:
        return ""
    names = listing(title[:1].lower() + title[1:] for title in titles)
    return f" Nobody was left out at {quantity(len(titles), 'further step')}: {names}."


def excluded_words(excluded: int, reasons: pd.DataFrame, smallest: int) -> list[str]:
    """Lines of a box on the right."""
    if not excluded:
        return []
    lines = [f"Left out: n = {hidden_count(excluded, smallest)}"]
    ordered = reasons.sort_values("n", ascending=False, kind="stable")
    for row in ordered.head(MOST_REASONS).to_dict("records"):
        code, n = str(row["code"]), int(row["n"])
        lines.append(f"{finding_words(code)} ({code}): {hidden_count(n, smallest)}")
    if len(ordered) > MOST_REASONS:
        rest = int(ordered["n"].iloc[MOST_REASONS:].sum())
        lines.append(f"other reasons: {hidden_count(rest, smallest)}")
    return lines


def dataset_table(context: Context) -> Table:
    """Counts of the final statuses by dataset."""
    status = context.results.status
    rows = []
    for name, table in [*status.groupby("dataset", sort=False), ("all", status)]:
        counts = table["status"].value_counts()
        ok, review, excluded, error = (
            int(counts.get(key, 0)) for key in ("ok", "review", "excluded", "error")
        )
        rows.append(
            [str(name), count(len(table)), count(ok + review), count(review), count(excluded), count(error)]
        )
    return Table(
        "tab-flow-datasets",
        "Subjects by dataset. Received = analysed + excluded + faults.",
        [
            Column("Dataset", "left"),
            *(Column(name) for name in ("Received", "Analysed", "of these for review", "Excluded", "Faults")),
        ],
        rows,
    )


def reason_table(context: Context) -> Table | None:
    """Every reason with its count; None where nobody was excluded."""
    status, smallest = context.results.status, context.options.smallest_count
    left_out = status[status["status"].isin(["excluded", "error"])]
    if left_out.empty:
        return None
    several = len(context.results.datasets) > 1
    keys = ["dataset", "stage", "code"] if several else ["stage", "code"]
    rows = []
    for group, table in left_out.groupby(keys, sort=False):
        *dataset, stage, code = group
        rows.append(
            [
                *map(str, dataset),
                STAGE_NAMES.get(str(stage), str(stage).replace("_", " ")),
                str(code) or "none given",
                finding_words(str(code)) if code else "see the log of the subject",
                hidden_count(len(table), smallest),
            ]
        )
    head = [Column("Dataset", "left")] if several else []
    return Table(
        "tab-exclusions",
        "Subjects excluded, by the stage and the finding that decided it.",
        [
            *head,
            Column("Stage", "left"),
            Column("Code", "left"),
            Column("Reason", "left", "share"),
            Column("n"),
        ],
        rows,
        notes=[
            "The first finding that excludes a subject is counted; ",
            Reference("tab-findings"),
            " has all.",
        ]
        if len(context.results.findings)
        else "",
    )
