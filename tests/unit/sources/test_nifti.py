"""NIfTI folders: cine or ED/ES pairs, labels in several forms and codings, faults as findings."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Level, Outcome, Status
from cinecohort.images import read_image, write_image
from cinecohort.sources.base import open_source
from support.findings import codes
from support.hearts import disc_heart

SHAPE = (24, 22, 5)
AFFINE = np.array([[-1.8, 0, 0, 40], [0, -1.8, 0, 30], [0, 0, 10.0, -20], [0, 0, 0, 1]])
T = 10
ES = 4


def heart(radius: float) -> np.ndarray:
    """LV 1 in a ring 2 with an RV 3 beside it."""
    plane = disc_heart(SHAPE[:2], (10, 11), radius, 2.0, (16, 11), radius)
    return np.repeat(plane[:, :, None], SHAPE[2], axis=2)


def cine() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 900, (*SHAPE, T)).astype(np.float64)


def labels() -> np.ndarray:
    volume = np.zeros((*SHAPE, T))
    volume[..., 0], volume[..., ES] = heart(5), heart(3)
    return volume


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE, interval: float | None = 0.09) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    if data.ndim == 4 and interval is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], interval))
    nib.save(image, path)


def convert(root: Path, **settings: str) -> tuple[Outcome, Path]:
    source = open_source("nifti", root, **settings)
    folder = root.parent / "store"
    return source.convert(source.subject("p1"), folder, ConversionOptions()), folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def test_a_cine_with_labels_on_its_frames(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_sa.nii.gz", labels())
    outcome, folder = convert(root)
    assert (outcome.status, outcome.findings) == (Status.OK, [])
    image = read_image(folder / "sa.nii.gz")
    np.testing.assert_array_equal(image.data, cine())
    np.testing.assert_allclose(image.affine, AFFINE)
    assert image.data.dtype == np.int16
    assert image.sidecar["heart_rate_bpm"] == pytest.approx(60 / 0.9, abs=0.01)
    label = read_image(folder / "label_manual_sa.nii.gz")
    np.testing.assert_array_equal(label.data, labels())
    assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (0, ES)
    assert sorted(label.sidecar["annotated"]) == ["0", str(ES)]


def test_pairs_as_chen_keeps_them(root: Path) -> None:
    for role, frame, radius in (("ED", 0, 5), ("ES", ES, 3)):
        save(root / "p1" / f"sa_{role}.nii.gz", cine()[..., frame])
        save(root / "p1" / f"label_sa_{role}.nii.gz", heart(radius))
    outcome, folder = convert(root)
    assert outcome.status is Status.OK
    image = read_image(folder / "sa.nii.gz")
    np.testing.assert_array_equal(image.data, cine()[..., [0, ES]])
    assert image.sidecar["frame_roles"] == {"ed": 0, "es": 1}
    label = read_image(folder / "label_manual_sa.nii.gz")
    np.testing.assert_array_equal(label.data[..., 1], heart(3))
    assert label.sidecar["es_frame"] == 1


def test_paired_labels_find_their_frame_in_the_cine(root: Path) -> None:
    """The single images have clipped intensities, as ukbb_cardiac saves them."""
    save(root / "p1" / "sa.nii.gz", cine())
    for role, frame, radius in (("ED", 0, 5), ("ES", ES, 3)):
        save(root / "p1" / f"sa_{role}.nii.gz", np.clip(cine()[..., frame], 10, 880))
        save(root / "p1" / f"label_sa_{role}.nii.gz", heart(radius))
    outcome, folder = convert(root)
    assert outcome.status is Status.OK
    label = read_image(folder / "label_manual_sa.nii.gz")
    np.testing.assert_array_equal(label.data, labels())


def test_an_es_label_that_no_image_places_is_left_out(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_sa_ED.nii.gz", heart(5))
    save(root / "p1" / "label_sa_ES.nii.gz", heart(3))
    outcome, folder = convert(root)
    assert codes(outcome, notes=False) == {"LABEL_INCOMPLETE"}
    label = read_image(folder / "label_manual_sa.nii.gz")
    assert list(label.sidecar["annotated"]) == ["0"]
    assert label.sidecar["es_frame"] is None


def test_another_coding_is_mapped(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_sa.nii.gz", np.array([0, 3, 2, 1], dtype=np.uint8)[labels().astype(int)])
    outcome, folder = convert(root, coding="acdc")
    assert outcome.status is Status.OK
    np.testing.assert_array_equal(read_image(folder / "label_manual_sa.nii.gz").data, labels())
    assert "LABEL_SWAP" in codes(convert(root)[0], notes=False)


def test_an_unknown_coding_is_refused(root: Path) -> None:
    root.mkdir()
    with pytest.raises(UserError, match="acdc"):
        open_source("nifti", root, coding="none")


def test_observers_by_file_name(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    for name in ("label_O1_sa", "label_O2_sa", "label_sa", "label_up_sa"):
        save(root / "p1" / f"{name}.nii.gz", labels())
    outcome, folder = convert(root)
    assert outcome.values["observers"] == "O1,O2,manual"
    assert not (folder / "label_up_sa.nii.gz").exists()
    source = open_source("nifti", root, observers=["O2"])
    outcome = source.convert(source.subject("p1"), root.parent / "other", ConversionOptions())
    assert outcome.values["observers"] == "O2"


def test_long_axis_views_with_their_labels(root: Path) -> None:
    shape = (*SHAPE[:2], 1, T)
    atria = np.zeros(shape)
    atria[3:8, 3:8, 0, 0] = 1
    atria[3:10, 3:10, 0, ES] = 1
    atria[12:18, 3:10, 0, [0, ES]] = 2
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "la_4ch.nii.gz", cine()[:, :, :1])
    save(root / "p1" / "label_la_4ch.nii.gz", atria)
    outcome, folder = convert(root)
    assert outcome.values["views"] == "sa,la_4ch"
    label = read_image(folder / "label_manual_la_4ch.nii.gz")
    np.testing.assert_array_equal(label.data, atria)
    assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (0, ES)


def test_slices_against_the_normal_keep_their_places(root: Path) -> None:
    """A file with a negative determinant: every voxel, image and label, stays where it was in space."""
    affine = AFFINE.copy()
    affine[:3, 2] *= -1
    uneven = labels()
    uneven[:, :, 0] = 0
    save(root / "p1" / "sa.nii.gz", cine(), affine)
    save(root / "p1" / "label_sa.nii.gz", uneven, affine)
    outcome, folder = convert(root)
    assert outcome.status is Status.OK
    image, label = (read_image(folder / f"{name}.nii.gz") for name in ("sa", "label_manual_sa"))
    assert np.linalg.det(image.affine[:3, :3]) > 0
    index = np.array([3, 4, 0, 1])
    turned = np.array([3, 4, SHAPE[2] - 1, 1])
    np.testing.assert_allclose(image.affine @ turned, affine @ index)
    np.testing.assert_array_equal(image.data[:, :, ::-1], cine())
    np.testing.assert_array_equal(label.data[:, :, ::-1], uneven)


def test_a_placeholder_time_step_is_not_a_heart_rate(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine(), interval=1.0)
    outcome, folder = convert(root)
    image = read_image(folder / "sa.nii.gz")
    assert image.sidecar["heart_rate_bpm"] is None
    assert image.frame_interval_s is None
    (finding,) = outcome.findings
    assert (finding.code, finding.level, finding.value) == ("TIME", Level.INFO, 6.0)


def test_3d_images_and_plain_nii_are_read(root: Path) -> None:
    save(root / "p1" / "sa.nii", cine()[..., 0])
    outcome, folder = convert(root)
    assert outcome.status is Status.OK
    assert read_image(folder / "sa.nii.gz").data.shape == (*SHAPE, 1)


def test_facts_of_an_own_sidecar_are_kept_and_nothing_else(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    (root / "p1" / "sa.json").write_text('{"vendor": "GE", "PatientName": "Doe"}')
    _, folder = convert(root)
    text = (folder / "sa.json").read_text()
    assert '"vendor": "GE"' in text
    assert "Doe" not in text


def test_the_store_of_a_subject_can_be_read_again(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_O1_sa.nii.gz", labels())
    _, folder = convert(root)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    source = open_source("nifti", folder.parent)
    again = root.parent / "again"
    source.convert(source.subject("store"), again, ConversionOptions())
    assert {path.name: path.read_bytes() for path in again.iterdir()} == first


def broken(folder: Path, kind: str) -> None:
    if kind == "empty folder":
        folder.mkdir(parents=True)
        return
    save(folder / "sa.nii.gz", cine())
    save(folder / "label_sa.nii.gz", labels())
    if kind == "truncated image":
        path = folder / "sa.nii.gz"
        path.write_bytes(path.read_bytes()[:500])
    elif kind == "text for an image":
        (folder / "sa.nii.gz").write_text("not an image")
    elif kind == "damaged sidecar":
        (folder / "sa.json").write_text("{")
    elif kind == "half a pair":
        (folder / "sa.nii.gz").unlink()
        save(folder / "sa_ED.nii.gz", cine()[..., 0])
    elif kind == "unequal pair":
        (folder / "sa.nii.gz").unlink()
        save(folder / "sa_ED.nii.gz", cine()[..., 0])
        save(folder / "sa_ES.nii.gz", cine()[:, :, :4, ES])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("empty folder", "NO_VIEW"),
        ("truncated image", "UNREADABLE"),
        ("text for an image", "UNREADABLE"),
        ("damaged sidecar", "UNREADABLE"),
        ("half a pair", "MISSING_FRAME"),
        ("unequal pair", "MATRIX"),
    ],
)
def test_a_broken_image_excludes_the_subject(root: Path, kind: str, code: str) -> None:
    broken(root / "p1", kind)
    outcome, _ = convert(root)
    assert outcome.status is Status.EXCLUDED
    assert code in codes(outcome, notes=False)


def test_values_that_are_not_finite_are_counted(root: Path) -> None:
    image = cine().astype(np.float32)
    image[0, 0, 0, :2] = np.nan, np.inf
    save(root / "p1" / "sa.nii.gz", image)
    outcome, _ = convert(root)
    assert outcome.status is Status.REVIEW
    assert [finding.value for finding in outcome.findings if finding.code == "NOT_FINITE"] == [2]


def test_a_spacing_that_the_header_lacks_is_said_and_taken_from_the_affine(root: Path) -> None:
    save(root / "p1" / "sa.nii", cine())
    content = bytearray((root / "p1" / "sa.nii").read_bytes())
    content[80:92] = np.array([0, np.nan, 0], "<f4").tobytes()
    (root / "p1" / "sa.nii").write_bytes(bytes(content))
    outcome, folder = convert(root)
    (finding,) = [finding for finding in outcome.findings if finding.code == "SPACING"]
    assert "mm is used" in finding.message
    np.testing.assert_allclose(read_image(folder / "sa.nii.gz").affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize("kind", ["shape", "frames", "values", "negative", "not a number", "text", "empty"])
def test_a_broken_label_leaves_the_image(root: Path, kind: str) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    path = root / "p1" / "label_sa.nii.gz"
    wrong = labels()
    if kind == "text":
        path.write_text("not an image")
    else:
        if kind == "shape":
            wrong = wrong[:-1]
        elif kind == "frames":
            wrong = wrong[..., :-1]
        elif kind == "empty":
            wrong[:] = 0
        else:
            wrong[0, 0, 0, 0] = {"values": 9, "negative": -1, "not a number": np.nan}[kind]
        save(path, wrong)
    outcome, folder = convert(root)
    assert outcome.status is Status.REVIEW
    expected = {"shape": "MATRIX", "frames": "MATRIX", "empty": "LABEL_INCOMPLETE"}.get(kind, "UNREADABLE")
    assert expected in codes(outcome, notes=False)
    assert {path.name for path in folder.iterdir()} == {"sa.nii.gz", "sa.json"}


def test_a_label_that_does_not_say_where_it_lies_is_flagged(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_sa.nii.gz", labels(), np.diag([1.8, 1.8, 10.0, 1.0]))
    outcome, _ = convert(root)
    assert codes(outcome, notes=False) == {"GRID"}


OBLIQUE = nib.affines.from_matvec(
    np.array([[0.8, 0.36, -0.48], [0.0, 0.8, 0.6], [0.6, -0.48, 0.64]]) * [1.7, 1.8, 10.0], [4.0, -9.0, 30.0]
)


def stored_as(data: np.ndarray, codes: str) -> tuple[np.ndarray, np.ndarray]:
    """A volume on OBLIQUE with its axes exchanged and reversed, as nibabel does it."""
    image = nib.Nifti1Image(data, OBLIQUE)
    now, then = nib.orientations.io_orientation(OBLIQUE), nib.orientations.axcodes2ornt(tuple(codes))
    turned = image.as_reoriented(nib.orientations.ornt_transform(now, then))
    return np.asarray(turned.dataobj), turned.affine


@pytest.mark.parametrize("image_codes", ["RAS", "LPS", "RAI", "SPL"])
@pytest.mark.parametrize("label_codes", ["RAS", "LAS", "RPI", "ARS", "SLA", "IPR"])
def test_labels_are_turned_to_their_image(root: Path, image_codes: str, label_codes: str) -> None:
    """The heart's slices differ, so that any other order is seen."""
    drawn = heart(4)
    drawn[..., 0], drawn[:4, :, 1] = 0, 3
    bright = 100.0 + drawn * 50.0
    for role in ("ED", "ES"):
        save(root / "p1" / f"sa_{role}.nii.gz", *stored_as(bright, image_codes))
        save(root / "p1" / f"label_sa_{role}.nii.gz", *stored_as(drawn, label_codes))
    outcome, folder = convert(root)
    assert not codes(outcome, notes=False) & {"GRID", "MATRIX", "ORIENTATION"}, outcome.findings
    image, label = read_image(folder / "sa.nii.gz"), read_image(folder / "label_manual_sa.nii.gz")
    np.testing.assert_array_equal(100 + 50 * label.data.astype(int), image.data)


