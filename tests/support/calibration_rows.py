"""Made-up rows for calibrations: hearts whose difficulty shows in the predictors and in the errors."""

import numpy as np
import pandas as pd

from cinecohort.calibration.conformal import Interval, Spread
from cinecohort.calibration.failures import MEASURES
from cinecohort.calibration.model import PREDICTORS, FailureModel, Term
from cinecohort.calibration.options import CalibrateOptions
from cinecohort.calibration.record import EXPLAINING, Assessment, Calibration, Estimate
from cinecohort.calibration.rows import Rows

MADE_BY = (
    "net@12345678 second=other@87654321 openvino/bf16 augmentation=none margin_mm=25 clean_up=fill_holes"
)


def made_up_rows(participants: int = 120, copies: int = 2, seed: int = 0, noise: float = 0.6) -> Rows:
    """Rows of hearts with a hidden difficulty: errors grow with it, predictors show it with noise."""
    random = np.random.default_rng(seed)
    n = participants * copies
    difficulty = random.normal(size=n)
    table = pd.DataFrame(
        index=pd.Index([f"p{i // copies:03d}_{i % copies}" for i in range(n)], name="subject")
    )
    for name in sorted({name for names in PREDICTORS.values() for name in names}):
        sign = -1 if name.endswith("dice") else 1
        table[name] = sign * difficulty + noise * random.normal(size=n)
    for name in ("lv", "myo", "rv"):
        table[f"dice_{name}"] = np.clip(0.85 - 0.12 * difficulty + 0.02 * random.normal(size=n), 0, 1)
    size = 2.0 * np.exp(0.5 * difficulty)
    for name in MEASURES:
        table[f"error_{name}"] = size * random.normal(size=n)
        table[f"value_{name}"] = 100.0
        table[f"lost_{name}"] = False
    table["participant"] = [f"one/p{i // copies:03d}" for i in range(n)]
    table["dataset"], table["vendor"], table["group"] = "one", "A", "DCM"
    table["kind"] = ["undamaged" if i % copies == 0 else "noise" for i in range(n)]
    return Rows(table, MADE_BY)


def small_calibration() -> Calibration:
    """One structure, one predictor: even odds of failure at a Dice of 0.8 with the second network."""
    term = Term(name="lv_second_dice", low=0.0, high=1.0, mean=0.8, sd=0.1, coefficient=-5.0)
    model = FailureModel(terms=[term], intercept=0.0, penalty=1.0, rate=0.5, prevalence=0.5)
    nothing = Estimate(value=None)
    return Calibration(
        made_by=MADE_BY,
        observer="O1",
        options=CalibrateOptions(),
        participants={"one": 10},
        rows={"undamaged": 10},
        without_volumes=[],
        left_out={},
        failures={"any": 5},
        prevalence=0.5,
        models={"LV": model, "MYO": None, "RV": None},
        unused=[],
        cut=0.5,
        explains=list(EXPLAINING),
        intervals={"lvef_pct": Interval(spread=Spread(a=0.0, b=0.0), quantile=4.0, participants=10)},
        assessment=Assessment(
            auc={},
            sensitivity=nothing,
            good_flagged=nothing,
            good_undamaged_flagged=nothing,
            flagged=[],
            strata=[],
            reliability=[],
            missed=[],
            coverage=[],
        ),
    )
