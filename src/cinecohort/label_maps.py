"""Label maps of a subject's folder, and which frames, slices and structures of them are known."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.views import FURTHER_STRUCTURES, LABELS, STRUCTURES
from cinecohort.errors import UserError
from cinecohort.images import Image, read_image, read_sidecar
from cinecohort.labels import long_axis_fault
from cinecohort.store import corrected_path, read_record

Kind = Literal["auto", "manual"]

LABEL_FILE = re.compile(rf"label_(?P<observer>.+?)_(?P<view>{'|'.join(STRUCTURES)})\.nii\.gz")

ALL_BUT_WHOLE = 1e-3
"""Labels may differ by so much from whole numbers where another program stored them as fractions."""


SOLID_APEX = 2.0
"""Largest radius of an apex without cavity, over the thickness of the wall beside it; at most 1.75 in the 366
frames of the labels of ACDC, M&Ms and Sunnybrook."""

SOLID_SHARE = 0.4
"""Share of the whole heart's area in that slice up to which it is an apex all the same: the thin-walled apex
of a phantom, solid by its truth, reaches 2.3 walls and at most 0.35 of that area."""

FULL_CYCLE_ED_SHARE = 0.2
"""A single frame within this share of the cycle from frame 0 is taken for end-diastole."""


@dataclass(frozen=True)
class LabelMap:
    """A segmentation of one view and what it covers.

    Parameters
    ----------
    view
        ``sa``, ``la_2ch`` or ``la_4ch``.
    image
        Label map (x, y, z, t) in the coding of :data:`cinecohort.catalogue.views.LABELS`.
    annotated
        Structure to a mask (z, t): True where the structure was segmented or annotated, whether or not any
        of it is there. What is False is unknown, which is not the same as empty.
    ed_frame, es_frame
        The frames that the observer called end-diastole and end-systole, counted from 0; None where unknown.
    """

    view: str
    image: Image
    annotated: dict[str, NDArray[np.bool_]]
    ed_frame: int | None = None
    es_frame: int | None = None

    @property
    def structures(self) -> dict[int, str]:
        """Label to structure of what is known anywhere."""
        return {label: name for label, name in LABELS[self.view].items() if self.annotated[name].any()}

    def mask(self, structure: str) -> NDArray[np.bool_]:
        """Voxels (x, y, z, t) of a structure."""
        return cast("NDArray[np.bool_]", self.image.data == label_of(self.view, structure))

    def frames(self, structure: str) -> NDArray[np.bool_]:
        """Frames (t,) in which any slice of the structure is known."""
        return cast("NDArray[np.bool_]", self.annotated[structure].any(axis=0))


def label_of(view: str, structure: str) -> int:
    """Label number of a structure in a view."""
    return next(label for label, name in LABELS[view].items() if name == structure)


def segmentation_path(folder: Path, view: str, name: str | None = None) -> Path:
    """``seg_{view}.nii.gz`` of the primary model (`name` None), or ``seg_{name}_{view}.nii.gz``."""
    return folder / (f"seg_{view}.nii.gz" if name is None else f"seg_{name}_{view}.nii.gz")


def label_path(folder: Path, view: str, observer: str) -> Path:
    """``label_{observer}_{view}.nii.gz``."""
    return folder / f"label_{observer}_{view}.nii.gz"


def whole_labels(labels: NDArray[Any], view: str, path: Path) -> NDArray[Any]:
    """Labels as whole numbers of a view's coding; those that a float type holds all but exactly are rounded.

    Raises
    ------
    UserError
        If there are others: of another coding, interpolated, or not finite.
    """
    if labels.dtype.kind == "f":
        rounded = np.rint(labels)
        if not np.allclose(labels, rounded, rtol=0, atol=ALL_BUT_WHOLE):
            raise UserError(f"{path}: holds values that are not whole numbers; write labels as integers.")
        labels = rounded
    lowest, highest, last = int(labels.min()), int(labels.max()), max(LABELS[view])
    missing = [label for label in range(1, last) if label not in LABELS[view] and (labels == label).any()]
    if lowest < 0 or highest > last or missing:
        wrong = highest if highest > last else lowest if lowest < 0 else missing[0]
        known = ", ".join(f"{label} {name}" for label, name in LABELS[view].items())
        raise UserError(f"{path}: has label {wrong}, but the labels of {view} are {known}; recode it.")
    return labels.astype(np.uint8, copy=False)


def read_segmentation(folder: Path, view: str, name: str | None = None) -> LabelMap | None:
    """Read a model's segmentation of a view, or None where there is none; the primary one's as corrected.

    Only the frames that the sidecar lists under ``frames`` count as segmented; without a list, all do.
    """
    path = segmentation_path(folder, view, name) if name else _primary_path(folder, view)
    if not path.is_file():
        return None
    image = _read_coded(path, view)
    unknown = view in FURTHER_STRUCTURES and "structures" not in image.sidecar
    if unknown and (fault := long_axis_fault(image.data, view)):
        raise UserError(f"{path}: {fault} Recode it, or name its labels under `structures` of its sidecar.")
    return segmentation_map(image, view)


def _primary_path(folder: Path, view: str) -> Path:
    corrected = corrected_path(folder, view)
    return corrected if corrected.is_file() else segmentation_path(folder, view)


def structures_shown(folder: Path, view: str) -> list[str]:
    """Structures of a view that the primary model's segmentation has, as its sidecar says.

    Without a sidecar, or with a damaged one, all that a map of the view may hold.
    """
    try:
        listed = read_sidecar(_primary_path(folder, view)).get("structures")
    except UserError:
        listed = None
    names = (listed if isinstance(listed, Mapping) else LABELS[view]).values()
    return [name for name in LABELS[view].values() if name in names]


def observers_of(folder: Path, views: Collection[str] = tuple(STRUCTURES)) -> list[str]:
    """Observers who annotated a view of a subject, from the label maps that its conversion recorded."""
    record = read_record(folder, "convert")
    found = [LABEL_FILE.fullmatch(name) for name in (record.outputs if record else ())]
    return sorted({each["observer"] for each in found if each and each["view"] in views})


def read_label(folder: Path, view: str, observer: str) -> LabelMap | None:
    """Read an observer's labels of a view, or None where there are none."""
    path = label_path(folder, view, observer)
    return manual_map(_read_coded(path, view), view) if path.is_file() else None


