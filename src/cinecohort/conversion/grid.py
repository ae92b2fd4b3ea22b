"""The common grid of a stack: even steps, one matrix, one field of view, or the reason why there is none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frames import PLAUSIBLE_MM
from cinecohort.conversion.geometry import Vector
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series_names import slice_number
from cinecohort.conversion.stacks import SAME_SPACING, Slice, Stack
from cinecohort.findings import Finding, Level

MAX_MISSING = 20
"""A step of more than so many others is no row of missing slices, but another stack or a damaged position."""

OVERLAP = 0.9
"""Slices of a stack closer than this share of their thickness overlap, which no cine protocol means."""

ASIDE = "The field of view of {} slices has moved in plane"
WITHIN = "The position changes within {} slices, from frame to frame"

POSITION_PRECISION_MM = 1e-3
"""Positions that lie nearer than this to the grid lie on it: files hold rounded decimal text."""


@dataclass
class Grid:
    """Where the voxels of a stack are.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel_spacing
        PixelSpacing: between rows, between columns.
    step_mm
        From slice to slice.
    corner
        ImagePositionPatient of slice 0 (LPS).
    places
        Place of each slice of the stack on the grid; more places than slices where some are missing.
    n_slices
        Places in all.
    resampled
        Slices (of the stack) that have to be brought onto the grid.
    residual_mm
        Farthest distance between a slice's own corner and the grid's, of those not resampled.
    """

    shape: tuple[int, int]
    pixel_spacing: tuple[float, float]
    step_mm: float
    corner: Vector
    places: list[int]
    n_slices: int
    resampled: list[int] = field(default_factory=list)
    residual_mm: float = 0.0

    @property
    def missing(self) -> list[int]:
        """Places without a slice."""
        return sorted(set(range(self.n_slices)) - set(self.places))


def plan_grid(view: str, stack: Stack, options: ConversionOptions) -> tuple[Grid, list[Finding]]:
    """Fit the grid to the positions; ``GAP``, ``SPACING``, ``SHIFT``, ``MATRIX``, ``SLICE_NAMES``."""
    slices = stack.slices
    distances = np.array([item.corner @ stack.axes.normal for item in slices])
    step, places, findings = _steps(view, slices, distances, options)
    matrix, others, matrix_findings = _matrix(view, slices, options)
    corners = np.array([item.corner for item in slices])
    lateral = corners - np.outer(distances, stack.axes.normal)
    alike = [index for index in range(len(slices)) if index not in others]
    middle = np.median(lateral[alike], axis=0)
    beside = np.linalg.norm(lateral - middle, axis=1)
    aside, aside_findings = _moved(view, ASIDE, {index: float(beside[index]) for index in alike}, options)
    # As after the patient or the table moved.
    spread = {index: _spread_mm(item) for index, item in enumerate(slices)}
    within, within_findings = _moved(view, WITHIN, spread, options)
    moved = [*aside, *within]
    rows, columns, between_rows, between_columns = matrix
    start = float(np.mean(distances - step * np.array(places)))
    grid = Grid(
        (int(rows), int(columns)),
        (between_rows, between_columns),
        step,
        middle + start * stack.axes.normal,
        places,
        places[-1] + 1,
        sorted({*others, *moved}),
    )
    own = [index for index in alike if index not in moved]
    on_grid = grid.corner + np.outer(np.array(places) * step, stack.axes.normal)
    grid.residual_mm = float(np.linalg.norm(corners[own] - on_grid[own], axis=1).max(initial=0.0))
    findings += [*matrix_findings, *aside_findings, *within_findings]
    findings += [*_names(view, slices), *_references(view, slices)]
    return grid, findings


def _steps(
    view: str, slices: list[Slice], distances: Vector, options: ConversionOptions
) -> tuple[float, list[int], list[Finding]]:
    values = slices[0].run.frames[0].values
    thickness = values.get("SliceThickness", 0.0)
    if not PLAUSIBLE_MM[0] < thickness < PLAUSIBLE_MM[1]:
        thickness = None
    if len(slices) == 1:
        if thickness:
            return float(thickness), [0], []
        message = "One slice without SliceThickness: 1 mm is written for it."
        return 1.0, [0], [Finding(Code.SPACING, Level.REVIEW, message, view)]
    steps = np.diff(distances)
    step = float(np.median(steps))
    relative = steps / step - 1.0
    findings: list[Finding] = []
    places = [0]
    missing: list[int] = []
    uneven: list[int] = []
    for index, ratio in enumerate(steps / step):
        whole = round(float(ratio))
        fits = 1 <= whole <= MAX_MISSING and abs(ratio - whole) <= options.spacing_tolerance * whole
        missing.extend(range(places[-1] + 1, places[-1] + whole) if fits else ())
        uneven.extend(() if fits else (index,))
        places.append(places[-1] + (whole if fits else 1))
    if missing:
        findings.append(_gap(view, missing, steps, step, options))
    for index in uneven:
        wider = relative[index] > 0
        message = (
            f"Slices {index} and {index + 1} are {steps[index]:.2f} mm apart, the others {step:.2f} mm; the"
            " view is refused."
        )
        findings.append(
            Finding(
                Code.GAP if wider else Code.SPACING,
                Level.REJECT,
                message,
                view,
                slices=(index, index + 1),
                value=round(float(steps[index]), 3),
                threshold=round(step * (1 + options.spacing_tolerance * (1 if wider else -1)), 3),
            )
        )
    if not missing and not uneven:
        step = float((distances[-1] - distances[0]) / (len(distances) - 1))
    elif not uneven:
        step = float((distances[-1] - distances[0]) / places[-1])
    findings += _against_headers(view, step, thickness, values.get("SpacingBetweenSlices"), options)
    return step, places, findings


def _gap(view: str, missing: list[int], steps: Vector, step: float, options: ConversionOptions) -> Finding:
    empty = options.on_gap == "empty"
    done = "kept as empty slices that are marked as missing" if empty else "the view is refused"
    word = "Slice" if len(missing) == 1 else "Slices"
    message = (
        f"{word} {', '.join(map(str, missing))} missing: a step of {steps.max():.2f} mm where the others are"
        f" {step:.2f} mm; {done}."
    )
    return Finding(
        Code.GAP,
        Level.REVIEW if empty else Level.REJECT,
        message,
        view,
        slices=tuple(missing),
        value=round(float(steps.max()), 3),
        threshold=round(step * (1 + options.spacing_tolerance), 3),
    )


def _against_headers(
    view: str, step: float, thickness: float | None, stated: float | None, options: ConversionOptions
) -> list[Finding]:
    findings = []
    if stated and abs(abs(stated) / step - 1) > options.spacing_tolerance:
        message = (
            f"Positions are {step:.2f} mm apart, SpacingBetweenSlices says {stated:.2f} mm; the positions"
            " were believed."
        )
        findings.append(
            Finding(Code.SPACING, Level.INFO, message, view, value=round(step, 3), threshold=float(stated))
        )
    if thickness and step < OVERLAP * thickness:
        message = (
            f"Slices are {step:.2f} mm apart but {thickness:.1f} mm thick: they overlap, as where two"
            " stacks lie between each other."
        )
        findings.append(
            Finding(
                Code.SPACING, Level.REVIEW, message, view, value=round(step, 3), threshold=OVERLAP * thickness
            )
        )
    if thickness and step > options.max_step_to_thickness * thickness:
        message = (
            f"Slices are {step:.2f} mm apart but only {thickness:.1f} mm thick: volumes rest on"
            f" {100 * thickness / step:.0f} % of the heart."
        )
        findings.append(
            Finding(
                Code.SPACING,
                Level.REVIEW,
                message,
                view,
                value=round(step, 3),
                threshold=round(options.max_step_to_thickness * thickness, 3),
            )
        )
    return findings


def _matrix(
    view: str, slices: list[Slice], options: ConversionOptions
) -> tuple[tuple[float, ...], list[int], list[Finding]]:
    kinds = [item.run.matrix for item in slices]
    counts = Counter(kinds)
    main = max(counts, key=lambda kind: (counts[kind], kind))
    others = [
        index
        for index, kind in enumerate(kinds)
        if kind[:2] != main[:2] or not np.allclose(kind[2:], main[2:], rtol=SAME_SPACING, atol=0)
    ]
    if not others:
        return main, [], []
    resample = options.on_matrix == "resample"
    done = "resampled onto the others' grid" if resample else "the view is refused"
    listed = ", ".join(f"slice {index}: {_matrix_words(kinds[index])}" for index in others[:8])
    message = f"{len(others)} slices differ from {_matrix_words(main)} ({listed}); {done}."
    level = Level.REVIEW if resample else Level.REJECT
    finding = Finding(Code.MATRIX, level, message, view, slices=tuple(others), value=float(len(others)))
    return main, others, [finding]


def _matrix_words(kind: tuple[float, ...]) -> str:
    return f"{kind[0]:.0f} x {kind[1]:.0f} pixels of {kind[2]:.4g} x {kind[3]:.4g} mm"


def _moved(
    view: str, words: str, millimetres: Mapping[int, float], options: ConversionOptions
) -> tuple[list[int], list[Finding]]:
    """Slices that lie farther from their place than is allowed, and what is said of them."""
    moved = [index for index, mm in millimetres.items() if mm > options.shift_tolerance_mm]
    if not moved:
        return [], []
    resample = options.on_shift == "resample"
    done = "resampled onto the others' grid" if resample else "the view is refused"
    listed = ", ".join(f"slice {index}: {millimetres[index]:.2f} mm" for index in moved[:8])
    message = f"{words.format(len(moved))} ({listed}); {done}."
    level = Level.REVIEW if resample else Level.REJECT
    worst, limit = round(max(millimetres[index] for index in moved), 3), options.shift_tolerance_mm
    return moved, [
        Finding(Code.SHIFT, level, message, view, slices=tuple(moved), value=worst, threshold=limit)
    ]


def _spread_mm(item: Slice) -> float:
    """Farthest distance of a frame's corner from that of the first."""
    places = {frame.values["ImagePositionPatient"] for frame in item.run.frames}
    if len(places) == 1:
        return 0.0
    return float(np.linalg.norm(np.array(list(places)) - item.corner, axis=1).max())


