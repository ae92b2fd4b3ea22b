"""Contours of a cvi42 workspace (``.cvi42wsx``, zipped or not): read safely, and written for phantoms.

The tree is ``StudyMapStates`` > list item > ``ImageStates`` > one item per SOPInstanceUID > ``Contours`` >
one item per contour name > ``Points`` (items with x and y) and ``SubpixelResolution``; elements are known by
local name and ``key`` attribute, whatever their namespaces are bound to. A pixel coordinate is the point over
the sub-pixel resolution; whole numbers are pixel centres, counted from 0, as ukbb_cardiac takes them.

Files are large and come from elsewhere: they are parsed as a stream, and entity declarations, which could
expand without end or read other files, are refused. Names of annotators are never looked at.
"""

import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import AttributesImpl

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.sax import parse
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits, OverLimit
from cinecohort.errors import FORMAT_FAULTS
from cinecohort.findings import Finding, Level

Points = NDArray[np.float64]
"""N x 2: column and row in pixels; whole numbers are pixel centres, counted from 0."""

CONTOUR_NAMES: dict[str, str] = {
    "sarvendocardialContour": "RV endocardium",
    "saepicardialContour": "LV epicardium",
    "saepicardialOpenContour": "LV epicardium, open",
    "saendocardialContour": "LV endocardium",
    "saendocardialOpenContour": "LV endocardium, open",
    "laraContour": "right atrium",
    "lalaContour": "left atrium",
}
"""The contours that are filled, by their names in the file."""

PIECE = re.compile(r"(?P<contour>.*?[^\W\d_])[ _-]*\d+")
"""Name of a further piece of a contour: ``sarvendocardialContour0001`` beside ``sarvendocardialContour``."""

IGNORED_NAMES = frozenset(
    {
        "sarvepicardialContour",
        "laendocardialContour",
        "laepicardialContour",
        "larvendocardialContour",
        "larvepicardialContour",
        "laxLaExtentPoints",
        "laxRaExtentPoints",
        "laxLvExtentPoints",
        "laxRvExtentPoints",
        "AV",
        "MV",
        "AorticValveDiameter",
        "PulmonaryValveDiameter",
        "apexEpiLv",
        "bloodpoolContour",
    }
)
OF_CVI42 = re.compile(r"(?:sa|la|lax)[A-Za-z]{1,24}(?:Contour|Points)(?:_?\d{1,4})?")
"""What the software's own names look like. Others are typed in by people, some of whom type a person's name;
they are counted and never repeated."""

IGNORED_PREFIXES = ("lineRoiContour",)
"""Names that are known and hold no structure of ours; any other name is listed."""

MIN_POINTS = 3
"""Fewest different points of a contour that encloses anything."""

UNREADABLE_FAULTS: tuple[type[Exception], ...] = (SAXException, DefusedXmlException, *FORMAT_FAULTS)
LONGEST_NUMBER = 400
"""Characters of a number; longer text is none."""


@dataclass
class Workspace:
    """What a workspace holds.

    Parameters
    ----------
    contours
        SOPInstanceUID to contour name to its points; the name is one of :data:`CONTOUR_NAMES`, with a number
        behind it where a structure was drawn in pieces (see :func:`contour_of`).
    without_resolution
        Contours without ``SubpixelResolution``, as (SOPInstanceUID, name); taken as 1.
    redrawn
        Contours that occur with other points too (a study listed twice), as (SOPInstanceUID, name); the last
        is taken. One that encloses nothing never replaces one that does.
    unknown
        Contour names that are neither used nor known, with how often they occur.
    findings
        What was wrong: ``UNREADABLE``.
    """

    contours: dict[str, dict[str, Points]] = field(default_factory=dict)
    without_resolution: list[tuple[str, str]] = field(default_factory=list)
    redrawn: set[tuple[str, str]] = field(default_factory=set)
    unknown: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, uid: str, name: str, points: Points) -> None:
        """Take a contour over, unless it encloses nothing and the one that is there does."""
        of_image = self.contours.setdefault(uid, {})
        before = of_image.get(name)
        if before is None or not encloses(before):
            of_image[name] = points
        elif encloses(points) and not np.array_equal(before, points):
            of_image[name] = points
            self.redrawn.add((uid, name))


def contour_of(name: str) -> str:
    """Name of the contour that a numbered piece belongs to; any other name as it is."""
    piece = PIECE.fullmatch(name)
    return piece["contour"] if piece and name not in CONTOUR_NAMES else name


def encloses(points: Points) -> bool:
    """Whether a contour has the three different points that it takes to enclose anything."""
    return len(np.unique(points, axis=0)) >= MIN_POINTS


