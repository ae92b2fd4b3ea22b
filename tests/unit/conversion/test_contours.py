"""From contours to label maps: volumes of an analytic ellipsoid, what is annotated, contours with faults."""

from pathlib import Path

import numpy as np
import pytest

from cinecohort.conversion.contours import label_volume, not_as_acquired, write_workspace_labels
from cinecohort.conversion.cvi42 import read_workspace, write_workspace
from cinecohort.conversion.label_options import LabelOptions
from cinecohort.findings import Level
from cinecohort.images import Image, read_image

SHAPE = (80, 70, 8, 10)
SPACING = (1.8, 1.8, 10.0)
CENTRE = (36.4, 33.7)
ED, ES = 0, 4


def circle(radius: float, centre: tuple[float, float] = CENTRE, n: int = 72) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])


def heart(endo: float = 8.0) -> dict[str, np.ndarray]:
    return {
        "saendocardialContour": circle(endo),
        "saepicardialContour": circle(endo + 4),
        "sarvendocardialContour": circle(9, (CENTRE[0] + 18, CENTRE[1])),
    }


def everywhere(slices: range = range(1, 7)) -> dict[tuple[int, int], dict[str, np.ndarray]]:
    return {(z, t): heart(endo) for z in slices for t, endo in ((ED, 8.0), (ES, 5.0))}


def radii_mm(semi_axes: tuple[float, float, float], z_mm: float) -> tuple[float, float]:
    """Semi-axes of an ellipsoid's cross-section at a height; 0 outside."""
    scale = np.sqrt(max(0.0, 1 - (z_mm / semi_axes[2]) ** 2))
    return semi_axes[0] * scale, semi_axes[1] * scale


@pytest.mark.parametrize("pixel_mm", [1.25, 1.8])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.37, -0.21)])
def test_an_ellipsoid_drawn_as_cvi42_contours_comes_back_within_one_percent(
    pixel_mm: float, offset: tuple[float, float]
) -> None:
    """Cavity and wall against the analytic volume of the slices, sum of pi a b dz."""
    heights = (np.arange(9) - 4.2) * 10.0
    axes = {"saendocardialContour": (26.0, 23.0, 44.0), "saepicardialContour": (35.0, 32.0, 52.0)}
    centre = np.array([60.0, 55.0]) + offset
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    contours: dict[str, dict[str, np.ndarray]] = {}
    analytic = dict.fromkeys(axes, 0.0)
    for z, height in enumerate(heights):
        for name, semi_axes in axes.items():
            a, b = radii_mm(semi_axes, height)
            if a == 0:
                continue
            analytic[name] += np.pi * a * b * 10.0 / 1000
            points = centre + np.column_stack([a * np.cos(angle), b * np.sin(angle)]) / pixel_mm
            contours.setdefault(f"1.{z}", {})[name] = points
    workspace = read_workspace(write_workspace(contours, zipped_as="x.cvi42wsx"))
    by_place = {(int(uid[2:]), 0): named for uid, named in workspace.contours.items()}
    labels = label_volume(by_place, (128, 120, 9, 1), "sa").labels
    voxel_ml = pixel_mm**2 * 10.0 / 1000
    cavity = analytic["saendocardialContour"]
    wall = analytic["saepicardialContour"] - cavity
    assert np.sum(labels == 1) * voxel_ml == pytest.approx(cavity, rel=0.01)
    assert np.sum(labels == 2) * voxel_ml == pytest.approx(wall, rel=0.01)


def test_myocardium_is_epicardium_minus_endocardium() -> None:
    labels = label_volume({(2, ED): heart()}, SHAPE, "sa").labels
    assert np.sum(labels == 1) == pytest.approx(np.pi * 64, abs=2)
    assert np.sum(labels == 2) == pytest.approx(np.pi * (144 - 64), abs=2)
    assert np.sum(labels == 3) == pytest.approx(np.pi * 81 - overlap(12, 9, 18), abs=4)
    assert labels.dtype == np.uint8
    assert set(np.argwhere(labels)[:, 2]) == {2}
    assert set(np.argwhere(labels)[:, 3]) == {ED}


