"""Human label maps of a subject: checked, then written beside the image with their sidecar."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.label_checks import (
    Annotated,
    check_completeness,
    check_enclosure,
    choose_frames,
)
from cinecohort.conversion.label_options import Action, LabelOptions
from cinecohort.findings import Finding, Level
from cinecohort.images import Image, write_image

_LEVEL: dict[Action, Level] = {"info": Level.INFO, "review": Level.REVIEW, "drop": Level.REVIEW}


def write_label(
    folder: Path,
    observer: str,
    view: str,
    labels: NDArray[np.uint8],
    annotated: Annotated,
    grid: Image,
    *,
    coding: str,
    options: LabelOptions,
    roles: Mapping[str, int | None] | None = None,
    expected: Mapping[str, Sequence[str]] | None = None,
    filling: str | None = None,
) -> tuple[list[str], list[Finding]]:
    """Check a label map and write ``label_{observer}_{view}.nii.gz`` with its sidecar.

    Parameters
    ----------
    folder
        The subject's folder.
    observer
        Name of the observer, as in the configuration.
    view
        The view.
    labels
        Label map (x, y, z, t) in our coding on the grid of the image.
    annotated
        Which slices were annotated, by frame and structure.
    grid
        The image; gives affine and frame interval.
    coding
        Name of the source's coding, for the record.
    options
        What a failed check leads to.
    roles
        ``{"ed": frame, "es": frame}`` where the source knows them; else found from the labels.
    expected
        Structures that the protocol of the source draws at ``ed`` and ``es``; all by default.
    filling
        How contours were filled, where the labels come from contours.

    Returns
    -------
    tuple
        Names of the files written (none where nothing is annotated or a check asks to drop the labels) and
        the findings.
    """
    frames = sorted(int(frame) for frame in annotated)
    if not frames:
        message = f"{observer}: nothing is annotated."
        return [], [Finding(Code.LABEL_INCOMPLETE, _LEVEL[options.incomplete], message, view)]
    if roles is None:
        ed, es = choose_frames(labels, annotated, view)
        roles = {"ed": ed, "es": es}
    incomplete = check_completeness(
        labels,
        annotated,
        view,
        roles,
        observer=observer,
        level=_LEVEL[options.incomplete],
        expected=expected,
    )
    swapped = check_enclosure(
        labels,
        view,
        [frame for frame in roles.values() if frame is not None],
        observer=observer,
        threshold=options.enclosed_share,
        level=_LEVEL[options.swapped],
    )
    findings = [*incomplete, *swapped]
    if (incomplete and options.incomplete == "drop") or (swapped and options.swapped == "drop"):
        message = f"{observer}: the labels are left out, as the configuration asks."
        return [], [*findings, Finding(Code.LABEL_INCOMPLETE, Level.INFO, message, view)]
    name = f"label_{observer}_{view}.nii.gz"
    sidecar = {
        "view": view,
        "observer": observer,
        "coding": coding,
        "filling": filling,
        "ed_frame": roles["ed"],
        "es_frame": roles["es"],
        "annotated": annotated,
    }
    image = Image(labels.astype(np.uint8, copy=False), grid.affine, grid.frame_interval_s, sidecar)
    write_image(folder / name, image)
    return [name, name.removesuffix(".nii.gz") + ".json"], findings
