import numpy as np
import pytest

from cinecohort.catalogue.views import CODINGS, STRUCTURES, VIEWS
from cinecohort.labels import recode


def test_structures_are_those_of_the_design():
    assert STRUCTURES == {
        "sa": {1: "LV", 2: "MYO", 3: "RV"},
        "la_2ch": {1: "LA"},
        "la_4ch": {1: "LA", 2: "RA"},
    }
    assert set(STRUCTURES) < set(VIEWS)


@pytest.mark.parametrize(
    ("coding", "theirs", "ours"),
    [
        ("cinecohort", [0, 1, 2, 3], [0, 1, 2, 3]),
        ("acdc", [0, 1, 2, 3], [0, 3, 2, 1]),
        ("digital_heart", [0, 1, 2, 4], [0, 1, 2, 3]),
        ("biv_me", [0, 1, 2, 3, 4], [0, 1, 2, 3, 0]),
        ("mm_whs", [0, 500, 205, 600, 420, 550, 820, 850], [0, 1, 2, 3, 0, 0, 0, 0]),
    ],
)
def test_codings_of_other_sources(coding, theirs, ours):
    recoded = recode(np.array(theirs, np.int16).reshape(1, -1, 1), CODINGS[coding])
    assert recoded.dtype == np.uint8
    assert recoded.ravel().tolist() == ours


def test_every_coding_leads_to_our_labels():
    for coding in CODINGS.values():
        assert set(coding.values()) - {0} == set(STRUCTURES["sa"])


@pytest.mark.parametrize("labels", [[0, 5], [0, -1]])
def test_a_label_that_the_coding_does_not_name_is_refused(labels):
    with pytest.raises(ValueError, match=r"label map holds \[(5|-1)\]"):
        recode(np.array(labels), CODINGS["acdc"])


def test_an_empty_map_stays_empty():
    assert not recode(np.zeros((2, 2), np.uint8), CODINGS["acdc"]).any()
