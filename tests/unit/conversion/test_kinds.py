"""Images of other kinds at the positions of the cine: an intact cine is never replaced or lost by them."""

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import generate_uid

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.findings import Level
from support import synthetic_dicom as synthetic

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PLACES = {"one": (3,), "half": (1, 2, 3), "all": tuple(range(6)), "end": (0,)}


def convert(images: list[Dataset], **options: object) -> Conversion:
    return convert_series(synthetic.to_files(images), ConversionOptions(**options))


def of_kind(
    n_frames: int, places: tuple[int, ...], edit: Callable[[Dataset, int, int], None], **values: object
) -> list[Dataset]:
    """Images at the places of the cine, brighter by 900, changed by `edit`."""
    series = generate_uid()
    made = []
    for z in places:
        for t in range(n_frames):
            image = synthetic.image(z, t, n_frames=n_frames, series=series, **values)
            synthetic.put_pixels(image, ((synthetic.pixels_of(image) + 900) % 4096).astype(np.uint16))
            edit(image, z, t)
            made.append(image)
    return made


def flow(image: Dataset, z: int, t: int) -> None:
    image.FlipAngle, image.EchoTime, image.RepetitionTime = 20, 2.9, 40


def flow_by_sequence(image: Dataset, z: int, t: int) -> None:
    image.SequenceName, image.FlipAngle = "*fl2d1r4_v150in", 20


def flow_by_angle(image: Dataset, z: int, t: int) -> None:
    image.FlipAngle = 25


def flow_by_type(image: Dataset, z: int, t: int) -> None:
    image.ImageType = ["ORIGINAL", "PRIMARY", "M_PCA", "M", "PCA"]


def perfusion(image: Dataset, z: int, t: int) -> None:
    image.FlipAngle, image.EchoTime, image.RepetitionTime = 12, 1.0, 160
    image.TriggerTime = 850.0 * t
    image.AcquisitionTime = f"11{z:02d}{t * 0.85:09.6f}"
    del image.CardiacNumberOfImages
    synthetic.put_pixels(image, synthetic.pixels(z, t, (20, 16)))


def perfusion_at_one_time(image: Dataset, z: int, t: int) -> None:
    perfusion(image, z, t)
    image.TriggerTime, image.FlipAngle, image.EchoTime = 120, 60, 1.1
    image.InstanceNumber = z * 100 + t + 1


def mapping(image: Dataset, z: int, t: int) -> None:
    image.InversionTime, image.TriggerTime, image.FlipAngle = 100 + 450 * t, 600 + t % 3, 35
    image.AcquisitionTime = f"11{z:02d}{t * 1.1:09.6f}"
    image.InstanceNumber = t + 1
    del image.CardiacNumberOfImages


def still(image: Dataset, z: int, t: int) -> None:
    image.RepetitionTime, image.InversionTime = 750, 300


def real_time(image: Dataset, z: int, t: int) -> None:
    image.RepetitionTime, image.PixelSpacing = 52, [2.7, 2.6]
    synthetic.put_pixels(image, synthetic.pixels(z, t, (18, 14)))


def captured(image: Dataset, z: int, t: int) -> None:
    image.SOPClassUID, image.ImageType = CAPTURE, ["DERIVED", "SECONDARY", "M"]


def captured_original(image: Dataset, z: int, t: int) -> None:
    image.SOPClassUID, image.ConversionType = CAPTURE, "WSD"
    image.InstanceNumber = t + 1


def tagging(image: Dataset, z: int, t: int) -> None:
    image.FlipAngle, image.EchoTime, image.SequenceName = 14, 4.1, "*fl2d1"


def projection(image: Dataset, z: int, t: int) -> None:
    image.ImageType = ["DERIVED", "PRIMARY", "PROJECTION IMAGE", "MIP"]


def phase(image: Dataset, z: int, t: int) -> None:
    image.ImageType = ["ORIGINAL", "PRIMARY", "P", "RETRO"]


