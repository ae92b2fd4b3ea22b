"""From a native image to what a network sees, and back: intensity scaling and in-plane resampling.

Both directions are separable linear maps, one small matrix an axis. The working grid shares its centre
with the native image, so one matrix resamples, pads and crops at once.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

PERCENTILES = (1.0, 99.0)
"""Intensities at these percentiles of the whole series become 0 and 1 (Bai 2018)."""

MAXIMUM_PERCENTILE_SAMPLES = 2_000_000


def intensity_range(data: NDArray[np.generic]) -> tuple[float, float]:
    """Find the 1st and 99th percentiles of an image.

    Parameters
    ----------
    data
        Image (x, y, z, t); values that are not finite are left out. In series of more than two million
        voxels every n-th voxel is looked at, n without a common divisor with any side: else the sample would
        be a few columns of the image.

    Returns
    -------
    tuple of float
        The two percentiles; the extremes where the percentiles are equal; equal where all is constant.
    """
    flat = data.reshape(-1, order="A")
    step = max(1, flat.size // MAXIMUM_PERCENTILE_SAMPLES)
    while math.gcd(step, flat.size) > 1:
        step += 1
    sample = flat[::step].astype(np.float32)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 0.0
    low, high = (float(value) for value in np.percentile(sample, PERCENTILES))
    return (low, high) if high > low else (float(sample.min()), float(sample.max()))


def without_contrast(data: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Slices (z, t) of an image (x, y, z, t) that hold one intensity only: missing, or lost to a fault.

    Values that are not finite are no intensity.
    """
    if not np.issubdtype(data.dtype, np.floating):
        return np.asarray(data.max(axis=(0, 1)) == data.min(axis=(0, 1)))
    known = np.isfinite(data)
    highest = data.max(axis=(0, 1), initial=-np.inf, where=known)
    return np.asarray(highest <= data.min(axis=(0, 1), initial=np.inf, where=known))