@pytest.mark.parametrize("label_codes", ["RAS", "LPI"])
def test_frames_of_es_are_turned_to_those_of_ed(root: Path, label_codes: str) -> None:
    drawn = heart(4)
    drawn[..., 0], drawn[:4, :, 1] = 0, 3
    save(root / "p1" / "sa_ED.nii.gz", *stored_as(100.0 + drawn, "RAS"))
    save(root / "p1" / "sa_ES.nii.gz", *stored_as(100.0 + drawn, label_codes))
    image = read_image(convert(root)[1] / "sa.nii.gz")
    np.testing.assert_array_equal(image.data[..., 0], image.data[..., 1])


@pytest.mark.parametrize("moved", [(0, 0, 25.0), (7.0, 0, 0)])
def test_labels_that_lie_elsewhere_are_left_out(root: Path, moved: tuple[float, float, float]) -> None:
    elsewhere = OBLIQUE.copy()
    elsewhere[:3, 3] += moved
    save(root / "p1" / "sa.nii.gz", cine(), OBLIQUE)
    save(root / "p1" / "label_sa.nii.gz", labels(), elsewhere)
    outcome, _ = convert(root)
    assert "GRID" in codes(outcome, notes=False)
    assert outcome.values["observers"] == ""


@pytest.mark.parametrize("beside", [(5.0, 0.0), (-2.0, 3.0), (0.0, 0.5)])
@pytest.mark.parametrize("stated", ["length", "distance"])
def test_a_sheared_stack_is_as_thick_as_its_planes_are_apart(
    root: Path, beside: tuple[float, float], stated: str
) -> None:
    sheared = OBLIQUE.copy()
    sheared[:3, 2] += beside[0] * OBLIQUE[:3, 0] / 1.7 + beside[1] * OBLIQUE[:3, 1] / 1.8
    path = root / "p1" / "sa.nii.gz"
    save(path, cine(), sheared)
    if stated == "distance":
        image = nib.load(path)
        image.header["pixdim"][1:4] = 1.7, 1.8, 10.0
        nib.save(nib.Nifti1Image(image.get_fdata(), None, image.header), path)
    outcome, folder = convert(root)
    assert "SHIFT" in codes(outcome, notes=False)
    assert f"{np.hypot(*beside):.1f} mm beside" in next(
        f.message for f in outcome.findings if f.code == "SHIFT"
    )
    written = read_image(folder / "sa.nii.gz")
    assert written.spacing_mm == pytest.approx((1.7, 1.8, 10.0), rel=1e-5)
    assert written.voxel_volume_ml == pytest.approx(0.0306, rel=1e-5)
    assert outcome.values["dz_mm"] == pytest.approx(10.0, abs=1e-3)


