"""Scanners that phantoms are imaged on: protocol, contrast and what their headers say."""

from dataclasses import dataclass, field

from cinecohort.phantom.imaging import Receiver


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


UK_BIOBANK = Scanner("SIEMENS", "Aera", 1.5)
"""The imaging centres of UK Biobank have one scanner and protocol."""
