"""What a series' own words say: whether it is a cine magnitude image, and of which view.

Names are free text that may hold anything; they are matched against patterns and never written out.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.options import ConversionOptions
from cinecohort.findings import Finding, Level

LONG_AXIS = "la"
"""A name that says long axis, but not which."""

_LONG_AXIS_PATTERN = r"(?<![a-z])(?:lax|long[ _-]*axis)(?![a-z])"
_NOT_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "R", "REAL", "I", "IMAGINARY", "VELOCITY MAP"}
_COMPLEX = {"PHASE", "REAL", "IMAGINARY"}
_GE_COMPLEX = {1, 2, 3}
"""GE's numbers of phase, real and imaginary images; 0 is magnitude."""
_VELOCITY_UNITS = {"CM/S", "MM/S", "M/S", "CM_SEC", "MM_SEC", "RAD", "RADIANS", "MRAD", "DEGREE", "DEGREES"}
_SIEMENS_PHASE_RESCALE = (2.0, -4096.0)
_NOT_CINE = {
    "LOCALIZER",
    "PROJECTION IMAGE",
    "MPR",
    "CSA MPR",
    "REFORMATTED",
    "SUBTRACTION",
    "SCREEN SAVE",
} | {
    *(
        "SCREENSAVE",
        "MIP",
        "CSA MIP",
        "MINIP",
        "MIN_IP",
        "MAX_IP",
        "CSA BLACK IMAGE",
        "CSA PARALLEL",
        "MAXIMUM",
    ),
    *("MINIMUM", "MEAN", "STD_DEVIATION", "DIVISION", "MULTIPLICATION"),
}
_FLOW = {"PCA", "M_PCA", "PHASE CONTRAST M", "FLOW_ENCODED", "VELOCITY_MAG", "MAG_PCA", "PC"}
_FLOW_SEQUENCE = r"_v\d+(?:in|through|ap|rl|fh)?(?![a-z\d])"
"""Siemens' names of sequences that encode a velocity (``*fl2d1r4_v150in``)."""
_MAPS = {"T1 MAP", "T2 MAP", "T2* MAP", "T2_STAR MAP", "T1MAP", "T2MAP", "ECV", "PSIR"} | {
    *("QUANTITY", "DIFFUSION", "ADC", "METABOLITE_MAPS", "TEMPERATURE", "B0 MAP", "B1 MAP"),
    *("T1_MAP", "T2_MAP", "T2STAR_MAP", "FIT", "FITPARAMS", "ECV_MAP"),
}
_MODALITIES = {"", "MR", "OT", "SC", "WSD"}
_SLICE_NUMBER = re.compile(r"(?i)_b(\d+)$")


@cache
def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def names_of(frame: Frame) -> tuple[str, str]:
    """SeriesDescription and ProtocolName, empty where absent."""
    return str(frame.values.get("SeriesDescription", "")), str(frame.values.get("ProtocolName", ""))


def view_by_name(frame: Frame, options: ConversionOptions) -> str | None:
    """The view by the description, else the protocol name; ``la`` for a long axis of unknown chambers."""
    for text in names_of(frame):
        views = [view for view, pattern in options.name_patterns.items() if _search(pattern, text)]
        if len(views) == 1:
            return views[0]
        if _search(_LONG_AXIS_PATTERN, text):
            return LONG_AXIS
    return None


def slice_number(frame: Frame) -> int | None:
    """N of a series named ``..._b{N}``, as UK Biobank numbers short-axis slices from the base."""
    match = _SLICE_NUMBER.search(names_of(frame)[0])
    return int(match[1]) if match else None


