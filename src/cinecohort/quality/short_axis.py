"""The numbers behind the checks of a short-axis segmentation."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from cinecohort.label_maps import solid_slices
from cinecohort.masks import fill_holes
from cinecohort.measures.positions import base_direction, thirds
from cinecohort.quality.topology import Borders, borders_of, divide, largest_component_sizes

NAMES = {1: "LV", 2: "MYO", 3: "RV"}

GROWING_BASE, STEEP_BASE = (0.0, 0.1), (0.15, 0.3)
"""Growth of the LV's area from the second slice to the most basal one, as a share of the largest, and what
such a growth takes from length over width: at its base a heart hardly grows (one of 100 over 0.15)."""

LEAST_SHARE = 0.25
"""A slice in which a structure has less than this share of its area, above and below, lacks it. Of 180 hearts
that experts drew the smallest share is 0.36."""

LEAST_LV = 0.05
"""What has less than this share of the LV's largest area is a sliver, which has no centre of the LV's."""


@dataclass(frozen=True)
class ShortAxis:
    """A short-axis segmentation, cut to the heart and to the frames that were segmented.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    spacing_mm
        Voxel size.
    affine
        (4, 4), of the image.
    frames
        Index of each frame in the whole cine.
    n_frames
        Frames of the whole cine.
    ed
        Place of end-diastole in `frames`.
    slices
        Index of each slice in the whole stack, where slices that the scanner never sent are left out.
    """

    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    affine: NDArray[np.float64]
    frames: NDArray[np.int64]
    n_frames: int
    ed: int
    slices: NDArray[np.int64] | None = None

    @property
    def places(self) -> NDArray[np.int64]:
        """Index (z,) of each slice in the whole stack."""
        return np.arange(self.labels.shape[2]) if self.slices is None else self.slices

    @property
    def es(self) -> int:
        """Place, in `frames`, of the smallest LV that is there at all."""
        volume = self.counts[1].sum(axis=0)
        return int(np.where(volume > 0, volume, np.iinfo(np.int64).max).argmin())

    @cached_property
    def counts(self) -> dict[int, NDArray[np.int64]]:
        """Voxels (z, t) of each label."""
        return {label: np.count_nonzero(self.labels == label, axis=(0, 1)) for label in NAMES}

    @cached_property
    def lv_borders(self) -> Borders:
        """What the LV borders on."""
        return borders_of(self.labels, 1)

    @cached_property
    def rv_borders(self) -> Borders:
        """What the RV borders on."""
        return borders_of(self.labels, 3)

    @cached_property
    def direction(self) -> int:
        """+1 if the base is at the last slice, else -1."""
        lv, rv = (self.counts[label].mean(axis=1) for label in (1, 3))
        return base_direction(lv, rv, self.affine)

    @cached_property
    def levels(self) -> NDArray[np.int8]:
        """Third (z, t) of the LV of each slice in each frame: 0 basal, 1 mid, 2 apical, -1 outside."""
        present = self.counts[1] > 0
        return np.stack([thirds(column, self.direction) for column in present.T], axis=1)

    @property
    def covers_cycle(self) -> bool:
        """Whether enough of the cycle is there to speak of its course: every frame of at least eight."""
        return self.n_frames >= 8 and self.frames.size == self.n_frames

    def open_ring_share(self) -> NDArray[np.float64]:
        """Share (t,) of the LV's border in mid and apical slices that lies on neither myocardium nor LV."""
        below_base = self.levels > 0
        sides = {label: (count * below_base).sum(axis=0) for label, count in self.lv_borders.on.items()}
        return divide(sides[0] + sides[3], sides[0] + sides[2] + sides[3])

    def fragment_share(self) -> dict[str, NDArray[np.float64]]:
        """Share (t,) of each structure's voxels outside the largest component of their slice."""
        shares = {}
        for label, name in NAMES.items():
            masks = self.labels == label
            largest = largest_component_sizes(masks.reshape(*masks.shape[:2], -1))
            total = self.counts[label].sum(axis=0)
            shares[name] = divide(total - largest.reshape(masks.shape[2:]).sum(axis=0), total)
        return shares

    def holes(self) -> dict[str, NDArray[np.int64]]:
        """Pixels (z, t) enclosed by LV, by RV, and by LV and myocardium together, that are none of them."""
        heart = {
            "LV": self.labels == 1,
            "RV": self.labels == 3,
            "LV and MYO": (self.labels == 1) | (self.labels == 2),
        }
        return {name: _hole_pixels(mask) for name, mask in heart.items()}

    def empty_slices(self) -> dict[str, NDArray[np.bool_]]:
        """Slices (z, t) without a structure, or nearly so, that is there above and below."""
        gaps = {}
        for label, name in NAMES.items():
            area = self.counts[label]
            above = np.maximum.accumulate(area, axis=0)
            below = np.maximum.accumulate(area[::-1], axis=0)[::-1]
            gaps[name] = area < LEAST_SHARE * np.minimum(above, below)
        return gaps

    def volume_steps(self) -> dict[str, NDArray[np.float64]]:
        """Ratio (t,), at least 1, of each structure's volumes in a frame and the one before, cyclically."""
        steps = {}
        for label, name in NAMES.items():
            volume = self.counts[label].sum(axis=0)
            ratio = divide(volume, np.roll(volume, 1))
            steps[name] = np.maximum(ratio, divide(np.ones_like(ratio), ratio))
        return steps

    def systole_phase(self) -> float:
        """Part of the cycle from the largest to the smallest LV volume."""
        volume = self.counts[1].sum(axis=0)
        return float((volume.argmin() - volume.argmax()) % volume.size / volume.size)

    def apical_area_share(self) -> float:
        """LV area in the stack's most apical slice over that in the LV's middle slice, at end-diastole."""
        area = self.counts[1][:, self.ed]
        occupied = np.flatnonzero(area)
        if occupied.size == 0:
            return float("nan")
        last = area[0] if self.direction > 0 else area[-1]
        return float(last / area[occupied[occupied.size // 2]])

    def base_length_ratio(self) -> float:
        """Length of the LV over its width where it fills the stack's most basal slice, at end-diastole.

        NaN where there is no LV in that slice at end-diastole or at end-systole, when the base has descended:
        the base lies inside the stack then; else :meth:`length_ratio`. Where the area still grows towards the
        end of the stack, the ratio is smaller by :data:`GROWING_BASE` or :data:`STEEP_BASE`.
        """
        area = self.counts[1][:: -self.direction]
        most_basal = area[:, self.ed]
        if self.es == self.ed or most_basal.size < 2 or not (most_basal[0] and area[0, self.es]):
            return float("nan")
        growth = (most_basal[0] - most_basal[1]) / most_basal.max()
        taken = max((less for least, less in (GROWING_BASE, STEEP_BASE) if growth > least), default=0.0)
        return self.length_ratio() - taken

    def length_ratio(self) -> float:
        """Length over width of what the stack shows of the LV at end-diastole; NaN without one.

        The width is that of a disc of the area that nine of ten slices stay below.
        """
        area = self.counts[1][:, self.ed]
        occupied = np.flatnonzero(area)
        if not occupied.size:
            return float("nan")
        length = (self.places[occupied[-1]] - self.places[occupied[0]] + 1) * self.spacing_mm[2]
        pixel = self.spacing_mm[0] * self.spacing_mm[1]
        return float(length / (2.0 * np.sqrt(np.quantile(area[occupied], 0.9) * pixel / np.pi)))

    def contractions(self) -> NDArray[np.float64]:
        """Depth of each minimum of the LV volume but the deepest, as a share of the volume's range."""
        volume = self.counts[1].sum(axis=0).astype(float)
        spread = float(np.ptp(volume))
        if spread == 0:
            return np.empty(0)
        start = int(volume.argmax())
        course = np.concatenate([volume[start:], volume[: start + 1]])
        _, about = find_peaks(-course, prominence=0.0)
        return np.sort(np.asarray(about["prominences"], dtype=np.float64) / spread)[:-1]

    def solid(self) -> NDArray[np.bool_]:
        """Slices (z, t) whose myocardium has no cavity in it although the heart has one there."""
        result = np.zeros(self.counts[1].shape, dtype=bool)
        lv, myocardium = self.counts[1], self.counts[2]
        for frame, column in enumerate(result.T):
            column[solid_slices(lv[:, frame], myocardium[:, frame])] = True
        return result

    def slice_shift_mm(self) -> NDArray[np.float64]:
        """Distance (z,) of each slice's LV centre from a smooth line through the stack, at end-diastole.

        The centre is that of LV and myocardium together; the line a parabola in each in-plane coordinate,
        fitted by reweighted least squares so that a shifted slice does not draw it along. NaN where
        there is no LV, or a sliver of one (:data:`LEAST_LV`), and throughout with fewer than six slices.
        """
        frame = self.labels[..., self.ed]
        mask = (frame == 1) | (frame == 2)
        result = np.full(mask.shape[2], np.nan)
        area = self.counts[1][:, self.ed]
        slices = np.flatnonzero(area > LEAST_LV * area.max())
        if slices.size < 6:
            return result
        centres = np.array([np.argwhere(mask[..., z]).mean(axis=0) for z in slices]) * self.spacing_mm[:2]
        heights = self.places[slices].astype(float)
        result[slices] = np.linalg.norm(centres - _robust_parabola(heights, centres), axis=1)
        return result


def _hole_pixels(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    stack = masks.reshape(*masks.shape[:2], -1)
    return np.count_nonzero(fill_holes(stack) & ~stack, axis=(0, 1)).reshape(masks.shape[2:])


def _robust_parabola(x: NDArray[np.float64], y: NDArray[np.float64], rounds: int = 20) -> NDArray[np.float64]:
    """Values at `x` of parabolas through the columns of `y`, by least absolute distances (reweighted)."""
    scaled = (x - x.mean()) / max(float(np.ptp(x)), 1.0)
    design = np.stack([np.ones_like(scaled), scaled, scaled**2], axis=1)
    weights = np.ones(len(x))
    fitted = y
    for _ in range(rounds):
        root = np.sqrt(weights)[:, None]
        fitted = design @ np.linalg.lstsq(design * root, y * root, rcond=None)[0]
        weights = 1.0 / np.maximum(np.linalg.norm(y - fitted, axis=1), 0.1)
    return fitted
