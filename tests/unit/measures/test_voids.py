"""Measures that are not given: rules that look at the label map, by hand."""

import numpy as np
import pytest

from cinecohort.catalogue.findings import Code
from cinecohort.images import Image
from cinecohort.label_maps import LabelMap, manual_map, segmentation_map
from cinecohort.measures.derived import with_derived
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.ventricles import StackFacts, ventricular_curves, ventricular_measures
from cinecohort.measures.voids import Void, measures_of, read_voided, ventricular_voids, voided_text

AFFINE = np.diag([1.0, 1.0, 10.0, 1.0])
SLICES = 8
RV_MEASURES = {"rvedv_ml", "rvesv_ml", "rvsv_ml", "rvef_pct", "rvco_l_min"}


def stack(rv_slices: tuple[int, int] = (8, 8), myocardium: int = SLICES) -> np.ndarray:
    """End-diastole and end-systole; the RV in so many slices of each, the myocardium in so many of both."""
    data = np.zeros((40, 40, SLICES, 2), dtype=np.uint8)
    for frame, (half, rv) in enumerate(zip((8, 5), rv_slices, strict=True)):
        data[10 - half : 10 + half + 4, 20 - half - 2 : 20 + half + 2, :myocardium, frame] = 2
        data[12 - half : 10 + half, 20 - half : 20 + half, :, frame] = 1
        data[24 : 24 + half, 15:25, :rv, frame] = 3
    return data


def voids_of(
    labels: LabelMap, frames: tuple[int | None, int | None] = (0, 1), rate: float | None = 60.0
) -> list[Void]:
    options = MeasureOptions()
    curves = ventricular_curves(labels, StackFacts(), options)
    known = {"heart_rate_bpm": float("nan") if rate is None else rate}
    numbers = with_derived(known | ventricular_measures(curves, *frames, options))
    return ventricular_voids(labels, curves, numbers, frames, options)


def network(data: np.ndarray) -> LabelMap:
    return segmentation_map(Image(data, AFFINE), "sa")


def test_a_whole_heart_has_every_measure() -> None:
    assert voids_of(network(stack())) == []


def test_a_frame_that_is_both_phases_gives_no_ejection() -> None:
    lv, rv = voids_of(network(stack()), (0, 0))
    assert {lv.code, rv.code} == {Code.NO_EJECTION}
    assert lv.reason == "frame 0 is both end-diastole and end-systole of the LV"
    assert {"lvedv_ml", "lvef_pct"} <= set(lv.measures)
    assert set(rv.measures) == RV_MEASURES


@pytest.mark.parametrize(
    ("rv_slices", "lost"),
    [((4, 2), False), ((3, 3), True), ((8, 1), True), ((8, 0), True), ((0, 8), True), ((0, 0), True)],
)
def test_measures_of_a_lost_rv_go_together(rv_slices: tuple[int, int], lost: bool) -> None:
    voids = voids_of(network(stack(rv_slices)))
    if not lost:
        assert voids == []
        return
    assert [void.code for void in voids] == [Code.STRUCTURE_LOST]
    assert set(voids[0].measures) == RV_MEASURES
    assert "RV" in voids[0].reason


def test_the_rule_counts_slices_and_not_volume() -> None:
    data = stack()
    data[26:, ..., 0][data[26:, ..., 0] == 3] = 0
    data[25:, ..., 1][data[25:, ..., 1] == 3] = 0
    assert voids_of(network(data)) == []


def test_mass_goes_with_a_lost_myocardium() -> None:
    voids = voids_of(network(stack(myocardium=3)))
    assert [(void.measures, void.code) for void in voids] == [(measures_of("MYO"), Code.STRUCTURE_LOST)]


def test_what_follows_from_two_structures_goes_with_either() -> None:
    for lost in ("LV", "MYO"):
        data = stack()
        drawn = {frame: {name: list(range(SLICES)) for name in ("LV", "MYO", "RV")} for frame in ("0", "1")}
        drawn["0"].pop(lost)
        voids = voids_of(manual_map(Image(data, AFFINE, sidecar={"annotated": drawn}), "sa"))
        assert [void.code for void in voids] == [Code.NOT_COVERED]
        assert "lvri_g_ml" in voids[0].measures
        assert voids[0].reason.startswith(lost)


def test_frames_that_are_exchanged_give_nothing() -> None:
    voids = voids_of(network(stack()), frames=(1, 0))
    assert {void.code for void in voids} == {Code.NO_EJECTION}
    assert {void.structure for void in voids} == {"LV", "RV"}


def test_what_was_not_drawn_is_not_lost() -> None:
    data = stack((0, 0))
    drawn = {str(frame): {name: list(range(SLICES)) for name in ("LV", "MYO")} for frame in (0, 1)}
    labels = manual_map(Image(data, AFFINE, sidecar={"annotated": drawn}), "sa")
    voids = voids_of(labels)
    assert [void.code for void in voids] == [Code.NOT_COVERED]
    assert set(voids[0].measures) == RV_MEASURES


def test_without_a_heart_rate_only_output_is_missing() -> None:
    voids = voids_of(network(stack()), rate=None)
    assert [void.measures for void in voids] == [("lvco_l_min",), ("rvco_l_min",)]
    assert {void.code for void in voids} == {Code.NO_HEART_RATE}


def test_a_map_of_one_phase_says_which_is_not_known() -> None:
    voids = voids_of(network(stack()), frames=(0, None))
    assert {void.code for void in voids} == {Code.NOT_COVERED}
    assert all("end-systole" in void.reason for void in voids)
    assert "lvedv_ml" not in {name for void in voids for name in void.measures}


def test_text_of_voids_is_read_back() -> None:
    voids = voids_of(network(stack((3, 3))), rate=None)
    read = read_voided(voided_text(voids))
    assert {each["measure"] for each in read} == RV_MEASURES | {"lvco_l_min"}
    assert {each["code"] for each in read} == {"STRUCTURE_LOST", "NO_HEART_RATE"}
    assert read_voided(None) == read_voided("") == []
