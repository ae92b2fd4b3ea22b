"""No command, engine or workflow reaches for a network, and none leaves anything in the home folder.

What a reader of the documentation runs, among it a study of one patient, is held to the same; see
``integration/test_documentation.py``.
"""

import shutil

import pandas as pd
import pytest
import yaml

from support.guarded import Guarded
from support.tiny_cohort import Cohort, write_patient
from support.tiny_experiments import TRAINING
from support.tiny_weights import write_weights


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Guarded:
    guarded = Guarded(tmp_path_factory.mktemp("guarded"))
    layout = ("--layout", "dicom", "--frames", 12, "--no-faults")
    raw = guarded.folder / "raw"
    contours = ("--annotations", raw / "annotations")
    write_patient(guarded.folder / "tiny", 1)
    guarded.cinecohort(
        ("phantom", raw, "--subjects", 2, *layout),
        ("convert", raw / "dicom", guarded.folder / "images", *contours),
        ("convert", guarded.folder / "tiny", guarded.folder / "tiny_images", "--layout", "acdc"),
    )
    return guarded


def test_the_guard_sees_an_attempt(tmp_path):
    guarded = Guarded(tmp_path)
    with pytest.raises(AssertionError, match="getaddrinfo"):
        guarded.python("-c", "import urllib.request as u; u.urlopen('http://example.org')")


@pytest.mark.parametrize(
    "order", ["import cinecohort, openvino", "import cinecohort.segmentation.engines, openvino"]
)
def test_openvino_is_imported_without_its_telemetry(tmp_path, order):
    code = f"{order}, sys; assert sys.modules['openvino_telemetry'] is None"
    Guarded(tmp_path).python("-c", code)


@pytest.mark.slow
def test_segmentation(guarded):
    engines = ("torch", "openvino", "mnn")
    weights = write_weights(guarded.folder / "tiny.safetensors", 1)
    images = guarded.folder / "tiny_images" / "patient001"
    guarded.cinecohort(
        *(("segment", images, "--engine", each, "--name", each, "--model", weights) for each in engines)
    )
    assert all(list(images.glob(f"*{each}_sa.nii.gz")) for each in engines)


@pytest.mark.slow
def test_other_commands(guarded):
    images, tables = guarded.folder / "images", guarded.folder / "tables"
    tables.mkdir()
    for each in images.iterdir():
        shutil.copy(next(each.glob("label_*_sa.nii.gz")), each / "seg_sa.nii.gz")
    labels = next(images.rglob("seg_sa.nii.gz"))
    cohort = pd.DataFrame({"subject": [f"s{n}" for n in range(40)], "ill": [0, 1] * 20})
    cohort["age"] = [40 + n % 7 for n in range(40)]
    cohort["volume"] = [100.0 + n % 11 for n in range(40)]
    cohort.to_csv(tables / "a.csv", index=False)
    cohort.assign(volume=cohort["volume"] + 1).to_csv(tables / "b.csv", index=False)
    long = pd.concat([cohort.assign(rater=r) for r in ("x", "y")])
    long.to_csv(tables / "long.csv", index=False)
    columns = ("--subject", "subject", "--rater", "rater", "--value", "volume")
    who = ("--treatment", "ill", "--covariates", "age")
    outcomes = ("--group", "ill", "--outcomes", "volume")
    guarded.cinecohort(
        ("measure", images, "--out", tables / "measures.csv"),
        ("evaluate", "--auto", labels, "--manual", labels, "--out", tables / "overlap.csv"),
        ("agree", tables / "a.csv", tables / "b.csv", "--out", tables / "agree"),
        ("reliability", tables / "long.csv", *columns, "--out", tables / "icc.csv"),
        ("match", tables / "a.csv", *who, "--out", tables / "match"),
        ("compare", tables / "a.csv", *outcomes, "--out", tables / "effects.csv"),
        ("model-card",),
    )
    guarded.python("-m", "cinecohort.cli", "--help")


@pytest.mark.slow
def test_training_and_experiments(tmp_path):
    guarded = Guarded(tmp_path)
    for number in range(1, 5):
        write_patient(tmp_path / "raw", number)
    training = {**TRAINING, "name": "tiny", "output": str(tmp_path / "trained"), "device": "cpu"}
    training["data"] = {"folders": [str(tmp_path / "images")], "observer": "manual", "validation": 1}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(training))
    row = {"trained_on": ["home"], "settings": TRAINING}
    values = {
        "results": str(tmp_path / "experiments"),
        **{"budget": None, "validation": 1, "device": "cpu"},
        "datasets": {"home": {"source": "acdc", "path": str(tmp_path / "raw"), "held_out": ["patient001"]}},
        "rows": {"base": row},
        "tables": {"one": {"rows": ["base"], "datasets": ["home"]}},
        "panels": {"one": {"rows": ["base"], "dataset": "home", "subjects": 1}},
    }
    (tmp_path / "experiments.yaml").write_text(yaml.safe_dump({"experiments": values}))
    steps = (("dataset", "home"), ("row", "base"), ("test", "base.home"), ("table", "one"), ("panel", "one"))
    guarded.cinecohort(
        ("convert", tmp_path / "raw", tmp_path / "images", "--layout", "acdc"),
        ("train", tmp_path / "train.yaml"),
        *(("experiments", tmp_path / "experiments.yaml", f"--{step}", name) for step, name in steps),
        ("experiments", tmp_path / "experiments.yaml", "--curves"),
    )


@pytest.mark.slow
def test_workflow_report_and_verify(tmp_path):
    guarded = Guarded(tmp_path)
    cohort = Cohort(tmp_path / "cohort")
    for number in (1, 2, 3):
        write_patient(cohort.raw, number)
    weights = write_weights(tmp_path / "tiny.safetensors", 1)
    cohort.configure(models={"sa": [{"name": "tiny", "weights": str(weights)}]}, studies={})
    guarded.python(*cohort.command()[1:])
    guarded.cinecohort(("report", cohort.results), ("verify", cohort.results))
    assert {path.name for path in (tmp_path / "cache").iterdir()} <= {"snakemake"}
