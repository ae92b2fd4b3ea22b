"""Every fault of the demo cohort is found by the stage that can see it, with the right code."""

from dataclasses import replace

import pytest

from cinecohort.conversion.options import ConversionOptions
from cinecohort.images import read_image, write_image
from cinecohort.phantom.faults import FAULTS, planted_fault
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import write_subject
from cinecohort.quality.images import check_images
from cinecohort.quality.options import ImageQualityOptions, SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.sources.base import open_source

DEMO = PhantomOptions(subjects=24, frames=20, seed=1)
"""As `make data` writes it."""

PLANTED = {planted_fault(number): number for number in range(1, 25) if planted_fault(number)}
SEEN = [name for name, fault in FAULTS.items() if fault.stage in ("convert", "image_quality")]
HIDDEN = [name for name, fault in FAULTS.items() if fault.stage not in ("convert", "image_quality")]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Write, convert and check one subject of the demo; (stage, code) of what was found, and the folder."""
    cohort = tmp_path_factory.mktemp("demo")

    def one(number):
        row = write_subject(number, cohort, DEMO).truth
        source = open_source("ukbiobank", cohort / "bulk", cohort / "annotations")
        folder = cohort / "store" / row["subject"]
        folder.mkdir(parents=True)
        options = ConversionOptions(on_duplicate="contoured")
        conversion = source.convert(source.subject(row["subject"]), folder, options)
        quality = check_images(folder, ImageQualityOptions())
        codes = [("convert", finding) for finding in conversion.findings]
        codes += [("image_quality", finding) for finding in quality.findings]
        return row, {(stage, each.code) for stage, each in codes if each.level != "info"}, folder

    return one


def test_the_demo_has_every_fault():
    assert set(PLANTED) == set(FAULTS)


@pytest.mark.parametrize("name", SEEN)
def test_fault_is_found(found, name):
    row, codes, _ = found(PLANTED[name])
    fault = FAULTS[name]
    assert (row["fault"], row["expected_stage"], row["expected_code"]) == (name, fault.stage, fault.expected)
    assert (fault.stage, fault.expected) in codes


def segmentation_codes(folder):
    """What the checks of a perfect network's label maps would say: the reference's, in its two frames."""
    label = read_image(folder / "label_manual_sa.nii.gz")
    frames = [label.sidecar["ed_frame"], label.sidecar["es_frame"]]
    write_image(folder / "seg_sa.nii.gz", replace(label, sidecar={"frames": frames}))
    outcome = check_segmentations(folder, None, SegmentationQualityOptions())
    return {finding.code for finding in outcome.findings if finding.level != "info"}


@pytest.mark.parametrize("name", HIDDEN)
def test_headers_and_images_alone_do_not_show_the_others(found, name):
    """Should a check learn to see one, the table of faults is to say so."""
    row, codes, folder = found(PLANTED[name])
    assert row["fault"] == name
    # Where a slice held another breath, the outlines may skip it: an honest finding, though of another kind.
    assert codes <= ({("convert", "LABEL_INCOMPLETE")} if name == "breath_hold_shift" else set())
    if FAULTS[name].stage == "segmentation_quality" and name != "mistriggering":  # takes the whole cycle
        assert FAULTS[name].expected in segmentation_codes(folder)
    if name == "mistriggering":  # observers draw what the late slices show: an LV that has begun to contract
        label = read_image(folder / "label_manual_sa.nii.gz").data[..., 0]
        area = (label == 1).sum(axis=(0, 1))
        middle = len(area) - 1 - len(area) // 2
        assert area[middle : middle + 2].max() < 0.85 * (area[middle - 1] + area[middle + 2]) / 2


def test_nothing_is_found_where_nothing_was_planted(found):
    row, codes, folder = found(1)
    assert row["fault"] == ""
    assert codes == set()
    assert segmentation_codes(folder).isdisjoint({fault.expected for fault in FAULTS.values()})


def test_what_no_stage_of_images_can_see_has_a_reason():
    for fault in FAULTS.values():
        assert (fault.stage == "convert") != bool(fault.unseen), fault.name