def _read_coded(path: Path, view: str) -> Image:
    image = read_image(path)
    image.data = whole_labels(image.data, view, path)
    return image


def segmentation_map(image: Image, view: str) -> LabelMap:
    """Label map of a model: all that its network knows, in the frames that were segmented.

    The sidecar says under ``structures`` what that is. Without it, those of
    :data:`cinecohort.catalogue.views.STRUCTURES` count, and what is drawn anywhere.
    """
    slices, frames = image.data.shape[2:]
    listed = image.sidecar.get("frames")
    segmented = np.ones(frames, dtype=bool) if listed is None else np.isin(np.arange(frames), listed)
    known = np.broadcast_to(segmented, (slices, frames)).copy()
    structures = image.sidecar.get("structures")
    if isinstance(structures, Mapping):
        names = set(structures.values())
    else:
        further = FURTHER_STRUCTURES.get(view, {}).items()
        drawn = {name for label, name in further if (image.data == label).any()}
        names = {*STRUCTURES[view].values(), *drawn}
    nothing = np.zeros_like(known)
    annotated = {name: known if name in names else nothing for name in LABELS[view].values()}
    return LabelMap(view=view, image=image, annotated=annotated)


def manual_map(image: Image, view: str) -> LabelMap:
    """Label map of an observer, with what its sidecar says was annotated.

    Without a sidecar, a structure counts as annotated in the frames in which any of it is drawn.
    """
    listed = image.sidecar.get("annotated")
    annotated = (
        _annotated_where_drawn(image, view)
        if listed is None
        else annotated_masks(listed, view, *image.data.shape[2:])
    )
    return LabelMap(
        view=view,
        image=image,
        annotated=annotated,
        ed_frame=image.sidecar.get("ed_frame"),
        es_frame=image.sidecar.get("es_frame"),
    )


def annotated_masks(
    listed: Mapping[str, Mapping[str, Iterable[int]]], view: str, slices: int, frames: int
) -> dict[str, NDArray[np.bool_]]:
    """Turn a sidecar's ``annotated`` into one mask (z, t) a structure.

    Parameters
    ----------
    listed
        Frame (as text) to structure to the slices that were annotated.
    view
        The view, which says what structures there are.
    slices, frames
        Shape of the masks.
    """
    masks = {name: np.zeros((slices, frames), dtype=bool) for name in LABELS[view].values()}
    for frame, structures in listed.items():
        for name, indices in structures.items():
            if name in masks:
                masks[name][list(indices), int(frame)] = True
    return masks


def _annotated_where_drawn(image: Image, view: str) -> dict[str, NDArray[np.bool_]]:
    frames = range(image.data.shape[3])
    drawn = [set(np.unique(image.data[..., frame]).tolist()) for frame in frames]
    shape = image.data.shape[2:]
    return {
        name: np.broadcast_to([label in labels for labels in drawn], shape).copy()
        for label, name in LABELS[view].items()
    }


def solid_slices(lv: NDArray[np.int64], myocardium: NDArray[np.int64]) -> list[int]:
    """Slices whose myocardium has no cavity in it although the heart has one there.

    Below the cavity the apex is solid: about as thick as the wall of the nearest slice that shows both, or
    much smaller than the heart there. What is neither, or lies between slices with a cavity, lacks its
    endocardial contour.

    Parameters
    ----------
    lv, myocardium
        Pixels (z,) of the two in each slice of one frame.
    """
    solid = np.flatnonzero((myocardium > 0) & (lv == 0))
    both = np.flatnonzero((myocardium > 0) & (lv > 0))
    if not both.size:
        return [int(z) for z in solid]
    heart = lv + myocardium
    wall = np.sqrt(heart / np.pi) - np.sqrt(lv / np.pi)

    def is_apex(z: int) -> bool:
        nearest = both[np.argmin(np.abs(both - z))]
        thin = np.sqrt(myocardium[z] / np.pi) <= SOLID_APEX * wall[nearest]
        return bool(thin or myocardium[z] <= SOLID_SHARE * heart[nearest])

    return [int(z) for z in solid if both[0] < z < both[-1] or not is_apex(int(z))]


def role_of_single_frame(frame: int, n_frames: int) -> tuple[int | None, int | None]:
    """Which of end-diastole and end-systole a single frame of a cycle is: the former close to frame 0."""
    distance = min(frame, n_frames - frame) / n_frames
    return (frame, None) if distance <= FULL_CYCLE_ED_SHARE else (None, frame)


def sidecar_number(sidecar: Mapping[str, Any], key: str) -> float | None:
    """Return a positive, finite number of a sidecar, or None where it is missing or is not one."""
    value = sidecar.get(key)
    if isinstance(value, int | float) and np.isfinite(value) and value > 0:
        return float(value)
    return None
