"""Views are found by names and geometry together; what the two disagree on is reported."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.findings import Finding, Level
from support import synthetic_dicom as synthetic


def convert(images: list[Dataset], **options: object) -> Conversion:
    return convert_series(synthetic.to_files(images), ConversionOptions(**options))


def codes(conversion: Conversion) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.view) for finding in conversion.findings]


def renamed(images: list[Dataset], name: str) -> list[Dataset]:
    for dataset in images:
        dataset.SeriesDescription = dataset.ProtocolName = name
    return images


def series_of(conversion: Conversion, view: str, images: list[Dataset]) -> bool:
    """Whether a view was made of these images."""
    return images[0].SOPInstanceUID in conversion.views[view].instances


UKB = {view: f"CINE_segmented_LAX_{view[3:].replace('ch', 'Ch')}" for view in synthetic.LONG_AXIS_TURNS}


def test_all_views_of_uk_biobank() -> None:
    images = synthetic.stack(5, 10)
    for number, view in enumerate(UKB):
        images += synthetic.long_axis(view, UKB[view], 10, 50 + number)
    conversion = convert(images)
    assert conversion.findings == []
    assert set(conversion.views) == {"sa", "la_2ch", "la_3ch", "la_4ch"}
    for view, converted in conversion.views.items():
        sidecar = converted.image.sidecar
        assert sidecar["view_confidence"] == pytest.approx(0.95)
        assert sidecar["view_evidence"].startswith("named")
        assert converted.image.data.shape[2:] == ((5, 10) if view == "sa" else (1, 10))


def test_one_mixed_long_axis_series_is_distinguished_by_geometry() -> None:
    images = synthetic.stack(5, 10)
    parts = {view: synthetic.long_axis(view, "CINE_segmented_LAX", 10, 50) for view in UKB}
    for dataset in (dataset for part in parts.values() for dataset in part):
        dataset.SeriesInstanceUID = "1.2.3.4"
        images.append(dataset)
    conversion = convert(images)
    assert all(series_of(conversion, view, part) for view, part in parts.items())
    assert conversion.views["la_2ch"].image.sidecar["view_confidence"] == pytest.approx(0.6)


def test_a_misnamed_plane_is_not_believed_where_a_better_one_has_the_name() -> None:
    right = synthetic.long_axis("la_4ch", "cine 4CH", 10, 60)
    wrong = synthetic.long_axis("la_3ch", "cine 4CH", 10, 50)
    conversion = convert(synthetic.stack(5, 10) + wrong + right)
    assert codes(conversion) == [("AMBIGUOUS_VIEW", "la_4ch"), ("AMBIGUOUS_VIEW", "la_3ch")]
    first = conversion.findings[0]
    assert (first.value, first.level) == (2.0, Level.REVIEW)
    assert "series 50: 60 degrees from where it is expected, lies like la_3ch" in first.message
    assert series_of(conversion, "la_4ch", right)
    assert series_of(conversion, "la_3ch", wrong)
    assert conversion.views["la_3ch"].image.sidecar["view_confidence"] == pytest.approx(0.3)


@pytest.mark.parametrize(("rule", "number"), [("first", 50), ("last", 60)])
def test_of_two_equal_planes_configuration_chooses(rule: str, number: int) -> None:
    planes = {number: synthetic.long_axis("la_2ch", "2CH", 10, number) for number in (50, 60)}
    for dataset in planes[60]:
        dataset.ImagePositionPatient = [float(value) for value in synthetic.CORNER + 30.0]
    images = synthetic.stack(5, 10) + planes[50] + planes[60]
    conversion = convert(images, on_ambiguous_view=rule)
    assert ("AMBIGUOUS_VIEW", "la_2ch") in codes(conversion)
    assert series_of(conversion, "la_2ch", planes[number])


def test_ambiguity_can_be_refused() -> None:
    planes = [synthetic.long_axis(view, "2CH", 10, 50) for view in ("la_2ch", "la_4ch")]
    conversion = convert(synthetic.stack(5, 10) + planes[0] + planes[1], on_ambiguous_view="reject")
    rejected = [finding for finding in conversion.findings if finding.level is Level.REJECT]
    assert [(finding.code, finding.view) for finding in rejected] == [("AMBIGUOUS_VIEW", "la_2ch")]
    assert "la_2ch" not in conversion.views
    assert "sa" in conversion.views


def test_the_only_plane_of_a_name_is_believed_but_flagged() -> None:
    conversion = convert(synthetic.stack(5, 10) + synthetic.long_axis("la_2ch", "4CH", 10))
    finding: Finding = conversion.findings[0]
    assert (finding.code, finding.view, finding.level) == ("AMBIGUOUS_VIEW", "la_4ch", Level.REVIEW)
    assert conversion.views["la_4ch"].image.sidecar["view_confidence"] == pytest.approx(0.4)


def test_short_axis_without_a_name() -> None:
    conversion = convert(renamed(synthetic.stack(5, 10, layout="slice_major"), ""))
    sidecar = conversion.views["sa"].image.sidecar
    assert sidecar["view_confidence"] == pytest.approx(0.45)
    assert sidecar["view_evidence"].startswith("no telling name; 5 parallel slices")


@pytest.mark.parametrize("z", [0, 2, 4])
def test_a_slice_of_the_stack_with_another_name_is_not_lost_in_silence(z: int) -> None:
    images = synthetic.stack(5, 10, layout="slice_major")
    places = [round(float(np.dot(dataset.ImagePositionPatient, synthetic.NORMAL))) for dataset in images]
    renamed([i for i, place in zip(images, places, strict=True) if place == sorted(set(places))[z]], "cine")
    findings = [finding for finding in convert(images, on_gap="empty").findings if finding.view == "sa"]
    beside = [finding for finding in findings if finding.code == "AMBIGUOUS_VIEW"]
    assert [finding.level for finding in beside] == [Level.REVIEW]
    assert "1 cines (without a telling name) lie beside the short-axis slices" in beside[0].message


def transverse(n_slices: int, n_frames: int) -> list[Dataset]:
    images = synthetic.stack(n_slices, n_frames, layout="slice_major")
    for dataset in images:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [
            -150,
            -150,
            8 * round(float(np.dot([x, y, z], synthetic.NORMAL)) / 10),
        ]
    return renamed(images, "cine")


def test_an_unnamed_stack_that_lies_otherwise_is_reviewed() -> None:
    conversion = convert(transverse(5, 10))
    (finding,) = [finding for finding in conversion.findings if finding.code == "AMBIGUOUS_VIEW"]
    assert finding.level is Level.REVIEW
    assert "58 degrees from a typical heart's long axis" in finding.message


def test_of_unnamed_stacks_one_that_lies_as_a_short_axis_is_taken() -> None:
    short_axis = renamed(synthetic.stack(5, 10, layout="slice_major"), "cine")
    conversion = convert(short_axis + transverse(7, 10))
    assert series_of(conversion, "sa", short_axis)
    assert [finding.view for finding in conversion.findings if finding.code == "AMBIGUOUS_VIEW"] == ["sa"]


def test_few_unnamed_parallel_slices_are_no_short_axis() -> None:
    conversion = convert(renamed(synthetic.stack(3, 10), "cine"))
    assert "sa" not in conversion.views


@pytest.mark.parametrize(
    "name",
    [
        "CINE_segmented_SAX_InlineVF",
        "SAX_Inline_VF_Results",
        "cine_tagging_3sl_SAX_b1s",
        "ShMOLLI_192i_SAX_b2s_SAX_b2s_SAX_b2s_T1MAP",
        "SAX LGE",
        "localizer SAX",
    ],
)
def test_other_series_are_left_out_and_counted(name: str) -> None:
    others = renamed(synthetic.stack(5, 10), name)
    for dataset in others:
        dataset.SeriesNumber = 99
    conversion = convert(synthetic.stack(5, 10) + others)
    finding = conversion.findings[0]
    assert (finding.code, finding.level, finding.value) == ("NOT_CINE", Level.INFO, 50.0)
    assert "series 99" in finding.message
    assert conversion.views["sa"].image.data.shape[2:] == (5, 10)


@pytest.mark.parametrize("kind", ["P", "PHASE MAP", "VELOCITY"])
def test_phase_images_are_left_out(kind: str) -> None:
    phases = synthetic.stack(5, 10)
    for dataset in phases:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", kind, "ND"]
    conversion = convert(synthetic.stack(5, 10) + phases)
    assert codes(conversion) == [("NOT_CINE", None)]
    assert conversion.views["sa"].image.data.shape[2:] == (5, 10)


def test_still_images_at_the_same_positions_do_not_count_as_acquired_twice() -> None:
    stills = synthetic.stack(5, 1)
    for dataset in stills:
        dataset.RepetitionTime = 700
    conversion = convert(synthetic.stack(5, 10) + stills)
    assert codes(conversion) == [("NOT_CINE", "sa")]
    assert conversion.views["sa"].image.data.shape[2:] == (5, 10)


def test_a_named_long_axis_view_of_few_frames_is_refused_with_a_finding() -> None:
    images = synthetic.stack(5, 10) + synthetic.long_axis("la_4ch", "4CH", 3)
    conversion = convert(images)
    assert codes(conversion) == [("NOT_CINE", "la_4ch")]
    assert list(conversion.views) == ["sa"]


def test_patterns_come_from_the_configuration() -> None:
    images = renamed(synthetic.stack(3, 10), "Kurzachse")
    assert "sa" not in convert(images).views
    assert "sa" in convert(images, name_patterns={"sa": "kurzachse"}).views


def test_free_text_names_that_hold_the_letters_by_chance() -> None:
    """`sa` inside a word (``usage``, ``Sarah``) is no short axis."""
    conversion = convert(renamed(synthetic.stack(3, 10), "usage test Sarah"))
    assert "sa" not in conversion.views
