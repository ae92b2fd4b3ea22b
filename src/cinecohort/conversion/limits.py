"""How much a subject's raw files may ask for: some ten times what real studies need.

Without limits a few kilobytes can ask for all the memory that there is, and the machine, not the file,
seems to be at fault. What asks for more is a finding, and the sentence says which limit to raise.
"""

from pydantic import Field

from cinecohort.options import Options

MEGABYTE = 1_000_000


class Limits(Options):
    """How much a subject's raw files may ask for, some ten times what real studies need."""

    file_mb: int = Field(default=500, ge=1)
    """Megabytes of one file, unpacked (an enhanced object of 500 frames has 34 to 65)."""

    subject_mb: int = Field(default=4000, ge=1)
    """Megabytes of all images of a subject together, unpacked (UK Biobank 60, a whole clinical study 400)."""

    files: int = Field(default=50_000, ge=1)
    """Files of an archive (UK Biobank: 650; a whole clinical study: some thousands)."""

    frames: int = Field(default=10_000, ge=1)
    """Frames of a multi-frame file (a short-axis stack of 15 slices and 50 frames has 750)."""

    frame_megapixels: float = Field(default=2.6, gt=0)
    """Million pixels of a frame (512 x 512, interpolated by the scanner, are 0.26)."""

    decode_s: int = Field(default=120, ge=1)
    """Processor seconds in which a compressed file must be decoded (500 frames of JPEG 2000 take 3; more for
    slow machines). A decoder that does not end has met a damaged file."""

    workspace_mb: int = Field(default=300, ge=1)
    """Megabytes of a contour workspace, unpacked (2,250 contours of 200 points have 30)."""

    xml_depth: int = Field(default=200, ge=1)
    """Elements within one another in a contour workspace (cvi42 writes some 12 to 20)."""

    contours: int = Field(default=100_000, ge=1)
    """Contours of a workspace (50 frames of 15 slices with three each are 2,250)."""

    contour_points: int = Field(default=20_000, ge=3)
    """Points of a contour (drawn ones have up to some hundreds, in quarter pixels 2,000)."""

    sidecar_mb: int = Field(default=5, ge=1)
    """Megabytes of the JSON beside a NIfTI file (ours have up to 0.5)."""


DEFAULT_LIMITS = Limits()
"""Where no configuration is at hand."""


class OverLimit(ValueError):
    """A file asks for more than a limit; the message says which, in words that name no file.

    Parameters
    ----------
    what
        What there is too much of, as ``more than`` goes on.
    limit
        Name of the limit.
    """

    def __init__(self, what: str, limit: str):
        super().__init__(f"{what} than conversion.limits.{limit} allows")
