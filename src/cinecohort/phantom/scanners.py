"""Scanners that phantoms are imaged on: protocol, contrast and what their headers say."""

from dataclasses import dataclass, field

import numpy as np

from cinecohort.phantom.receiver import Receiver
from cinecohort.phantom.tissue import Signals


@dataclass(frozen=True)
class Scanner:
    """A scanner with its cine protocol.

    Parameters
    ----------
    vendor, model, field_t
        As in the header.
    pixel_mm, shape, thickness_mm, gap_mm
        The protocol; `shape` is rows and columns.
    tr_ms, te_ms, flip_deg
        Sequence. As Siemens writes it, the repetition time is that of a whole segment.
    receiver
        Contrast and noise.
    """

    vendor: str
    model: str
    field_t: float
    pixel_mm: float = 1.8
    shape: tuple[int, int] = (162, 208)
    thickness_mm: float = 8.0
    gap_mm: float = 2.0
    tr_ms: float = 31.7
    te_ms: float = 1.1
    flip_deg: float = 80.0
    receiver: Receiver = field(default_factory=Receiver)


def _receiver(myocardium: float, noise: float, scale: float, coil_depth_mm: float) -> Receiver:
    return Receiver(
        signals=Signals(myocardium=myocardium), noise=noise, scale=scale, coil_depth_mm=coil_depth_mm
    )


UK_BIOBANK = Scanner("SIEMENS", "Aera", 1.5)
"""The imaging centres of UK Biobank have one scanner and protocol."""

HOSPITALS = (
    Scanner("SIEMENS", "Avanto", 1.5, 1.56, (192, 256), 6.0, 4.0, 42.0, 1.3, 70.0),
    Scanner(
        "Philips Medical Systems",
        "Achieva",
        3.0,
        1.19,
        (288, 288),
        8.0,
        2.0,
        2.9,
        1.45,
        45.0,
        _receiver(0.38, 0.030, 900.0, 85.0),
    ),
    Scanner(
        "GE MEDICAL SYSTEMS",
        "Signa HDxt",
        1.5,
        1.37,
        (256, 256),
        8.0,
        0.0,
        3.6,
        1.5,
        55.0,
        _receiver(0.33, 0.030, 420.0, 120.0),
    ),
    Scanner(
        "SIEMENS",
        "Trio",
        3.0,
        0.78,
        (384, 384),
        7.0,
        3.0,
        39.0,
        1.4,
        50.0,
        _receiver(0.40, 0.038, 310.0, 80.0),
    ),
    Scanner(
        "Philips Medical Systems",
        "Intera",
        1.5,
        2.3,
        (144, 160),
        10.0,
        0.0,
        3.2,
        1.6,
        60.0,
        _receiver(0.34, 0.026, 700.0, 110.0),
    ),
)
"""Scanners of hospitals, at which subjects of the layout ``dicom`` are imaged in turn. Their contrast follows
field strength and flip angle: less between blood and muscle at 3 T, whose flip angle is limited."""


def randomised_scanner(rng: np.random.Generator) -> Scanner:
    """A scanner that no vendor makes: strong variation of protocol, contrast, coil and artefacts.

    For training data, so that networks trained on phantoms rely on shape rather than on one contrast. Use it
    with ``build_heart(..., randomise=True)``, ``draw_pose(..., randomise=True)`` and
    ``planning.randomised_views``.

    Parameters
    ----------
    rng
        Random numbers.
    """
    pixel_mm = float(np.exp(rng.uniform(np.log(1.0), np.log(2.3))))
    field_mm = rng.uniform(270.0, 380.0)
    rows, columns = (
        round(float(field_mm * share / pixel_mm / 2)) * 2 for share in (rng.uniform(0.75, 1.0), 1.0)
    )
    return Scanner(
        "SYNTHETIC",
        "randomised",
        float(rng.choice([1.5, 3.0])),
        pixel_mm,
        (rows, columns),
        thickness_mm=float(rng.uniform(5.0, 10.0)),
        gap_mm=float(rng.choice([0.0, 2.0, 4.0])),
        receiver=_randomised_receiver(rng),
    )


def _randomised_receiver(rng: np.random.Generator) -> Receiver:
    return Receiver(
        signals=_randomised_signals(rng),
        scale=float(rng.uniform(150.0, 900.0)),
        noise=float(np.exp(rng.uniform(np.log(0.006), np.log(0.08)))),
        coil_depth_mm=float(rng.uniform(60.0, 260.0)),
        slab_samples=2,
        coil_unevenness=float(rng.uniform(0.0, 0.25)),
        band_mm=(float(rng.uniform(80.0, 160.0)), 260.0),
        ghosting=float(rng.uniform(0.0, 0.15)) if rng.random() < 0.6 else 0.0,
        mistriggering=float(rng.uniform(0.05, 0.3)) if rng.random() < 0.15 else 0.0,
        edge_px=float(rng.uniform(1.0, 2.2)),
        blur_px=float(rng.uniform(0.3, 1.1)) if rng.random() < 0.5 else 0.0,
        gamma=float(np.exp(rng.normal(0.0, 0.2))),
    )


def _randomised_signals(rng: np.random.Generator) -> Signals:
    """Contrasts around those of balanced steady-state sequences, with rare inversions of fat's phase."""
    muscle = float(rng.uniform(0.08, 0.35))
    return Signals(
        myocardium=float(rng.uniform(0.16, 0.62)),
        venous=float(rng.uniform(0.6, 1.15)),
        fat=float(rng.uniform(0.35, 1.5)) * (-1.0 if rng.random() < 0.7 else 1.0),
        lung=float(rng.uniform(0.01, 0.18)),
        liver=float(rng.uniform(0.12, 0.65)),
        spleen=float(rng.uniform(0.2, 0.9)),
        stomach=float(rng.uniform(0.1, 1.0)),
        muscle=muscle,
        marrow=float(rng.uniform(-0.8, 0.5)),
        bone=float(rng.uniform(0.03, 0.15)),
        fluid=float(rng.uniform(0.8, 1.5)),
    )
