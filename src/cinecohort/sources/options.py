"""Further settings of each source, as they stand under `settings` of a dataset."""

from typing import Literal

from pydantic import Field

from cinecohort.options import Options


class ImagesOptions(Options):
    """Settings of every source of images."""

    observers: tuple[str, ...] | None = None
    """Observers whose annotations are used; null: all that are found."""


class NiftiOptions(ImagesOptions):
    """Settings of a dataset with `source: nifti`."""

    coding: Literal["cinecohort", "acdc", "digital_heart", "biv_me", "mm_whs"] = "cinecohort"
    """Coding of the short-axis labels."""


class CmrMultiOptions(ImagesOptions):
    """Settings of a dataset with `source: cmr_multi`, whose files hold all slices and frames in one row."""

    frame_counts: str = "*slice_info*.json"
    """Files beside the images that give the frames of each subject's short axis, as a pattern; none is needed
    for the long axis."""

    slice_distance_mm: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Distance of the short-axis slices, from centre to centre, which the files do not hold. null: the short
    axis is left out, since its volumes would be made up."""
