"""The first page: facts of the run and the key results in a few sentences."""

from cinecohort.catalogue.measures import PRINTED, Show, columns_shown, views_of
from cinecohort.reporting.document import Block, Paragraph, Strong
from cinecohort.reporting.numbers import count, listing, mean_sd, quantity
from cinecohort.reporting.sections import flow
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.validation import MARK, summary_blocks, views_not_validated


def facts(context: Context) -> list[tuple[str, str]]:
    """Name and value pairs of the first page."""
    results = context.results
    pairs = [
        ("Datasets", listing(results.datasets) or "none"),
        (
            "Subjects",
            f"{count(results.n_received)} received, {count(len(results.analysed))} analysed, "
            f"{count(results.count('excluded', 'error'))} excluded, {count(len(results.flagged))} flagged "
            "for review",
        ),
    ]
    sources = results.sources()
    if sources:
        automatic = results.automatic_sources()
        human = [name for name in sources if name not in automatic]
        pairs.append(
            (
                "Measured by",
                "; ".join(
                    part
                    for part in (listing(automatic), f"observers {listing(human)}" if human else "")
                    if part
                ),
            )
        )
    version = (results.run.get("versions") or {}).get("cinecohort")
    if version:
        pairs.append(("Software", f"CineCohort {version}, for research use; not a medical device"))
    digest = results.run.get("config_digest")
    if digest:
        pairs.append(("Configuration", f"SHA-256 {str(digest)[:16]}…"))
    return pairs


def blocks(context: Context, agreement: list[Block], studies: list[Block]) -> list[Block]:
    """Key results: flow, measures of the primary source, agreement, studies."""
    result: list[Block] = []
    if context.results.synthetic:
        result.append(Paragraph([Strong("Synthetic data."), " This report describes phantoms, not people."]))
    result.append(Paragraph(flow.sentence(context)))
    result.extend(summary_blocks(context.results))
    measures = measures_sentence(context)
    if measures:
        result.append(Paragraph(measures))
    return [*result, *agreement, *studies]


def measures_sentence(context: Context) -> str:
    """Mean (SD) of the key measures of the primary source, with n where not all subjects have it."""
    table = context.results.own_measures()
    for source in context.results.sources():
        rows = table[table["source"] == source]
        total = int(rows["subject"].nunique())
        parts = []
        for name in columns_shown(Show.SUMMARY):
            known = rows[name].dropna() if name in rows else rows["subject"][:0]
            if len(known):
                measure = PRINTED[name]
                mark = MARK if views_not_validated(rows) & set(views_of(name)) else ""
                value = mean_sd(known.mean(), known.std(), measure.digits)
                n = int(rows.loc[known.index, "subject"].nunique())
                few = f" (n = {count(n)})" if n != total else ""
                parts.append(f"{measure.label}{mark} {value} {measure.unit}{few}")
        if parts:
            subjects = quantity(total, "analysed subject")
            return f"Mean (SD) measures by {source} in {subjects}: {listing(parts)}."
    return ""
