"""What does not move in the images of a phantom: the chest and its vessels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cinecohort.phantom.chambers import ARTERIAL_WALL_MM
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.planning import Pose, Slice
from cinecohort.phantom.tissue import Signal, Signals, mix, soft
from cinecohort.phantom.torso import Torso
from cinecohort.phantom.vessels import Tube

HEPATIC_SHARE = 0.6
"""Signal of the liver's veins, relative to the blood of the heart."""

BESIDE_MM = 12.0
"""How far from the body nothing but air is seen; more than half a slab and the blending of tissues."""


@dataclass(frozen=True)
class Pixels:
    """The pixels of a plane, in single precision.

    Parameters
    ----------
    shape
        Rows and columns.
    patient, heart
        (n, 3): where they lie, in the coordinates of the patient and of the heart, mm.
    across_patient, across_heart
        (3,): the plane's normal in both.
    edge_mm
        Width over which tissues blend.
    """

    shape: tuple[int, int]
    patient: Signal
    heart: Signal
    across_patient: Signal
    across_heart: Signal
    edge_mm: float

    def moved(self, offset_mm: float) -> "Pixels":
        """The pixels of a plane beside this one."""
        offset = np.float32(offset_mm)
        return replace(
            self,
            patient=self.patient + offset * self.across_patient,
            heart=self.heart + offset * self.across_heart,
        )


def pixels_of(image: Slice, pose: Pose, edge_px: float) -> Pixels:
    """The pixels of a slice's middle plane."""
    points = image.points()
    return Pixels(
        shape=image.shape,
        patient=points.astype(np.float32),
        heart=pose.to_heart(points).astype(np.float32),
        across_patient=image.normal.astype(np.float32),
        across_heart=(image.normal @ pose.axes).astype(np.float32),
        edge_mm=edge_px * image.pixel_mm,
    )


def background(
    torso: Torso, heart: Heart, pixels: Pixels, offsets_mm: Sequence[float], signals: Signals
) -> Signal:
    """Mean signal (n,) of chest and vessels over some planes of a slab.

    Parameters
    ----------
    torso, heart
        Anatomy; the heart in single precision.
    pixels
        Of the slab's middle plane.
    offsets_mm
        Where the planes lie.
    signals
        Contrast.
    """
    result = np.full(len(pixels.patient), signals.air, dtype=np.float32)
    inside = torso.near(pixels.patient, BESIDE_MM)
    if not inside.size:
        return result
    result[inside] = 0.0
    pixels = replace(pixels, patient=pixels.patient[inside], heart=pixels.heart[inside])
    noises = torso.noises(pixels.patient)
    for offset in offsets_mm:
        plane = pixels.moved(offset)
        signal = torso.signal(plane.patient, noises, signals, plane.edge_mm)
        _add_vessels(signal, heart, plane, signals)
        result[inside] += signal / np.float32(len(offsets_mm))
    return result


def _add_vessels(signal: Signal, heart: Heart, pixels: Pixels, signals: Signals) -> None:
    """Put vessels into the background, in place."""
    vessels, level = heart.vessels, float(pixels.heart[0] @ pixels.across_heart)
    x, y, s = np.ascontiguousarray(pixels.heart.T)

    def cut(tubes: Sequence[Tube], margin_mm: float) -> list[Tube]:
        pieces = (tube.beside(pixels.across_heart, level, margin_mm) for tube in tubes)
        return [piece for piece in pieces if piece is not None]

    _add_hepatic(signal, cut(vessels.hepatic, 3.0), (x, y, s), signals, pixels.edge_mm)
    veins = ((tube, None) for tube in cut(vessels.veins, 4.0))
    lowest = np.float32(heart.ventricles.length_ed - 6.0)
    arteries = ((tube, lowest) for tube in cut((vessels.pulmonary_artery, vessels.aorta), 4.0))
    for tube, start in (*veins, *arteries):
        near = tube.near(x, y, s, 4.0)
        field = tube.field(x[near], y[near], s[near])
        if start is not None:
            field = np.minimum(field, s[near] - start)
        part = signal[near]
        mix(part, soft(field + np.float32(ARTERIAL_WALL_MM), pixels.edge_mm), np.float32(signals.myocardium))
        mix(part, soft(field, pixels.edge_mm), np.float32(signals.blood * 0.88))
        signal[near] = part


def _add_hepatic(
    signal: Signal, tubes: Sequence[Tube], at: tuple[Signal, Signal, Signal], signals: Signals, edge_mm: float
) -> None:
    """Put the liver's veins into the background, in place."""
    if not tubes:
        return
    whole = Tube(np.concatenate([tube.points for tube in tubes]), np.array([5.5]))
    inside = whole.near(*at, 3.0)
    x, y, s = (values[inside] for values in at)
    share = np.zeros(inside.size, dtype=np.float32)
    for tube in tubes:
        near = tube.near(x, y, s, 3.0)
        if near.size:
            field = tube.field(x[near], y[near], s[near])
            share[near] = np.maximum(share[near], soft(field, 1.5 * edge_mm))
    part = signal[inside]
    mix(part, share, np.float32(HEPATIC_SHARE * signals.blood))
    signal[inside] = part