def _references(view: str, slices: list[Slice]) -> list[Finding]:
    """Positions are comparable within one frame of reference only.

    Where every slice has one of its own (as after some anonymisation), the attribute says nothing.
    """
    references = [item.run.frames[0].values.get("FrameOfReferenceUID", "") for item in slices]
    counts = Counter(references)
    if len(counts) in (1, len(slices)):
        return []
    main = max(counts, key=lambda uid: (counts[uid], uid))
    others = tuple(index for index, uid in enumerate(references) if uid != main)
    message = (
        f"{len(others)} slices have another frame of reference than the rest: their positions may not be"
        " comparable, as after the patient was moved."
    )
    return [Finding(Code.FRAME_OF_REFERENCE, Level.REVIEW, message, view, slices=others)]


def _names(view: str, slices: list[Slice]) -> list[Finding]:
    """Names ``..._b{N}`` should run from 1 without a hole and agree with the positions' order."""
    numbers = [slice_number(item.run.frames[0]) for item in slices]
    known = [number for number in numbers if number is not None]
    if len(known) < len(slices) or len(known) < 2:
        return []
    holes = sorted(set(range(1, max(known) + 1)) - set(known))
    steps = np.sign(np.diff(known))
    out_of_order = tuple(index + 1 for index in range(len(steps)) if steps[index] != np.median(steps))
    findings = []
    if holes:
        message = (
            f"Slice names run from b1 to b{max(known)} without {', '.join(f'b{n}' for n in holes)}; the"
            " positions decide."
        )
        findings.append(Finding(Code.SLICE_NAMES, Level.REVIEW, message, view, value=float(len(holes))))
    if out_of_order:
        message = "The numbers in the slice names contradict the positions; the positions were believed."
        findings.append(Finding(Code.SLICE_NAMES, Level.REVIEW, message, view, slices=out_of_order))
    return findings
