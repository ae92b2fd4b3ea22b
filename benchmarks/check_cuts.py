"""How often each check of label maps fires on sound hearts: experts' labels, taken for segmentations.

    python benchmarks/check_cuts.py ../shared/data [--write]

An expert's map of a heart of ACDC or M&Ms is sound, so that a check that fires on it raises a false alarm.
ED and ES only: checks of the whole cycle do not enter. ``--write`` puts the tables into ``check_cuts.md``.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from segmentation_accuracy import converted

from cinecohort.findings import Level
from cinecohort.images import sidecar_path
from cinecohort.label_maps import label_path, segmentation_path
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import model_sets
from cinecohort.quality.measures import check_rows
from cinecohort.quality.options import MeasureQualityOptions, SegmentationQualityOptions
from cinecohort.quality.predictors import PREFIX
from cinecohort.quality.segmentations import check_segmentations

HERE = Path(__file__).parent
SETS = model_sets({"sa": ["expert"]})
QUANTILES = (0.0, 0.02, 0.05, 0.5, 0.95, 0.98, 1.0)
INTRODUCTION = """# Checks on sound hearts

`python benchmarks/check_cuts.py ../shared/data --write`: experts' labels of {n} hearts of ACDC and M&Ms (ED
and ES) through the checks of segmentations with their default limits. The labels are right, so that what
fires here is a false alarm of checks of labels (S). Checks of images and stacks (I) may be right; all that
fired were looked at. M2 and M3 have the limits that one of twenty experts' maps exceeds; M1 fires on RV
ejection fractions of 2 to 9 % and one of 86 %.

- I3 is right in all 17: cut lengthwise, each stack has slices that lie 8 to 26 mm beside the line through the
  others, as after another breath-hold.
- I4 is right in the 27 with a large apical slice: the last slice of the stack shows a wide cavity, and none
  lies below it. In the 4 others it is the base that fires, and a reader cannot tell from the short axis.
- I2 fires on hearts with a grey wall. The contrast over the range of the whole image, which it looked at
  before, fired where fat beside a coil was bright and the wall plain, and on one only of these.
"""


def checked(folder: Path) -> tuple[set[str], dict[str, float]]:
    """Codes that flag a heart under its expert's labels, and the values behind the checks."""
    label, place = label_path(folder, "sa", "manual"), segmentation_path(folder, "sa")
    for source, link in ((label, place), (sidecar_path(label), sidecar_path(place))):
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    outcome = check_segmentations(folder, None, SegmentationQualityOptions())
    measured = measure_subject(folder, SETS, [], MeasureOptions(wall_thickness=False), ["sa"]).rows
    findings = outcome.findings + check_rows(measured, MeasureQualityOptions())
    flags = {str(found.code) for found in findings if found.level is not Level.INFO}
    behind = outcome.values  # noqa: PD011
    checks = {name: value for name, value in behind.items() if not name.startswith(PREFIX)}
    checks |= differences(measured[0])
    return flags, {name: value for name, value in checks.items() if isinstance(value, int | float)}


def differences(row: Mapping[str, Any]) -> dict[str, float]:
    """What M2 and M3 look at; NaN where a volume is not given."""
    names = ("lvm_g", "lvm_es_g", "lvsv_ml", "rvsv_ml")
    diastole, systole, left, right = (np.nan if row[name] is None else float(row[name]) for name in names)
    return {
        "mass_change_pct": 100 * abs(systole / diastole - 1),
        "stroke_volumes_ml": abs(left - right),
        "stroke_volumes_pct": 200 * abs(left - right) / (left + right),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with acdc/ and mnms/")
    parser.add_argument("--write", action="store_true", help="write benchmarks/check_cuts.md")
    arguments = parser.parse_args()
    flags, numbers = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for dataset, source in (("acdc", "acdc"), ("mnms", "nifti")):
            for folder in converted(source, arguments.data / dataset, None, Path(temporary)):
                codes, values = checked(folder)
                flags.append({"dataset": dataset, **dict.fromkeys(codes, 1)})
                numbers.append({"dataset": dataset, **values})
    fired = pd.DataFrame(flags).groupby("dataset").agg(["sum", "size"])
    lines = [INTRODUCTION.format(n=len(flags)).rstrip(), "", "| code | ACDC | M&Ms |", "|---|---|---|"]
    for code in sorted(fired.columns.levels[0]):
        cells = [
            f"{int(fired.loc[each, (code, 'sum')])} of {fired.loc[each, (code, 'size')]}"
            for each in ("acdc", "mnms")
        ]
        lines.append(f"| {code} | {' | '.join(cells)} |")
    heads = " | ".join(f"{100 * quantile:g} %" for quantile in QUANTILES)
    lines += ["", f"| value | n | {heads} |", "|---" * (len(QUANTILES) + 2) + "|"]
    for name, column in pd.DataFrame(numbers).drop(columns="dataset").items():
        known = column.dropna()
        if len(known) and known.nunique() > 2:
            cells = " | ".join(f"{value:.3g}" for value in np.quantile(known, QUANTILES))
            lines.append(f"| {name} | {len(known)} | {cells} |")
    print("\n".join(lines))
    if arguments.write:
        (HERE / "check_cuts.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
