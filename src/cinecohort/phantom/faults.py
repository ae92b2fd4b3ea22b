"""Faults that are planted on purpose, each with the stage and the code that should report it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cinecohort.catalogue.findings import Code
from cinecohort.phantom.planning import Slice
from cinecohort.phantom.receiver import Receiver

CONVERSION, SEGMENTATIONS, NOBODY = "convert", "segmentation_quality", ""
"""Stages that can see a fault, by the names of the workflow."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Parameters
    ----------
    name
        As in ``truth.tsv``.
    stage
        The first stage that can see it.
    expected
        The code of the finding that this stage should give; None where no stage should give one.
    unseen
        Why no earlier stage, or none at all, can see it.
    """

    name: str
    stage: str
    expected: Code | None
    unseen: str = ""


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("missing_frames", CONVERSION, Code.UNEQUAL_FRAMES),
        Fault("missing_slice", CONVERSION, Code.GAP),
        Fault("duplicate_series", CONVERSION, Code.DUPLICATE),
        Fault("truncated_zip", CONVERSION, Code.UNREADABLE),
        Fault("corrupt_dicom", CONVERSION, Code.UNREADABLE),
        Fault("shifted_field_of_view", CONVERSION, Code.SHIFT),
        Fault("no_es_contour", CONVERSION, Code.LABEL_INCOMPLETE),
        Fault("swapped_labels", CONVERSION, Code.LABEL_SWAP),
        Fault("broken_manifest", CONVERSION, Code.MANIFEST),
        Fault(
            "mistriggering",
            SEGMENTATIONS,
            Code.S10,
            "headers are as they should be, and no frame of a slice that began late jumps: only the course "
            "of its area beside its neighbours' tells, which takes labels of the whole cycle",
        ),
        Fault(
            "low_contrast", SEGMENTATIONS, Code.I2, "contrast is that of blood and muscle: it takes labels"
        ),
        Fault(
            "breath_hold_shift",
            SEGMENTATIONS,
            Code.I3,
            "headers hold where slices were planned, not where the heart was: it takes labels",
        ),
        Fault(
            "off_centre",
            NOBODY,
            None,
            "the whole heart is in the image, and measures do not depend on its place",
        ),
    )
}

_PLACES = {
    4: "duplicate_series",
    7: "no_es_contour",
    8: "missing_frames",
    10: "broken_manifest",
    11: "mistriggering",
    13: "missing_slice",
    15: "breath_hold_shift",
    16: "truncated_zip",
    17: "shifted_field_of_view",
    19: "low_contrast",
    20: "swapped_labels",
    22: "off_centre",
    23: "corrupt_dicom",
}
"""Number of a subject within each two dozen to its fault."""

_ARCHIVES_ONLY = ("truncated_zip", "broken_manifest")
_IN_THE_IMAGE = ("low_contrast", "off_centre", "breath_hold_shift")
"""Faults that images without DICOM and contours can have."""

BREATH_HOLD_MM, OFF_CENTRE_MM, FIELD_OF_VIEW_MM = 6.0, -62.0, 9.0
LOW_CONTRAST_BLOOD, LOW_CONTRAST_NOISE = 0.42, 0.05
"""Blood and wall differ by less of the sum of their signals than in any of 180 hearts of ACDC and M&Ms."""
LATE_BY = 0.25
"""Share of the cycle by which a mistriggered slice begins late."""


def planted_fault(number: int, layout: str = "ukbiobank") -> str:
    """Name of the fault of the subject with this number (from 1), or empty where this layout has none."""
    name = _PLACES.get((number - 1) % 24 + 1, "")
    if layout == "nifti":
        return name if name in _IN_THE_IMAGE else ""
    return "" if layout == "dicom" and name in _ARCHIVES_ONLY else name


def misplaced(slices: Sequence[Slice], fault: str) -> list[Slice]:
    """Slices as they were planned, or one or all of the short axis beside their place along the rows."""
    result = list(slices)
    short = [place for place, image in enumerate(slices) if image.view == "sa"]
    if fault == "off_centre":
        for place in short:
            result[place] = _moved(slices[place], OFF_CENTRE_MM)
    if fault == "shifted_field_of_view":
        middle = short[len(short) // 3]
        result[middle] = _moved(slices[middle], FIELD_OF_VIEW_MM)
    return result


def _moved(image: Slice, along_row_mm: float) -> Slice:
    return replace(image, corner=image.corner + along_row_mm * image.row)


def faulty_receiver(receiver: Receiver, fault: str) -> Receiver:
    """The receiver, with little contrast and much noise where that is the fault."""
    if fault != "low_contrast":
        return receiver
    signals = replace(receiver.signals, blood=LOW_CONTRAST_BLOOD, fat=0.6)
    return replace(receiver, signals=signals, noise=LOW_CONTRAST_NOISE)


def late_frames(slices: Sequence[Slice], fault: str, n_frames: int) -> dict[int, int]:
    """Number of each mistriggered short-axis slice to how many frames late it begins."""
    if fault != "mistriggering":
        return {}
    short = [image.number for image in slices if image.view == "sa"]
    middle = len(short) // 2
    return dict.fromkeys(short[middle - 1 : middle + 1], max(round(LATE_BY * n_frames), 1))
