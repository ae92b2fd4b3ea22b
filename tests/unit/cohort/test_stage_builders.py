import errno
from types import SimpleNamespace

import pytest
import torch

from cinecohort.cohort import stage_builders
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stage_builders import BUILDERS, merged, of_views, without_model
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.config import parse_config
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.label_maps import observers_of
from cinecohort.segmentation import prediction
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.store import write_record


def test_observers_are_those_whose_labels_the_conversion_recorded(tmp_path):
    names = ["label_O1_sa.nii.gz", "label_O1_la_4ch.nii.gz", "label_a_b_la_2ch.nii.gz", "sa.nii.gz"]
    for name in (*names, "label_left_over_sa.nii.gz"):
        (tmp_path / name).write_text("labels")
    assert observers_of(tmp_path) == []
    write_record(tmp_path, "convert", 1, "print", Outcome(Status.OK, outputs=names))
    assert observers_of(tmp_path) == ["O1", "a_b"]


def test_merging_takes_all_findings_and_outputs_and_the_first_values():
    flagged = Finding("NO_MODEL", Level.REVIEW, "No network.", "la_2ch")
    first = Outcome(Status.OK, [], ["seg_sa.nii.gz"], {"engine": "torch"})
    second = Outcome(Status.REVIEW, [flagged], ["seg_la_2ch.nii.gz"], {"engine": "openvino", "extra": 1})
    both = merged([first, second])
    assert both.status is Status.REVIEW
    assert both.outputs == ["seg_sa.nii.gz", "seg_la_2ch.nii.gz"]
    assert both.values == {"engine": "torch", "extra": 1}
    assert merged([first, Outcome(Status.ERROR)]).status is Status.ERROR


def test_model_and_frames_are_known_by_view():
    values = {"engine": "torch", "precision": "fp32", "device": "cpu"}
    short = Outcome(Status.OK, values={"model": "ventricles", **values, "frames_segmented": 50})
    long = Outcome(Status.OK, values={"model": "atria", **values, "frames_segmented": 0})
    assert of_views(["sa", "la_2ch"], [short, long]).values == {
        **values,
        "models": "sa=ventricles,la_2ch=atria",
        "frames_segmented": "sa=50,la_2ch=0",
    }


def test_a_job_without_the_raw_data_fails_before_it_blames_a_subject(tmp_path):
    config = parse_config({"datasets": {"tiny": {"source": "acdc", "path": str(tmp_path / "not mounted")}}})
    with pytest.raises(UserError, match="not mounted"):
        BUILDERS["convert"](SETTINGS["convert"].read(settings_for("convert", config)), tmp_path, 1, 0)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_job_without_cuda_fails(monkeypatch, device):
    engine = SimpleNamespace(device="cpu", name="torch", precision="fp32")
    monkeypatch.setattr("cinecohort.segmentation.engines.resolve_engine", lambda options: engine)
    with pytest.raises(UserError, match="no CUDA device"):
        stage_builders._engine(SegmentationOptions(device=device), gpu=1)


@pytest.mark.parametrize("pin", [{"engine": "openvino"}, {"engine": "mnn"}, {"precision": "int8"}])
def test_a_gpu_job_with_an_engine_that_uses_none_fails(monkeypatch, pin):
    engine = SimpleNamespace(device="cpu", name="openvino", precision="fp32")
    monkeypatch.setattr("cinecohort.segmentation.engines.resolve_engine", lambda options: engine)
    ((key, value),) = pin.items()
    with pytest.raises(UserError, match=rf"given a GPU, which segmentation\.{key}: {value} does not use"):
        stage_builders._engine(SegmentationOptions(**pin), gpu=1)


def test_how_a_network_is_run_is_no_reason_to_run_it_again(tmp_path):
    def parameters(**options):
        datasets = {"tiny": {"source": "acdc", "path": str(tmp_path)}}
        models = {"sa": [{"name": "unet_slim_sa"}]}
        settings = {"precision": "fp32", **options}
        config = parse_config({"datasets": datasets, "models": models, "segmentation": settings})
        read = SETTINGS["segment"].read(settings_for("segment", config))
        return BUILDERS["segment"](read, tmp_path, 1, 0).parameters

    here = parameters()
    assert parameters(batch_size=4, device="cpu", engine=here["engine"]["engine"]) == here
    assert parameters(engine="torch") != parameters(engine="openvino")
    assert parameters(frames="ed_es") != here


