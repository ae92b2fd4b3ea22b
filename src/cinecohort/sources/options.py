"""Further settings of each source, as they stand under `settings` of a dataset."""

from typing import Literal

from cinecohort.options import Options


class ImagesOptions(Options):
    """Settings of every source of images."""

    observers: tuple[str, ...] | None = None
    """Observers whose annotations are used; null: all that are found."""


class NiftiOptions(ImagesOptions):
    """Settings of a dataset with `source: nifti`."""

    coding: Literal["cinecohort", "acdc", "digital_heart", "biv_me", "mm_whs"] = "cinecohort"
    """Coding of the short-axis labels."""
