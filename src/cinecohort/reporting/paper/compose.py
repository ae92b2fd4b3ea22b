"""The sections of the report in the papers' form."""

from cinecohort.reporting.document import Section
from cinecohort.reporting.paper import bai, chen
from cinecohort.reporting.paper.own import Own
from cinecohort.reporting.sections.context import Context


def sections(context: Context) -> list[Section]:
    """All tables and figures of Bai 2018, then of Chen 2020, as published beside the user's own."""
    own = Own(context)
    return [*bai.sections(own), *chen.sections(own)]
