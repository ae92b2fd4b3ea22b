"""Options of the review room."""

from typing import Literal

from pydantic import Field, model_validator

from cinecohort.options import ConfiguredPath, Options


class BlindedOptions(Options):
    """A page on which analysts compare contours without knowing whose they are (Bai 2018, Table 4)."""

    observer: str = "manual"
    """Whose contours stand beside those of the first short-axis network."""

    sample: int = Field(default=250, ge=1)
    """How many subjects, drawn at random from those with both; Bai 2018 took 250."""

    seed: int | None = None
    """Of the sample, the order and the sides; unset: the run's `seed`."""


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

    blinded: BlindedOptions | None = None
    """The page of the blinded assessment, `review/blinded.html`; unset: none."""

    assessments: list[ConfiguredPath] = []
    """Files that analysts downloaded from that page (`assessment.tsv`)."""

    @model_validator(mode="after")
    def _scores_have_a_page(self) -> "ReviewOptions":
        if self.assessments and self.blinded is None:
            raise ValueError("`assessments` are scores of the page that `blinded` asks for; set it as well")
        return self
