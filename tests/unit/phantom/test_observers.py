"""Observers' habits do what they say, and pairs of observers differ about as those of Bai 2018."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.phantom.contours import area_px
from cinecohort.phantom.observers import OBSERVERS, Observer, draw, reference_observer
from cinecohort.phantom.people import generator
from cinecohort.phantom.planning import Slice
from cinecohort.statistics.published_tables import load

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

RADII_PX = (12.0, 14.0, 14.0, 13.0, 11.0, 8.0)


def circle(radius, n=200):
    angle = np.arange(n) * 2 * np.pi / n
    return 50.0 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def stack(radii=RADII_PX):
    """Slices of one LV from the base on, 2 mm pixels."""
    zero, x, y = np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    return [
        (
            Slice("sa", n + 1, zero, x, y, 2.0, (100, 100), 8.0, zero),
            {"LV": circle(radius), "MYO": circle(radius + 4)},
        )
        for n, radius in enumerate(radii)
    ]


def areas(observer, frame=0, radii=RADII_PX, name="saendocardialContour", repeats=20):
    """Mean area a slice in mm² over many cases; NaN where a slice is not drawn."""
    rng = np.random.default_rng(3)
    cases = [
        [
            area_px(drawn[name]) * 4.0 if name in drawn else np.nan
            for drawn in draw(observer, {"sa": [stack(radii), stack(radii)]}, rng)["sa"][frame]
        ]
        for _ in range(repeats)
    ]
    return np.mean(cases, axis=0)


def test_border_preference_moves_the_border_by_its_millimetres():
    plain, outside = areas(Observer("A")), areas(Observer("B", {"LV": 1.0}))
    ring = np.pi * ((2 * np.array(RADII_PX) + 1.0) ** 2 - (2 * np.array(RADII_PX)) ** 2)
    assert outside - plain == pytest.approx(ring, rel=0.05)


def test_a_preference_at_end_systole_leaves_end_diastole_alone():
    plain, late = Observer("A"), Observer("B", systole_bias_mm={"LV": 1.0})
    assert areas(late, 0) == pytest.approx(areas(plain, 0))
    assert (areas(late, 1) > areas(plain, 1) * 1.05).all()


def test_papillary_muscles_are_left_out_in_the_middle_of_the_ventricle_only():
    plain, out = areas(Observer("A")), areas(Observer("B", papillary=1.0))
    assert out[[0, 1, 5]] == pytest.approx(plain[[0, 1, 5]])
    assert (out[2:4] < 0.9 * plain[2:4]).all()


def test_the_least_basal_slice_is_a_matter_of_taste():
    radii = (7.0, 14.0, 14.0, 12.0)  # a quarter of the next slice's area
    generous, strict = (areas(Observer("A", basal=share), radii=radii) for share in (0.02, 0.6))
    assert np.isfinite(generous).all()
    assert np.isnan(strict[0])
    assert np.isfinite(strict[1:]).all()


def test_the_solid_tip_is_never_drawn_so_large_that_its_endocardium_seems_forgotten():
    tip = (stack()[0][0], {"MYO": circle(5.0)})
    rng = np.random.default_rng(7)
    for _ in range(40):
        drawn = draw(Observer("A", haste=1.4), {"sa": [[*stack(), tip]] * 2}, rng)["sa"][0][-1]
        assert area_px(drawn["saepicardialContour"]) <= 1.06**2 * np.pi * 5.0**2


def test_the_main_reference_is_drawn_by_eight_people_in_turn():
    group = [reference_observer(number) for number in range(1, 17)]
    assert group[:8] == group[8:]
    assert len({observer.bias_mm["LV"] for observer in group}) == 8
    assert {observer.name for observer in group} == {"manual"}


def test_pairs_differ_in_the_range_of_bais_tables():
    """A few phantoms: Dice within 0.03 of the paper's, distances within a quarter."""
    from phantom_observers import compare_subject, label_maps, true_case

    parts = []
    for number in (1, 2, 3, 4):
        truth, affines = true_case(number, seed=1)
        maps = {
            observer.name: label_maps(truth, affines, observer, generator(1, number, 11 + place))
            for place, observer in enumerate(OBSERVERS)
        }
        parts.append(compare_subject(maps, number))
    found = pd.concat(parts).groupby(["view", "structure"])[["dice", "mcd_mm", "hd_mm"]].mean()
    paper = pd.concat([load("bai2018_table3"), load("bai2018_table7")])
    paper = paper[paper["method"] == "human"].groupby(["view", "structure", "metric"])["mean"].mean()
    for view, names in STRUCTURES.items():
        for structure in names.values():
            ours = found.loc[(view, structure)]
            assert ours["dice"] == pytest.approx(paper[view, structure, "dice"], abs=0.03)
            assert ours["mcd_mm"] == pytest.approx(paper[view, structure, "mcd_mm"], rel=0.25)
            assert ours["hd_mm"] == pytest.approx(paper[view, structure, "hd_mm"], rel=0.25)
