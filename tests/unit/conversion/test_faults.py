"""Every fault of a series is found, named with its slices and frames, and never repaired in silence."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.conversion.written import write_views
from cinecohort.findings import Finding, Level, Status, overall_status
from support import synthetic_dicom as synthetic

LAYOUTS = ("series_per_slice", "slice_major", "ge")


def convert(images: list[Dataset], **options: object) -> Conversion:
    return convert_series(synthetic.to_files(images), ConversionOptions(**options))


def only(conversion: Conversion, code: str) -> Finding:
    found = [finding for finding in conversion.findings if finding.code == code]
    assert len(found) == 1, conversion.findings
    return found[0]


def assert_refused(conversion: Conversion, code: str) -> Finding:
    finding = only(conversion, code)
    assert finding.level is Level.REJECT
    assert "sa" not in conversion.views
    assert overall_status(conversion.findings, conversion.views, ("sa",)) is Status.EXCLUDED
    return finding


def z_of(dataset: Dataset) -> int:
    place = np.array(dataset.ImagePositionPatient, float) - synthetic.CORNER
    return round(float(place @ synthetic.NORMAL) / synthetic.STEP)


def t_of(dataset: Dataset) -> int:
    return round(dataset.TriggerTime / (dataset.NominalInterval / dataset.CardiacNumberOfImages))


def copies(images: list[Dataset], z: int, add: int = 500, later: bool = True) -> list[Dataset]:
    """A second acquisition of a slice, its pixels brighter by `add`."""
    series = generate_uid()
    made = []
    for original in (dataset for dataset in images if z_of(dataset) == z):
        copy = pydicom.dcmread(io.BytesIO(synthetic.to_bytes(original)))
        again = Dataset()
        again.update({element.tag: element for element in copy})
        again.SOPInstanceUID = generate_uid()
        again.SeriesInstanceUID = series
        again.SeriesNumber = original.SeriesNumber + 100
        again.AcquisitionTime = "113000" if later else "090000"
        synthetic.put_pixels(again, (synthetic.pixels_of(original) + add).astype(np.uint16))
        made.append(again)
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_slice(layout: str) -> None:
    images = [dataset for dataset in synthetic.stack(layout=layout) if z_of(dataset) != 2]
    finding = assert_refused(convert(images), "GAP")
    assert finding.slices == (2,)
    assert finding.value == pytest.approx(20.0)
    assert "20.00 mm" in finding.message


def test_missing_slice_kept_empty_is_marked() -> None:
    images = [dataset for dataset in synthetic.stack() if z_of(dataset) not in (2, 3)]
    conversion = convert(images, on_gap="empty")
    assert only(conversion, "GAP").slices == (2, 3)
    assert only(conversion, "GAP").level is Level.REVIEW
    view = conversion.views["sa"]
    assert view.image.data.shape[2] == 6
    assert view.image.sidecar["missing_slices"] == [2, 3]
    assert view.image.sidecar["trigger_times_ms"][2] is None
    assert not view.image.data[:, :, 2:4].any()
    np.testing.assert_array_equal(view.image.data[0, 0, 4], synthetic.expected_tags(6, 12)[4])


@pytest.mark.parametrize(("move", "code"), [(4.0, "GAP"), (-4.0, "SPACING")])
def test_uneven_step(move: float, code: str) -> None:
    images = synthetic.stack()
    for dataset in images:
        if z_of(dataset) == 5:
            place = np.array(dataset.ImagePositionPatient, float) + move * synthetic.NORMAL
            dataset.ImagePositionPatient = [round(float(value), 6) for value in place]
    finding = assert_refused(convert(images, on_gap="empty"), code)
    assert finding.slices == (4, 5)
    assert finding.value == pytest.approx(10.0 + move)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_slice_acquired_twice(layout: str) -> None:
    images = synthetic.stack(layout=layout)
    if layout == "ge":
        for dataset in images:
            synthetic.put_pixels(dataset, synthetic.pixels_of(dataset).astype(np.uint16))
    conversion = convert(images + copies(images, 3))
    finding = only(conversion, "DUPLICATE")
    assert (finding.slices, finding.value, finding.level) == ((3,), 2.0, Level.REVIEW)
    expected = synthetic.expected_tags(6, 12)
    expected[3] += 500
    np.testing.assert_array_equal(conversion.views["sa"].image.data[0, 0], expected)


def test_of_two_acquisitions_the_complete_one_wins_even_if_earlier() -> None:
    images = synthetic.stack()
    again = [dataset for dataset in copies(images, 3) if t_of(dataset) < 9]
    conversion = convert(images + again)
    assert only(conversion, "DUPLICATE").slices == (3,)
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))


@pytest.mark.parametrize(("rule", "added"), [("first", 0), ("last", 500), ("contoured", 0)])
def test_duplicate_rules(rule: str, added: int) -> None:
    images = synthetic.stack()
    drawn = [dataset.SOPInstanceUID for dataset in images if z_of(dataset) == 3]
    files = synthetic.to_files(images + copies(images, 3))
    conversion = convert_series(files, ConversionOptions(on_duplicate=rule), contoured=drawn[:1])
    assert conversion.views["sa"].image.data[0, 0, 3, 0] == synthetic.tag_value(3, 0) + added
    assert (drawn[0] in conversion.views["sa"].instances) == (added == 0)


@pytest.mark.parametrize("layout", ["series_per_slice", "slice_major"])
def test_a_frame_of_another_matrix_is_missing_and_no_second_acquisition(layout: str) -> None:
    images = synthetic.stack(layout=layout)
    (odd,) = [dataset for dataset in images if (z_of(dataset), t_of(dataset)) == (3, 5)]
    synthetic.put_pixels(odd, synthetic.pixels(3, 5, (synthetic.ROWS + 4, synthetic.COLUMNS)))
    codes = {finding.code for finding in convert(images).findings if finding.view == "sa"}
    assert "DUPLICATE" not in codes
    assert codes & {"MISSING_FRAME", "UNEQUAL_FRAMES"}


def test_duplicate_refused_where_configured() -> None:
    images = synthetic.stack()
    assert_refused(convert(images + copies(images, 3), on_duplicate="reject"), "DUPLICATE")


@pytest.mark.parametrize("same_times", [True, False])
def test_second_pass_inside_one_series(same_times: bool) -> None:
    images = synthetic.stack(layout="slice_major")
    again = copies(images, 3)
    for dataset in again:
        dataset.SeriesInstanceUID = images[0].SeriesInstanceUID
        dataset.InstanceNumber += 72
        if not same_times:
            dataset.TriggerTime = round(float(dataset.TriggerTime) * 1.03 + 0.7, 3)
    conversion = convert(images + again)
    assert only(conversion, "DUPLICATE").slices == (3,)
    assert conversion.views["sa"].image.data.shape[3] == 12
    assert conversion.views["sa"].image.data[0, 0, 3, 4] == synthetic.tag_value(3, 4) + 500


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("lost", [0, 5, 11])
def test_missing_frame(layout: str, lost: int) -> None:
    images = [d for d in synthetic.stack(layout=layout) if (z_of(d), t_of(d)) != (4, lost)]
    conversion = convert(images)
    finding = assert_refused(conversion, "MISSING_FRAME")
    assert (finding.slices, finding.frames) == ((4,), (lost,))
    unequal = only(conversion, "UNEQUAL_FRAMES")
    assert (unequal.slices, unequal.value, unequal.threshold) == ((4,), 11.0, 12.0)


def test_missing_frame_repaired_is_listed_and_never_silent() -> None:
    images = [d for d in synthetic.stack() if (z_of(d), t_of(d)) != (4, 5)]
    conversion = convert(images, on_unequal_frames="nearest_phase")
    assert only(conversion, "MISSING_FRAME").level is Level.REVIEW
    view = conversion.views["sa"]
    assert view.image.sidecar["repaired_frames"] == [[4, 5]]
    tags = view.image.data[0, 0]
    expected = synthetic.expected_tags(6, 12)
    assert tags[4, 5] in (expected[4, 4], expected[4, 6])
    tags[4, 5] = expected[4, 5]
    np.testing.assert_array_equal(tags, expected)
    assert (4, 5) not in view.instances.values()


def test_slice_sampled_with_fewer_longer_frames_lacks_none() -> None:
    images = [d for d in synthetic.stack() if z_of(d) != 2]
    series = generate_uid()
    images += [
        synthetic.image(2, t, n_frames=10, series=series, description="CINE_segmented_SAX_b4", rr_ms=924.0)
        for t in range(10)
    ]
    conversion = convert(images)
    finding = assert_refused(conversion, "UNEQUAL_FRAMES")
    assert finding.slices == (2,)
    assert not [f for f in conversion.findings if f.code == "MISSING_FRAME"]
    repaired = convert(images, on_unequal_frames="nearest_phase").views["sa"]
    # Phase 6 of 12 is half the cycle: frame 5 of 10. Frames 0 and 6 are the slice's own.
    assert repaired.image.data[0, 0, 2, 6] == synthetic.tag_value(2, 5)
    listed = [frame for z, frame in repaired.image.sidecar["repaired_frames"] if z == 2]
    assert 0 not in listed
    assert 6 not in listed


def test_frame_missing_in_every_slice_is_noticed() -> None:
    images = [dataset for dataset in synthetic.stack(n_frames=13) if t_of(dataset) != 6]
    conversion = convert(images)
    finding = only(conversion, "MISSING_FRAME")
    assert (finding.level, finding.frames, finding.slices) == (Level.REVIEW, (6,), tuple(range(6)))
    assert "sa" in conversion.views


def test_phases_that_all_slices_lack_are_noticed_by_what_the_scanner_states() -> None:
    images = [dataset for dataset in synthetic.stack(5, 24) if t_of(dataset) < 14]
    finding = only(convert(images), "MISSING_FRAME")
    assert (finding.level, finding.value, finding.threshold) == (Level.REVIEW, 14.0, 24.0)
    assert "states 24 images per heart cycle, no slice has more than 14" in finding.message


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tilted_slice(layout: str) -> None:
    images = synthetic.stack(layout=layout)
    if layout == "ge":
        for dataset in images:
            dataset.SeriesDescription = "SAX"
    angle = np.radians(5.0)
    column = np.cos(angle) * synthetic.COLUMN + np.sin(angle) * synthetic.NORMAL
    for dataset in images:
        if z_of(dataset) == 1:
            dataset.ImageOrientationPatient = [
                *map(float, synthetic.ROW),
                *(round(float(v), 6) for v in column),
            ]
    finding = assert_refused(convert(images), "ORIENTATION")
    assert finding.slices == (1,)
    assert finding.value == pytest.approx(5.0, abs=0.01)
    assert only(convert(images, on_orientation="largest"), "GAP").slices == (1,)


def test_slice_turned_in_its_own_plane_is_not_parallel() -> None:
    images = synthetic.stack()
    angle = np.radians(4.0)
    row = np.cos(angle) * synthetic.ROW + np.sin(angle) * synthetic.COLUMN
    column = np.cos(angle) * synthetic.COLUMN - np.sin(angle) * synthetic.ROW
    for dataset in images:
        if z_of(dataset) == 5:
            dataset.ImageOrientationPatient = [round(float(value), 7) for value in (*row, *column)]
    assert assert_refused(convert(images), "ORIENTATION").value == pytest.approx(4.0, abs=0.01)
    kept = convert(images, on_orientation="largest")
    assert only(kept, "ORIENTATION").level is Level.REVIEW
    assert kept.views["sa"].image.data.shape[2] == 5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_moved_field_of_view(layout: str) -> None:
    images = synthetic.stack(layout=layout)
    for dataset in images:
        if z_of(dataset) == 3:
            place = np.array(dataset.ImagePositionPatient, float) + 3.4 * synthetic.ROW
            dataset.ImagePositionPatient = [round(float(value), 6) for value in place]
    finding = assert_refused(convert(images), "SHIFT")
    assert finding.slices == (3,)
    assert finding.value == pytest.approx(3.4, abs=1e-3)
    resampled = convert(images, on_shift="resample")
    assert only(resampled, "SHIFT").level is Level.REVIEW
    view = resampled.views["sa"]
    assert view.image.sidecar["resampled_slices"] == [3]
    # 3.4 mm are two columns of 1.7 mm: what was column 0 lies at column 2 of the common grid.
    np.testing.assert_array_equal(view.image.data[2:, :, 3, 0], synthetic.pixels(3, 0).T[:-2])
    # The others keep their place: the affine is not sheared.
    np.testing.assert_array_equal(view.image.data[:, :, 2, 0], synthetic.pixels(2, 0).T)
    assert view.residual_mm < 1e-3


def test_another_matrix() -> None:
    images = synthetic.stack()
    for dataset in images:
        if z_of(dataset) == 0:
            wider = synthetic.pixels(0, t_of(dataset), (synthetic.ROWS, synthetic.COLUMNS + 4))
            synthetic.put_pixels(dataset, wider)
    finding = assert_refused(convert(images), "MATRIX")
    assert finding.slices == (0,)
    resampled = convert(images, on_matrix="resample")
    data = resampled.views["sa"].image.data
    assert data.shape[:3] == (synthetic.COLUMNS, synthetic.ROWS, 6)
    np.testing.assert_array_equal(data[:, :, 0, 0], synthetic.pixels(0, 0, (24, 24)).T[: synthetic.COLUMNS])


def test_another_pixel_size() -> None:
    images = synthetic.stack()
    for dataset in images:
        if z_of(dataset) == 5:
            dataset.PixelSpacing = [1.7, 1.7]
    finding = assert_refused(convert(images), "MATRIX")
    assert finding.slices == (5,)
    assert "1.7 x 1.7 mm" in finding.message


def test_no_geometry() -> None:
    images = synthetic.stack()
    for dataset in images:
        del dataset.ImagePositionPatient
    finding = assert_refused(convert(images), "NO_GEOMETRY")
    assert finding.value == 72.0


def test_damaged_orientation_counts_as_no_geometry() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert_refused(convert(images), "NO_GEOMETRY")


def test_classic_multi_frame_without_geometry() -> None:
    first = synthetic.stack()[0]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "TriggerTime"):
        delattr(first, keyword)
    first.NumberOfFrames = 16
    first.PixelData = first.PixelData * 16
    assert assert_refused(convert([first]), "NO_GEOMETRY").value == 16.0


def test_no_view() -> None:
    conversion = convert(synthetic.long_axis("la_4ch", "CINE_segmented_LAX_4Ch"))
    finding = assert_refused(conversion, "NO_VIEW")
    assert finding.message.startswith("No short-axis stack was found.")
    assert list(conversion.views) == ["la_4ch"]


def test_nothing_at_all() -> None:
    assert_refused(convert([]), "NO_VIEW")


def test_one_slice_is_no_stack() -> None:
    assert_refused(convert(synthetic.stack(1)), "NO_VIEW")


def test_few_frames_are_no_cine() -> None:
    finding = assert_refused(convert(synthetic.stack(n_frames=4)), "NOT_CINE")
    assert (finding.value, finding.threshold) == (4.0, 10.0)


def test_truncated_file_is_named_and_its_frame_is_missing() -> None:
    files = synthetic.to_files(synthetic.stack(layout="slice_major"))
    files[17] = RawBytes(files[17].name, (files[17].content or b"")[:-100])
    conversion = convert_series(files, ConversionOptions())
    unreadable = only(conversion, "UNREADABLE")
    place = sorted(file.name for file in files).index(files[17].name) + 1
    assert (
        f"1 of 72 files could not be used (the pixel data end too early); the first is number {place} "
        in (unreadable.message)
    )
    missing = assert_refused(conversion, "MISSING_FRAME")
    assert (missing.slices, missing.frames) == ((4,), (5,))


def test_damaged_compressed_pixels_are_a_missing_frame() -> None:
    images = synthetic.stack()
    files = synthetic.to_files(images, syntax="1.2.840.10008.1.2.5", compress=True)
    content = files[5].content or b""
    start = content.rindex(b"\xfe\xff\x00\xe0") + 8
    files[5] = RawBytes(files[5].name, content[:start] + b"\x09" + content[start + 1 :])
    conversion = convert_series(files, ConversionOptions())
    assert only(conversion, "UNREADABLE").view == "sa"
    missing = assert_refused(conversion, "MISSING_FRAME")
    assert (missing.slices, missing.frames) == ((5,), (5,))


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\2\0" * 9]
)
def test_files_that_are_not_images(content: bytes) -> None:
    conversion = convert_series([RawBytes("image.dcm", content)], ConversionOptions())
    assert only(conversion, "UNREADABLE").value == 1.0
    assert_refused(conversion, "NO_VIEW")


def test_files_that_lie_about_are_passed_over() -> None:
    files = synthetic.to_files(synthetic.stack())
    files += [
        RawBytes("notes.txt", b"call back"),
        RawBytes("DICOMDIR", b"x"),
        RawBytes("a/manifest.csv", b"x"),
    ]
    conversion = convert_series(files, ConversionOptions())
    assert conversion.findings == []
    assert "sa" in conversion.views


def test_images_of_two_patients_are_never_put_together() -> None:
    images = synthetic.stack()
    images[3].PatientID = "somebody else"
    assert assert_refused(convert(images), "IDENTITY").view is None


def test_copies_of_files_are_no_second_acquisition() -> None:
    files = synthetic.to_files(synthetic.stack())
    files += [RawBytes(f"copy of {file.name}", file.content) for file in files[:20]]
    conversion = convert_series(files, ConversionOptions())
    finding = only(conversion, "DUPLICATE")
    assert (finding.level, finding.value, finding.view) == (Level.INFO, 20.0, None)
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))


def test_one_uid_for_all_files_does_not_make_them_copies() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.SOPInstanceUID = "1.2.3"
    files = [RawBytes(f"{n:03d}.dcm", synthetic.to_bytes(d)) for n, d in enumerate(images)]
    conversion = convert_series(files, ConversionOptions())
    assert only(conversion, "SAME_IDENTIFIER").level is Level.INFO
    assert conversion.views["sa"].instances == {}
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))


def test_slices_of_another_frame_of_reference() -> None:
    images = synthetic.stack()
    for dataset in images:
        if z_of(dataset) in (0, 1):
            dataset.FrameOfReferenceUID = "1.2.3.4"
    finding = only(convert(images), "FRAME_OF_REFERENCE")
    assert (finding.slices, finding.level) == ((0, 1), Level.REVIEW)


def test_reports_and_words_beside_the_images() -> None:
    report = synthetic.stack(1)[0]
    del report.PixelData
    report.SOPClassUID = synthetic.REPORT
    files = synthetic.to_files([*synthetic.stack(), report])
    files.append(RawBytes("README", b"words"))
    conversion = convert_series(files, ConversionOptions())
    finding = only(conversion, "NOT_CINE")
    assert (finding.level, finding.value) == (Level.INFO, 1.0)
    assert len(conversion.findings) == 1


def test_trigger_times_beyond_the_rr_interval() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.NominalInterval = 600
    finding = only(convert(images), "TIME")
    assert finding.level is Level.REVIEW
    # The slice with the longest RR of 960 ms exceeds 600 ms most.
    assert finding.value == pytest.approx(1.6)


def test_without_times_frames_follow_instance_numbers_and_no_rate_is_invented() -> None:
    images = synthetic.stack()
    for dataset in images:
        del dataset.TriggerTime
        del dataset.NominalInterval
    conversion = convert(images)
    assert only(conversion, "TIME").slices == tuple(range(6))
    view = conversion.views["sa"]
    np.testing.assert_array_equal(view.image.data[0, 0], synthetic.expected_tags(6, 12))
    assert view.image.frame_interval_s is None
    assert view.image.sidecar["heart_rate_bpm"] is None


def test_hole_in_slice_names_without_a_gap_in_space() -> None:
    images = synthetic.stack()
    for dataset in images:
        number = int(dataset.SeriesDescription.rsplit("_b", 1)[1])
        dataset.SeriesDescription = f"CINE_segmented_SAX_b{number + (number > 2)}"
    finding = only(convert(images), "SLICE_NAMES")
    assert finding.level is Level.REVIEW
    assert "without b3" in finding.message


def test_slice_names_that_contradict_positions() -> None:
    images = synthetic.stack()
    swapped = {
        "CINE_segmented_SAX_b2": "CINE_segmented_SAX_b5",
        "CINE_segmented_SAX_b5": "CINE_segmented_SAX_b2",
    }
    for dataset in images:
        dataset.SeriesDescription = swapped.get(dataset.SeriesDescription, dataset.SeriesDescription)
    conversion = convert(images)
    assert "contradict" in only(conversion, "SLICE_NAMES").message
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))


def test_thick_gaps_are_flagged() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.SliceThickness = 4
    finding = only(convert(images), "SPACING")
    assert (finding.level, finding.value, finding.threshold) == (Level.REVIEW, 10.0, 8.0)


def test_slice_thickness_never_becomes_the_step() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.SliceThickness = 8
        dataset.SpacingBetweenSlices = 8
    conversion = convert(images)
    assert conversion.views["sa"].image.spacing_mm[2] == pytest.approx(10.0)
    assert only(conversion, "SPACING").level is Level.INFO


@pytest.mark.parametrize("seed", range(8))
def test_damaged_bytes_never_raise(seed: int, tmp_path: Path) -> None:
    """Random bytes, cuts and impossible numbers in some files of a series end as findings."""
    random = np.random.default_rng(seed)
    files = synthetic.to_files(synthetic.stack(3, 10) if seed % 2 else [synthetic.enhanced(3, 10)])
    for index in random.integers(0, len(files), 3):
        content = bytearray(files[index].content or b"")
        content[random.integers(132, len(content))] = random.integers(0, 256)
        for number, odd in ((b"10.0", b"1e30"), (b"75.0", b"nan "), (b"1.8\\", b"0.0\\")):
            if random.random() < 0.5:
                content = content.replace(number, odd)
        end = len(content) if random.random() < 0.7 else int(random.integers(0, len(content)))
        files[index] = RawBytes(files[index].name, bytes(content[:end]))
    conversion = convert_series(files, ConversionOptions(on_unequal_frames="nearest_phase", on_gap="empty"))
    write_views(tmp_path, conversion)
    assert conversion.findings or "sa" in conversion.views


def test_a_position_far_away_is_no_row_of_missing_slices() -> None:
    images = synthetic.stack()
    for dataset in images:
        if z_of(dataset) == 5:
            place = np.array(dataset.ImagePositionPatient, float) + 5000.0 * synthetic.NORMAL
            dataset.ImagePositionPatient = [round(float(value), 4) for value in place]
    finding = assert_refused(convert(images, on_gap="empty"), "GAP")
    assert finding.slices == (4, 5)
