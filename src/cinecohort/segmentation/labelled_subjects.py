"""A subject to learn from: its image and an observer's labels, read together and held against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.views import LABELS, STRUCTURES
from cinecohort.errors import UserError
from cinecohort.grids import apart_mm
from cinecohort.images import SAME_PLACE_MM, Image, read_image
from cinecohort.label_maps import label_of, label_path, manual_map, whole_labels
from cinecohort.labels import enclosed_share, long_axis_fault

FRAMES_LOOKED_AT = 2
"""Annotated frames in which the coding is held against the anatomy."""


@dataclass(frozen=True)
class LabelledSubject:
    """An image and its labels, on one grid.

    Parameters
    ----------
    image
        The image (x, y, z, t).
    labels
        (x, y, z, t), uint8: classes of a network, counted from 1 in the order of its structures.
    annotated
        (t, z, classes), bool: what the observer looked for, background first. Where the labels' sidecar does
        not say, a structure counts as annotated in the frames in which any of it is drawn.
    """

    image: Image
    labels: NDArray[np.uint8]
    annotated: NDArray[np.bool_]

    @property
    def frames(self) -> list[int]:
        """Frames in which anything was annotated."""
        return [int(frame) for frame in np.flatnonzero(self.annotated[:, :, 1:].any(axis=(1, 2)))]


def read_labelled(
    folder: Path, observer: str, view: str, structures: Mapping[int, str] | None = None
) -> LabelledSubject:
    """Read a subject's image and an observer's labels of a view.

    Parameters
    ----------
    folder, observer, view
        Of the subject, whose labels, and of what.
    structures
        Label to structure of what a network learns, those of :data:`cinecohort.catalogue.views.STRUCTURES`
        by default; all else is background.

    Raises
    ------
    UserError
        If either cannot be read, they are not on one grid, the labels are not whole numbers of the view's
        coding, an annotated frame is blank, or the anatomy says that it is another coding.
    """
    image = read_image(folder / f"{view}.nii.gz")
    path = label_path(folder, view, observer)
    drawn = read_image(path)
    if image.data.shape != drawn.data.shape:
        raise UserError(f"{path}: is {drawn.data.shape}, its image {image.data.shape}; convert it again.")
    if apart_mm(image.affine, drawn.affine, image.data.shape) > SAME_PLACE_MM:
        raise UserError(
            f"{path}: lies elsewhere in space than its image, by their affines; resample it onto the image, "
            "or give it the image's affine where the voxels do match."
        )
    labels = whole_labels(drawn.data, view, path)
    try:
        masks = manual_map(drawn, view).annotated
    except (AttributeError, IndexError, TypeError, ValueError) as fault:
        raise UserError(
            f"{path}: the `annotated` of its sidecar does not fit it; convert it again."
        ) from fault
    if structures is None:
        structures = STRUCTURES[view]
    every = np.ones(image.data.shape[:1:-1], dtype=bool)
    annotated = np.stack([every, *(masks[name].T for name in structures.values())], axis=-1)
    class_of_label = np.zeros(max(LABELS[view]) + 1, dtype=np.uint8)
    class_of_label[list(structures)] = range(1, len(structures) + 1)
    _check_anatomy(labels, np.flatnonzero(annotated[:, :, 1:].any(axis=(1, 2))), view, path)
    subject = LabelledSubject(image, class_of_label[labels], annotated)
    _check_image(subject, folder / f"{view}.nii.gz")
    return subject


def _check_image(subject: LabelledSubject, path: Path) -> None:
    blank = [frame for frame in subject.frames if np.ptp(subject.image.data[..., frame]) == 0]
    if blank:
        frames = ", ".join(map(str, blank))
        raise UserError(
            f"{path}: is one value everywhere in annotated frames ({frames}); restore it or leave it out."
        )


def _check_anatomy(labels: NDArray[np.uint8], frames: NDArray[np.integer], view: str, path: Path) -> None:
    """Find a swap of LV and RV (ACDC's coding), which leaves every label present."""
    if view != "sa":
        fault = long_axis_fault(labels, view)
        if fault:
            raise UserError(f"{path}: {fault} Recode it (`cinecohort convert` does so for known sources).")
        return
    shares = [
        (enclosed_share(labels[..., frame], label_of(view, "LV")),
         enclosed_share(labels[..., frame], label_of(view, "RV")))
        for frame in frames[:FRAMES_LOOKED_AT]
    ]  # fmt: skip
    known = [(lv, rv) for lv, rv in shares if lv is not None and rv is not None]
    if known and all(rv > lv for lv, rv in known):
        lv, rv = known[0]
        raise UserError(
            f"{path}: the myocardium surrounds label 3 ({rv:.0%} of its border), not label 1 ({lv:.0%}); "
            "recode it to 1 LV, 2 myocardium, 3 RV (`cinecohort convert` does, with the source's coding)."
        )
