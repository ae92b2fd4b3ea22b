"""Checks I1, I5 and I6 of the images alone; those that take a segmentation come with it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import VIEWS
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import Image, read_image
from cinecohort.quality.frame_order import check_common_steps
from cinecohort.quality.options import GeometryCheck, ImageQualityOptions
from cinecohort.quality.reports import finding, in_places

STEP_PIXELS = 2
"""Every other pixel is enough to see that a frame is out of step."""


def check_images(folder: Path, options: ImageQualityOptions) -> Outcome:
    """Check every image of a subject.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    options
        Limits and actions.

    Returns
    -------
    Outcome
        Findings with codes of :class:`cinecohort.catalogue.findings.Code`; ``values`` holds the numbers
        behind them, by view. A file that cannot be read is a finding, too.
    """
    outcome = Outcome()
    for view in VIEWS:
        path = folder / f"{view}.nii.gz"
        if not path.is_file():
            continue
        try:
            image = read_image(path)
        except UserError as error:
            outcome.findings.append(Finding(Code.UNREADABLE, Level.REJECT, str(error), view=view))
            continue
        findings, values = check_image(image, view, options)
        outcome.findings += findings
        outcome.values |= {f"{view}_{name}": value for name, value in values.items()}
    return outcome


def check_image(
    image: Image, view: str, options: ImageQualityOptions
) -> tuple[list[Finding], dict[str, float | None]]:
    """Check one image; see :func:`check_images`."""
    findings = check_geometry(image, view, options.i1_geometry)
    values: dict[str, float | None] = {}
    confidence = image.sidecar.get("view_confidence")
    if confidence is not None and confidence < options.view_confidence.threshold:
        findings += finding(
            Code.VIEW,
            options.view_confidence.action,
            f"the view was recognised with a confidence of {confidence:.2f} only",
            view=view,
            value=confidence,
            threshold=options.view_confidence.threshold,
        )
    data = without_missing(image)
    if not np.isfinite(data).all() or data.min() == data.max():
        message = "pixels are all equal, or not numbers"
        return findings + finding(Code.I6, options.i6_saturation.action, message, view=view), values
    saturated = saturated_share(data)
    values["saturated_share"] = round(saturated, 5)
    if saturated > options.i6_saturation.threshold:
        message = f"{100 * saturated:.1f} % of the pixels have the largest value"
        check = options.i6_saturation
        findings += finding(
            Code.I6, check.action, message, view=view, value=saturated, threshold=check.threshold
        )
    values |= image_numbers(data)
    if data.shape[3] >= options.i1_geometry.min_frames:
        findings += _check_steps(frame_steps(data), present_slices(image), view, options, values)
        common, numbers = check_common_steps(data, view, options)
        findings += common
        values |= numbers
    return findings, values


def present_slices(image: Image) -> NDArray[np.int64]:
    """Slices of a stack but those that the scanner never sent, which stand in it empty or filled in."""
    missing = list(image.sidecar.get("missing_slices") or ())
    return np.setdiff1d(np.arange(image.data.shape[2]), missing)


def without_missing(image: Image) -> NDArray[Any]:
    """Return the image (x, y, z, t) without the slices that the scanner never sent."""
    present = present_slices(image)
    return image.data if present.size == image.data.shape[2] else image.data[:, :, present]


def check_geometry(image: Image, view: str, check: GeometryCheck) -> list[Finding]:
    """I1: slices, frames and voxel size, and slices that the scanner never sent."""
    n_slices, n_frames = image.data.shape[2:]
    dx, dy, dz = image.spacing_mm
    roles = (image.sidecar.get("frame_roles") or {}).values()
    problems: list[tuple[str, float, float]] = []
    if view == "sa" and n_slices < check.min_slices:
        problems.append((f"{n_slices} slices", n_slices, check.min_slices))
    if n_frames < check.min_frames and not any(role is not None for role in roles):
        problems.append((f"{n_frames} frames", n_frames, check.min_frames))
    if max(dx, dy) > check.max_pixel_mm:
        problems.append((f"pixels of {dx:.2f} x {dy:.2f} mm", max(dx, dy), check.max_pixel_mm))
    if view == "sa" and dz > check.max_slice_spacing_mm:
        problems.append((f"slices {dz:.1f} mm apart", dz, check.max_slice_spacing_mm))
    found = [
        entry
        for message, value, limit in problems
        for entry in finding(Code.I1, check.action, message, view=view, value=value, threshold=limit)
    ]
    missing = image.sidecar.get("missing_slices") or ()
    if missing:
        message = f"{len(missing)} slices of the stack are missing"
        found += finding(
            Code.I1, check.action, message, view=view, slices=missing, value=len(missing), threshold=0
        )
    return found


def saturated_share(data: NDArray[Any]) -> float:
    """Share of pixels at the largest value; 0 where that is reached by single pixels of a frame."""
    at_top = int(np.count_nonzero(data == data.max()))
    return at_top / data.size if at_top > data.shape[2] * data.shape[3] else 0.0


def image_numbers(data: NDArray[Any]) -> dict[str, float | None]:
    """Entropy focus criterion and foreground-to-background energy ratio of the first frame.

    EFC (Atkinson et al., IEEE Trans Med Imaging 1997;16:903) rises with ghosting and blur and is divided by
    its largest possible value; FBER is the mean energy of the pixels above Otsu's threshold over that of the
    rest. They mean something only beside those of the same scanner.

    Parameters
    ----------
    data
        Image (x, y, z, t).
    """
    from skimage.filters import threshold_otsu

    frame = np.abs(data[..., 0].astype(np.float64))
    energy = float((frame**2).sum())
    if energy == 0 or not np.isfinite(energy) or frame.min() == frame.max():
        return {"efc": None, "fber": None}
    share = frame[frame > 0] / np.sqrt(energy)
    largest = np.sqrt(frame.size) * np.log(np.sqrt(frame.size))
    entropy = -float((share * np.log(share)).sum()) / largest
    bright = frame > threshold_otsu(frame.ravel())
    background = float((frame[~bright] ** 2).mean())
    ratio = float((frame[bright] ** 2).mean()) / background if background > 0 else None
    return {"efc": round(float(entropy), 5), "fber": None if ratio is None else round(ratio, 4)}


def frame_steps(data: NDArray[Any]) -> NDArray[np.float64]:
    """Mean absolute change (z, t) of each slice from the frame before, the last frame being before the first.

    Parameters
    ----------
    data
        Image (x, y, z, t).
    """
    thinned = data[::STEP_PIXELS, ::STEP_PIXELS].astype(np.float32)
    n_frames = data.shape[3]
    steps = [np.abs(thinned[..., t] - thinned[..., t - 1]).mean(axis=(0, 1)) for t in range(n_frames)]
    return np.stack(steps, axis=1).astype(np.float64)


def relative_steps(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each step (z, t) over what its slice and its moment lead to expect.

    The heart moves fast in systole and little in late diastole, in all slices alike, so each step is divided
    by its slice's median, and then by the median of its moment. Slices that stand still are NaN.
    """
    of_slice = np.median(steps, axis=1, keepdims=True)
    relative = np.divide(steps, of_slice, out=np.full_like(steps, np.nan), where=of_slice > 0)
    moving = relative[of_slice[:, 0] > 0]
    of_moment = np.median(moving, axis=0) if len(moving) else np.full(steps.shape[1], np.nan)
    return np.divide(relative, of_moment, out=np.full_like(steps, np.nan), where=of_moment > 0)