def overlap(r: float, q: float, d: float) -> float:
    """Area that two circles of radii r and q share at distance d (the lens formula)."""
    a = r**2 * np.arccos((d**2 + r**2 - q**2) / (2 * d * r))
    b = q**2 * np.arccos((d**2 + q**2 - r**2) / (2 * d * q))
    c = 0.5 * np.sqrt((-d + r + q) * (d + r - q) * (d - r + q) * (d + r + q))
    return float(a + b - c)


def test_a_structure_drawn_in_a_frame_is_annotated_in_all_its_slices() -> None:
    contours = {(2, ED): heart(), (3, ES): {"saendocardialContour": circle(5)}}
    annotated = label_volume(contours, SHAPE, "sa").annotated
    everything = list(range(SHAPE[2]))
    assert annotated == {
        "0": {"LV": everything, "MYO": everything, "RV": everything},
        "4": {"LV": everything},
    }


def test_only_drawn_slices_are_annotated_where_the_source_says_so() -> None:
    contours = {(2, ED): heart(), (4, ED): {"saendocardialContour": circle(5)}}
    annotated = label_volume(contours, SHAPE, "sa", every_slice=False).annotated
    assert annotated == {"0": {"LV": [2, 4], "MYO": [2], "RV": [2]}}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_contours_of_too_few_points_are_left_out_and_named(n: int) -> None:
    contours = everywhere()
    contours[3, ES]["saendocardialContour"] = circle(5)[:n]
    volume = label_volume(contours, SHAPE, "sa")
    for finding in volume.findings:
        assert (finding.code, finding.level) == ("LABEL_INCOMPLETE", Level.REVIEW)
        assert (finding.slices, finding.frames) == ((3,), (ES,))
    assert any("saendocardialContour" in finding.message for finding in volume.findings)
    assert not {1, 2} & set(np.unique(volume.labels[:, :, 3, ES]))
    assert all(3 not in volume.annotated[str(ES)][name] for name in ("LV", "MYO"))
    assert 3 in volume.annotated[str(ES)]["RV"]


@pytest.mark.parametrize("left_out", [[3], [1, 2], [6], [1, 2, 3, 4, 5, 6]])
def test_a_cavity_that_nobody_drew_is_not_wall(left_out: list[int]) -> None:
    contours = everywhere()
    for z in left_out:
        del contours[z, ED]["saendocardialContour"]
    volume = label_volume(contours, SHAPE, "sa")
    full = label_volume(everywhere(), SHAPE, "sa")
    (finding,) = volume.findings
    assert (finding.level, finding.slices, finding.frames) == (Level.REVIEW, tuple(left_out), (ED,))
    for z in range(1, 7):
        wall = int(np.sum(volume.labels[:, :, z, ED] == 2))
        assert wall == (0 if z in left_out else np.sum(full.labels[:, :, z, ED] == 2))
    drawn = [z for z in range(SHAPE[2]) if z not in left_out]
    expected = drawn if len(left_out) < 6 else None
    assert volume.annotated["0"].get("MYO") == volume.annotated["0"].get("LV") == expected
    assert volume.annotated["0"]["RV"] == list(range(SHAPE[2]))


def test_an_apex_without_cavity_is_wall() -> None:
    contours = everywhere()
    contours[7, ED] = {"saepicardialContour": circle(5.0)}
    volume = label_volume(contours, SHAPE, "sa")
    assert volume.findings == []
    assert np.sum(volume.labels[:, :, 7, ED] == 2) == pytest.approx(np.pi * 25, abs=2)