def component(image: Dataset, z: int, t: int) -> None:
    image.ComplexImageComponent = "PHASE"


def ge_phase(image: Dataset, z: int, t: int) -> None:
    image.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", 1)


def ge_phase_in_another_block(image: Dataset, z: int, t: int) -> None:
    image.private_block(0x0043, "SOMEBODY ELSE", create=True).add_new(0x2F, "SS", 0)
    ge_phase(image, z, t)


def philips_phase(image: Dataset, z: int, t: int) -> None:
    image.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x11, "CS", "P")


def siemens_phase(image: Dataset, z: int, t: int) -> None:
    image.RescaleSlope, image.RescaleIntercept = 2, -4096


def velocity(image: Dataset, z: int, t: int) -> None:
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 0.1, -150, "cm/s"


def ge_velocity(image: Dataset, z: int, t: int) -> None:
    image.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0xCC, "SS", 1500)


def philips_velocity(image: Dataset, z: int, t: int) -> None:
    block = image.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x1A, "FL", [0.0, 0.0, 150.0])


def signed(image: Dataset, z: int, t: int) -> None:
    image.PixelRepresentation = 1


KINDS = {
    **dict.fromkeys((flow, flow_by_sequence, flow_by_type, tagging), 12),
    **dict.fromkeys(
        (phase, component, ge_phase, ge_phase_in_another_block, philips_phase, siemens_phase), 12
    ),
    **dict.fromkeys((velocity, captured, captured_original, projection), 12),
    **dict.fromkeys((ge_velocity, philips_velocity, signed), 12),
    **{perfusion: 40, perfusion_at_one_time: 40, mapping: 11, still: 1, real_time: 30, flow_by_angle: 12},
}


def assert_cine(conversion: Conversion) -> None:
    assert "sa" in conversion.views, conversion.findings
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12), str(conversion.findings))
    assert not [finding for finding in conversion.findings if finding.level is Level.REJECT]


COMBINED = [
    ("one", "CINE_segmented_SAX", False),
    ("half", "CINE_segmented_SAX", True),
    ("all", "CINE_segmented_SAX", False),
    ("all", "xy", True),
    ("end", "xy", False),
]


@pytest.mark.parametrize(("where", "name", "later"), COMBINED)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_at_the_positions_of_the_cine(kind: Callable, where: str, name: str, later: bool) -> None:
    number = 90 if later else 2
    images = of_kind(KINDS[kind], PLACES[where], kind, description=name, series_number=number)
    for image in images:
        if image.AcquisitionTime < "11":
            image.AcquisitionTime = ("12" if later else "09") + image.AcquisitionTime[2:]
    cine = synthetic.stack(layout="slice_major")
    if name == "xy":
        for image in cine:
            image.SeriesDescription = image.ProtocolName = "xy"
    both = cine + images if later else images + cine
    assert_cine(convert(both))


def unnamed(images: list[Dataset]) -> list[Dataset]:
    for image in images:
        image.SeriesDescription = image.ProtocolName = "xy"
    return images


@pytest.mark.parametrize(
    ("n_frames", "places", "kind"),
    [(12, (3,), flow), (12, (1, 2, 3), flow), (12, tuple(range(6)), flow), (1, tuple(range(6)), still)],
)
def test_a_cine_without_a_name_beside_other_images_named_short_axis(
    n_frames: int, places: tuple[int, ...], kind: Callable
) -> None:
    other = of_kind(n_frames, places, kind, description="SAX q", series_number=90)
    conversion = convert(unnamed(synthetic.stack(layout="slice_major")) + other)
    assert_cine(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("AMBIGUOUS_VIEW", Level.REVIEW)]


