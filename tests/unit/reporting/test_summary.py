"""Sentences of the first page."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from cinecohort.reporting.sections.summary import measures_sentence


def test_a_measure_that_few_have_says_of_how_many() -> None:
    own = pd.DataFrame({"subject": [f"s{i}" for i in range(10)], "source": "unet", "unvalidated": ""})
    own["lvedv_ml"] = [150.0, 160.0, 170.0, 180.0, *[np.nan] * 6]
    own["lvm_g"] = 90.0
    results = SimpleNamespace(own_measures=lambda: own, sources=lambda: ["unet"])
    sentence = measures_sentence(cast("Any", SimpleNamespace(results=results)))
    assert sentence == (
        "Median (quartiles), taken by unet in 10 analysed subjects: LVEDV 165.0 mL (157.5 to 172.5, n = 4) "
        "and LVM 90.0 g (90.0 to 90.0)."
    )


def test_a_measure_that_no_heart_could_have_is_left_out() -> None:
    own = pd.DataFrame({"subject": ["a", "b", "c"], "source": "unet", "unvalidated": ""})
    own["lvm_g"], own["rvef_pct"] = 90.0, [-800.0, 4.0, 55.0]
    results = SimpleNamespace(own_measures=lambda: own, sources=lambda: ["unet"])
    sentence = measures_sentence(cast("Any", SimpleNamespace(results=results)))
    assert "LVM" in sentence
    assert "RVEF" not in sentence
