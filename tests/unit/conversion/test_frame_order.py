"""In which order frames are: every statement of time, checked against the others; and passes."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import generate_uid

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.findings import Finding, Level
from support import synthetic_dicom as synthetic


def files_in_no_order(images: Sequence[Dataset]) -> list[RawBytes]:
    names = random.Random(5).sample(range(1000), len(images))
    return [RawBytes(f"{n:04d}.dcm", synthetic.to_bytes(d)) for n, d in zip(names, images, strict=True)]


def convert(images: Sequence[Dataset], **options: object) -> Conversion:
    return convert_series(files_in_no_order(images), ConversionOptions(**options))


def of(conversion: Conversion, code: str) -> list[Finding]:
    return [finding for finding in conversion.findings if finding.code == code]


def assert_right(conversion: Conversion) -> None:
    assert "sa" in conversion.views, conversion.findings
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12), str(conversion.findings))
    assert of(conversion, "MISSING_FRAME") == []


def bare(edit: Callable[[Dataset, int, int], None] = lambda d, z, t: None) -> list[Dataset]:
    """A stack of one series without any statement of time, changed by edit(image, z, t)."""
    made = []
    series = generate_uid()
    for z in range(6):
        for t in range(12):
            image = synthetic.image(z, t, n_frames=12, series=series)
            del image.TriggerTime, image.InstanceNumber, image.AcquisitionTime
            edit(image, z, t)
            made.append(image)
    return made


def clock(hour: int, z: int, t: float) -> str:
    return f"{hour}{20 + z:02d}{t * 0.0729 + 1:09.6f}"


def acquisition(d: Dataset, z: int, t: int) -> None:
    d.AcquisitionTime = clock(10, z, t)


def date_and_time(d: Dataset, z: int, t: int) -> None:
    d.AcquisitionDateTime = "20140605" + clock(10, z, t)


def over_midnight(d: Dataset, z: int, t: int) -> None:
    d.AcquisitionTime = (
        f"2359{59 + t * 0.0729:09.6f}" if 59 + t * 0.0729 < 60 else f"0000{t * 0.0729 - 1:09.6f}"
    )


def content(d: Dataset, z: int, t: int) -> None:
    d.ContentTime = clock(11, z, t)


def temporal(d: Dataset, z: int, t: int) -> None:
    d.TemporalPositionIdentifier = t + 1


def instance(d: Dataset, z: int, t: int) -> None:
    d.InstanceNumber = z * 12 + t + 1


def philips(d: Dataset, z: int, t: int) -> None:
    d.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x08, "IS", t + 1)


def ge(d: Dataset, z: int, t: int) -> None:
    d.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0xD7, "SS", t + 1)


def temporal_index(d: Dataset, z: int, t: int) -> None:
    d.TemporalPositionIndex = t + 1


def frame_date_and_time(d: Dataset, z: int, t: int) -> None:
    d.FrameAcquisitionDateTime = "20140605" + clock(10, z, t)


def percentage(d: Dataset, z: int, t: int) -> None:
    d.NominalPercentageOfCardiacPhase = t * 8.3


@pytest.mark.parametrize(
    "edit",
    [
        *(acquisition, date_and_time, over_midnight, content, temporal, instance, philips, ge),
        *(temporal_index, frame_date_and_time, percentage),
    ],
)
def test_one_statement_orders_the_frames(edit: Callable) -> None:
    conversion = convert(bare(edit))
    assert_right(conversion)
    (finding,) = of(conversion, "TIME")
    assert finding.level is Level.REVIEW
    assert ("instance number" in finding.message) == (edit is instance)


@pytest.mark.parametrize(
    "keyword",
    ["NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime", "TemporalPositionTimeOffset"],
)
def test_times_of_enhanced_objects_in_files_of_one_image(keyword: str) -> None:
    """They are binary numbers there, which text attributes of the same files are not."""
    factor = 0.001 if "Offset" in keyword else 1.0
    conversion = convert(bare(lambda d, z, t: setattr(d, keyword, t * 75.0 * factor)))
    assert_right(conversion)
    assert conversion.findings == []
    assert conversion.views["sa"].image.frame_interval_s == pytest.approx(0.075)


def test_nothing_orders_the_frames() -> None:
    conversion = convert(bare())
    assert conversion.views == {}
    (finding,) = of(conversion, "TIME")
    assert finding.level is Level.REJECT


@pytest.mark.parametrize("same", ["AcquisitionTime", "ContentTime", "TemporalPositionIdentifier"])
def test_a_statement_that_is_the_same_for_all_orders_nothing(same: str) -> None:
    def edit(d: Dataset, z: int, t: int) -> None:
        setattr(d, same, 1 if same[0] == "T" else "101010")

    assert of(convert(bare(edit)), "TIME")[0].level is Level.REJECT


def test_instance_numbers_against_content_times_are_refused() -> None:
    def edit(d: Dataset, z: int, t: int) -> None:
        d.InstanceNumber = (5 * t) % 12 + 1
        content(d, z, t)

    (finding,) = of(convert(bare(edit)), "TIME")
    assert finding.level is Level.REJECT
    assert "content time" in finding.message


def test_two_of_three_are_believed() -> None:
    def edit(d: Dataset, z: int, t: int) -> None:
        d.InstanceNumber = (5 * t) % 12 + 1
        acquisition(d, z, t)
        content(d, z, t)

    conversion = convert(bare(edit))
    assert_right(conversion)
    assert any("instance number" in finding.message for finding in of(conversion, "TIME"))


@pytest.mark.parametrize("helper", [temporal, philips])
def test_random_trigger_times_are_no_holes(helper: Callable) -> None:
    numbers = random.Random(1)

    def edit(d: Dataset, z: int, t: int) -> None:
        d.TriggerTime = numbers.randrange(100_000)
        helper(d, z, t)
        instance(d, z, t)

    conversion = convert(bare(edit))
    assert_right(conversion)
    assert any("trigger time" in finding.message for finding in of(conversion, "TIME"))


def test_trigger_times_against_temporal_positions_are_reported() -> None:
    images = synthetic.stack(layout="slice_major")
    for image in images:
        t = (image.InstanceNumber - 1) % 12
        image.TemporalPositionIdentifier = (5 * t) % 12 + 1
    conversion = convert(images)
    assert_right(conversion)
    assert "temporal position" in of(conversion, "TIME")[0].message


def test_clock_and_instance_numbers_that_agree_against_trigger_times_are_reported() -> None:
    def edit(d: Dataset, z: int, t: int) -> None:
        d.TriggerTime = (11 - t) * 75.0
        instance(d, z, t)
        acquisition(d, z, t)

    (finding,) = of(convert(bare(edit)), "TIME")
    assert finding.level is Level.REVIEW
    assert "acquisition time and instance number" in finding.message


def test_frames_numbered_from_the_middle_of_the_cycle_contradict_nothing() -> None:
    def edit(d: Dataset, z: int, t: int) -> None:
        d.TriggerTime = t * 75.0
        instance(d, z, (t + 5) % 12)
        acquisition(d, z, (t + 5) % 12)

    conversion = convert(bare(edit))
    assert_right(conversion)
    assert conversion.findings == []


def test_contradicting_clocks_beside_trigger_times_say_nothing() -> None:
    """Of a segmented acquisition the clock may tell when the image was made."""
    images = synthetic.stack(layout="slice_major")
    for index, image in enumerate(images):
        image.ContentTime = f"1100{59 - index % 12:02d}"
    assert convert(images).findings == []


# ---- enhanced objects


def enhanced(edit: Callable[[Dataset, int], None], pointer: int | None = None) -> Dataset:
    """Without nominal delays and temporal positions, changed by edit(groups, t), frames in no order."""
    made = synthetic.enhanced()
    order = random.Random(3).sample(range(72), 72)
    planes = np.frombuffer(made.PixelData, np.uint16).reshape(72, -1)
    groups = made.PerFrameFunctionalGroupsSequence
    for number, item in enumerate(groups):
        del item.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime
        del (
            item.FrameContentSequence[0].TemporalPositionIndex,
            item.FrameContentSequence[0].FrameAcquisitionDateTime,
        )
        edit(item, number % 12)
    made.PerFrameFunctionalGroupsSequence = DicomSequence([groups[i] for i in order])
    made.PixelData = b"".join(planes[i].tobytes() for i in order)
    if pointer:
        items = []
        for tag in (0x00209057, pointer):
            items.append(Dataset())
            items[-1].DimensionIndexPointer = tag
        made.DimensionIndexSequence = DicomSequence(items)
    return made


def group_with(keyword: str, name: str, value: Callable[[int], object]) -> Callable[[Dataset, int], None]:
    def edit(item: Dataset, t: int) -> None:
        if keyword not in item:
            setattr(item, keyword, DicomSequence([Dataset()]))
        setattr(getattr(item, keyword)[0], name, value(t))

    return edit


CARDIAC, CONTENT = "CardiacSynchronizationSequence", "FrameContentSequence"


@pytest.mark.parametrize(
    ("edit", "known"),
    [
        (group_with(CARDIAC, "NominalCardiacTriggerDelayTime", lambda t: t * 75.0), True),
        (group_with(CARDIAC, "ActualCardiacTriggerDelayTime", lambda t: t * 75.0 + 3), True),
        (group_with(CARDIAC, "NominalPercentageOfCardiacPhase", lambda t: t * 8.3), False),
        (group_with(CONTENT, "TemporalPositionIndex", lambda t: t + 1), False),
        (group_with(CONTENT, "FrameAcquisitionDateTime", lambda t: "20140605" + clock(10, 0, t)), False),
        (group_with(CONTENT, "FrameReferenceDateTime", lambda t: "20140605" + clock(10, 0, t)), False),
        (group_with("TemporalPositionSequence", "TemporalPositionTimeOffset", lambda t: t * 0.075), True),
    ],
)
def test_one_statement_of_an_enhanced_object(edit: Callable, known: bool) -> None:
    conversion = convert([enhanced(edit)])
    assert_right(conversion)
    view = conversion.views["sa"]
    assert (view.image.frame_interval_s is not None) == known
    if known:
        assert view.image.frame_interval_s == pytest.approx(0.075)


def philips_groups(item: Dataset, t: int) -> None:
    inside = Dataset()
    inside.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x08, "IS", t + 1)
    block = item.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(0x0F, "SQ", DicomSequence([inside]))


def test_phase_numbers_in_private_groups_of_each_frame() -> None:
    assert_right(convert([enhanced(philips_groups)]))


@pytest.mark.parametrize("pointer", [0x00209153, 0x00209128, 0x00181060, 0x00209241])
def test_dimension_indices_by_their_pointers(pointer: int) -> None:
    assert_right(convert([enhanced(lambda item, t: None, pointer)]))


def test_dimension_indices_without_pointers_order_nothing() -> None:
    assert of(convert([enhanced(lambda item, t: None)]), "TIME")[0].level is Level.REJECT


# ---- passes


def two_passes(edit: Callable[[Dataset, int, int, int], None], one_slice: bool = False) -> list[Dataset]:
    """Every slice (or one) taken twice in one series; edit(image, z, t, pass)."""
    made = []
    series = generate_uid()
    for z in range(6):
        for number in range(1 if one_slice and z != 2 else 2):
            for t in range(12):
                image = synthetic.image(z, t, n_frames=12, series=series)
                image.InstanceNumber = z * 24 + number * 12 + t + 1
                image.AcquisitionTime = f"10{20 + z:02d}{30 * number:02d}"
                synthetic.put_pixels(image, (synthetic.pixels_of(image) + 500 * number).astype(np.uint16))
                edit(image, z, t, number)
                made.append(image)
    return made


def later(d: Dataset, z: int, t: int, number: int) -> None:
    d.TriggerTime = t * 75.0 + 37.5 * number


def interleaved(d: Dataset, z: int, t: int, number: int) -> None:
    d.TriggerTime = t * 75.0 + 4.0 * number
    d.InstanceNumber = z * 24 + t * 2 + number + 1


def interleaved_unstated(d: Dataset, z: int, t: int, number: int) -> None:
    interleaved(d, z, t, number)
    del d.CardiacNumberOfImages, d.AcquisitionTime


def even_unstated(d: Dataset, z: int, t: int, number: int) -> None:
    d.TriggerTime = t * 75.0 + 37.5 * number
    d.InstanceNumber = z * 24 + t * 2 + number + 1
    d.AcquisitionNumber = number + 1
    del d.CardiacNumberOfImages


def by_clock(d: Dataset, z: int, t: int, number: int) -> None:
    d.TriggerTime = t * 75.0 + 37.5 * number
    d.InstanceNumber = z * 24 + t * 2 + number + 1
    del d.CardiacNumberOfImages


def second_beat(d: Dataset, z: int, t: int, number: int) -> None:
    d.TriggerTime = t * 75.0 + 900 * number


def without_instances(d: Dataset, z: int, t: int, number: int) -> None:
    del d.InstanceNumber


def phases_only(d: Dataset, z: int, t: int, number: int) -> None:
    del d.TriggerTime, d.InstanceNumber
    d.TemporalPositionIdentifier = t + 1


def instances_again(d: Dataset, z: int, t: int, number: int) -> None:
    del d.TriggerTime
    d.InstanceNumber = t + 1


@pytest.mark.parametrize("one_slice", [False, True])
@pytest.mark.parametrize(
    "edit",
    [
        *(later, interleaved, interleaved_unstated, even_unstated, by_clock, second_beat),
        *(without_instances, phases_only, instances_again),
    ],
)
def test_two_passes_are_two(edit: Callable, one_slice: bool) -> None:
    conversion = convert(two_passes(edit, one_slice))
    assert "sa" in conversion.views, conversion.findings
    tags = conversion.views["sa"].image.data[0, 0].astype(int)
    expected = synthetic.expected_tags(6, 12)
    assert tags.shape == expected.shape, conversion.findings
    added = tags - expected
    assert set(np.unique(added)) <= {0, 500}
    assert all(len(set(row)) == 1 for row in added), "frames of two passes in one slice"
    (finding,) = of(conversion, "DUPLICATE")
    assert finding.level is Level.REVIEW
    assert finding.slices == ((2,) if one_slice else tuple(range(6)))


def test_more_frames_than_the_scanner_states_are_one_pass_where_times_rise_evenly() -> None:
    images = synthetic.stack(layout="slice_major")
    for image in images:
        image.CardiacNumberOfImages = 6
    assert_right(convert(images))


# ---- one acquisition in several series


PARTS = {
    "halves": lambda t: t // 6,
    "in turns": lambda t: t % 2,
    "each": lambda t: t,
    "quarter": lambda t: t // 9,
}


@pytest.mark.parametrize(
    ("part", "stated", "where"),
    [
        (part, stated, where)
        for part in PARTS
        for stated in (True, False)
        for where in (range(6), (3,))
        # Every other frame of all slices, and nothing speaks of twelve: it could be two passes.
        if (part, stated, len(where)) != ("in turns", False, 6)
    ],
)
def test_one_acquisition_in_several_series(part: str, stated: bool, where: Sequence[int]) -> None:
    images = synthetic.stack(layout="slice_major")
    series = [generate_uid() for _ in range(12)]
    for index, image in enumerate(images):
        z, t = 5 - index // 12, index % 12
        if z in where:
            image.SeriesInstanceUID = series[PARTS[part](t)]
            image.SeriesNumber = 50 + PARTS[part](t)
        if not stated:
            del image.CardiacNumberOfImages
    conversion = convert(images)
    assert_right(conversion)
    assert of(conversion, "DUPLICATE") == []
