"""Scanners that phantoms are imaged on: protocol, contrast and what their headers say."""

from dataclasses import dataclass, field

from cinecohort.phantom.imaging import Receiver
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
        0.93,
        (320, 320),
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
        2.1,
        (160, 160),
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