@pytest.mark.parametrize(("n_frames", "kind"), [(12, flow), (30, real_time), (1, still)])
def test_more_slices_of_another_kind_than_of_the_cine(n_frames: int, kind: Callable) -> None:
    places = tuple(range(-3, 9))
    other = of_kind(n_frames, places, kind, description="CINE_segmented_SAX", series_number=90)
    assert_cine(convert(synthetic.stack() + other))


@pytest.mark.parametrize("off_mm", [3.0, 10.0])
def test_another_kind_between_or_beyond_the_slices(off_mm: float) -> None:
    other = of_kind(40, (5,), perfusion, description="CINE_segmented_SAX", series_number=90)
    for image in other:
        place = np.array(image.ImagePositionPatient, float) + off_mm * synthetic.NORMAL
        image.ImagePositionPatient = [round(float(value), 5) for value in place]
    conversion = convert(synthetic.stack() + other)
    assert_cine(conversion)
    (finding,) = conversion.findings
    assert (finding.code, finding.level) == ("OTHER_KIND", Level.REVIEW if off_mm == 10 else Level.INFO)


@pytest.mark.parametrize("slices", [slice(12), slice(24, 36)])
def test_a_slice_of_the_same_series_taken_with_other_parameters_is_used_and_reported(slices: slice) -> None:
    images = synthetic.stack()
    for image in images[slices]:
        image.FlipAngle, image.EchoTime = 18, 2.4
    conversion = convert(images)
    assert_cine(conversion)
    assert [(f.code, f.level) for f in conversion.findings] == [("OTHER_KIND", Level.REVIEW)]


def test_a_plane_unlike_the_cine_is_no_long_axis_view() -> None:
    plane = synthetic.long_axis("la_4ch", "PA")
    for image in plane:
        image.FlipAngle, image.EchoTime = 20, 2.6
    assert list(convert(synthetic.stack() + plane).views) == ["sa"]


def test_captured_images_are_used_where_there_is_nothing_else() -> None:
    images = synthetic.stack()
    for image in images:
        image.SOPClassUID = CAPTURE
    assert_cine(convert(images))


def test_magnitude_and_phase_objects_of_one_enhanced_acquisition() -> None:
    phase_images = synthetic.enhanced()
    phase_images.SOPInstanceUID, phase_images.SeriesInstanceUID = generate_uid(), generate_uid()
    for item in phase_images.PerFrameFunctionalGroupsSequence:
        item.MRImageFrameTypeSequence[0].ComplexImageComponent = "PHASE"
    bright = np.frombuffer(phase_images.PixelData, np.uint16) // 2
    phase_images.PixelData = bright.astype(np.uint16).tobytes()
    assert_cine(convert([synthetic.enhanced(), phase_images]))


def test_two_kinds_in_one_series_with_the_same_numbers_are_not_mixed() -> None:
    """Neither angle nor echo is known: only the sequence's variant tells flow from the cine."""
    cine, other = synthetic.stack(layout="slice_major"), synthetic.stack(layout="slice_major")
    for image, beside in zip(cine, other, strict=True):
        beside.SeriesInstanceUID = image.SeriesInstanceUID
        synthetic.put_pixels(beside, synthetic.pixels_of(beside) // 2)
        for each, variant in ((image, ["SK", "SS"]), (beside, ["SK", "SP"])):
            each.SequenceVariant = variant
            del each.FlipAngle, each.EchoTime
    assert_cine(convert(other + cine))


def test_phase_images_reported_in_private_groups_of_each_frame() -> None:
    images = synthetic.enhanced()
    phase_images = synthetic.enhanced()
    phase_images.SOPInstanceUID, phase_images.SeriesInstanceUID = generate_uid(), generate_uid()
    for item in phase_images.PerFrameFunctionalGroupsSequence:
        inside = Dataset()
        philips_phase(inside, 0, 0)
        block = item.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        block.add_new(0x0F, "SQ", DicomSequence([inside]))
    conversion = convert([images, phase_images])
    assert_cine(conversion)
    assert [finding.code for finding in conversion.findings] == ["NOT_CINE"]