VALUES = {"model": "net", "frames_segmented": 2}


def people(tmp_path, names):
    return [(IndexedSubject(name, "tiny", name, name, "", "raw"), tmp_path / name) for name in names]


def segment(tmp_path, monkeypatch, fake):
    monkeypatch.setattr(prediction, "load", lambda model, options, view, threads: model)
    monkeypatch.setattr(prediction, "segment_with", fake)
    models = {"sa": [ModelOptions(name="one"), ModelOptions(name="two")]}
    pending = people(tmp_path, "abcde")
    made = stage_builders._segment_all(pending, models, SegmentationOptions(), 1)
    return {subject.subject: outcome for subject, outcome in made}


def test_models_go_side_by_side(tmp_path, monkeypatch):
    def fake(model, folders, options, name):
        for folder in folders:
            outputs = [f"{folder.name}-{model.name}-{name}"]
            yield folder, Outcome(Status.OK, outputs=outputs, values=VALUES)

    outcomes = segment(tmp_path, monkeypatch, fake)
    assert outcomes["c"].outputs == ["c-one-None", "c-two-two"]


def test_a_fault_in_the_network_marks_its_own_subject_only(tmp_path, monkeypatch):
    def fake(model, folders, options, name):
        folders = list(folders)
        for place, folder in enumerate(folders):
            if "c" in [ahead.name for ahead in folders[place : place + 2]]:
                raise ValueError("met while reading ahead")
            yield folder, Outcome(Status.OK, values=VALUES)

    outcomes = segment(tmp_path, monkeypatch, fake)
    assert {key: str(outcome.status) for key, outcome in outcomes.items()} == {
        **dict.fromkeys("abde", "ok"),
        "c": "error",
    }


@pytest.mark.parametrize("fault", [UserError("openvino cannot be loaded"), ImportError("libtbb.so")])
def test_an_engine_that_does_not_work_fails_the_job(tmp_path, monkeypatch, fault):
    def broken(*arguments):
        raise fault

    monkeypatch.setattr(prediction, "load", broken)
    models = {"sa": [ModelOptions(name="one")]}
    with pytest.raises(type(fault), match=str(fault)):
        list(stage_builders._segment_all(people(tmp_path, "ab"), models, SegmentationOptions(), 1))


@pytest.mark.parametrize(
    ("fault", "fails"),
    [
        (OSError(errno.EIO, "Input/output error"), True),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "seg_sa.nii.gz"), False),
    ],
)
def test_only_a_fault_of_the_machine_fails_the_job(tmp_path, monkeypatch, fault, fails):
    def fake(model, folders, options, name):
        for folder in folders:
            if folder.name == "c":
                raise fault
            yield folder, Outcome(Status.OK, values=VALUES)

    if fails:
        with pytest.raises(type(fault)):
            segment(tmp_path, monkeypatch, fake)
    else:
        outcomes = segment(tmp_path, monkeypatch, fake)
        assert [key for key, outcome in outcomes.items() if outcome.status is Status.ERROR] == ["c"]
        assert "seg_sa.nii.gz" in outcomes["c"].findings[0].message


def test_without_models_everybody_passes(tmp_path):
    made = stage_builders._segment_all(people(tmp_path, "ab"), {"sa": []}, SegmentationOptions(), 1)
    assert [outcome.status for _, outcome in made] == [Status.OK, Status.OK]


def test_a_view_without_a_network_is_said_and_one_that_is_not_there_is_not(tmp_path):
    for view in ("sa", "la_2ch"):
        (tmp_path / f"{view}.nii.gz").touch()
    outcome = without_model(tmp_path, {"sa": ["net"], "la_4ch": []})
    assert [(finding.code, finding.view) for finding in outcome.findings] == [("NO_MODEL", "la_2ch")]
    assert merged([outcome]).status is Status.OK


def test_merging_keeps_the_traceback_for_the_log():
    fault = Outcome(Status.ERROR, traceback="Traceback by hand")
    assert merged([fault, Outcome(Status.OK)]).traceback == "Traceback by hand"
    assert merged([fault, Outcome(Status.OK)]).status is Status.ERROR
