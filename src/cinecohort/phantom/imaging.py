"""Cine images of a phantom: the slab averaged over its thickness, seen by a receiver."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.artefacts import RINGING_PX, bands, coil, received, ringing, with_artefacts
from cinecohort.phantom.background import Pixels, background, pixels_of
from cinecohort.phantom.chambers import (
    MOST_FAT_MM,
    draw_materials,
    heart_signal,
)
from cinecohort.phantom.fine_structure import FineStructure, draw_fine_structure
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.planning import Pose, Slice
from cinecohort.phantom.receiver import Receiver
from cinecohort.phantom.surfaces import look_up, single
from cinecohort.phantom.tissue import Signal, Signals
from cinecohort.phantom.torso import Torso


@dataclass(frozen=True)
class Phantom:
    """Everything that is imaged.

    Parameters
    ----------
    heart, pose, torso
        Anatomy.
    fine
        Fine structure of the heart.
    coil_slopes
        How the coil lies: slopes of its sensitivity to the left and upwards, in spreads of the receiver's.
    shim
        Where the first dark band lies within the receiver's range, 0 to 1.
    contrast
        Signal of muscle, fat and liver in this person, relative to the receiver's.
    """

    heart: Heart
    pose: Pose
    torso: Torso
    fine: FineStructure
    coil_slopes: tuple[float, float] = (0.0, 0.0)
    shim: float = 0.5
    contrast: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @cached_property
    def drawn(self) -> Heart:
        """The heart in single precision, which images need no more than."""
        return single(self.heart)

    def signals(self, receiver: Receiver) -> Signals:
        """What the receiver sees of this person's tissues."""
        seen, (muscle, fat, liver) = receiver.signals, self.contrast
        return replace(
            seen,
            myocardium=seen.myocardium * muscle,
            muscle=seen.muscle * muscle,
            fat=seen.fat * fat,
            liver=seen.liver * liver,
        )


def draw_phantom(
    heart: Heart, pose: Pose, torso: Torso, rng: np.random.Generator, *, randomise: bool = False
) -> Phantom:
    """Add the fine structure of the heart; `randomise` varies it far beyond that of people."""
    variety = 3.0 if randomise else 1.0
    fat_mm = float(np.clip(8.5 * torso.visceral - 0.4 + rng.normal(0.0, 0.5 * variety), 0.5, 7.5))
    fine = draw_fine_structure(rng, fat_mm, stenosis=heart.stenosis, variety=variety)
    slopes = (float(rng.normal()), float(rng.normal()))
    shim = float(rng.random())
    muscle, fat, liver = np.exp(np.clip(rng.spawn(1)[0].normal(0.0, (0.1, 0.1, 0.15)), -0.25, 0.25)).tolist()
    return Phantom(heart, pose, torso, fine, slopes, shim, (muscle, fat, liver))


