"""Options of the review room."""

from typing import Literal

from cinecohort.options import ConfiguredPath, Options


class ReviewOptions(Options):
    """What people look at."""

    room: Literal["flagged", "all", "none"] = "flagged"
    """Who has a card in `review/index.html`: subjects that are flagged, excluded or in error; everybody; or
    nobody, so that no room is made."""

    verdicts: list[ConfiguredPath] = []
    """Files that reviewers downloaded from the room (`verdicts.tsv`). What they reject is not measured, whom
    all of them accept loses the flag. Reject wins over unsure, which wins over accept."""

    corrections: ConfiguredPath | None = None
    """Folder of label maps that people corrected, each in place of the first network's:
    `<subject>/seg_sa.nii.gz` or `<subject>_sa.nii.gz`, of one frame `<subject>_sa_frame07.nii.gz`."""
