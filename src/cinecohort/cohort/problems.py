"""What is wrong with a configuration, with its place in the file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cinecohort.errors import UserError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong or odd.

    Parameters
    ----------
    place
        Path in the configuration, such as ``studies.obesity.covariates``.
    sentence
        What is wrong, and what to do.
    stops
        Whether it stops a run; otherwise it is only reported.
    """

    place: str
    sentence: str
    stops: bool = True

    def line(self) -> str:
        """Place and sentence in a line."""
        return f"  {self.place}: {self.sentence}"


def sentences(place: str, look: Callable[[], object]) -> Iterator[Problem]:
    """What stops `look`, as a problem."""
    try:
        look()
    except UserError as error:
        yield Problem(place, str(error))