def together(workspaces: Sequence[Workspace]) -> Workspace:
    """One workspace of several of the same observer."""
    if len(workspaces) == 1:
        return workspaces[0]
    whole = Workspace(findings=[finding for each in workspaces for finding in each.findings])
    for workspace in workspaces:
        for uid, named in workspace.contours.items():
            for name, points in named.items():
                whole.add(uid, name, points)
    whole.findings += _redrawn(whole)
    return whole


def _redrawn(workspace: Workspace) -> list[Finding]:
    if not workspace.redrawn:
        return []
    names = sorted({name for _, name in workspace.redrawn})
    message = (
        f"{len(workspace.redrawn)} contours ({', '.join(names)}) occur twice with different points; the last"
        " of each is used. Check them in the contouring software."
    )
    return [Finding(Code.LABEL_INCOMPLETE, Level.REVIEW, message, value=float(len(workspace.redrawn)))]


def read_workspace(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Workspace:
    """Read a cvi42 workspace.

    Parameters
    ----------
    content
        The file: XML, or a zip that holds one or more ``.cvi42wsx`` or ``.xml`` files.
    limits
        What it may ask for.

    Returns
    -------
    Workspace
        Empty with an ``UNREADABLE`` finding where the content is damaged, refused or something else; nothing
        is raised. Contours read before the damage are not kept.
    """
    workspace = Workspace()
    try:
        for stream in _xml_streams(content, limits):
            with stream:
                bounded = _Bounded(stream, limits.workspace_mb * MEGABYTE)
                parse(bounded, _ContourReader(workspace, limits), forbid_dtd=True)
    except OverLimit as fault:
        return unreadable(str(fault))
    except UNREADABLE_FAULTS as fault:
        return unreadable(type(fault).__name__)
    workspace.findings.extend(_remarks(workspace))
    return workspace


def unreadable(reason: str) -> Workspace:
    """An empty workspace that says why it is."""
    message = f"The contour workspace cannot be read ({reason}); export it again."
    return Workspace(findings=[Finding(Code.UNREADABLE, Level.REVIEW, message)])


class _Bounded:
    """A stream that refuses to give more than so many bytes, whatever its archive says of its size."""

    def __init__(self, stream: IO[bytes], n_bytes: int):
        self.stream, self.left = stream, n_bytes

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        part = self.stream.read(size if 0 <= size <= self.left else self.left + 1)
        self.left -= len(part)
        if self.left < 0:
            raise OverLimit("is larger", "workspace_mb")
        return part

    def close(self) -> None:
        """Nothing: the stream is its owner's to close."""


def _xml_streams(content: bytes, limits: Limits) -> Iterator[IO[bytes]]:
    if not content.startswith(b"PK"):
        yield io.BytesIO(content)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [
            member
            for member in archive.infolist()
            if member.filename.lower().endswith((".cvi42wsx", ".xml")) and "__MACOSX" not in member.filename
        ]
        if not members:
            raise ValueError("no workspace in the archive")
        if sum(member.file_size for member in members) > limits.workspace_mb * MEGABYTE:
            raise OverLimit("is larger", "workspace_mb")
        for member in sorted(members, key=lambda each: each.filename):
            yield archive.open(member)


def _remarks(workspace: Workspace) -> list[Finding]:
    findings = []
    if workspace.without_resolution:
        names = sorted({name for _, name in workspace.without_resolution})
        message = (
            f"{len(workspace.without_resolution)} contours ({', '.join(names)}) have no SubpixelResolution;"
            " their points are taken as whole pixels."
        )
        findings.append(Finding(Code.UNREADABLE, Level.REVIEW, message))
    findings += _redrawn(workspace)
    if workspace.unknown:
        names = [f"{name} ({n})" for name, n in sorted(workspace.unknown.items()) if OF_CVI42.fullmatch(name)]
        n_others = workspace.unknown.total() - sum(workspace.unknown[name.split(" ")[0]] for name in names)
        names += [f"names that were typed in ({n_others})"] if n_others else []
        message = f"Contours of unknown names are left out: {', '.join(names)}."
        findings.append(Finding(Code.LABEL_INCOMPLETE, Level.INFO, message))
    if not workspace.contours:
        message = "The contour workspace holds no contour of a known name."
        findings.append(Finding(Code.LABEL_INCOMPLETE, Level.REVIEW, message))
    return findings


class _ContourReader(ContentHandler):
    """Picks the contours out of the stream of elements; nothing else is kept.

    Parameters
    ----------
    workspace
        Where they go.
    limits
        How deep, how many and how long they may be.
    """

    def __init__(self, workspace: Workspace, limits: Limits):
        super().__init__()
        self.workspace = workspace
        self.limits = limits
        self.n_contours = 0
        self.keys: list[str] = []
        self.text: list[str] | None = None
        self.x: float | None = None
        self.y: float | None = None
        self.points: list[tuple[float, float]] = []
        self.resolution: float | None = None

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """Note the key of an element; start collecting text where a number is due."""
        key = ""
        for attribute in attrs.getNames():
            if _local(attribute) == "key":
                key = attrs.getValue(attribute)
        self.keys.append(key)
        if len(self.keys) > self.limits.xml_depth:
            raise OverLimit("its elements lie deeper within one another", "xml_depth")
        local = _local(name)
        if self._is_contour():
            self.points, self.resolution = [], None
        elif local == "item" and len(self.keys) > 1 and self.keys[-2] == "Points":
            self.x = self.y = None
        if local in ("x", "y") or key == "SubpixelResolution":
            self.text = []

    def characters(self, content: str) -> None:
        """Collect the text of a number."""
        if self.text is not None:
            self.text.append(content)
            if len(self.text) > LONGEST_NUMBER:
                raise ValueError("a number without end")

    def endElement(self, name: str) -> None:
        """Take over a number, a point or a whole contour."""
        local = _local(name)
        if self.text is not None and (local in ("x", "y") or self.keys[-1] == "SubpixelResolution"):
            value, self.text = _number("".join(self.text)), None
            if local == "x":
                self.x = value
            elif local == "y":
                self.y = value
            else:
                self.resolution = value
        elif len(self.keys) > 1 and self.keys[-2] == "Points" and self.x is not None and self.y is not None:
            self.points.append((self.x, self.y))
            if len(self.points) > self.limits.contour_points:
                raise OverLimit("a contour has more points", "contour_points")
        elif self._is_contour():
            self._take_contour(uid=self.keys[-3], name=self.keys[-1])
        self.keys.pop()

    def _is_contour(self) -> bool:
        return len(self.keys) >= 4 and self.keys[-2] == "Contours" and self.keys[-4] == "ImageStates"

    def _take_contour(self, uid: str, name: str) -> None:
        workspace = self.workspace
        self.n_contours += 1
        if self.n_contours > self.limits.contours:
            raise OverLimit("has more contours", "contours")
        contour = contour_of(name)
        if contour not in CONTOUR_NAMES:
            if contour not in IGNORED_NAMES and not name.startswith(IGNORED_PREFIXES):
                workspace.unknown[name] += 1
            return
        resolution = self.resolution
        if not resolution or resolution < 0:
            if self.points:
                workspace.without_resolution.append((uid, name))
            resolution = 1.0
        points = np.asarray(self.points, dtype=np.float64).reshape(-1, 2) / resolution
        workspace.add(uid, name, points)


def _local(name: str) -> str:
    return name.rsplit(":", 1)[-1]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def write_workspace(
    contours: Mapping[str, Mapping[str, Points]],
    *,
    subpixel_resolution: int = 4,
    zipped_as: str | None = None,
    annotator: str | None = None,
) -> bytes:
    """Write contours as a cvi42 workspace.

    Parameters
    ----------
    contours
        SOPInstanceUID to contour name to points (N x 2: column and row in pixels).
    subpixel_resolution
        Points are whole numbers of 1 / `subpixel_resolution` pixels.
    zipped_as
        Name of the member (``….cvi42wsx``) if the result is to be a zip.
    annotator
        Name to put where cvi42 keeps the annotator's; readers must not let it out.

    Returns
    -------
    bytes
        The file; the same contours give the same bytes.
    """
    owner = "" if annotator is None else _item("OwnerUserName", escape(annotator))
    images = "".join(
        _item(uid, owner + _item("Contours", _contour_items(of_image, subpixel_resolution)))
        for uid, of_image in contours.items()
    )
    study = f"<List:item>{_item('ImageStates', images)}</List:item>"
    prefixes = ("Hash", "Workspace", "List", "Point")
    spaces = " ".join(f'xmlns:{name}="http://www.circlecvi.com/cvi42/{name}"' for name in prefixes)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Workspace:workspace {spaces}>{_item('StudyMapStates', study)}</Workspace:workspace>\n"
    )
    if zipped_as is None:
        return text.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(zipped_as), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _item(key: str, content: str) -> str:
    return f"<Hash:item Hash:key={quoteattr(key)}>{content}</Hash:item>"


def _contour_items(contours: Mapping[str, Points], resolution: int) -> str:
    items = []
    for name, points in contours.items():
        whole = np.rint(np.asarray(points, dtype=np.float64).reshape(-1, 2) * resolution).astype(int)
        listed = "".join(
            f"<List:item><Point:x>{x}</Point:x><Point:y>{y}</Point:y></List:item>" for x, y in whole.tolist()
        )
        items.append(_item(name, _item("Points", listed) + _item("SubpixelResolution", str(resolution))))
    return "".join(items)
