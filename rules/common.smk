"""Names that the rules of the cohort and those of experiments share."""

from contextlib import contextmanager

from snakemake.exceptions import WorkflowError

from cinecohort.errors import UserError


@contextmanager
def mistakes_as_sentences():
    """Show a mistake of the user's as its sentence, without a traceback."""
    try:
        yield
    except UserError as error:
        raise WorkflowError(str(error))


def growing(base):
    """A resource that grows with each attempt."""
    return lambda wildcards, attempt: base * attempt