def _check_steps(
    steps: NDArray[np.float64],
    present: NDArray[np.int64],
    view: str,
    options: ImageQualityOptions,
    values: dict[str, float | None],
) -> list[Finding]:
    """I5: frames that jump, frames that repeat the one before, in the slices `present`."""
    found: list[Finding] = []
    repeated = steps == 0
    share = float(repeated.mean())
    values["repeated_share"] = round(share, 5)
    check = options.i5_repeated_frames
    if share > check.threshold:
        slices, frames = np.nonzero(repeated)
        message = f"frames equal the one before, pixel for pixel, {in_places(slices, frames)}"
        found += finding(
            Code.I5,
            check.action,
            message,
            view=view,
            slices=present[np.unique(slices)],
            frames=np.unique(frames),
            value=share,
            threshold=check.threshold,
        )
    found += _check_closure(steps, view, options, values)
    if steps.shape[0] <= 2:
        return found
    scores = np.nan_to_num(relative_steps(steps))
    worst = float(scores.max())
    values["frame_jump"] = round(worst, 3)
    check = options.i5_frame_jump
    slices, frames = np.nonzero(scores > check.threshold)
    if slices.size:
        where = in_places(slices, frames)
        message = f"a step between frames is up to {worst:.1f} times what other slices show, {where}"
        found += finding(
            Code.I5,
            check.action,
            message,
            view=view,
            slices=present[np.unique(slices)],
            frames=np.unique(frames),
            value=worst,
            threshold=check.threshold,
        )
    return found


def _check_closure(
    steps: NDArray[np.float64], view: str, options: ImageQualityOptions, values: dict[str, float | None]
) -> list[Finding]:
    """I5: the last frame leads back to the first, as it does when the whole cycle was recorded."""
    usual = float(np.median(steps[:, 1:]))
    if usual == 0:
        return []
    closing = float(np.median(steps[:, 0])) / usual
    values["cycle_closure"] = round(closing, 3)
    check = options.i5_open_cycle
    if closing <= check.threshold:
        return []
    message = f"the step from the last frame to the first is {closing:.1f} times the usual one"
    return finding(
        Code.I5, check.action, message, view=view, frames=(0,), value=closing, threshold=check.threshold
    )
