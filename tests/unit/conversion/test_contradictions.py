"""Files that contradict themselves or each other: copies, counts, positions, damaged values, packed files."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import RLELossless, generate_uid

from cinecohort.conversion.dicom_header import with_preamble
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.findings import Finding, Level
from cinecohort.sources.detect import is_one_study
from cinecohort.sources.visits import image_identity
from support import synthetic_dicom as synthetic


def convert(files: Sequence[Dataset | RawBytes], **options: object) -> Conversion:
    raw = [f if isinstance(f, RawBytes) else synthetic.to_files([f])[0] for f in files]
    return convert_series(raw, ConversionOptions(**options))


def of(conversion: Conversion, code: str) -> list[Finding]:
    return [finding for finding in conversion.findings if finding.code == code]


def assert_right(conversion: Conversion) -> None:
    assert "sa" in conversion.views, conversion.findings
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12), str(conversion.findings))


# ---- copies


def exported_again(images: list[Dataset], edit: Callable[[Dataset], None], **how: object) -> list[RawBytes]:
    files = [RawBytes(f"a/{n:03d}.dcm", synthetic.to_bytes(d)) for n, d in enumerate(images)]
    for image in images:
        edit(image)
    return files + [RawBytes(f"b/{n:03d}.dcm", synthetic.to_bytes(d, **how)) for n, d in enumerate(images)]


def nothing(image: Dataset) -> None:
    pass


def anonymised(image: Dataset) -> None:
    image.PatientName, image.SeriesInstanceUID = "A", image.SeriesInstanceUID + ".1"


@pytest.mark.parametrize("edit", [nothing, anonymised])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5"])
def test_the_same_images_again_are_copies(edit: Callable[[Dataset], None], syntax: str) -> None:
    files = exported_again(synthetic.stack(), edit, syntax=syntax, compress=syntax.endswith(".5"))
    conversion = convert(files)
    assert_right(conversion)
    assert [(f.code, f.level, f.value) for f in conversion.findings] == [("DUPLICATE", Level.INFO, 72.0)]


def other_pixels(image: Dataset) -> None:
    synthetic.put_pixels(image, (synthetic.pixels_of(image) // 2).astype(np.uint16))


def other_number(image: Dataset) -> None:
    image.InstanceNumber += 1000


def other_time(image: Dataset) -> None:
    image.AcquisitionTime = "113000"


@pytest.mark.parametrize("edit", [other_pixels, other_number, other_time])
def test_one_identifier_of_images_that_differ_is_no_copy(edit: Callable[[Dataset], None]) -> None:
    conversion = convert(exported_again(synthetic.stack(), edit))
    (finding,) = of(conversion, "SAME_IDENTIFIER")
    assert (finding.level, finding.value) == (Level.REVIEW, 72.0)
    assert "differ" in finding.message
    assert of(conversion, "DUPLICATE")[0].level is Level.REVIEW
    assert conversion.views["sa"].image.data.shape == (20, 24, 6, 12)
    rows = conversion.views["sa"].image.data[0, 0] - synthetic.expected_tags(6, 12)
    assert (rows == 0).all() or (rows != 0).all()


# ---- counts


@pytest.mark.parametrize(
    ("stated", "groups", "planes"), [(60, 72, 72), (80, 72, 72), (72, 72, 80), (1, 72, 72)]
)
def test_number_of_frames_that_contradicts_the_object(stated: int, groups: int, planes: int) -> None:
    made = synthetic.enhanced()
    made.NumberOfFrames = stated
    made.PixelData += made.PixelData[: (planes - 72) * 960]
    conversion = convert([made])
    assert_right(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("FRAME_COUNT", Level.REVIEW)]


@pytest.mark.parametrize(
    ("stated", "words"), [(60, "is 60"), (90, "is 90"), (None, "is missing"), (0, "is 0")]
)
def test_number_of_frames_that_contradicts_a_compressed_object(stated: int | None, words: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(synthetic.to_bytes(synthetic.enhanced(), RLELossless, True)))
    if stated is None:
        del dataset.NumberOfFrames
    else:
        dataset.NumberOfFrames = stated
    stream = io.BytesIO()
    dataset.save_as(stream)
    conversion = convert([RawBytes("a.dcm", stream.getvalue())])
    assert_right(conversion)
    (finding,) = conversion.findings
    assert (finding.code, finding.level) == ("FRAME_COUNT", Level.REVIEW)
    assert f"NumberOfFrames {words}, but it describes 72 frames and has pixels of 72" in finding.message


def test_fewer_pixels_than_described_lose_no_other_slice() -> None:
    made = synthetic.enhanced()
    made.PixelData = made.PixelData[: 60 * 960]
    conversion = convert([made])
    assert of(conversion, "FRAME_COUNT")
    assert conversion.views["sa"].image.data.shape[2] == 5


def test_a_file_of_one_image_with_the_pixels_of_many() -> None:
    images = synthetic.stack()
    images[0].PixelData *= 12
    conversion = convert(images)
    assert_right(conversion)
    assert of(conversion, "FRAME_COUNT")[0].value == 1.0


# ---- positions


@pytest.mark.parametrize("which", [lambda t: t >= 6, lambda t: t == 11, lambda t: t % 2 == 0])
@pytest.mark.parametrize("layout", ["series_per_slice", "enhanced"])
def test_frames_of_a_slice_that_lie_beside_the_others(which: Callable[[int], bool], layout: str) -> None:
    if layout == "enhanced":
        made = synthetic.enhanced()
        for n, item in enumerate(made.PerFrameFunctionalGroupsSequence):
            if n // 12 == 3 and which(n % 12):
                place = (
                    np.array(item.PlanePositionSequence[0].ImagePositionPatient, float) + 8 * synthetic.ROW
                )
                item.PlanePositionSequence[0].ImagePositionPatient = [round(float(v), 4) for v in place]
        images = [made]
    else:
        images = synthetic.stack()
        for n, image in enumerate(images):
            if n // 12 == 3 and which(n % 12):
                place = np.array(image.ImagePositionPatient, float) + 8 * synthetic.ROW
                image.ImagePositionPatient = [round(float(v), 4) for v in place]
    conversion = convert(images)
    finding = next(finding for finding in of(conversion, "SHIFT") if "frame to frame" in finding.message)
    assert (finding.slices, finding.level) == ((2,), Level.REJECT)
    assert finding.value == pytest.approx(8.0, abs=1e-3)


@pytest.mark.parametrize("off_mm", [1.5, 3.0])
def test_frames_of_a_slice_that_moved_along_its_normal(off_mm: float) -> None:
    images = synthetic.stack()
    for n, image in enumerate(images):
        if n // 12 == 3 and n % 12 >= 6:
            place = np.array(image.ImagePositionPatient, float) + off_mm * synthetic.NORMAL
            image.ImagePositionPatient = [round(float(v), 4) for v in place]
    (finding,) = of(convert(images), "SHIFT")
    assert finding.value == pytest.approx(off_mm, abs=1e-3)


# ---- rounding


def spacing(image: Dataset, t: int) -> None:
    image.PixelSpacing = [1.8, 1.7] if t % 2 else [1.8004, 1.6997]


def echo(image: Dataset, t: int) -> None:
    image.EchoTime = 1.1 + 0.01 * (t % 3)


def angle(image: Dataset, t: int) -> None:
    image.FlipAngle = 80 - t % 2


def repetition(image: Dataset, t: int) -> None:
    image.RepetitionTime = 31.7 + 0.05 * t


def orientation(image: Dataset, t: int) -> None:
    image.ImageOrientationPatient = [round(float(v), 3 + t % 4) for v in (*synthetic.ROW, *synthetic.COLUMN)]


def position(image: Dataset, t: int) -> None:
    image.ImagePositionPatient = [round(float(v) + 0.01 * (t % 2), 2) for v in image.ImagePositionPatient]


def series(image: Dataset, t: int) -> None:
    image.SeriesInstanceUID = generate_uid()


@pytest.mark.parametrize("edit", [spacing, echo, angle, repetition, orientation, position, series])
def test_what_is_rounded_otherwise_does_not_part_a_slice(edit: Callable[[Dataset, int], None]) -> None:
    images = synthetic.stack()
    for n, image in enumerate(images):
        edit(image, n % 12)
    conversion = convert(images)
    assert_right(conversion)
    assert conversion.findings == []


# ---- damaged values


DAMAGED = ["MagneticFieldStrength", "FlipAngle", "EchoTime", "RepetitionTime", "SliceThickness", "HeartRate"]


@pytest.mark.parametrize("value", ["1,5", "N/A", "1.5 T", "--"])
@pytest.mark.parametrize("keyword", [*DAMAGED, "SeriesNumber", "InstanceNumber", "NominalInterval"])
def test_a_damaged_value_that_is_not_needed_is_ignored_and_named(keyword: str, value: str) -> None:
    images = synthetic.stack(layout="slice_major")
    for image in images:
        setattr(image, keyword, 7)
        if keyword == "SliceThickness":
            image.SpacingBetweenSlices = 10
    files = synthetic.to_files(images)
    element = Dataset()
    setattr(element, keyword, 7)
    tag = element[keyword].tag
    kind = element[keyword].VR.encode()
    for file in files:
        start = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + kind
        place = (file.content or b"").index(start)
        end = place + 8 + int.from_bytes(file.content[place + 6 : place + 8], "little")
        text = value.encode() + b" " * (len(value) % 2)
        file.content = file.content[: place + 6] + len(text).to_bytes(2, "little") + text + file.content[end:]
    conversion = convert(files)
    assert_right(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("BAD_VALUE", Level.INFO)]
    assert keyword in conversion.findings[0].message


# ---- packed files and what is left out


def packed(images: list[Dataset], how: str) -> list[RawBytes]:
    files = synthetic.to_files(images)
    if how == "gz":
        return [RawBytes(f"{f.name}.gz", gzip.compress(f.content or b"")) for f in files]
    stream = io.BytesIO()
    if how == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            for file in files:
                archive.writestr(file.name, file.content or b"")
        return [RawBytes("x/inner.zip", stream.getvalue())]
    with tarfile.open(fileobj=stream, mode="w:gz" if how == "tar.gz" else "w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.name)
            member.size = len(file.content or b"")
            tar.addfile(member, io.BytesIO(file.content or b""))
    return [RawBytes(f"x/inner.{how}", stream.getvalue())]


@pytest.mark.parametrize("how", ["gz", "tar.gz", "tar", "zip"])
def test_packed_files_are_read(how: str) -> None:
    assert_right(convert(packed(synthetic.stack(), how)))


@pytest.mark.parametrize("suffix", [".7z", ".rar", ".bz2"])
def test_what_cannot_be_unpacked_is_counted_and_is_the_cause(suffix: str) -> None:
    conversion = convert([RawBytes(f"images{suffix}", b"\x01\x02\x03" * 99)])
    (finding,) = of(conversion, "NO_VIEW")
    assert suffix in finding.message


def test_a_damaged_gzip_is_reported() -> None:
    (file, *rest) = packed(synthetic.stack(), "gz")
    conversion = convert([RawBytes(file.name, (file.content or b"")[:-200]), *rest])
    assert "damaged gzip" in of(conversion, "UNREADABLE")[0].message


def derived(image: Dataset) -> None:
    image.ImageType = ["DERIVED", "PRIMARY", "M"]


def inverted(image: Dataset) -> None:
    image.PhotometricInterpretation = "MONOCHROME1"


def unnamed(image: Dataset) -> None:
    image.SeriesDescription = image.ProtocolName = "b"


def phase(image: Dataset) -> None:
    image.ComplexImageComponent = "PHASE"


@pytest.mark.parametrize(
    ("edit", "words", "n_slices"),
    [
        (derived, "derived", 6),
        (inverted, "inverted", 6),
        (unnamed, "4 parallel slices", 4),
        (phase, "magnitude", 6),
    ],
)
def test_the_sentence_says_why_there_is_no_short_axis(
    edit: Callable[[Dataset], None], words: str, n_slices: int
) -> None:
    images = synthetic.stack(n_slices)
    for image in images:
        edit(image)
    (finding,) = of(convert(images), "NO_VIEW")
    assert words in finding.message


# ---- what lies beside the stack


def end_slice(edit: Callable[[Dataset], None]) -> list[Dataset]:
    images = synthetic.stack()
    for image in images[:12]:
        edit(image)
    return images


def other_repetition(image: Dataset) -> None:
    image.RepetitionTime = 45.0


def tilted(image: Dataset) -> None:
    angle = np.radians(6.0)
    column = np.cos(angle) * synthetic.COLUMN + np.sin(angle) * synthetic.NORMAL
    image.ImageOrientationPatient = [round(float(v), 7) for v in (*synthetic.ROW, *column)]


def test_an_end_slice_with_another_repetition_time_is_used() -> None:
    assert_right(convert(end_slice(other_repetition)))


@pytest.mark.parametrize("name", [None, "b"])
@pytest.mark.parametrize("edit", [derived, tilted])
def test_an_end_slice_that_is_derived_or_tilted_is_reported(edit: Callable, name: str | None) -> None:
    images = end_slice(edit)
    for image in images if name else ():
        image.SeriesDescription = image.ProtocolName = name
    conversion = convert(images)
    reported = [f for f in conversion.findings if f.code in ("AMBIGUOUS_VIEW", "ORIENTATION")]
    assert len(reported) == 1
    assert reported[0].level in (Level.REVIEW, Level.REJECT)


@pytest.mark.parametrize("place", ["turned", "between", "beyond", "on"])
@pytest.mark.parametrize("name", ["CINE_segmented_SAX", "b"])
def test_one_still_image_refuses_no_view(place: str, name: str) -> None:
    (still,) = synthetic.stack(1, 1)
    still.SeriesDescription = still.ProtocolName = name
    still.RepetitionTime, still.EchoTime, still.FlipAngle = 700, 3.3, 25
    if place == "turned":
        still.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    step = {"between": 3.5, "beyond": 70.0, "on": 20.0, "turned": 15.0}[place]
    still.ImagePositionPatient = [round(float(v), 5) for v in synthetic.CORNER + step * synthetic.NORMAL]
    conversion = convert([*synthetic.stack(), still])
    assert_right(conversion)
    assert {f.level for f in conversion.findings} <= {Level.INFO}


def test_one_still_long_axis_image_leaves_the_cine_of_that_view() -> None:
    still = synthetic.long_axis("la_4ch", "4CH still", 1, series_number=60)[0]
    still.ImagePositionPatient = [float(v) for v in synthetic.CORNER + 9.0]
    conversion = convert([*synthetic.stack(), *synthetic.long_axis("la_4ch", "cine", 12), still])
    assert {"sa", "la_4ch"} <= set(conversion.views)
    (finding,) = of(conversion, "AMBIGUOUS_VIEW")
    assert (finding.level, finding.view) == (Level.REVIEW, "la_4ch")
    assert "direction of its plane alone" in finding.message


def test_a_second_whole_stack_that_lies_otherwise_does_not_refuse_the_first() -> None:
    second = synthetic.stack(5, layout="slice_major")
    for image in second:
        tilted(image)
        place = np.array(image.ImagePositionPatient, float)
        image.ImagePositionPatient = [round(float(v), 5) for v in place + 2.0 * synthetic.NORMAL]
    conversion = convert(synthetic.stack() + second)
    assert_right(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("AMBIGUOUS_VIEW", Level.REVIEW)]


def test_two_series_at_one_position_with_other_fields_of_view_stop_nothing() -> None:
    stills = []
    for number, corner in enumerate(((-150.0, -150.0), (-180.0, -165.0))):
        uid = generate_uid()
        for i in range(8):
            made = synthetic.image(
                0, 0, n_frames=1, series=uid, description=f"axial {number}", instance=i + 1
            )
            made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            made.ImagePositionPatient = [*corner, -40 + 10.0 * i]
            stills.append(made)
    assert_right(convert(synthetic.stack() + stills))


def test_functional_groups_that_are_damaged_or_odd_never_raise() -> None:
    made = synthetic.enhanced()
    made.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence = DicomSequence([])
    made.PerFrameFunctionalGroupsSequence[5].FrameContentSequence[0].FrameAcquisitionDateTime = ""
    del made.PerFrameFunctionalGroupsSequence[7].CardiacSynchronizationSequence
    conversion = convert([made])
    assert conversion.findings


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.999"])
def test_images_that_cannot_be_decoded_are_named_as_the_cause(syntax: str) -> None:
    images = synthetic.stack()
    files = synthetic.to_files(images, syntax="1.2.840.10008.1.2.5", compress=True)
    old, new = b"1.2.840.10008.1.2.5\x00", b"1.2.840.10008.9.9.9\x00"
    conversion = convert([RawBytes(f.name, (f.content or b"").replace(old, new)) for f in files])
    (finding,) = of(conversion, "NO_VIEW")
    assert "could not be decoded" in finding.message


@pytest.mark.parametrize("place", ["plane", "normal"])
@pytest.mark.parametrize("later", [False, True])
def test_a_slice_taken_again_after_a_move_does_not_refuse_the_stack(place: str, later: bool) -> None:
    images = synthetic.stack()
    again = [d for d in synthetic.stack() if d.SeriesNumber == 12]
    move = 8 * synthetic.ROW if place == "plane" else 2.5 * synthetic.NORMAL
    for image in again:
        image.SeriesInstanceUID, image.SeriesNumber = "1.2.3.4", 99
        image.AcquisitionTime = "120000" if later else "080000"
        corner = np.array(image.ImagePositionPatient, float) + move
        image.ImagePositionPatient = [round(float(v), 5) for v in corner]
    conversion = convert(images + again)
    assert_right(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("DUPLICATE", Level.REVIEW)]


def test_two_stacks_between_each_other_are_reported() -> None:
    second = synthetic.stack(layout="slice_major")
    for image in second:
        corner = np.array(image.ImagePositionPatient, float) + 5 * synthetic.NORMAL
        image.ImagePositionPatient = [round(float(v), 5) for v in corner]
    conversion = convert(synthetic.stack() + second)
    assert [(f.code, f.level) for f in conversion.findings] == [("SPACING", Level.REVIEW)]


@pytest.mark.parametrize("layout", ["slice_major", "series_per_slice"])
@pytest.mark.parametrize("later", [True, False])
def test_of_two_whole_stacks_between_each_other_at_uneven_distances_one_is_used(
    later: bool, layout: str
) -> None:
    second = synthetic.stack(layout="slice_major")
    for image in second:
        corner = np.array(image.ImagePositionPatient, float) + 4 * synthetic.NORMAL
        image.ImagePositionPatient = [round(float(v), 5) for v in corner]
        image.AcquisitionTime = ("12" if later else "08") + image.AcquisitionTime[2:]
    first = synthetic.stack(layout=layout)
    conversion = convert(first + second)
    assert_right(conversion)
    (finding,) = conversion.findings
    assert (finding.code, finding.level, finding.value) == ("DUPLICATE", Level.REVIEW, 6.0)
    used = second if later else first
    corners = np.array(conversion.views["sa"].corners)
    places = np.array([image.ImagePositionPatient for image in used], float)
    assert all(np.abs(places - corner).max(axis=1).min() < 1e-3 for corner in corners)


# ---- heart cycles


def slow(image: Dataset, z: int) -> None:
    if z == 3:
        image.TriggerTime, image.NominalInterval = image.TriggerTime * 2, image.NominalInterval * 2


def in_seconds(image: Dataset, z: int) -> None:
    image.TriggerTime /= 1000


@pytest.mark.parametrize(
    ("edit", "words", "slices"),
    [(slow, "1.96 times those of the others", (2,)), (in_seconds, "only 0.001 of an RR", tuple(range(6)))],
)
def test_times_that_cannot_be_of_one_heart_cycle_are_reported(
    edit: Callable[[Dataset, int], None], words: str, slices: tuple[int, ...]
) -> None:
    images = synthetic.stack()
    for number, image in enumerate(images):
        edit(image, number // 12)
    conversion = convert(images)
    assert_right(conversion)
    (finding,) = conversion.findings
    assert (finding.code, finding.level, finding.slices) == ("TIME", Level.REVIEW, slices)
    assert words in finding.message


# ---- files without images


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.4.2", "1.3.12.2.1107.5.9.1"])
def test_spectroscopy_and_private_objects_are_no_damaged_images(sop_class: str) -> None:
    other = Dataset()
    other.SOPClassUID, other.SOPInstanceUID, other.Modality = sop_class, generate_uid(), "MR"
    conversion = convert([*synthetic.stack(), other])
    assert_right(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("NOT_CINE", Level.INFO)]


def test_an_image_that_ends_before_its_matrix_is_damaged() -> None:
    images = synthetic.to_files(synthetic.stack())
    whole = images[5].content or b""
    cut = whole[: whole.index(b"\x28\x00\x02\x00")]
    conversion = convert([*images, RawBytes("0.dcm", cut)])
    assert of(conversion, "UNREADABLE")[0].value == 1.0


def without_meta(image: Dataset, implicit: bool) -> bytes:
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, image, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    return stream.getvalue()


@pytest.mark.parametrize(
    "bare",
    [
        lambda d: synthetic.to_bytes(d)[132:],
        lambda d: synthetic.to_bytes(d, RLELossless, True)[132:],
        lambda d: without_meta(d, True),
        lambda d: without_meta(d, False),
    ],
    ids=["preamble", "preamble of a compressed file", "all, implicit", "all, explicit"],
)
@pytest.mark.parametrize("suffix", ["", ".dcm", ".12"])
def test_files_without_what_comes_before_the_data_set_are_read(
    bare: Callable[[Dataset], bytes], suffix: str, tmp_path: Path
) -> None:
    images = synthetic.stack()
    files = [RawBytes(f"{n}{suffix}", bare(image)) for n, image in enumerate(images)]
    conversion = convert(files)
    assert_right(conversion)
    assert conversion.findings == []
    (tmp_path / f"first{suffix}").write_bytes(files[0].content or b"")
    assert is_one_study(tmp_path)
    identity = image_identity(tmp_path / f"first{suffix}")
    assert identity is not None and identity["StudyInstanceUID"] == images[0].StudyInstanceUID


@pytest.mark.parametrize(
    "content",
    [b"", b"\x08\0", b"\x08\0\x10\0\xff\xff\xff\x7f" * 30, b"PK\x03\x04 and so on", b"\x02\0\0\0UL"],
)
def test_what_does_not_begin_as_a_data_set_is_left_as_it_is(content: bytes) -> None:
    assert with_preamble(content) == content


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_rescale_slope_of_zero_is_a_finding_and_the_stored_values_are_kept(enhanced: bool) -> None:
    images = [synthetic.enhanced()] if enhanced else synthetic.stack()
    for image in images:
        image.RescaleSlope, image.RescaleIntercept = 0, 0
    conversion = convert(synthetic.to_files(images))
    assert_right(conversion)
    (finding,) = conversion.findings
    assert (finding.code, finding.level, finding.value) == ("BAD_VALUE", Level.REVIEW, len(images))
    assert "RescaleSlope" in finding.message
