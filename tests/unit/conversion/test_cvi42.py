"""cvi42 workspaces: what is written comes back, hand-written XML is read, nothing hostile raises."""

import io
import zipfile

import numpy as np
import pytest

from cinecohort.conversion.cvi42 import read_workspace, write_workspace
from cinecohort.findings import Level

TRIANGLE = np.array([[10.25, 20.5], [30.0, 22.75], [15.5, 40.0]])
UID = "1.2.840.1.7"

SPACES = (
    'xmlns:Hash="http://a/1" xmlns:Workspace="http://a/2" xmlns:List="http://a/3" xmlns:Point="http://a/4"'
)


def workspace_xml(contours: str, spaces: str = SPACES) -> bytes:
    """A workspace around hand-written contours, with what else such a file holds."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Workspace:Root {spaces}>
 <Hash:item Hash:key="OwnerUserName">Dr. Example</Hash:item>
 <Hash:item Hash:key="StudyMapStates" Hash:count="1">
  <List:item>
   <Hash:item Hash:key="ImageStates" Hash:count="1">
    <Hash:item Hash:key="{UID}" Hash:count="2">
     <Hash:item Hash:key="OwnerUserName">Dr. Example</Hash:item>
     <Hash:item Hash:key="Contours" Hash:count="1">{contours}</Hash:item>
     <Hash:item Hash:key="SubpixelResolution">9</Hash:item>
    </Hash:item>
   </Hash:item>
   <Hash:item Hash:key="Contours"><Hash:item Hash:key="saendocardialContour"/></Hash:item>
  </List:item>
 </Hash:item>
</Workspace:Root>""".encode()


def contour_xml(points: str, resolution: str | None = "4", name: str = "saendocardialContour") -> str:
    tail = "" if resolution is None else f'<Hash:item Hash:key="SubpixelResolution">{resolution}</Hash:item>'
    return (
        f'<Hash:item Hash:key="{name}" Hash:count="9"><Hash:item Hash:key="IsManuallyDrawn">true</Hash:item>'
        f'<Hash:item Hash:key="Points">{points}</Hash:item>{tail}</Hash:item>'
    )


def point_xml(x: object, y: object) -> str:
    return f"<List:item><Point:x>{x}</Point:x><Point:y>{y}</Point:y></List:item>\n"


def states_xml(*states: str) -> bytes:
    """A workspace that lists the image once in each study state."""
    whole = [workspace_xml(contours).decode() for contours in states]
    start, end = whole[0].index(" <List:item>\n   <Hash"), whole[0].rindex("</List:item>\n </Hash")
    more = "".join(
        text[start : text.rindex("</List:item>\n </Hash")] + "</List:item>\n" for text in whole[1:]
    )
    return (whole[0][:end] + "</List:item>\n" + more + whole[0][end + len("</List:item>\n") :]).encode()


TWO_POINTS = point_xml(40, 80) + point_xml(41, 82.5)


@pytest.mark.parametrize("zipped_as", [None, "S1_cvi42.cvi42wsx"])
def test_what_is_written_comes_back(zipped_as: str | None) -> None:
    contours = {
        UID: {"saendocardialContour": TRIANGLE, "sarvendocardialContour": TRIANGLE + 3},
        "1.2.3": {"lalaContour": TRIANGLE},
    }
    content = write_workspace(contours, zipped_as=zipped_as, annotator="Dr. <Example>")
    workspace = read_workspace(content)
    assert workspace.findings == []
    assert {uid: sorted(named) for uid, named in workspace.contours.items()} == {
        UID: ["saendocardialContour", "sarvendocardialContour"],
        "1.2.3": ["lalaContour"],
    }
    np.testing.assert_allclose(workspace.contours[UID]["saendocardialContour"], TRIANGLE, atol=1e-12)
    assert content == write_workspace(contours, zipped_as=zipped_as, annotator="Dr. <Example>")


def test_points_are_rounded_to_the_resolution() -> None:
    written = read_workspace(write_workspace({UID: {"lalaContour": TRIANGLE + 0.07}}, subpixel_resolution=2))
    np.testing.assert_allclose(written.contours[UID]["lalaContour"], np.rint((TRIANGLE + 0.07) * 2) / 2)


@pytest.mark.parametrize("spaces", [SPACES, SPACES.replace("http://a", "urn:other")])
def test_hand_written_xml_is_read_whatever_the_namespaces_are(spaces: str) -> None:
    workspace = read_workspace(workspace_xml(contour_xml(TWO_POINTS), spaces))
    np.testing.assert_array_equal(
        workspace.contours[UID]["saendocardialContour"], [[10.0, 20.0], [10.25, 20.625]]
    )
    assert list(workspace.contours) == [UID]


def test_other_prefixes_do_not_matter() -> None:
    text = workspace_xml(contour_xml(TWO_POINTS)).decode()
    for prefix in ("Hash", "List", "Point", "Workspace"):
        text = text.replace(f"{prefix}:", f"n{prefix[0]}:")
    assert len(read_workspace(text.encode()).contours[UID]["saendocardialContour"]) == 2


