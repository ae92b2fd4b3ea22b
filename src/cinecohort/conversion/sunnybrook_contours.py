"""Text contours of the Sunnybrook Cardiac Data (Radau et al., MIDAS Journal 2009).

A file ``IM-0001-NNNN-icontour-manual.txt`` holds the endocardium (``ocontour``: the epicardium) of the image
with InstanceNumber NNNN as lines ``x y``. The epicardium was drawn at end-diastole only, the RV never; an
image without a file was not annotated, which is not the same as empty.

Coordinates count from 1: the edge in the image lies where 1 is subtracted from both. Over the 56 endocardial
contours of three studies, the mean gradient along the contour's normal is largest after subtracting
1.02 (standard error 0.09) from x and 1.01 (0.08) from y; over the 28 epicardial ones, whose edge is weaker,
after 1.15 (0.14) and 0.80 (0.13), which does not differ from 1. One origin is used for both, since an
offset between them would make the wall thicker on one side.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.contours import Place
from cinecohort.conversion.cvi42 import Points
from cinecohort.conversion.limits import DEFAULT_LIMITS, Limits, OverLimit
from cinecohort.conversion.raw_files import looked_at
from cinecohort.findings import Finding, Level

COORDINATE_ORIGIN = 1.0
"""Coordinate of the first pixel's centre, in the files."""

NAMES = {"i": "saendocardialContour", "o": "saepicardialContour"}
"""Letter in the file name to the contour's name."""

EXPECTED = {"ed": ("LV", "MYO"), "es": ("LV",)}
"""What the protocol draws at each frame."""

LINE_BYTES = 40
"""Of a line of two numbers, at most."""

_FILE = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt$")


def read_points(path: Path, limits: Limits = DEFAULT_LIMITS) -> Points:
    """Read one contour.

    Returns
    -------
    numpy.ndarray
        N x 2: column and row in pixels, counted from 0.

    Raises
    ------
    ValueError
        If a line does not hold two numbers, or there are too many.
    OSError
        If the machine does not give the file.
    """
    fault, size = looked_at(path)
    if fault:
        raise ValueError(fault)
    if size > limits.contour_points * LINE_BYTES:
        raise OverLimit("has more points", "contour_points")
    lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    rows = [[float(number) for number in line.split()] for line in lines if line.strip()]
    if any(len(row) != 2 for row in rows) or not np.isfinite(rows).all():
        raise ValueError("a line does not hold two numbers")
    return np.asarray(rows, dtype=np.float64).reshape(-1, 2) - COORDINATE_ORIGIN


def read_contours(
    paths: Iterable[Path], places: Mapping[int, Place], limits: Limits = DEFAULT_LIMITS
) -> tuple[dict[Place, dict[str, Points]], list[Finding]]:
    """Read the contours of a study and put each where its image went.

    Parameters
    ----------
    paths
        Files; those with other names are passed over.
    places
        InstanceNumber to (slice, frame) of the converted image.

    Returns
    -------
    tuple
        Contours by (slice, frame) and name, and the findings: ``UNREADABLE`` for damaged files,
        ``MISSING_FRAME`` for contours of images that are not there.
    """
    contours: dict[Place, dict[str, Points]] = {}
    damaged, lost = 0, []
    for path in sorted(paths):
        match = _FILE.search(path.name)
        if not match:
            continue
        instance = int(match[1])
        if instance not in places:
            lost.append(instance)
            continue
        try:
            contours.setdefault(places[instance], {})[NAMES[match[2]]] = read_points(path, limits)
        except ValueError:
            damaged += 1
    findings = []
    if damaged:
        message = f"{damaged} contour files cannot be read; those contours are left out."
        findings.append(Finding(Code.UNREADABLE, Level.REVIEW, message, "sa", value=float(damaged)))
    if lost:
        message = f"{len(lost)} contours were drawn on images that were not converted (the first: {lost[0]})."
        findings.append(Finding(Code.MISSING_FRAME, Level.REVIEW, message, "sa", value=float(len(lost))))
    return contours, findings
