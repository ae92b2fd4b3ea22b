"""Options of the study report."""

from typing import Literal

from pydantic import Field

from cinecohort.options import Options


class ReportOptions(Options):
    """What the study report shows."""

    style: Literal["standard", "paper"] = "standard"
    """``paper``: every table and figure of Bai 2018 and Chen 2020, in their order and form, as published,
    yours and the difference."""

    list_subjects: bool = False
    """Print the keys of the subjects for review and of the gallery; leave off for a report that is shared."""

    smallest_count: int = Field(default=0, ge=0)
    """Counts of participants from 1 up to below this are printed as "< N"; 0 prints all."""

    group_column: str = "group"
    """Column of the participants table that the baseline table and the measures are split by."""

    gallery_best: int = Field(default=3, ge=0, le=12)
    """Number of subjects with the highest Dice in the gallery."""

    gallery_worst: int = Field(default=3, ge=0, le=12)
    """Number of subjects with the lowest Dice in the gallery."""

    gallery_slices: int = Field(default=5, ge=1, le=12)
    """Slices shown of each subject in the gallery, evenly from base to apex."""

    subjects: Literal["flagged", "all", "none"] = "none"
    """Who has a page in `pages/`: subjects that are flagged, excluded or in error, all, or none."""

    see_also: str = ""
    """A sentence for the first page that leads on, such as to the report of another run."""

    published_figures: bool = True
    """Print the published figures of Bai 2018 and Chen 2020 beside the cohort's own."""
