"""Real images made worse as scanners and patients make them worse, to have enough failures to learn from.

The reference stays the undamaged heart: each degradation says where its slices came from, so that a label map
of the degraded stack can be put back onto the whole one (:func:`restored`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Degraded:
    """A degraded stack.

    Parameters
    ----------
    data
        Image (x, y, z, t), float32.
    slices
        Which slice of the whole stack each one shows.
    shifts
        By how many pixels (z, 2) each slice lies beside its place.
    """

    data: Floats
    slices: NDArray[np.int64]
    shifts: NDArray[np.int64]


def _whole(data: Floats) -> Degraded:
    n = data.shape[2]
    return Degraded(data, np.arange(n), np.zeros((n, 2), dtype=np.int64))


def _range(data: Floats) -> float:
    low, high = np.percentile(data, (1, 99))
    return float(max(high - low, 1e-6))


def ghosting(data: Floats, random: np.random.Generator) -> Degraded:
    """Ghosts along the phase encoding, as of breathing: k-space lines are weighted periodically."""
    axis, lines = int(random.integers(2)), data.shape
    shift = int(random.integers(lines[axis] // 8, lines[axis] // 3))
    strength = random.uniform(0.15, 0.5)
    rolled = [np.roll(data, sign * shift, axis=axis) for sign in (-1, 1)]
    return _whole(data + strength * (rolled[0] + rolled[1]))


def mistriggering(data: Floats, random: np.random.Generator) -> Degraded:
    """Lines of k-space from another phase: those of some heart beats are exchanged between the frames."""
    axis, n = int(random.integers(2)), data.shape[3]
    lines = np.fft.fft(data, axis=axis)
    beats = int(random.integers(6, 13))
    late = np.flatnonzero(random.random(beats) < random.uniform(0.25, 0.5))
    late = late if late.size else np.array([0])
    wrong = np.isin(np.arange(data.shape[axis]) % beats, late)
    shape = [1] * 4
    shape[axis] = data.shape[axis]
    mixed = np.where(wrong.reshape(shape), np.roll(lines, n // 2, axis=3), lines)
    return _whole(np.abs(np.fft.ifft(mixed, axis=axis)).astype(np.float32))


def wrap_around(data: Floats, random: np.random.Generator) -> Degraded:
    """A field of view too small for the chest: what lies outside is folded onto the other side."""
    axis = int(random.integers(2))
    width = data.shape[axis]
    field = int(width * random.uniform(0.5, 0.7))
    start = (width - field) // 2
    folded = data.copy()
    for sign in (-1, 1):
        folded += _moved(data, sign * field, axis)
    outside = np.ones(width, dtype=bool)
    outside[start : start + field] = False
    folded[tuple(outside if each == axis else slice(None) for each in range(4))] = 0.0
    return _whole(folded)


def _moved(data: Floats, by: int, axis: int) -> Floats:
    moved = np.roll(data, by, axis=axis)
    gone = slice(0, by) if by > 0 else slice(by, None)
    moved[tuple(gone if each == axis else slice(None) for each in range(4))] = 0.0
    return moved


def low_contrast(data: Floats, random: np.random.Generator) -> Degraded:
    """Blood and myocardium nearly alike, as of slow flow or contrast medium; some noise."""
    smooth = ndimage.gaussian_filter(data, (10.0, 10.0, 0.0, 0.0))
    kept = random.uniform(0.15, 0.45)
    noise = 0.02 * _range(data) * random.standard_normal(data.shape, dtype=np.float32)
    return _whole(np.maximum(smooth + kept * (data - smooth) + noise, 0.0))


def noise(data: Floats, random: np.random.Generator) -> Degraded:
    """Noise of both channels (Rician), over a slightly blurred image as of a weak signal."""
    size = random.uniform(0.08, 0.30) * _range(data)
    real, imaginary = (size * random.standard_normal(data.shape, dtype=np.float32) for _ in range(2))
    return _whole(np.hypot(data + real, imaginary).astype(np.float32))


def bias_field(data: Floats, random: np.random.Generator) -> Degraded:
    """One coil element missing: the signal falls across the field of view, by up to a factor of 20."""
    x, y = (np.linspace(-1, 1, n) for n in data.shape[:2])
    angle = random.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * x[:, None] + np.sin(angle) * y[None]
    field = np.exp(random.uniform(1.0, 2.2) * slope).astype(np.float32)
    return _whole(data * field[:, :, None, None])


def blur(data: Floats, random: np.random.Generator) -> Degraded:
    """Breathing during the acquisition: the mean over shifts along one direction."""
    axis = int(random.integers(2))
    reach = int(random.integers(3, 9))
    return _whole(ndimage.uniform_filter1d(data, 2 * reach + 1, axis=axis))


def slice_shift(data: Floats, random: np.random.Generator) -> Degraded:
    """Slices of other breath-holds: a third of them lies beside its place."""
    n = data.shape[2]
    shifts = np.zeros((n, 2), dtype=np.int64)
    for z in random.choice(n, max(1, n // 3), replace=False):
        angle, length = random.uniform(0, 2 * np.pi), random.uniform(6, 14)
        shifts[z] = np.round(length * np.array([np.cos(angle), np.sin(angle)]))
    moved = np.stack([np.roll(data[:, :, z], tuple(shifts[z]), axis=(0, 1)) for z in range(n)], axis=2)
    return Degraded(moved, np.arange(n), shifts)


def lost_slices(data: Floats, random: np.random.Generator) -> Degraded:
    """A slice inside the stack is missing, or its neighbour stands in its place; the file does not say so."""
    n = data.shape[2]
    place = int(random.integers(n // 4, max(n // 4 + 1, 3 * n // 4)))
    slices = np.arange(n)
    if random.random() < 0.5:
        slices = np.delete(slices, place)
    else:
        slices[place] = slices[place - 1]
    return Degraded(data[:, :, slices], slices, np.zeros((len(slices), 2), dtype=np.int64))


def off_centre(data: Floats, random: np.random.Generator) -> Degraded:
    """A stack that is planned too high or too low: two or three slices of one end are not there."""
    n = data.shape[2]
    gone = min(int(random.integers(2, 4)), max(n - 4, 0))
    slices = np.arange(gone, n) if random.random() < 0.5 else np.arange(n - gone)
    return Degraded(data[:, :, slices], slices, np.zeros((len(slices), 2), dtype=np.int64))


DEGRADATIONS: dict[str, Callable[[Floats, np.random.Generator], Degraded]] = {
    "ghosting": ghosting,
    "mistriggering": mistriggering,
    "wrap_around": wrap_around,
    "low_contrast": low_contrast,
    "noise": noise,
    "bias_field": bias_field,
    "blur": blur,
    "slice_shift": slice_shift,
    "lost_slices": lost_slices,
    "off_centre": off_centre,
}
"""Name to what it does; how strongly is drawn at random."""


def degraded(data: NDArray[np.number], kind: str, subject: str, seed: int = 1) -> Degraded:
    """Degrade an image (x, y, z, t); the same subject, kind and seed give the same."""
    random = np.random.default_rng([seed, crc32(f"{subject} {kind}".encode())])
    return DEGRADATIONS[kind](np.asarray(data, dtype=np.float32), random)


def restored(labels: NDArray[np.uint8], made: Degraded, n_slices: int) -> NDArray[np.uint8]:
    """Put a label map of a degraded stack onto the whole one.

    Parameters
    ----------
    labels
        (x, y, z, t), of the degraded stack.
    made
        How it was degraded.
    n_slices
        Of the whole stack.

    Returns
    -------
    numpy.ndarray
        (x, y, z, t): shifted slices back in their place; nothing where no slice was; a slice that stood in
        place of another stays there.
    """
    whole = np.zeros((*labels.shape[:2], n_slices, labels.shape[3]), dtype=np.uint8)
    one_to_one = len(made.slices) == n_slices
    for z, source in enumerate(made.slices):
        back = (-int(made.shifts[z, 0]), -int(made.shifts[z, 1]))
        whole[:, :, z if one_to_one else source] = np.roll(labels[:, :, z], back, axis=(0, 1))
    return whole
