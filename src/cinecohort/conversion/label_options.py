"""Configuration of human labels: how contours are filled and what an incomplete annotation leads to."""

from typing import Literal

from pydantic import Field

from cinecohort.options import Options

Action = Literal["info", "review", "drop"]


class LabelOptions(Options):
    """How human contours and label maps are taken over."""

    filling: Literal["area", "ukbb_cardiac"] = "area"
    """``area``: as many pixels as the polygon has area, those that it covers most. ``ukbb_cardiac``: the
    border is included on a grid four times finer, of which every fourth sample is kept (for comparison with
    labels made by ukbb_cardiac)."""

    incomplete: Action = "review"
    """What a missing ED or ES frame, slice or structure leads to: ``info`` notes it, ``review`` flags the
    subject, ``drop`` flags it and leaves that observer's label map out."""

    swapped: Action = "review"
    """What a label map leads to whose myocardium does not enclose the LV, as for ``incomplete``."""

    enclosed_share: float = Field(default=0.7, ge=0, le=1)
    """Least share of the LV's border that touches myocardium, over the slices that have both."""
