"""What the scanner does to the signal: coil, dark bands, motion between heart beats, noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.phantom.receiver import Receiver
from cinecohort.phantom.tissue import Signal

FloatArray = NDArray[np.floating[Any]]

RINGING_PX = 6
"""Pixels beside a border over which it rings."""

SEGMENTS = 16
"""Lines of k-space that one heart beat gives every frame."""


def with_artefacts(
    frames: Signal, columns: NDArray[np.intp], receiver: Receiver, rng: np.random.Generator
) -> Signal:
    """Blur, mistriggering and ghosts of a cine before the magnitude is taken.

    Parameters
    ----------
    frames
        (t, rows, columns); phase encoding runs along the rows' index. May be changed in place.
    columns
        Those where something moves.
    receiver
        How strong each artefact is; 0 leaves it out.
    rng
        Random numbers.
    """
    if receiver.blur_px > 0.0:
        frames = ndimage.gaussian_filter(frames, (0.0, receiver.blur_px, receiver.blur_px))
    if receiver.mistriggering > 0.0:
        frames = mistriggered(frames, receiver.mistriggering, rng)
    if receiver.ghosting > 0.0 and columns.size:
        add_ghosts(frames[:, :, columns[0] : columns[-1] + 1], receiver.ghosting, rng)
    return frames


def ringing(frames: Signal, resolution: tuple[float, float]) -> Signal:
    """Leave the outer parts of k-space out, by convolution with a short sinc along each axis.

    Parameters
    ----------
    frames
        (..., rows, columns).
    resolution
        Share of k-space that is acquired along each.
    """
    for axis, share in zip((-2, -1), resolution, strict=True):
        if share < 1.0:
            away = np.arange(-RINGING_PX, RINGING_PX + 1)
            sinc = np.sinc(share * away) * np.cos(0.5 * np.pi * away / (RINGING_PX + 1))
            frames = ndimage.correlate1d(frames, sinc / sinc.sum(), axis=axis, mode="nearest")
    return frames


def mistriggered(frames: Signal, share: float, rng: np.random.Generator) -> Signal:
    """Take some heart beats' lines of k-space from another phase of the heart.

    Parameters
    ----------
    frames
        (t, rows, columns).
    share
        Share of the heart beats that are mistimed.
    rng
        Random numbers.
    """
    n_frames, rows, _ = frames.shape
    lines = np.fft.fft(frames, axis=1)
    beats = -(-rows // SEGMENTS)
    late = rng.random(beats) < share
    late[int(rng.integers(beats))] |= share > 0.0
    delays = np.round(rng.choice([-1.0, 1.0], beats) * rng.uniform(0.08, 0.25, beats) * n_frames).astype(int)
    mixed = lines.copy()
    for beat in np.flatnonzero(late):
        mixed[:, beat::beats] = np.roll(lines[:, beat::beats], delays[beat] or 1, axis=0)
    return np.fft.ifft(mixed, axis=1).real.astype(np.float32)


def add_ghosts(frames: Signal, strength: float, rng: np.random.Generator) -> None:
    """Add shifted copies of what departs from the mean over the cycle, in place.

    Parameters
    ----------
    frames
        (t, rows, columns).
    strength
        Amplitude of the ghosts, relative to what moves.
    rng
        Random numbers.
    """
    n_frames, rows, _ = frames.shape
    moving = frames - frames.mean(axis=0)
    shift = int(rng.integers(rows // 6, rows // 2))
    phase = rng.uniform(0.0, 2.0 * np.pi)
    course = np.cos(2.0 * np.pi * np.arange(n_frames) / n_frames + phase).astype(np.float32)
    for sign in (-1, 1):
        frames += np.roll(moving, sign * shift, axis=1) * (strength * course)[:, None, None]


def coil(
    points: FloatArray,
    middle: FloatArray,
    front_mm: float,
    receiver: Receiver,
    slopes: tuple[float, float],
) -> Signal:
    """Sensitivity (n,), 1 at the heart: coils on the front and the back of the chest, uneven to the sides.

    Parameters
    ----------
    points
        (n, 3) in patient coordinates.
    middle
        (3,): middle of the heart.
    front_mm
        Where the front of the chest lies, as far from the origin as its back.
    receiver
        The scanner.
    slopes
        To the left and upwards, in units of the receiver's unevenness.
    """

    def by_depth(depth: FloatArray) -> FloatArray:
        from_back = -2.0 * front_mm - depth
        front, back = (np.exp(-way / receiver.coil_depth_mm) for way in (depth, from_back))
        return np.asarray(front + 0.55 * back)

    left, up = (receiver.coil_unevenness / 100.0 * slope for slope in slopes)
    sides = 1.0 + left * (points[:, 0] - middle[0]) + up * (points[:, 2] - middle[2])
    at_heart = by_depth(np.array(middle[1] - front_mm))
    return (by_depth(points[:, 1] - front_mm) * np.clip(sides, 0.4, 1.6) / at_heart).astype(np.float32)


def bands(points: FloatArray, middle: FloatArray, receiver: Receiver, shim: float) -> Signal:
    """Loss of signal (n,) where the field is off by half the inverse repetition time, far from the heart.

    `shim` is where in the receiver's range the first band lies.
    """
    away = np.linalg.norm((points - middle) * np.array([1.0, 0.9, 1.1]), axis=1)
    nearest, farthest = receiver.band_mm
    phase = np.pi * (away / (nearest + shim * (farthest - nearest))) ** 3
    return (np.abs(np.cos(0.5 * phase)) ** 0.4).astype(np.float32)


def received(frames: Signal, receiver: Receiver, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Add the noise of both channels, of limited resolution across the columns, and digitise."""
    n_frames, rows, columns = frames.shape
    pool = rng.standard_normal((2, 2 * rows + 31, columns + 61), dtype=np.float32)
    pool = (pool[:, :, :-1] + pool[:, :, 1:]) * np.float32(receiver.noise / np.sqrt(2.0))
    top = rng.integers(0, pool.shape[1] - rows, (n_frames, 2))
    left = rng.integers(0, pool.shape[2] - columns, (n_frames, 2))
    result = np.empty(frames.shape, dtype=np.uint16)
    pool[1] *= pool[1]
    for t in range(n_frames):
        real, squared = (
            pool[k, top[t, k] : top[t, k] + rows, left[t, k] : left[t, k] + columns] for k in (0, 1)
        )
        power = frames[t] + real
        power *= power
        power += squared
        magnitude = np.sqrt(power, out=power)
        if receiver.gamma != 1.0:
            magnitude **= receiver.gamma
        magnitude *= receiver.scale
        result[t] = np.minimum(magnitude, 4095.0, out=magnitude)
    return result
