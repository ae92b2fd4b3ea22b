"""What must hold of the overlap of any two label maps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cinecohort.evaluation.overlap import overlap
from cinecohort.images import Image
from cinecohort.ledger.columns import OVERLAP_NUMBERS

MAPS = arrays(np.uint8, (6, 5, 6, 1), elements=st.sampled_from([0, 0, 1, 2, 3]))
NUMBERS = list(OVERLAP_NUMBERS)


def image(labels: np.ndarray, spacing: tuple[float, float] = (1.5, 1.2)) -> Image:
    return Image(labels, np.diag([*spacing, 8.0, 1.0]))


@given(MAPS)
def test_a_map_is_equal_to_itself(labels: np.ndarray) -> None:
    table = overlap(image(labels), image(labels), "sa")
    present = table["dice"].notna()
    assert (table.loc[present, "dice"] == 1).all()
    assert (table.loc[present, ["mcd_mm", "hd_mm", "hd_max_mm"]] == 0).all(axis=None)
    assert (table["n_skipped"] == 0).all()
    whole = table[table["position"] == "all"].set_index("structure")["dice"]
    assert {name: bool((labels == label).any()) for label, name in ((1, "LV"), (2, "MYO"), (3, "RV"))} == (
        whole.notna().to_dict()
    )


@given(MAPS, MAPS)
def test_neither_map_is_preferred(a: np.ndarray, b: np.ndarray) -> None:
    """Except for the thirds of the ventricle, which are those of the reference."""
    one = overlap(image(a), image(b), "sa", positions=False)
    other = overlap(image(b), image(a), "sa", positions=False)
    np.testing.assert_allclose(one[NUMBERS].astype(float), other[NUMBERS].astype(float))


@given(MAPS, MAPS, st.booleans(), st.booleans())
def test_both_maps_mirrored_or_moved_overlap_as_before(
    a: np.ndarray, b: np.ndarray, rows: bool, columns: bool
) -> None:
    axes = [axis for axis, flip in enumerate((rows, columns)) if flip]
    padding = ((1, 4), (3, 0), (0, 0), (0, 0))
    plain = overlap(image(a), image(b), "sa")
    moved = overlap(*(image(np.pad(np.flip(each, axes), padding)) for each in (a, b)), "sa")
    np.testing.assert_allclose(moved[NUMBERS].astype(float), plain[NUMBERS].astype(float))


@given(MAPS, MAPS)
def test_distances_grow_with_the_pixels_and_dice_does_not(a: np.ndarray, b: np.ndarray) -> None:
    plain = overlap(image(a), image(b), "sa")
    doubled = overlap(image(a, (3.0, 2.4)), image(b, (3.0, 2.4)), "sa")
    distances = [name for name in NUMBERS if name.endswith("_mm")]
    np.testing.assert_allclose(doubled[distances].astype(float), 2 * plain[distances].astype(float))
    others = [name for name in NUMBERS if name not in distances]
    np.testing.assert_allclose(doubled[others].astype(float), plain[others].astype(float))
    both = plain["mcd_mm"].notna()
    assert (plain.loc[both, "mcd_mm"] <= plain.loc[both, "hd_mm"] + 1e-9).all()
    assert (plain.loc[both, "hd_mm"] <= plain.loc[both, "hd_max_mm"] + 1e-9).all()
