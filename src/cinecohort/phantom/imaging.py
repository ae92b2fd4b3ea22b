"""Cine images of a phantom: balanced steady-state contrast, slab averaging, coil shading, Rician noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.phantom.artefacts import with_artefacts
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.planning import Pose, Slice
from cinecohort.phantom.receiver import Receiver
from cinecohort.phantom.surfaces import Lookup, look_up
from cinecohort.phantom.tissue import Noise3D, Signal, Signals, mix, soft
from cinecohort.phantom.torso import Torso

FloatArray = NDArray[np.float64]
RV_WALL_MM, ATRIAL_WALL_MM, AORTIC_WALL_MM = 2.4, 1.6, 1.4
EPICARDIAL_CAP_MM = 14.0
LEAFLET_MM = 0.6
"""How far atrial blood reaches below the valve's plane: the less, the darker the leaflets look."""


@dataclass(frozen=True)
class Phantom:
    """Everything that is imaged.

    Parameters
    ----------
    heart, pose, torso
        Anatomy.
    texture
        Noise that moves with the heart.
    trabeculae
        (n, k): depth of the trabeculae by angle and height, 0 to 1.
    """

    heart: Heart
    pose: Pose
    torso: Torso
    texture: Noise3D
    trabeculae: Signal


def draw_phantom(heart: Heart, pose: Pose, torso: Torso, rng: np.random.Generator) -> Phantom:
    """Add the fine structure of the ventricles' inner surfaces."""
    raw = ndimage.gaussian_filter(rng.standard_normal((240, 40)), (1.6, 1.2), mode="wrap")
    depth = np.clip(raw / raw.std() * 0.5 + 0.35, 0.0, 1.6).astype(np.float32)
    return Phantom(heart, pose, torso, Noise3D(rng, 5.0), depth)


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
    n_frames = len(phantom.heart.cycle.phase)
    middle = image.points()
    rough, grain = phantom.torso.coarse(middle), phantom.torso.fine(middle)
    still = np.zeros(len(middle), dtype=np.float32)
    for offset in _offsets(image, 2):
        points = image.points(offset)
        background = phantom.torso.signal(points, rough, grain, receiver.signals)
        _vessels(background, phantom, points, receiver.signals)
        still += background / 2
    place = _moving_pixels(phantom, image)
    moving = np.zeros((n_frames, place.size), dtype=np.float32)
    for offset in _offsets(image, receiver.slab_samples) if place.size else ():
        points = image.points(offset)[place]
        moving += _heart(phantom, points, still[place], image, receiver.signals)
    moving /= receiver.slab_samples
    frames = np.repeat(still[None], n_frames, axis=0)
    frames[:, place] = moving
    frames = with_artefacts(frames.reshape(n_frames, *image.shape), receiver, rng)
    frames = np.abs(frames, out=frames)
    shading = _coil(phantom, image, receiver, rng) * _bands(image, phantom, receiver, rng)
    frames *= shading.reshape(image.shape)
    return _receive(frames, receiver, rng)


def _offsets(image: Slice, samples: int) -> list[float]:
    """Planes over the thickness of a slab."""
    return [((k + 0.5) / samples - 0.5) * image.thickness_mm for k in range(samples)]


def _moving_pixels(phantom: Phantom, image: Slice) -> NDArray[np.intp]:
    """Pixels that the heart may touch in some frame."""
    x, y, s = phantom.pose.to_heart(image.points()).T
    heart = phantom.heart.at(np.array([0, phantom.heart.cycle.es_frame]))
    near = np.flatnonzero((np.hypot(x, y) < 105.0) & (s > -30.0) & (s < heart.ventricles.length_ed + 90.0))
    x, y, s = x[near], y[near], s[near]
    found = look_up(heart.ventricles, x, y, s)
    reach = np.maximum(found.right, found.epi).max(axis=0) + 9.0
    ventricular = (found.r < reach) & (s > -22.0) & (s < heart.ventricles.length_ed + 26.0)
    touched = ventricular
    for atrium in (heart.left_atrium, heart.right_atrium):
        touched |= (atrium.field(x, y, s) > -9.0).any(axis=0)
    return near[touched]


