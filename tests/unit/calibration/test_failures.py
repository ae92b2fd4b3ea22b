import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.failures import MEASURES, errors_table, mark_failures
from cinecohort.calibration.options import FailureOptions
from cinecohort.errors import UserError


def overlap(dice):
    """`dice`: (subject, role, structure) to Dice."""
    rows = [
        {
            "subject": subject,
            "view": "sa",
            "source": "net",
            "reference": "O1",
            "role": role,
            "structure": structure,
            "position": position,
            "dice": value if position == "all" else 0.1,
        }
        for (subject, role, structure), value in dice.items()
        for position in ("all", "basal")
    ]
    return pd.DataFrame(rows)


def measures(rows):
    """`rows`: (subject, source, frames) to measures."""
    empty = dict.fromkeys(MEASURES, 50.0)
    return pd.DataFrame(
        [{"subject": s, "source": o, "frames": f, **empty, **values} for (s, o, f), values in rows.items()]
    )


def both(subject, network, observer):
    """The network's at the observer's frames, at its own (which must not count), and the observer's."""
    return {
        (subject, "net", "O1"): network,
        (subject, "net", "own"): {"lvef_pct": 5.0},
        (subject, "O1", "own"): observer,
    }


def sound(subject, low=0.9):
    return {
        (subject, role, name): (low if (role, name) == ("es", "RV") else 0.9)
        for role in ("ed", "es")
        for name in ("LV", "MYO", "RV")
    }


def test_the_lower_frame_counts_and_parts_of_the_heart_do_not():
    table = errors_table(overlap(sound("a", 0.6)), measures(both("a", {}, {})), "net", "O1")
    assert table.loc["a", ["dice_lv", "dice_myo", "dice_rv"]].tolist() == [0.9, 0.9, 0.6]
    assert table.loc["a", "error_lvef_pct"] == 0


@pytest.mark.parametrize(
    ("network", "bad"),
    [
        ({}, []),
        ({"lvedv_ml": 64.9}, []),
        ({"lvedv_ml": 65.1}, ["bad_lv"]),
        ({"lvef_pct": 41.9}, ["bad_lv"]),
        ({"lvm_g": 29.0}, ["bad_myo"]),
        ({"rvedv_ml": 150.0, "rvef_pct": 90.0}, []),
        ({"lvm_g": np.nan}, ["bad_myo"]),
    ],
)
def test_each_limit_is_one_structures(network, bad):
    table = errors_table(overlap(sound("a")), measures(both("a", network, {})), "net", "O1")
    marked = mark_failures(table, FailureOptions())
    assert [name for name in marked if marked.loc["a", name]] == bad


def test_without_a_voxel_size_volumes_and_mass_are_not_held_against_anybody():
    rows = both("a", {"lvedv_ml": 90.0, "lvm_g": 90.0}, {}) | both("b", {"lvef_pct": 90.0}, {})
    table = errors_table(overlap(sound("a") | sound("b")), measures(rows), "net", "O1")
    marked = mark_failures(table, FailureOptions(), ["a", "b"])
    assert not marked.loc["a"].any()
    assert marked.loc["b", "bad_lv"]


def test_what_nobody_measured_is_no_failure():
    rows = both("a", {"lvm_g": 40.0}, {"lvm_g": np.nan})
    table = errors_table(overlap(sound("a")), measures(rows), "net", "O1")
    assert not mark_failures(table, FailureOptions()).loc["a"].any()


def test_an_observer_without_labels_is_named():
    with pytest.raises(UserError, match="'O2'"):
        errors_table(overlap(sound("a")), measures(both("a", {}, {})), "net", "O2")


def test_doubled_limits_are_twice_as_far_away():
    far = FailureOptions(dice=0.7, edv_ml=15, ef_pct=8, mass_g=20).doubled()
    assert far.dice == pytest.approx(0.4)
    assert (far.edv_ml, far.ef_pct, far.mass_g) == (30, 16, 40)
    assert 0 < FailureOptions(dice=0.3).doubled().dice < 1e-3