@pytest.mark.parametrize("numbers", [("", "0001"), ("0001", "0002"), ("", "_1", "_2"), ("", " 2")])
def test_numbered_contours_are_pieces_of_one_structure(numbers: tuple[str, ...]) -> None:
    pieces = {
        f"sarvendocardialContour{number}": circle(4, (15.0 + 14 * place, 20.0))
        for place, number in enumerate(numbers)
    }
    images = {"1.2.3": pieces | {"saepicardialContour0001": circle(9), "saendocardialContour0001": circle(5)}}
    workspace = read_workspace(write_workspace(images))
    assert workspace.findings == []
    volume = label_volume({(2, 0): workspace.contours["1.2.3"]}, SHAPE, "sa")
    assert np.sum(volume.labels == 3) == pytest.approx(len(numbers) * np.pi * 16, abs=3)
    assert np.sum(volume.labels == 1) == pytest.approx(np.pi * 25, abs=2)
    assert np.sum(volume.labels == 2) == pytest.approx(np.pi * 56, abs=4)


def test_one_point_many_times_is_not_a_contour() -> None:
    volume = label_volume({(1, 0): {"saendocardialContour": np.full((9, 2), 20.0)}}, SHAPE, "sa")
    assert volume.annotated == {}
    assert volume.findings[0].level is Level.REVIEW


def test_open_contours_are_closed_and_noted() -> None:
    half = circle(10, n=200)[:101]
    contours = {(2, ED): {"saepicardialOpenContour": half, "saendocardialOpenContour": half * 0.5 + 17}}
    volume = label_volume(contours, SHAPE, "sa")
    assert np.sum(volume.labels > 0) == pytest.approx(np.pi * 50, abs=3)
    assert {finding.level for finding in volume.findings} == {Level.INFO}
    assert volume.annotated["0"].keys() == {"LV", "MYO"}


def test_contours_outside_the_image_are_findings() -> None:
    outside = {"saendocardialContour": circle(5, (500, 500))}
    volume = label_volume({(2, ED): outside, (99, 0): heart(), (1, 99): heart()}, SHAPE, "sa")
    assert not volume.labels.any()
    assert volume.annotated == {}
    assert len(volume.findings) == 2
    assert all(finding.level is Level.REVIEW for finding in volume.findings)


def test_nothing_is_annotated_where_the_image_is_not_as_acquired() -> None:
    sidecar = {"missing_slices": [1], "resampled_slices": [2], "repaired_frames": [[5, ES]]}
    image = Image(np.zeros(SHAPE, dtype=np.uint8), np.diag([*SPACING, 1.0]), sidecar=sidecar)
    volume = label_volume(everywhere(range(2, 7)), SHAPE, "sa", unknown=not_as_acquired(image))
    assert volume.annotated[str(ED)]["LV"] == [0, 3, 4, 5, 6, 7]
    assert volume.annotated[str(ES)]["LV"] == [0, 3, 4, 6, 7]
    assert not volume.labels[:, :, 2].any()
    assert volume.findings[0].slices == (2, 5)


def test_atria_of_the_four_chamber_view() -> None:
    shape = (*SHAPE[:2], 1, SHAPE[3])
    contours = {(0, ED): {"lalaContour": circle(6, (20, 20)), "laraContour": circle(7, (50, 20))}}
    labels = label_volume(contours, shape, "la_4ch").labels
    assert labels[20, 20, 0, ED] == 1
    assert labels[50, 20, 0, ED] == 2
    two = label_volume(contours, shape, "la_2ch").labels
    assert two[50, 20, 0, ED] == 0


def images() -> dict[str, Image]:
    affine = np.diag([*SPACING, 1.0])
    sa = Image(np.zeros(SHAPE, dtype=np.uint8), affine, 0.1)
    return {"sa": sa, "la_2ch": Image(np.zeros((80, 70, 1, 10), dtype=np.uint8), affine, 0.1)}


def places() -> dict[str, dict[str, tuple[int, int]]]:
    sa = {f"1.{z}.{t}": (z, t) for z in range(SHAPE[2]) for t in range(SHAPE[3])}
    return {"sa": sa, "la_2ch": {f"2.{t}": (0, t) for t in range(SHAPE[3])}}


