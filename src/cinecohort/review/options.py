"""Options of the review room."""

from typing import Literal

from cinecohort.options import Options


class ReviewOptions(Options):
    """What people look at."""

    room: Literal["flagged", "all", "none"] = "flagged"
    """Who has a card in `review/index.html`: subjects that are flagged, excluded or in error; everybody; or
    nobody, so that no room is made."""