def test_a_missing_resolution_is_one_and_recorded() -> None:
    """The value of the contour before, or of the image, must not be used instead."""
    xml = contour_xml(TWO_POINTS) + contour_xml(TWO_POINTS, None, "saepicardialContour")
    workspace = read_workspace(workspace_xml(xml))
    np.testing.assert_array_equal(workspace.contours[UID]["saepicardialContour"], [[40, 80], [41, 82.5]])
    assert workspace.without_resolution == [(UID, "saepicardialContour")]
    (finding,) = workspace.findings
    assert (finding.code, finding.level) == ("UNREADABLE", Level.REVIEW)
    assert "saepicardialContour" in finding.message


@pytest.mark.parametrize("resolution", ["0", "-2", "none", ""])
def test_a_senseless_resolution_counts_as_missing(resolution: str) -> None:
    workspace = read_workspace(workspace_xml(contour_xml(TWO_POINTS, resolution)))
    assert workspace.without_resolution == [(UID, "saendocardialContour")]


def test_unreadable_points_are_passed_over() -> None:
    points = point_xml(4, "NaN") + point_xml("", 3) + point_xml(8, 4) + "<List:item/>"
    workspace = read_workspace(workspace_xml(contour_xml(points)))
    np.testing.assert_array_equal(workspace.contours[UID]["saendocardialContour"], [[2.0, 1.0]])


def test_an_empty_contour_is_kept_as_one_without_points() -> None:
    workspace = read_workspace(workspace_xml(contour_xml("")))
    assert workspace.contours[UID]["saendocardialContour"].shape == (0, 2)


def test_known_other_names_are_ignored_and_unknown_ones_listed() -> None:
    names = ("bloodpoolContour", "lineRoiContour0001", "laxLaExtentPoints", "saNewContour", "lalaContour")
    workspace = read_workspace(workspace_xml("".join(contour_xml(TWO_POINTS, "1", name) for name in names)))
    assert list(workspace.contours[UID]) == ["lalaContour"]
    assert dict(workspace.unknown) == {"saNewContour": 1}
    (finding,) = workspace.findings
    assert (finding.code, finding.level) == ("LABEL_INCOMPLETE", Level.INFO)
    assert "saNewContour (1)" in finding.message


def test_a_name_that_somebody_typed_is_counted_and_not_repeated() -> None:
    names = ("saNewContour", "Jane Doe", "Jane Doe", "lalaContour")
    workspace = read_workspace(workspace_xml("".join(contour_xml(TWO_POINTS, "1", name) for name in names)))
    (finding,) = workspace.findings
    assert finding.message.endswith("left out: saNewContour (1), names that were typed in (2).")


def test_names_of_annotators_are_nowhere() -> None:
    workspace = read_workspace(workspace_xml(contour_xml(TWO_POINTS)))
    assert "Example" not in repr(workspace)


def test_several_workspaces_in_one_archive_are_joined() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in (1, 2):
            one = write_workspace({f"1.{number}": {"lalaContour": TRIANGLE}})
            archive.writestr(f"{number}.cvi42wsx", one)
        archive.writestr("__MACOSX/._1.cvi42wsx", b"no XML")
        archive.writestr("readme.txt", b"hello")
    assert sorted(read_workspace(buffer.getvalue()).contours) == ["1.1", "1.2"]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><r>&b;</r>'
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]><r>&f;</r>'
GOOD_ZIP = write_workspace({UID: {"lalaContour": TRIANGLE}}, zipped_as="a.cvi42wsx")


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain text",
        BOMB,
        OUTSIDE,
        workspace_xml(contour_xml(TWO_POINTS))[:-40],
        GOOD_ZIP[:-30],
        flipped(GOOD_ZIP, 60),
        b"PK\x03\x04",
        b"\xff\xfe\x00",
    ],
)
def test_damaged_and_hostile_files_are_a_finding(content: bytes) -> None:
    workspace = read_workspace(content)
    assert workspace.contours == {}
    assert [(f.code, f.level) for f in workspace.findings] == [("UNREADABLE", Level.REVIEW)]


def test_a_workspace_without_contours_is_a_finding() -> None:
    (finding,) = read_workspace(workspace_xml("")).findings
    assert (finding.code, finding.level) == ("LABEL_INCOMPLETE", Level.REVIEW)


def test_an_empty_contour_of_a_second_study_state_wipes_nothing_out() -> None:
    square = [(0, 0), (8, 0), (8, 8), (0, 8)]
    drawn = contour_xml("".join(point_xml(x, y) for x, y in square))
    for empty in ("", point_xml(1, 1), point_xml(1, 1) * 4):
        for first, second in ((drawn, contour_xml(empty)), (contour_xml(empty), drawn), (drawn, drawn)):
            workspace = read_workspace(states_xml(first, second))
            assert workspace.findings == []
            np.testing.assert_array_equal(
                workspace.contours[UID]["saendocardialContour"], np.array(square) / 4
            )


def test_a_contour_that_was_drawn_twice_is_flagged() -> None:
    once, again = ("".join(point_xml(x, y) for x, y in ((0, 0), (n, 0), (n, n))) for n in (4, 8))
    workspace = read_workspace(states_xml(contour_xml(once), contour_xml(again)))
    assert workspace.contours[UID]["saendocardialContour"].max() == 2
    (finding,) = workspace.findings
    assert finding.level == "review"
    assert "1 contours (saendocardialContour) occur twice" in finding.message