def _vessels(signal: Signal, phantom: Phantom, points: FloatArray, signals: Signals) -> None:
    heart = phantom.heart
    x, y, s = phantom.pose.to_heart(points).T
    near = np.flatnonzero(s > heart.ventricles.length_ed - 75.0)
    if not near.size:
        return
    x, y, s = x[near], y[near], s[near]
    part = signal[near]
    for tube in (*heart.veins, heart.descending_aorta, heart.pulmonary_artery, heart.aorta):
        field = tube.field(x, y, s)
        if tube is heart.aorta or tube is heart.pulmonary_artery:
            field = np.minimum(field, s - heart.ventricles.length_ed + 6.0)
        mix(part, soft((field + AORTIC_WALL_MM).astype(np.float32), 1.5), np.float32(signals.myocardium))
        mix(part, soft(field.astype(np.float32), 1.5), np.float32(signals.blood * 0.97))
    signal[near] = part


def _heart(
    phantom: Phantom, points: FloatArray, background: Signal, image: Slice, signals: Signals
) -> Signal:
    """Signal (t, n) of the pixels that the heart may touch."""
    heart, ventricles = phantom.heart, phantom.heart.ventricles
    x, y, s = phantom.pose.to_heart(points).T
    found = look_up(ventricles, x, y, s)
    width = image.pixel_mm
    grain = phantom.texture(np.stack([x, y, s], 1))
    signal = np.repeat(background[None], len(heart.cycle.phase), axis=0)
    below_mitral = _below(ventricles.mitral.position, ventricles.mitral.lift(x, y), s)
    below_tricuspid = _below(ventricles.tricuspid.position, ventricles.tricuspid.lift(x, y), s)
    has_rv = soft(found.right - found.epi - 1.0, 2.0)
    wall = found.right + RV_WALL_MM * has_rv
    fat = 1.6 + 3.2 * has_rv.max(axis=0) + 1.2 * np.clip(grain, -1, 2)
    cap = (s + EPICARDIAL_CAP_MM).astype(np.float32)
    outside = np.minimum(np.minimum(wall + fat.astype(np.float32) - found.r, below_tricuspid + 9.0), cap)
    mix(signal, soft(outside, width), np.float32(signals.fat * 0.92))
    _atria(signal, heart, x, y, s, grain, width, signals)
    _roots(signal, heart, x, y, s, width, signals)
    muscle = np.float32(signals.myocardium) * (1.0 + 0.07 * grain).astype(np.float32)
    mix(signal, soft(np.minimum(wall - found.r, below_tricuspid), width) * has_rv, muscle)
    mix(signal, soft(np.minimum(found.epi - found.r, below_mitral), width), muscle)
    blood = np.float32(signals.blood) * (1.0 + 0.08 * grain).astype(np.float32)
    rough = found.rough(phantom.trabeculae)
    inner = found.right - (found.right - found.epi) * 0.16 * rough - 1.2 * rough
    right = np.minimum(np.minimum(inner - found.r, found.r - found.epi), below_tricuspid)
    mix(signal, soft(right, width), blood)
    apical = np.clip(1.25 - s / ventricles.length_ed, 0.25, 1.2).astype(np.float32)
    endo = found.endo * (1.0 - 0.10 * rough * apical)
    mix(signal, soft(np.minimum(endo - found.r, below_mitral), width), blood)
    _papillaries(signal, phantom, x, y, s, found, muscle, width)
    return signal


def _below(position: FloatArray, lift: FloatArray, s: FloatArray) -> Signal:
    return (position[:, None] + (lift - s)[None, :]).astype(np.float32)


def _atria(
    signal: Signal,
    heart: Heart,
    x: FloatArray,
    y: FloatArray,
    s: FloatArray,
    grain: Signal,
    width: float,
    signals: Signals,
) -> None:
    for atrium in (heart.right_atrium, heart.left_atrium):
        lowest = float((atrium.valve.position.min() + atrium.valve.lift(x, y)).min())
        if s.max() < lowest - 6.0:
            continue
        wall, above = (part.astype(np.float32) for part in atrium.borders(x, y, s))
        if np.minimum(wall, above).max() < -6.0:
            continue
        outside = np.minimum(wall + np.float32(ATRIAL_WALL_MM), above + np.float32(LEAFLET_MM))
        mix(signal, soft(outside, width), np.float32(signals.myocardium))
        blood = np.float32(signals.blood) * (1.0 + 0.07 * grain).astype(np.float32)
        mix(signal, soft(np.minimum(wall, above + np.float32(LEAFLET_MM)), width), blood)


