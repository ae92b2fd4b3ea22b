"""The voxels of a stack: stored values of all frames in one array, in the smallest honest type."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.conversion.dicom_header import Header, UnreadableFile
from cinecohort.conversion.frames import Frame, stored_type
from cinecohort.conversion.geometry import resample_slice
from cinecohort.conversion.grid import Grid
from cinecohort.conversion.runs import FramePlan
from cinecohort.conversion.stacks import Stack

Rescale = tuple[float, float]


class UndecodableFrames(Exception):
    """Frames whose pixels cannot be decoded, and why the first of them cannot."""

    def __init__(self, frames: list[Frame], reason: str):
        super().__init__(f"{len(frames)} frames cannot be decoded ({reason})")
        self.frames = frames
        self.reason = reason


def rescale_of(frame: Frame) -> Rescale:
    """Slope and intercept of a frame; 1 and 0 where it has none."""
    return frame.values.get("RescaleSlope", 1.0), frame.values.get("RescaleIntercept", 0.0)


def common_rescale(frames: list[Frame]) -> Rescale | None:
    """Slope and intercept of all frames, or None where they differ (as Philips' may from slice to slice)."""
    pairs = {rescale_of(frame) for frame in frames}
    return pairs.pop() if len(pairs) == 1 else None


def fill_volume(stack: Stack, grid: Grid, plan: FramePlan, rescale: Rescale | None) -> NDArray[Any]:
    """Voxels (x, y, z, t) of a stack.

    Parameters
    ----------
    stack, grid, plan
        The frames and where each goes; places without a slice stay 0.
    rescale
        The common slope and intercept (stored values are then kept as they are); None to apply each
        frame's own, in 32-bit floating point.

    Raises
    ------
    UndecodableFrames
        If pixels cannot be decoded.
    """
    frames = [[item.run.frames[source] for source in plan.sources[i]] for i, item in enumerate(stack.slices)]
    every = [frame for row in frames for frame in row]
    kinds = {stored_type(frame.values) for frame in every}
    kind = np.dtype(np.float32) if rescale is None else np.result_type(*kinds)
    volume = np.zeros((plan.n_frames, grid.n_slices, *grid.shape), dtype=kind)
    undecodable: list[Frame] = []
    reason = ""
    layouts = {_bit_layout(frame.values) for frame in every}
    clean_each = rescale is None or len(layouts) > 1 or bool(grid.resampled)
    for index, row in enumerate(frames):
        resample = index in grid.resampled
        for time, frame in enumerate(row):
            try:
                pixels = frame.stored()
            except UnreadableFile as fault:
                reason = reason or str(fault)
                undecodable.append(frame)
                continue
            if clean_each:
                pixels = clean(np.array(pixels), frame.values)
            if rescale is None:
                slope, intercept = rescale_of(frame)
                pixels = pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept)
            if resample:
                pixels = _onto_grid(pixels, frame, stack, grid)
            volume[time, grid.places[index]] = pixels
    if undecodable:
        raise UndecodableFrames(undecodable, reason)
    if not clean_each:
        volume = clean(volume, every[0].values)
    return volume.transpose(3, 2, 1, 0)


def _onto_grid(pixels: NDArray[Any], frame: Frame, stack: Stack, grid: Grid) -> NDArray[Any]:
    return resample_slice(
        pixels[None],
        stack.axes,
        frame.position,
        frame.values["PixelSpacing"],
        grid.corner,
        grid.pixel_spacing,
        grid.shape,
    )[0]


def _bit_layout(values: Header) -> tuple[Any, ...]:
    keywords = ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue")
    return tuple(values.get(keyword) for keyword in keywords)


def clean(pixels: NDArray[Any], values: Header) -> NDArray[Any]:
    """Remove what does not belong to the stored value: overlay bits beside it, and padding (becomes 0).

    `pixels` is changed in place; it must be writable.
    """
    allocated: int = values["BitsAllocated"]
    stored: int = values.get("BitsStored", allocated)
    spare = allocated - stored
    low = values.get("HighBit", stored - 1) - (stored - 1)
    signed = values.get("PixelRepresentation", 0) == 1
    possible = 0 < stored < allocated and 0 <= low <= spare
    if possible and (low or (_outside(pixels, stored) if signed else pixels.max() >> stored)):
        pixels <<= spare - low
        pixels >>= spare
    padding = values.get("PixelPaddingValue", 0)
    if signed and padding >= 1 << 15:
        padding -= 1 << 16
    limits = np.iinfo(pixels.dtype)
    if padding and limits.min <= padding <= limits.max:
        pixels[pixels == padding] = 0
    return pixels


def _outside(pixels: NDArray[Any], stored: int) -> bool:
    limit = 1 << (stored - 1)
    return bool(pixels.min() < -limit or pixels.max() >= limit)