def unit_intensity(data: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.float32]:
    """Clip an image to two intensities and scale it so that they become 0 and 1.

    Parameters
    ----------
    data
        Image of any shape; values that are not finite count as the lowest.
    limits
        From :func:`intensity_range`.

    Returns
    -------
    numpy.ndarray
        The same shape, float32; zeros where the limits are equal.
    """
    low, high = limits
    values = np.asarray(data, dtype=np.float32)
    if high <= low:
        return np.zeros_like(values)
    scaled = (values - np.float32(low)) * np.float32(1.0 / (high - low))
    if np.issubdtype(data.dtype, np.floating):
        np.nan_to_num(scaled, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def interpolation_matrix(
    size_in: int, spacing_in: float, size_out: int, spacing_out: float, *, antialias: bool = False
) -> Tensor:
    """Make the matrix of linear interpolation between two centred one-dimensional grids.

    Parameters
    ----------
    size_in, size_out
        Number of samples.
    spacing_in, spacing_out
        Distance between samples in millimetres.
    antialias
        Widen the triangle to the coarser of the two spacings, for images; never for probabilities.

    Returns
    -------
    torch.Tensor
        (size_out, size_in), float32; the rows of samples inside the input's field of view sum to 1,
        those outside it are zero.
    """
    position_in = (torch.arange(size_in, dtype=torch.float64) - (size_in - 1) / 2) * spacing_in
    position_out = (torch.arange(size_out, dtype=torch.float64) - (size_out - 1) / 2) * spacing_out
    edge = float(position_in[-1])
    inside = position_out.abs() <= edge + spacing_in / 2 + 1e-9
    reach = max(spacing_in, spacing_out) if antialias else spacing_in
    distance = (position_out.clamp(-edge, edge)[:, None] - position_in[None, :]).abs()
    weights = (1 - distance / reach).clamp(min=0)
    weights = weights / weights.sum(dim=1, keepdim=True) * inside[:, None]
    return weights.to(torch.float32)


def anti_aliased(
    images: NDArray[np.float32], native_spacing_mm: tuple[float, float], spacing_mm: float | None
) -> NDArray[np.float32]:
    """Blur images with pixels finer than a network's, so that sampling them sees what it will see.

    Linear interpolation weighs by a triangle as wide as the image's own pixels, :class:`WorkingGrid` by one
    for the network's. A Gaussian of the difference of their variances (a sixth of the squared pixel size)
    makes the one of the other.

    Parameters
    ----------
    images
        (x, y, slices).
    native_spacing_mm
        Their pixel size.
    spacing_mm
        That of the network; None: the native one.

    Returns
    -------
    numpy.ndarray
        The same shape; the images themselves where no axis is finer.
    """
    widths = [max(native, spacing_mm or native) for native in native_spacing_mm]
    sigmas_px = [
        math.sqrt((width**2 - native**2) / 6) / native
        for width, native in zip(widths, native_spacing_mm, strict=True)
    ]
    if not any(sigmas_px):
        return images
    return np.asarray(ndimage.gaussian_filter(images, (*sigmas_px, 0), mode="nearest"))


def round_up(size: float, multiple: int) -> int:
    """Smallest multiple of `multiple` that is at least `size`."""
    return max(1, int(np.ceil(size / multiple - 1e-6))) * multiple


@dataclass(frozen=True)
class WorkingGrid:
    """The grid that a network works on, for one image.

    Parameters
    ----------
    native_shape
        In-plane size (x, y) of the image.
    native_spacing_mm
        Its pixel size.
    spacing_mm
        Pixel size of the working grid; None keeps the native one (Bai's recipe).
    multiple
        The sides are multiples of this.
    box
        (x start, x stop, y start, y stop) of the part of the working grid that is used; None: all.
    """

    native_shape: tuple[int, int]
    native_spacing_mm: tuple[float, float]
    spacing_mm: float | None
    multiple: int
    box: tuple[int, int, int, int] | None = None

    @property
    def full_shape(self) -> tuple[int, int]:
        """Sides of the whole working grid, which covers the field of view."""
        spacing = self.working_spacing_mm
        nx, ny = (
            round_up(size * native / working, self.multiple)
            for size, native, working in zip(self.native_shape, self.native_spacing_mm, spacing, strict=True)
        )
        return nx, ny

    @property
    def working_spacing_mm(self) -> tuple[float, float]:
        """Pixel size of the working grid."""
        return self.native_spacing_mm if self.spacing_mm is None else (self.spacing_mm, self.spacing_mm)

    @property
    def shape(self) -> tuple[int, int]:
        """Sides of the part that is used."""
        (x_start, x_stop), (y_start, y_stop) = self._bounds(0), self._bounds(1)
        return x_stop - x_start, y_stop - y_start

    def _bounds(self, axis: int) -> tuple[int, int]:
        if self.box is None:
            return 0, self.full_shape[axis]
        return self.box[2 * axis], self.box[2 * axis + 1]

    @cached_property
    def _matrices(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[slice, slice]]:
        """Matrices to the working grid and back, x and y, on the native window that the box sees."""
        forward, backward, windows = [], [], []
        for axis in (0, 1):
            native = self.native_shape[axis], self.native_spacing_mm[axis]
            working = self.full_shape[axis], self.working_spacing_mm[axis]
            used = slice(*self._bounds(axis))
            to_working = interpolation_matrix(*native, *working, antialias=True)[used]
            to_native = interpolation_matrix(*working, *native)[:, used]
            seen = torch.nonzero(to_working.any(dim=0) | to_native.any(dim=1))[:, 0]
            window = slice(int(seen[0]), int(seen[-1]) + 1)
            forward.append(to_working[:, window].contiguous())
            backward.append(to_native[window].contiguous())
            windows.append(window)
        return (forward[0], forward[1]), (backward[0], backward[1]), (windows[0], windows[1])

    @property
    def window(self) -> tuple[slice, slice]:
        """Native pixels (x, y) that the box has anything to do with; all of them without a box."""
        return self._matrices[2]

    def to_working(self, images: Tensor) -> Tensor:
        """Resample images (..., x, y) of the native window to the working grid; outside is zero."""
        along_x, along_y = (matrix.to(images) for matrix in self._matrices[0])
        return along_x @ images @ along_y.T

    def to_native(self, maps: Tensor) -> Tensor:
        """Resample maps (..., x, y) of the working grid to the native window; outside the box is zero."""
        along_x, along_y = (matrix.to(maps) for matrix in self._matrices[1])
        return along_x @ maps @ along_y.T

    def clearance_mm(self, found: NDArray[np.bool_]) -> float:
        """Distance from a mask (x, y) on the native window to the nearest side of the box within the image.

        Infinite where the mask is empty or the box has no such side; negative beyond it.
        """
        distances = [np.inf]
        for axis in (0, 1):
            places = np.flatnonzero(found.any(axis=1 - axis)) + self.window[axis].start
            if not places.size:
                continue
            start, stop = self._bounds(axis)
            full, working = self.full_shape[axis], self.working_spacing_mm[axis]
            size, native = self.native_shape[axis], self.native_spacing_mm[axis]
            if start > 0:
                distances.append((places[0] - size / 2) * native - (start - full / 2) * working)
            if stop < full:
                distances.append((stop - full / 2) * working - (places[-1] + 1 - size / 2) * native)
        return float(min(distances))


def neighbouring(index: int, n_slices: int, neighbours: int) -> list[int]:
    """List a slice with its neighbours in order; beyond the ends of the stack the last slice is repeated."""
    return [min(max(index + step, 0), n_slices - 1) for step in range(-neighbours, neighbours + 1)]


def network_intensity(images: Tensor, normalisation: str) -> Tensor:
    """Give images (batch, slices, x, y) in [0, 1] the intensities that a network was trained on.

    Parameters
    ----------
    images
        Batch on the working grid.
    normalisation
        ``unit`` leaves them (Bai 2018); ``zscore_slice`` gives each slice mean 0 and SD 1 (Chen 2020).
    """
    if normalisation == "unit":
        return images
    mean = images.mean(dim=(-2, -1), keepdim=True)
    deviation = images.std(dim=(-2, -1), keepdim=True, correction=0)
    return (images - mean) / deviation.clamp(min=1e-3)