def reason_to_drop(frame: Frame, options: ConversionOptions) -> str | None:
    """Why a frame cannot be of a cine magnitude image, or None.

    ImageType is tested for membership: newer software appends values of its own.
    """
    values = frame.values
    image_type = {str(item).upper() for item in values.get("ImageType", ())[2:]}
    first = [str(item).upper() for item in values.get("ImageType", ())[:2]]
    contrast = str(values.get("AcquisitionContrast", "")).upper()
    if values.get("Modality", "") not in _MODALITIES:
        return "another modality"
    if values.get("SamplesPerPixel", 1) != 1 or values.get("PhotometricInterpretation") != "MONOCHROME2":
        return "colour or inverted grey values"
    if _NOT_MAGNITUDE & image_type or _is_phase(frame):
        return "not magnitude images"
    if _NOT_CINE & {*image_type, *first}:
        return "localizers or reformatted images"
    if _FLOW & image_type or contrast == "FLOW_ENCODED" or values.get("PhaseContrast") == "YES":
        return "images of blood flow"
    sequence = str(values.get("SequenceName", ""))
    if sequence and _search(_FLOW_SEQUENCE, sequence):
        return "images of blood flow"
    if sequence and _search("tag", sequence):
        return "tagged images"
    if "PERFUSION" in image_type or contrast in ("PERFUSION", "DIFFUSION"):
        return "images of perfusion or diffusion"
    if contrast == "TAGGING" or values.get("Tagging", "NONE") != "NONE":
        return "tagged images"
    if _MAPS & image_type:
        return "maps of tissue properties, or images made for them"
    if any(_search(pattern, text) for pattern in options.excluded_names for text in names_of(frame)):
        return "a name that is configured to be left out"
    if first[:1] == ["DERIVED"] and not options.keep_derived:
        return DERIVED
    return None


DERIVED = "derived images"
"""Reason to leave out what software made of the scanner's images."""


def _is_phase(frame: Frame) -> bool:
    """Whether an attribute other than ImageType says phase, real or imaginary part, or velocity."""
    values = frame.values
    if str(values.get("ComplexImageComponent", "")).upper() in _COMPLEX:
        return True
    if values.get("GEImageKind") in _GE_COMPLEX or values.get("RescaleType", "").upper() in _VELOCITY_UNITS:
        return True
    vendors = {part.upper() for part in re.split(r"[\\\\/ ]+", str(values.get("VendorImageKind", "")))}
    if vendors & _NOT_MAGNITUDE and "M" not in vendors:
        return True
    rescale = values.get("RescaleSlope"), values.get("RescaleIntercept")
    return rescale == _SIEMENS_PHASE_RESCALE and "siemens" in str(values.get("Manufacturer", "")).lower()


@dataclass
class SortedImages:
    """Images that may be of a cine, and the others by the reason why they are not."""

    kept: list[Frame] = field(default_factory=list)
    dropped: dict[str, list[Frame]] = field(default_factory=lambda: defaultdict(list))

    def findings(self) -> list[Finding]:
        """One ``NOT_CINE`` finding (info) for each reason says how much was left out."""
        return [
            Finding(
                Code.NOT_CINE,
                Level.INFO,
                f"{len(members)} images of series {series_words(members)} left out: {reason}.",
                value=float(len(members)),
            )
            for reason, members in self.dropped.items()
        ]


_DECIDING = (
    *("ImageType", "AcquisitionContrast", "Modality", "SamplesPerPixel", "PhotometricInterpretation"),
    *("PhaseContrast", "SequenceName", "Tagging", "SeriesDescription", "ProtocolName", "Manufacturer"),
    *("ComplexImageComponent", "GEImageKind", "RescaleType", "VendorImageKind", "RescaleSlope"),
    "RescaleIntercept",
)
"""All that :func:`reason_to_drop` looks at: images of a series share it."""


def keep_cine(frames: Sequence[Frame], options: ConversionOptions) -> SortedImages:
    """Leave out what cannot be cine."""
    images = SortedImages()
    reasons: dict[tuple[object, ...], str | None] = {}
    for frame in frames:
        key = tuple(map(frame.values.get, _DECIDING))
        if key not in reasons:
            reasons[key] = reason_to_drop(frame, options)
        reason = reasons[key]
        (images.kept if reason is None else images.dropped[reason]).append(frame)
    return images


def series_words(frames: Sequence[Frame]) -> str:
    """Series numbers of some frames as words; numbers name a series without its free text."""
    numbers = sorted({frame.series_number for frame in frames})
    shown = ", ".join(str(number) for number in numbers[:8])
    return shown + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
