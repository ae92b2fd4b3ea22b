"""Faults that are planted on purpose, each with the code that should report it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault.

    Parameters
    ----------
    name
        As in ``truth.tsv``.
    expected
        The finding's code that conversion should give; empty where it cannot see the fault.
    """

    name: str
    expected: str


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("missing_frames", "UNEQUAL_FRAMES"),
        Fault("missing_slice", "GAP"),
        Fault("duplicate_series", "DUPLICATE"),
        Fault("truncated_zip", "UNREADABLE"),
        Fault("corrupt_dicom", "UNREADABLE"),
        Fault("shifted_field_of_view", "SHIFT"),
        Fault("no_es_contour", "LABEL_INCOMPLETE"),
        Fault("swapped_labels", "LABEL_SWAP"),
        Fault("broken_manifest", "MANIFEST"),
        Fault("low_contrast", ""),
        Fault("off_centre", ""),
        Fault("breath_hold_shift", ""),
    )
}

_PLACES = {
    4: "duplicate_series",
    7: "no_es_contour",
    8: "missing_frames",
    10: "broken_manifest",
    13: "missing_slice",
    15: "breath_hold_shift",
    16: "truncated_zip",
    19: "low_contrast",
    20: "swapped_labels",
    22: "off_centre",
}
"""Number of a subject within each two dozen to its fault; in the second two dozen others follow."""

_SECOND = {8: "corrupt_dicom", 16: "shifted_field_of_view"}


_ARCHIVES_ONLY = ("truncated_zip", "broken_manifest")
_IN_THE_IMAGE = ("low_contrast", "off_centre", "breath_hold_shift")
"""Faults that images without DICOM and contours can have."""


def planted_fault(number: int, layout: str = "ukbiobank") -> str:
    """Name of the fault of the subject with this number (from 1), or empty where this layout has none."""
    round_, place = divmod(number - 1, 24)
    places = {**_PLACES, **_SECOND} if round_ % 2 else _PLACES
    name = places.get(place + 1, "")
    if layout == "nifti":
        return name if name in _IN_THE_IMAGE else ""
    return "" if layout == "dicom" and name in _ARCHIVES_ONLY else name
