"""The methods text says every setting that a run's numbers rest on."""

import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cinecohort.config import Config
from cinecohort.conversion.limits import Limits
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import methods
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.quality_methods import quality
from support.settings import another, leaves

STAGES = (
    *("conversion", "image_quality", "segmentation", "segmentation_quality"),
    *("measures", "measure_quality", "evaluation", "agreement"),
)

NOT_IN_TEXT = {
    **{f"conversion.limits.{name}": "a guard; the finding names it" for name in Limits.model_fields},
    "conversion.uid_salt": "a secret",
    "segmentation.preset": "the networks that it stands for are named",
    "segmentation.engine": "provenance lists the engines that ran",
    "segmentation.precision": "provenance lists it",
    "segmentation.device": "provenance lists it",
    "segmentation.batch_size": "no result depends on it",
    "agreement.cases": "how many cases a table lists",
}
"""Settings that the text leaves out, with the reason."""


SPECIAL = {
    "conversion.uid_salt": "salt",
    "segmentation.preset": "fast",
    "segmentation.second_network": "unet16_sa",
    "conversion.required_views": ["la_4ch"],
    "conversion.name_patterns": {"sa": "other"},
    "conversion.excluded_names": ["other"],
    "agreement.statuses": ["ok"],
    "agreement.measures": ["lvedv_ml"],
    "agreement.equivalence_margins": {"lvedv_ml": 3.5},
}
"""Other values of settings for which none can be made up."""

OPTIONS = [
    leaf
    for stage in STAGES
    for leaf in leaves(typing.cast(Any, Config.model_fields[stage].annotation), stage)
]


def text_with(context: Context, path: str, value: Any) -> str:
    config = Config(datasets={"one": {"source": "dicom", "path": "x"}}, models={"sa": [{"name": "a"}]})
    place = recorded = config.model_dump(mode="json")
    *outer, last = path.split(".")
    for name in outer:
        place = place[name]
    if value is not None:
        place[last] = value
    results = dataclasses.replace(context.results, config=recorded)
    return str(methods.section(dataclasses.replace(context, results=results)))


@pytest.fixture
def context(fake_results: Callable[..., Path], tmp_path: Path) -> Context:
    folder = fake_results(n=4, n_excluded=0, observers=("O1", "O2"))
    (folder / "agreement").mkdir()
    for name in ("comparisons", "equivalence"):
        (folder / "agreement" / f"{name}.csv").touch()
    return Context(read_results(folder, {}), ReportOptions(), tmp_path)


def test_every_setting_is_in_the_text_or_left_out_for_a_reason(context: Context) -> None:
    silent = {
        path
        for path, kind, default in OPTIONS
        if text_with(context, path, another(path, kind, default, SPECIAL)) == text_with(context, path, None)
    }
    assert len(OPTIONS) > 100
    assert silent == set(NOT_IN_TEXT)


def test_a_run_on_tables_speaks_of_nothing_that_was_not_run(context: Context) -> None:
    config = {"datasets": {"one": {"source": "tables"}}}
    results = dataclasses.replace(context.results, config=config)
    text = str(methods.section(dataclasses.replace(context, results=results)))
    for words in ("DICOM", "slices", "network", "Image checks", "voxel", "Dice", "sorted"):
        assert words not in text
    assert "tables of measures made elsewhere" in text and "Bland and Altman" in text


def test_limits_that_were_changed_have_their_units() -> None:
    config = {
        "segmentation_quality": {"i3_slice_shift_mm": {"action": "off", "threshold": 3.0}},
        "measure_quality": {
            "m3_stroke_volume": {"action": "review", "difference_ml": 20.5, "difference_pct": 25.0},
            "m1_plausible": {"action": "reject", "ef_pct": [5.0, 90.0]},
        },
    }
    (paragraph,) = quality(config)
    text = str(paragraph.text)
    assert "I3 slice shift 3 mm (off)" in text
    assert "M3 stroke volume difference 20.5 mL, difference 25 % (review)" in text
    assert "M1 plausible EF 5 to 90 % (reject)" in text
    assert "unchanged" in str(quality({})[0].text)