def test_rows_and_columns_that_are_not_at_right_angles_are_refused(root: Path) -> None:
    skewed = OBLIQUE.copy()
    skewed[:3, 1] += 0.1 * OBLIQUE[:3, 0]
    save(root / "p1" / "sa.nii.gz", cine(), skewed)
    outcome, _ = convert(root)
    assert outcome.status is Status.EXCLUDED
    assert "right angles" in outcome.findings[0].message


def test_a_structure_that_is_nowhere_in_a_frame_is_absent_there(root: Path) -> None:
    only_cavity_at_es = labels()
    only_cavity_at_es[..., ES] *= only_cavity_at_es[..., ES] == 1
    save(root / "p1" / "sa.nii.gz", cine())
    save(root / "p1" / "label_sa.nii.gz", only_cavity_at_es)
    outcome, folder = convert(root)
    assert codes(outcome, notes=False) == {"LABEL_INCOMPLETE"}
    annotated = read_image(folder / "label_manual_sa.nii.gz").sidecar["annotated"]
    assert sorted(annotated["0"]) == ["LV", "MYO", "RV"]
    assert sorted(annotated[str(ES)]) == ["LV"]


def test_writing_is_reproducible(root: Path) -> None:
    save(root / "p1" / "sa.nii.gz", cine())
    _, folder = convert(root)
    image = read_image(folder / "sa.nii.gz")
    write_image(folder / "copy.nii.gz", image)
    assert (folder / "copy.nii.gz").read_bytes() == (folder / "sa.nii.gz").read_bytes()


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_slices_on_another_array_axis_are_put_on_the_third(root: Path, order: tuple[int, ...]) -> None:
    """The labels lie as they should, so that image and labels have other array axes."""
    drawn = heart(4)
    drawn[..., 0], drawn[:4, :, 1] = 0, 3
    affine = OBLIQUE.copy()
    affine[:3, :3] = OBLIQUE[:3, order]
    for role in ("ED", "ES"):
        save(root / "p1" / f"sa_{role}.nii.gz", (100.0 + 50 * drawn).transpose(order), affine)
        save(root / "p1" / f"label_sa_{role}.nii.gz", drawn, OBLIQUE)
    outcome, folder = convert(root)
    image, label = read_image(folder / "sa.nii.gz"), read_image(folder / "label_manual_sa.nii.gz")
    assert sorted(image.spacing_mm[:2]) == pytest.approx([1.7, 1.8])
    assert np.linalg.det(image.affine[:3, :3]) > 0
    assert outcome.values["n_slices"] == 5
    np.testing.assert_array_equal(100 + 50 * label.data.astype(int), image.data)


@pytest.mark.parametrize("moved", [0.0, 0.5, 12.0])
def test_two_affines_that_contradict_each_other_are_flagged(root: Path, moved: float) -> None:
    elsewhere = OBLIQUE.copy()
    elsewhere[0, 3] += moved
    image = nib.Nifti1Image(cine(), OBLIQUE)
    image.set_sform(OBLIQUE, code=1)
    image.set_qform(elsewhere, code=1)
    (root / "p1").mkdir(parents=True)
    nib.save(image, root / "p1" / "sa.nii.gz")
    outcome, folder = convert(root)
    assert ("ORIENTATION" in codes(outcome, notes=False)) == (moved > 2)
    np.testing.assert_allclose(read_image(folder / "sa.nii.gz").affine, OBLIQUE, atol=1e-4)