def by_uid() -> dict[str, dict[str, np.ndarray]]:
    atrium = {f"2.{t}": {"lalaContour": circle(radius)} for t, radius in ((ED, 8), (ES, 11))}
    return {f"1.{z}.{t}": named for (z, t), named in everywhere().items()} | atrium


def test_a_workspace_becomes_one_label_map_a_view(tmp_path: Path) -> None:
    workspace = read_workspace(write_workspace(by_uid(), annotator="Dr. Example"))
    outputs, findings = write_workspace_labels(tmp_path, "O1", workspace, places(), images(), LabelOptions())
    assert findings == []
    assert sorted(outputs) == sorted(path.name for path in tmp_path.iterdir())
    label = read_image(tmp_path / "label_O1_sa.nii.gz")
    facts = label.sidecar
    assert (facts["observer"], facts["ed_frame"], facts["es_frame"]) == ("O1", ED, ES)
    assert (facts["coding"], facts["filling"]) == ("cvi42", "area")
    assert sorted(np.unique(np.argwhere(label.data)[:, 3])) == [ED, ES]
    atrium = read_image(tmp_path / "label_O1_la_2ch.nii.gz")
    assert (atrium.sidecar["ed_frame"], atrium.sidecar["es_frame"]) == (ED, ES)
    assert not any(b"Example" in path.read_bytes() for path in tmp_path.glob("*.json"))


def test_contours_on_images_that_are_not_there_are_counted(tmp_path: Path) -> None:
    workspace = read_workspace(write_workspace(by_uid() | {"9.9": heart(), "9.8": heart()}))
    _, findings = write_workspace_labels(tmp_path, "O1", workspace, places(), images(), LabelOptions())
    assert [(f.code, f.level, f.value) for f in findings] == [("MISSING_FRAME", Level.REVIEW, 2.0)]


def test_missing_slice_frame_and_structure_are_findings_of_the_observer(tmp_path: Path) -> None:
    contours = by_uid()
    del contours["1.3.0"]
    for z in range(SHAPE[2]):
        contours.get(f"1.{z}.{ES}", {}).pop("sarvendocardialContour", None)
    del contours[f"2.{ES}"]
    workspace = read_workspace(write_workspace(contours))
    _, findings = write_workspace_labels(tmp_path, "O2", workspace, places(), images(), LabelOptions())
    assert all(finding.message.startswith("O2: ") for finding in findings)
    found = {(f.code, f.view, f.slices, f.frames) for f in findings}
    assert found == {
        ("LABEL_INCOMPLETE", "sa", (3,), (ED,)),
        ("LABEL_INCOMPLETE", "sa", (), (ES,)),
        ("LABEL_INCOMPLETE", "la_2ch", (), ()),
    }


@pytest.mark.parametrize(("action", "written"), [("info", True), ("review", True), ("drop", False)])
def test_what_an_incomplete_annotation_leads_to(tmp_path: Path, action: str, written: bool) -> None:
    contours = {uid: named for uid, named in by_uid().items() if not uid.startswith("1.3.")}
    workspace = read_workspace(write_workspace(contours))
    options = LabelOptions(incomplete=action)  # type: ignore[arg-type]
    _, findings = write_workspace_labels(tmp_path, "O1", workspace, places(), images(), options)
    assert (tmp_path / "label_O1_sa.nii.gz").exists() == written
    assert (Level.REVIEW in {finding.level for finding in findings}) == (action != "info")


def test_an_empty_workspace_writes_nothing(tmp_path: Path) -> None:
    workspace = read_workspace(b"not a workspace")
    outputs, findings = write_workspace_labels(tmp_path, "O1", workspace, places(), images(), LabelOptions())
    assert outputs == []
    assert "UNREADABLE" in {finding.code for finding in findings}