def _roots(
    signal: Signal, heart: Heart, x: FloatArray, y: FloatArray, s: FloatArray, width: float, signals: Signals
) -> None:
    """Aortic root and pulmonary trunk, over the fat of the groove and the atria."""
    base = heart.ventricles.length_ed
    if s.max() < base - 12.0:
        return
    for tube in (heart.pulmonary_artery, heart.aorta):
        field = np.minimum(tube.field(x, y, s), s - base + 12.0).astype(np.float32)
        if field.max() < -5.0:
            continue
        mix(signal, soft(field + np.float32(AORTIC_WALL_MM), width)[None], np.float32(signals.myocardium))
        mix(signal, soft(field, width)[None], np.float32(signals.blood))


def _papillaries(
    signal: Signal,
    phantom: Phantom,
    x: FloatArray,
    y: FloatArray,
    s: FloatArray,
    found: Lookup,
    muscle: Signal,
    width: float,
) -> None:
    """Two papillary muscles, which thicken and move inwards with the wall."""
    ventricles = phantom.heart.ventricles
    z = s / ventricles.length_ed
    present = np.clip(np.minimum((z - 0.22) / 0.1, (0.68 - z) / 0.06), 0.0, 1.0)
    if not present.any():
        return
    for angle, size in ((-0.75, 0.25), (1.95, 0.27)):
        middle = np.array([angle])
        radius = ventricles.endocardium(middle, np.array([float(np.median(s))]))[:, 0]
        thick = size * ventricles.radius_mm * (0.75 + 0.25 * radius / radius.max())
        out = radius - 0.75 * thick
        px, py = out * np.cos(angle), out * np.sin(angle)
        distance = np.hypot(x[None] - px[:, None], (y[None] - py[:, None]))
        field = (thick * 0.8)[:, None] - distance
        share = soft(field.astype(np.float32), 2.0 * width) * present.astype(np.float32)
        share *= soft(found.endo - found.r, width)
        mix(signal, share, muscle)


def _coil(phantom: Phantom, image: Slice, receiver: Receiver, rng: np.random.Generator) -> Signal:
    """Sensitivity: highest at the front of the chest, with the slow unevenness of several elements."""
    points = image.points() + image.shift_mm
    front = -phantom.torso.half_depth_mm
    near = np.exp(-(points[:, 1] - front) / receiver.coil_depth_mm)
    back = 0.35 * np.exp((points[:, 1] + front) / receiver.coil_depth_mm)
    slopes = rng.normal(0.0, receiver.coil_unevenness / 100.0, 2)
    sides = 1.0 + slopes[0] * points[:, 0] + slopes[1] * points[:, 2]
    sensitivity = (near + back) * np.clip(sides, 0.4, 1.6)
    middle = phantom.pose.to_patient(np.array([0.0, 0.0, 0.5 * phantom.heart.ventricles.length_ed]))
    at_heart = np.exp(-(middle[1] - front) / receiver.coil_depth_mm) + 0.35 * np.exp(
        (middle[1] + front) / receiver.coil_depth_mm
    )
    return (sensitivity / at_heart).astype(np.float32)


def _bands(image: Slice, phantom: Phantom, receiver: Receiver, rng: np.random.Generator) -> Signal:
    """Loss of signal where the field is off by half the inverse repetition time, far from the heart."""
    points = image.points() + image.shift_mm
    middle = phantom.pose.to_patient(np.array([0.0, 0.0, 0.5 * phantom.heart.ventricles.length_ed]))
    away = np.linalg.norm((points - middle) * np.array([1.0, 0.9, 1.1]), axis=1)
    phase = np.pi * (away / rng.uniform(*receiver.band_mm)) ** 3
    return (np.abs(np.cos(0.5 * phase)) ** 0.4).astype(np.float32)


def _receive(frames: Signal, receiver: Receiver, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Add the noise of both channels, of limited resolution across the columns, and digitise."""
    n_frames, rows, columns = frames.shape
    pool = rng.standard_normal((2, 2 * rows + 31, columns + 61), dtype=np.float32)
    pool = (pool[:, :, :-1] + pool[:, :, 1:]) * np.float32(receiver.noise / np.sqrt(2.0))
    top = rng.integers(0, pool.shape[1] - rows, (n_frames, 2))
    left = rng.integers(0, pool.shape[2] - columns, (n_frames, 2))
    result = np.empty(frames.shape, dtype=np.uint16)
    for t in range(n_frames):
        real, imaginary = (
            pool[k, top[t, k] : top[t, k] + rows, left[t, k] : left[t, k] + columns] for k in (0, 1)
        )
        magnitude = np.hypot(frames[t] + real, imaginary)
        if receiver.gamma != 1.0:
            magnitude **= receiver.gamma
        result[t] = np.clip(magnitude * receiver.scale, 0, 4095)
    return result
