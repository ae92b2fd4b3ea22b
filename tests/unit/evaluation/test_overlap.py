"""Overlap tables: what is compared, averaged, skipped and left undefined."""

import numpy as np
import pytest

from cinecohort.evaluation.overlap import dice, overlap
from cinecohort.images import Image
from cinecohort.ledger.columns import OVERLAP_NUMBERS


def image(data: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 10.0)) -> Image:
    return Image(data.astype(np.uint8), np.diag([*spacing, 1.0]))


def heart(slices: int = 6, frames: int = 1, shift: int = 0) -> np.ndarray:
    labels = np.zeros((40, 40, slices, frames), dtype=np.uint8)
    for z in range(slices):
        radius = 4 + z  # the base is at the last slice
        labels[20 + shift - radius : 20 + shift + radius, 20 - radius : 20 + radius, z] = 2
        labels[20 + shift - radius + 2 : 20 + shift + radius - 2, 20 - radius + 2 : 20 + radius - 2, z] = 1
        labels[20 + shift + radius : 20 + shift + radius + 3, 15:25, z] = 3
    return labels


def test_dice_of_shifted_squares() -> None:
    a = np.zeros((20, 20, 2), dtype=bool)
    a[3:13, 3:13] = True
    assert dice(a, np.roll(a, 2, axis=0)) == pytest.approx(0.8)
    assert dice(a, np.roll(np.roll(a, 1, axis=0), 3, axis=1)) == pytest.approx(0.63)


def test_dice_of_empty_masks() -> None:
    empty, full = np.zeros((3, 3, 1), dtype=bool), np.ones((3, 3, 1), dtype=bool)
    assert np.isnan(dice(empty, empty))
    assert dice(empty, full) == dice(full, empty) == 0


def test_dice_is_of_the_volume_not_the_mean_of_slices() -> None:
    a, b = np.zeros((10, 10, 2), dtype=bool), np.zeros((10, 10, 2), dtype=bool)
    a[:, :, 0], b[:, :, 0] = True, True
    a[0, :4, 1], b[5, :4, 1] = True, True
    assert dice(a, b) == pytest.approx(2 * 100 / 208)


def test_table_of_equal_maps() -> None:
    table = overlap(image(heart()), image(heart()), "sa")
    assert list(table.columns) == ["frame", "structure", "position", *OVERLAP_NUMBERS]
    assert len(table) == 12
    assert (table["dice"] == 1).all()
    assert (table[["mcd_mm", "hd_mm", "hd_max_mm"]] == 0).all(axis=None)


def test_positions_are_thirds_from_the_base() -> None:
    automatic = heart()
    automatic[:, :, 4:] = 0  # the two slices of the base
    table = overlap(image(automatic), image(heart()), "sa").set_index(["structure", "position"])
    assert table.loc[("LV", "basal"), "dice"] == 0
    assert table.loc[("LV", "mid"), "dice"] == table.loc[("LV", "apical"), "dice"] == 1
    assert table.loc[("LV", "all"), "n_skipped"] == table.loc[("LV", "basal"), "n_skipped"] == 2
    assert table.loc[("LV", "all"), "n_slices"] == 4
    assert np.isnan(table.loc[("LV", "basal"), "mcd_mm"])


def test_hausdorff_is_averaged_over_slices_and_its_maximum_kept() -> None:
    a, b = np.zeros((30, 30, 2, 1)), np.zeros((30, 30, 2, 1))
    a[10, 10], b[10, 12, 0], b[10, 16, 1] = 1, 1, 1
    row = overlap(image(a), image(b), "la_2ch").iloc[0]
    assert (row["hd_mm"], row["hd_max_mm"], row["mcd_mm"]) == (4.0, 6.0, 4.0)


def test_millimetres_come_from_the_spacing() -> None:
    a, b = np.zeros((30, 30, 1, 1)), np.zeros((30, 30, 1, 1))
    a[10, 10], b[14, 13] = 1, 1
    assert overlap(image(a, (0.5, 2.0, 8.0)), image(b, (0.5, 2.0, 8.0)), "la_2ch")["hd_mm"][
        0
    ] == pytest.approx(np.hypot(2.0, 6.0))


def test_what_was_not_annotated_is_not_compared() -> None:
    manual = heart(frames=2)
    manual[..., 1][manual[..., 1] != 1] = 0
    manual[:, :, 0, 1] = 0
    every = np.ones((6, 2), dtype=bool)
    first = every & [True, False]
    lv = every.copy()
    lv[0, 1] = False
    table = overlap(
        image(heart(frames=2)), image(manual), "sa", {"LV": lv, "MYO": first, "RV": first}, positions=False
    )
    assert table[["frame", "structure"]].to_numpy().tolist() == [[0, "LV"], [0, "MYO"], [0, "RV"], [1, "LV"]]
    assert (table["dice"] == 1).all()
    assert table["n_skipped"].sum() == 0


def test_frames_without_reference_are_left_out_when_nothing_says_what_was_annotated() -> None:
    manual = heart(frames=3)
    manual[..., 1] = 0
    table = overlap(image(heart(frames=3)), image(manual), "sa", positions=False)
    assert sorted(table["frame"].unique()) == [0, 2]


def test_both_empty_is_undefined_and_one_empty_is_zero() -> None:
    manual = heart()
    manual[manual == 3] = 0
    both = overlap(image(manual), image(manual), "sa", positions=False).set_index("structure")
    assert np.isnan(both.loc["RV", "dice"])
    one = overlap(image(heart()), image(manual), "sa", positions=False).set_index("structure")
    assert one.loc["RV", "dice"] == 0
    assert np.isnan(one.loc["RV", "hd_mm"])
    assert one.loc["RV", "n_skipped"] == 6


def test_blank_reference_of_one_frame_is_compared() -> None:
    table = overlap(image(heart()), image(np.zeros_like(heart())), "sa", positions=False)
    assert (table["dice"] == 0).all()


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        overlap(image(heart(6)), image(heart(5)), "sa")
