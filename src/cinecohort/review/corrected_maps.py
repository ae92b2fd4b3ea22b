"""Corrected label maps in the store: put in place of the network's, checked, and removed again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.grids import brought_onto
from cinecohort.images import Image, read_image, sidecar_path, write_image
from cinecohort.label_maps import segmentation_path, whole_labels
from cinecohort.review.corrections import Correction
from cinecohort.store import corrected_path

MOST_BYTES = 2**31
"""Size of a corrected file, unpacked, beyond which it is refused."""


def put_corrections(
    folder: Path, listed: Sequence[Correction], models: Mapping[str, Sequence[str]]
) -> tuple[list[Finding], list[str], str]:
    """Put a subject's corrected label maps into the store, and remove what is no correction any more.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    listed
        The subject's corrections.
    models
        View to the names of its models; a view without any is not measured, so that nothing can be corrected.

    Returns
    -------
    tuple
        Findings, the files that were written, and the corrected views with a comma between them.
    """
    findings, outputs, views = [], [], []
    for view in STRUCTURES:
        mine = [one for one in listed if one.view == view]
        path = corrected_path(folder, view)
        made: Image | None = None
        for one in mine:
            try:
                made = _with_correction(folder, one, made, models.get(view, ()))
            except UserError as fault:
                words = str(fault).replace(f"{one.file}: ", "")
                message = f"{view}: the correction {one.file.name} is not used, since it {words}"
                findings.append(Finding(Code.CORRECTION_UNUSABLE, Level.REVIEW, message, view))
        if made is None:
            path.unlink(missing_ok=True)
            sidecar_path(path).unlink(missing_ok=True)
            continue
        write_image(path, made)
        frames = tuple(made.sidecar["corrected_frames"])
        which = f"frames {', '.join(map(str, frames))}" if frames else "all frames"
        message = f"{view}: a person's label map stands in place of the network's in {which}"
        findings.append(Finding(Code.CORRECTED, Level.INFO, message, view, frames=frames))
        outputs += [path.name, sidecar_path(path).name]
        views.append(view)
    return findings, outputs, ",".join(views)


def _with_correction(folder: Path, one: Correction, before: Image | None, models: Sequence[str]) -> Image:
    """The subject's label map with one correction more.

    Raises
    ------
    UserError
        If the file cannot be used, in words that follow "since it".
    """
    if not models:
        raise UserError("is of a view for which the configuration names no network.")
    image = _known_image(folder, one.view)
    labels = _read(one, image)
    if one.frame is None:
        if before is not None:
            raise UserError("is a second map of all frames; keep one of them.")
        return _whole(folder, one, labels, image, models[0])
    if one.frame >= image.data.shape[3]:
        last = image.data.shape[3] - 1
        raise UserError(f"names frame {one.frame}, and the image's go from 0 to {last}.")
    base = before or _network_map(folder, one.view, image, models[0])
    if before is not None and one.frame in before.sidecar["corrected_frames"]:
        raise UserError("is a second map of its frame; keep one of them.")
    data = base.data.copy()
    data[..., one.frame] = labels[..., 0]
    sidecar = dict(base.sidecar)
    # A map of all frames is corrected as a whole, whatever single frames follow.
    whole = before is not None and not before.sidecar["corrected_frames"]
    sidecar["corrected_frames"] = [] if whole else sorted({*sidecar.get("corrected_frames", ()), one.frame})
    sidecar["frames"] = sorted({*sidecar["frames"], one.frame})
    return Image(data, image.affine, image.frame_interval_s, sidecar)


def _known_image(folder: Path, view: str) -> Image:
    path = folder / f"{view}.nii.gz"
    if not path.is_file():
        raise UserError(f"is of a subject without the image {path.name}.")
    return read_image(path)


def _read(one: Correction, image: Image) -> NDArray[np.uint8]:
    """Labels (x, y, z, t) of a file on the image's grid; t is 1 for a map of one frame."""
    volume = read_image(one.file, MOST_BYTES)
    size, frames = image.data.shape[:3], image.data.shape[3] if one.frame is None else 1
    brought = brought_onto(volume, image) if sorted(volume.data.shape[:3]) == sorted(size) else None
    if brought is None or brought.how not in ("", "turned"):
        theirs, ours = (" x ".join(map(str, shape)) for shape in (volume.data.shape[:3], size))
        where = "lies elsewhere in space than" if theirs == ours else f"has {theirs} voxels and not {ours} as"
        raise UserError(f"{where} the image; start from the image or label map in the results folder.")
    data = brought.image.data
    if data.shape[3] != frames:
        advice = (
            ""
            if one.frame is not None
            else (f"; a map of one frame has its number in its name, as {one.view}_frame07.nii.gz")
        )
        raise UserError(f"has {data.shape[3]} frames and not {frames}{advice}.")
    labels: NDArray[np.uint8] = whole_labels(data, one.view, one.file)
    if not labels.any():
        raise UserError("holds no label.")
    return labels


def _whole(folder: Path, one: Correction, labels: NDArray[np.uint8], image: Image, model: str) -> Image:
    """A correction of all frames: known where the network's is, and where anything is drawn."""
    network = _network_map(folder, one.view, image, model)
    drawn = np.flatnonzero(labels.any(axis=(0, 1, 2))).tolist()
    frames = sorted({*network.sidecar["frames"], *drawn})
    sidecar = {**network.sidecar, "frames": frames, "corrected_frames": []}
    return Image(labels, image.affine, image.frame_interval_s, sidecar)


def _network_map(folder: Path, view: str, image: Image, model: str) -> Image:
    """The network's label map without what is said of its making; an empty one where there is none."""
    path = segmentation_path(folder, view)
    kept: dict[str, Any] = {"view": view, "model": model, "frames": []}
    data = np.zeros(image.data.shape, np.uint8)
    if path.is_file():
        network = read_image(path)
        if network.data.shape == image.data.shape:
            data = network.data
            known = list(range(image.data.shape[3]))
            kept |= {"frames": known} | {
                key: network.sidecar[key]
                for key in ("model", "weights", "weights_sha256", "frames", "structures", "validated")
                if key in network.sidecar
            }
    return Image(data, image.affine, image.frame_interval_s, {**kept, "corrected_frames": []})
