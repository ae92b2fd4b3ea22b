"""Settings of the comparison of segmentations."""

from typing import Literal

from cinecohort.options import Options


class EvaluationOptions(Options):
    """How two segmentations are compared."""

    border: Literal["external", "both"] = "external"
    """Contour of a structure: its outer border with holes filled (the myocardium's is the epicardium, as in
    Bai's published code), or the inner border too."""

    positions: bool = True
    """Also give rows for the basal, mid and apical third of the short-axis LV."""
