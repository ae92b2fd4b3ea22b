"""Artefacts that arise while lines of k-space are collected over several heart beats."""

import numpy as np
from scipy import ndimage

from cinecohort.phantom.receiver import Receiver
from cinecohort.phantom.tissue import Signal

SEGMENTS = 16
"""Lines of k-space that one heart beat gives every frame."""


def with_artefacts(frames: Signal, receiver: Receiver, rng: np.random.Generator) -> Signal:
    """Blur, mistriggering and ghosts of a cine before the magnitude is taken.

    Parameters
    ----------
    frames
        (t, rows, columns); phase encoding runs along the rows' index. May be changed in place.
    receiver
        How strong each artefact is; 0 leaves it out.
    rng
        Random numbers.
    """
    if receiver.blur_px > 0.0:
        frames = ndimage.gaussian_filter(frames, (0.0, receiver.blur_px, receiver.blur_px))
    if receiver.mistriggering > 0.0:
        frames = mistriggered(frames, receiver.mistriggering, rng)
    if receiver.ghosting > 0.0:
        add_ghosts(frames, receiver.ghosting, rng)
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
