"""CMR-MULTI: slices and frames told apart, labels in our coding, nothing made up about the short axis."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cinecohort.cli import main
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Outcome, Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source
from cinecohort.sources.detect import detect_layout
from cinecohort.sources.packed_frames import Packing, found_packing
from support.findings import codes

FRAMES = 12
SIZE = (32, 36)
LABELS = {"SAX": {1: 2, 2: 1, 3: 3}, "2CH": {1: 3, 2: 4}, "4CH": {1: 3, 2: 4, 3: 5, 4: 2, 5: 1}}
"""Their number to ours, from the data set's card."""
VIEWS = {"SAX": "sa", "2CH": "la_2ch", "4CH": "la_4ch"}
LEFT_HANDED = np.array([[-1.3, 0.0, 0.0], [0.0, -1.3, 0.0], [0.0, 0.0, -1.0]])


def heart(name: str, slices: int, frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """A heart that beats once: image and labels (x, y, z, t); each slice shows another chest."""
    x, y = np.indices(SIZE)
    images = np.zeros((*SIZE, slices, frames), dtype=np.float32)
    labels = np.zeros(images.shape, dtype=np.uint8)
    for z in range(slices):
        chest = np.random.default_rng(z).normal(300, 60, SIZE)
        for t in range(frames):
            radius = 8 - 3 * np.sin(np.pi * t / frames) - z
            plane = labels[:, :, z, t]
            for number, place in zip((5, 4, 3), ((8, 8), (8, 24), (22, 26)), strict=True):
                if number in LABELS[name]:
                    plane[np.hypot(x - place[0], y - place[1]) < 6 + (number > 3) * t / frames] = number
            wall, cavity = (1, 2) if name == "SAX" else (2, 1)
            plane[np.hypot(x - 20, y - 14) < radius + 2] = wall
            plane[np.hypot(x - 20, y - 14) < radius] = cavity
            images[:, :, z, t] = chest + 150 * plane
    return images, labels


def write(root: Path, name: str, key: str, slices: int, part: str = "TR", frames: int = FRAMES) -> None:
    images, labels = heart(name, slices, frames)
    for folder, data in (("image", images), ("anno", labels)):
        place = root / "CINE_MULTI" / f"{name}_{part}" / folder
        place.mkdir(parents=True, exist_ok=True)
        affine = np.eye(4)
        affine[:3, :3] = LEFT_HANDED
        row = data.reshape(*SIZE, -1)
        nib.save(nib.Nifti1Image(row, affine), place / f"CINE_{name}_{key}.nii.gz")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three parallel 4-chamber planes, one 2-chamber plane, a short axis of five slices."""
    folder = tmp_path / "CMR-MULTI"
    for name, slices in (("4CH", 3), ("2CH", 1), ("SAX", 5)):
        write(folder, name, "007", slices)
    (folder / "CINE_MULTI" / "sax_slice_info.json").write_text(json.dumps({"007": FRAMES}))
    return folder


def convert(root: Path, key: str = "cmr007", **settings: object) -> tuple[Outcome, Path]:
    source = open_source("cmr_multi", root, **settings)
    folder = root.parent / "store" / key
    options = ConversionOptions(required_views=("la_4ch",))
    return source.convert(source.subject(key), folder, options), folder


def test_the_middle_plane_of_the_long_axis_is_kept_in_its_order_of_frames(root: Path) -> None:
    outcome, folder = convert(root)
    assert outcome.status is Status.OK and outcome.values["views"] == "la_2ch,la_4ch"
    for name, plane in (("4CH", 1), ("2CH", 0)):
        images, labels = heart(name, plane * 2 + 1)
        image = read_image(folder / f"{VIEWS[name]}.nii.gz")
        label = read_image(folder / f"label_manual_{VIEWS[name]}.nii.gz")
        np.testing.assert_allclose(image.data[:, :, 0], images[:, :, plane], rtol=1e-5)
        for theirs, ours in LABELS[name].items():
            np.testing.assert_array_equal(label.data[:, :, 0] == ours, labels[:, :, plane] == theirs)
        assert np.linalg.det(image.affine) > 0 and image.spacing_mm[:2] == pytest.approx((1.3, 1.3))
    assert any("3 planes of 12 frames" in finding.message for finding in outcome.findings)


def test_every_frame_is_annotated_in_what_the_data_set_draws(root: Path) -> None:
    folder = convert(root)[1]
    four, two = (read_image(folder / f"label_manual_{view}.nii.gz").sidecar for view in ("la_4ch", "la_2ch"))
    assert four["annotated"].keys() == {str(frame) for frame in range(FRAMES)}
    assert four["annotated"]["0"] == {name: [0] for name in ("LA", "RA", "LV", "MYO", "RV")}
    assert two["annotated"]["3"] == {"LV": [0], "MYO": [0]}
    assert (two["ed_frame"], two["es_frame"]) == (0, FRAMES // 2)


def test_the_short_axis_needs_the_distance_of_its_slices(root: Path) -> None:
    outcome, folder = convert(root)
    assert not (folder / "sa.nii.gz").exists()
    assert any("slice_distance_mm" in finding.message for finding in outcome.findings)
    outcome, folder = convert(root, slice_distance_mm=8.0)
    image, label = read_image(folder / "sa.nii.gz"), read_image(folder / "label_manual_sa.nii.gz")
    images, labels = heart("SAX", 5)
    assert image.spacing_mm == pytest.approx((1.3, 1.3, 8.0)) and np.linalg.det(image.affine) > 0
    np.testing.assert_allclose(image.data, images[:, :, ::-1], rtol=1e-5)
    for theirs, ours in LABELS["SAX"].items():
        np.testing.assert_array_equal(label.data == ours, labels[:, :, ::-1] == theirs)
    assert image.affine @ [0, 0, 4, 1] == pytest.approx([0, 0, 0, 1])
    assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (0, FRAMES // 2)
    assert outcome.status is Status.OK


@pytest.mark.parametrize(
    ("counts", "words"),
    [({"7": 9}, "do not divide"), ({}, "without a number of frames"), ({"7": 10}, "look like")],
)
def test_a_wrong_number_of_frames_is_never_believed(root: Path, counts: dict[str, int], words: str) -> None:
    (root / "CINE_MULTI" / "sax_slice_info.json").write_text(json.dumps(counts))
    outcome, folder = convert(root, slice_distance_mm=8.0)
    assert not (folder / "sa.nii.gz").exists() and (folder / "la_4ch.nii.gz").exists()
    assert "FRAME_COUNT" in codes(outcome) and any(words in finding.message for finding in outcome.findings)


def test_planes_that_tell_nothing_are_left_out(root: Path) -> None:
    path = root / "CINE_MULTI" / "4CH_TR" / "image" / "CINE_4CH_007.nii.gz"
    affine = nib.load(path).affine
    nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(size=(*SIZE, 97)), affine), path)
    outcome, folder = convert(root)
    assert outcome.status is Status.EXCLUDED and "FRAME_COUNT" in codes(outcome)
    assert not (folder / "la_4ch.nii.gz").exists()


def test_one_plane_of_many_frames_is_one_plane() -> None:
    images, _ = heart("4CH", 1, frames=40)
    assert found_packing(images.reshape(*SIZE, -1)) == Packing(1, 40)


def test_parts_are_put_together_and_test_images_have_no_labels(root: Path) -> None:
    write(root, "4CH", "106", 1, part="VAL")
    write(root, "4CH", "130", 1, part="TST")
    for path in (root / "CINE_MULTI" / "4CH_TST" / "anno").iterdir():
        path.unlink()
    for place in (root, root / "CINE_MULTI"):
        assert [each.key for each in open_source("cmr_multi", place).subjects()] == [
            "cmr007",
            "cmr106",
            "cmr130",
        ]
        assert detect_layout(place) == "cmr_multi"
    outcome, folder = convert(root, "cmr130")
    assert outcome.status is Status.OK and outcome.values["observers"] == ""
    assert (folder / "la_4ch.nii.gz").exists() and not (folder / "label_manual_la_4ch.nii.gz").exists()
    assert len(open_source("cmr_multi", root).subject("cmr106").files) == 3


def test_two_files_of_one_number_and_unknown_numbers_are_errors(root: Path) -> None:
    with pytest.raises(UserError, match="cmr008"):
        open_source("cmr_multi", root).subject("cmr008")
    write(root, "4CH", "007", 1, part="VAL")
    with pytest.raises(UserError, match="of one number"):
        open_source("cmr_multi", root)


def test_a_damaged_file_of_counts_is_an_error_that_names_it(root: Path) -> None:
    (root / "CINE_MULTI" / "sax_slice_info.json").write_text("[1]")
    with pytest.raises(UserError, match=r"sax_slice_info\.json: is no list"):
        open_source("cmr_multi", root)


def test_the_command_converts_it_without_a_short_axis(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(root), str(tmp_path / "store")]) == 0
    assert "cmr007: ok; la_2ch,la_4ch" in capsys.readouterr().out
