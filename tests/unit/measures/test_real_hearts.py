"""Measures of real hearts from the experts' own labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.views import CODINGS
from cinecohort.images import Image, read_image
from cinecohort.label_maps import manual_map
from cinecohort.labels import recode
from cinecohort.measures.derived import with_derived
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.positions import base_direction
from cinecohort.measures.ventricles import StackFacts, ventricular_curves, ventricular_measures

pytestmark = pytest.mark.real_data

EXPECTED = {
    "DCM": {"lvedv_ml": 284.6, "lvef_pct": 18.4},
    "HCM": {"lvedv_ml": 129.1, "lvef_pct": 67.4, "lvm_g": 177.0},
    "MINF": {"lvedv_ml": 172.2, "lvef_pct": 31.0},
    "NOR": {"lvedv_ml": 130.1, "lvef_pct": 60.3, "rvef_pct": 55.1, "lvm_g": 102.4},
    "RV": {"lvedv_ml": 107.1, "lvef_pct": 54.7, "rvedv_ml": 196.3, "rvef_pct": 31.4},
}
"""Group means of the 100 subjects, worked out apart by counting voxels with ``pixdim`` spacing."""


def acdc_info(folder: Path) -> dict[str, str]:
    lines = (folder / "Info.cfg").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def acdc_labels(folder: Path) -> Image:
    """End-diastole and end-systole as two frames, in our coding."""
    info = acdc_info(folder)
    frames = [
        read_image(folder / f"{folder.name}_frame{int(info[role]):02d}_gt.nii.gz") for role in ("ED", "ES")
    ]
    both = np.concatenate([recode(frame.data.astype(np.uint8), CODINGS["acdc"]) for frame in frames], axis=3)
    return Image(both, frames[0].affine, sidecar={"ed_frame": 0, "es_frame": 1})


@pytest.fixture(scope="module")
def subjects(real_data: Path) -> list[Path]:
    folders = sorted((real_data / "acdc").glob("patient*"))
    if len(folders) != 100:
        pytest.skip(f"{len(folders)} of the 100 training subjects of ACDC are there")
    return folders


def test_group_means_of_acdc(subjects: list[Path]) -> None:
    rows = []
    for folder in subjects:
        curves = ventricular_curves(manual_map(acdc_labels(folder), "sa"), StackFacts(), MeasureOptions())
        row = with_derived(ventricular_measures(curves, 0, 1, MeasureOptions()))
        rows.append({"group": acdc_info(folder)["Group"], **row})
    means = pd.DataFrame(rows).groupby("group").mean()
    for group, expected in EXPECTED.items():
        assert means.loc[group, list(expected)].to_dict() == pytest.approx(expected, abs=0.1)


def test_every_acdc_stack_runs_from_base_to_apex(subjects: list[Path]) -> None:
    for folder in subjects[::5]:
        data = acdc_labels(folder).data
        for frame in (0, 1):
            lv, rv = (np.count_nonzero(data[..., frame] == k, axis=(0, 1)).astype(float) for k in (1, 3))
            assert base_direction(lv, rv, np.eye(4)) == -1