def render(
    phantom: Phantom, image: Slice, receiver: Receiver, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Image one slice in every frame.

    Parameters
    ----------
    phantom
        What is imaged.
    image
        The plane.
    receiver
        The scanner.
    rng
        Random numbers.

    Returns
    -------
    numpy.ndarray
        (t, rows, columns), 12 bits.
    """
    receiver = replace(receiver, signals=phantom.signals(receiver))
    heart = phantom.drawn
    n_frames = len(heart.cycle.phase)
    pixels = pixels_of(image, phantom.pose, receiver.edge_px)
    still = background(phantom.torso, heart, pixels, _offsets(image, 2), receiver.signals)
    place = _moving_pixels(heart, pixels)
    frames = np.repeat(still[None], n_frames, axis=0)
    if place.size:
        offsets = _offsets(image, receiver.slab_samples)
        moving = np.zeros((n_frames, place.size), dtype=np.float32)
        middle = pixels.heart[place]
        materials = draw_materials(heart, phantom.fine, middle, receiver.signals)
        for offset in offsets:
            moving += heart_signal(
                heart,
                phantom.fine,
                materials,
                middle + np.float32(offset) * pixels.across_heart,
                still[place],
                pixels.edge_mm,
                receiver.signals,
            )
        frames[:, place] = moving / np.float32(len(offsets))
    frames = _ringing(frames.reshape(n_frames, *image.shape), still.reshape(image.shape), place, receiver)
    columns = np.unique(place % image.shape[1])
    frames = with_artefacts(frames, columns, receiver, rng)
    frames = np.abs(frames, out=frames)
    frames *= _shading(phantom, image, pixels, receiver)
    return received(frames, receiver, rng)


def _shading(phantom: Phantom, image: Slice, pixels: Pixels, receiver: Receiver) -> Signal:
    """Sensitivity of the coil, and dark bands: (rows, columns)."""
    points = pixels.patient + image.shift_mm.astype(np.float32)
    middle = phantom.pose.to_patient(np.array([0.0, 0.0, 0.5 * phantom.heart.ventricles.length_ed]))
    front_mm = -phantom.torso.half_depth_mm
    shading = coil(points, middle, front_mm, receiver, phantom.coil_slopes)
    shading *= bands(points, middle, receiver, phantom.shim)
    return shading.reshape(image.shape)


def _ringing(frames: Signal, still: Signal, place: NDArray[np.intp], receiver: Receiver) -> Signal:
    """Ring at borders; in every frame only around what moves."""
    if min(receiver.resolution) >= 1.0:
        return frames
    result = np.repeat(ringing(still, receiver.resolution)[None], len(frames), axis=0)
    if place.size:
        rows, columns = np.divmod(place, still.shape[1])
        inner, wide = (
            tuple(slice(max(int(at.min()) - by, 0), int(at.max()) + by + 1) for at in (rows, columns))
            for by in (RINGING_PX, 2 * RINGING_PX)
        )
        offset = tuple(part.start - whole.start for part, whole in zip(inner, wide, strict=True))
        size = result[:, inner[0], inner[1]].shape[1:]
        part = ringing(frames[:, wide[0], wide[1]], receiver.resolution)
        result[:, inner[0], inner[1]] = part[
            :, offset[0] : offset[0] + size[0], offset[1] : offset[1] + size[1]
        ]
    return result


def _offsets(image: Slice, samples: int) -> list[float]:
    """Planes over the thickness of a slab."""
    return [((k + 0.5) / samples - 0.5) * image.thickness_mm for k in range(samples)]


def _moving_pixels(heart: Heart, pixels: Pixels) -> NDArray[np.intp]:
    """Pixels that the heart may touch in some frame, found in blocks of 2 by 2."""
    rows, columns = pixels.shape
    x, y, s = np.ascontiguousarray(pixels.heart.reshape(rows, columns, 3)[::2, ::2].reshape(-1, 3).T)
    heart = heart.at(np.array([0, heart.cycle.es_frame]))
    near = np.flatnonzero((np.hypot(x, y) < 110.0) & (s > -30.0) & (s < heart.ventricles.length_ed + 95.0))
    blocks = np.zeros(x.size, dtype=bool)
    if near.size:
        blocks[near] = _touched(heart, x[near], y[near], s[near])
    whole = blocks.reshape(-(-rows // 2), -1).repeat(2, axis=0).repeat(2, axis=1)
    return np.flatnonzero(whole[:rows, :columns])


def _touched(heart: Heart, x: Signal, y: Signal, s: Signal) -> NDArray[np.bool_]:
    """Whether the heart, in the frames that it is given in, comes near pixels (n,)."""
    found = look_up(heart.ventricles, x, y, s)
    reach = np.maximum(found.right, found.epi).max(axis=0) + MOST_FAT_MM + 6.0
    touched = (found.r < reach) & (s > -22.0) & (s < heart.ventricles.length_ed + 26.0)
    for atrium in (heart.left_atrium, heart.right_atrium):
        touched |= (atrium.field(x, y, s) > -12.0).any(axis=0)
    for tube in (*heart.vessels.appendages, heart.vessels.aorta):
        margin_mm = 8.0 if tube is heart.vessels.aorta else 20.0
        at = tube.near(x, y, s, margin_mm)
        touched[at] |= tube.field(x[at], y[at], s[at]) > -margin_mm
    return np.asarray(touched)
