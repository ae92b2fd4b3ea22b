"""What a series' own words say: whether it is a cine magnitude image, and of which view.

Names are free text that may hold anything; they are matched against patterns and never written out.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.options import ConversionOptions
from cinecohort.findings import Finding, Level

LONG_AXIS = "la"
"""A name that says long axis, but not which."""

_LONG_AXIS_PATTERN = r"(?<![a-z])(?:lax|long[ _-]*axis)(?![a-z])"
_NOT_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "R", "REAL", "I", "IMAGINARY", "VELOCITY MAP"}
_NOT_CINE = {"LOCALIZER", "PROJECTION IMAGE", "MPR", "SUBTRACTION"}
_MODALITIES = {"", "MR", "OT", "SC", "WSD"}
_SLICE_NUMBER = re.compile(r"(?i)_b(\d+)$")


@cache
def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def names_of(frame: Frame) -> tuple[str, str]:
    """SeriesDescription and ProtocolName, empty where absent."""
    return str(frame.values.get("SeriesDescription", "")), str(frame.values.get("ProtocolName", ""))


def view_by_name(frame: Frame, options: ConversionOptions) -> str | None:
    """The view that the description, else the protocol name, tells; ``la`` for an untold long axis."""
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
    image_type = [str(item).upper() for item in values.get("ImageType", ())]
    if values.get("Modality", "") not in _MODALITIES:
        return "another modality"
    if values.get("SamplesPerPixel", 1) != 1 or values.get("PhotometricInterpretation") != "MONOCHROME2":
        return "colour or inverted grey values"
    if _NOT_MAGNITUDE & set(image_type[2:]):
        return "not magnitude images"
    if _NOT_CINE & set(image_type):
        return "localizers or reformatted images"
    if any(_search(pattern, text) for pattern in options.excluded_names for text in names_of(frame)):
        return "a name that is configured to be left out"
    if image_type[:1] == ["DERIVED"] and not options.keep_derived:
        return "derived images"
    return None


def keep_cine(frames: Sequence[Frame], options: ConversionOptions) -> tuple[list[Frame], list[Finding]]:
    """Leave out what cannot be cine; one ``NOT_CINE`` finding (info) a reason says how much."""
    kept: list[Frame] = []
    dropped: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        reason = reason_to_drop(frame, options)
        if reason is None:
            kept.append(frame)
        else:
            dropped[reason].append(frame)
    findings = [
        Finding(
            Code.NOT_CINE,
            Level.INFO,
            f"{len(members)} images of series {series_words(members)} left out: {reason}.",
            value=float(len(members)),
        )
        for reason, members in dropped.items()
    ]
    return kept, findings


def series_words(frames: Sequence[Frame]) -> str:
    """Series numbers of some frames as words; numbers name a series without its free text."""
    numbers = sorted({frame.series_number for frame in frames})
    shown = ", ".join(str(number) for number in numbers[:8])
    return shown + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
