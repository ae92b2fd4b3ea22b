"""Odd images, kills, missing engines, memory, weights that do not fit: a finding or a sentence, no crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import safetensors.torch
import torch
import yaml

from cinecohort.cli import main
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.stage_builders import BUILDERS
from cinecohort.cohort.stage_settings import SegmentSettings
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.findings import Outcome, Status
from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation import engines, prediction
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import READ_AHEAD, load, segment_subjects
from cinecohort.segmentation.processors import Processor
from cinecohort.segmentation.weights import load_model
from cinecohort.store import forget, write_record

FAST = ["--engine", "torch", "--precision", "fp32", "--threads", "1"]
ODD = ("one_slice", "smaller_than_crop", "nan", "black_slice", "black", "three_axes", "infinite", "constant")


def made_odd(kind: str, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels (x, y, z, t) with one thing wrong."""
    if kind == "one_slice":
        return image[:, :, :1], labels[:, :, :1]
    if kind == "smaller_than_crop":
        return image[10:29, 20:33], labels[10:29, 20:33]
    if kind == "three_axes":
        return image[..., 0], labels[..., 0]
    image = image.astype(np.float32)
    if kind == "nan":
        image[3:30, 4, 1, 0] = np.nan
    elif kind == "infinite":
        image[3, 4, 1, 0] = np.inf
    elif kind == "black_slice":
        image[:, :, 1] = 0
    else:
        image[:] = 0 if kind == "black" else 7
    return image, labels


def write_odd(kind: str, source: Path, folder: Path) -> Path:
    """Subject as `source`, with one thing wrong; plain NIfTI, as others write it."""
    folder.mkdir(parents=True)
    names = ("sa.nii.gz", "label_manual_sa.nii.gz")
    image, labels = (read_image(source / name) for name in names)
    for name, data in zip(names, made_odd(kind, image.data, labels.data), strict=True):
        nib.save(nib.Nifti1Image(data, image.affine), folder / name)
    return folder


@pytest.fixture(scope="module")
def odd_cohort(labelled_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    for kind in ODD:
        write_odd(kind, labelled_cohort / "S0", root / kind)
    return root


def test_segmenting_odd_images(
    odd_cohort: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segment", str(odd_cohort), "--model", str(tiny_weights), "--uncertainty", *FAST]) == 0
    said = capsys.readouterr()
    assert f"{len(ODD)} of {len(ODD)} subjects segmented" in said.out
    for kind, code in {
        "nan": "NOT_FINITE",
        "infinite": "NOT_FINITE",
        "black_slice": "BLANK_SLICE",
        "black": "BLANK_SLICE",
        "constant": "BLANK_SLICE",
    }.items():
        assert f"{kind}: {code}" in said.err
    for kind in ODD:
        segmented, image = (nib.load(odd_cohort / kind / name) for name in ("seg_sa.nii.gz", "sa.nii.gz"))
        assert segmented.shape == (*image.shape, 1, 1)[: max(4, len(image.shape))]
        assert np.array_equal(segmented.affine, image.affine)


@pytest.mark.parametrize("pixel_mm", [0.0018, 10.0, 1800.0])
def test_pixels_that_are_no_cines_are_not_segmented(
    pixel_mm: float, labelled_cohort: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """Metres or micrometres for millimetres: the working grid would be one block, or larger than memory."""
    image = read_image(labelled_cohort / "S0" / "sa.nii.gz")
    nib.save(nib.Nifti1Image(image.data, np.diag([pixel_mm, pixel_mm, 8, 1])), tmp_path / "sa.nii.gz")
    model = ModelOptions(name="tiny", weights=str(tiny_weights))
    options = SegmentationOptions(engine="torch", precision="fp32", device="cpu")
    ((_, outcome),) = segment_subjects([tmp_path], model, options, "sa", threads=1)
    assert [finding.code for finding in outcome.findings] == ["SPACING"]
    assert not outcome.outputs
    assert outcome.status == "review"


@pytest.mark.parametrize(
    ("roles", "frames"),
    [({"ed": 1, "es": 0}, [0, 1]), ({"ed": -1, "es": 1}, [0, 1, 2]), ({"ed": 5, "es": 1}, [0, 1, 2])],
)
def test_roles_that_name_no_frame_are_not_followed(roles: dict[str, int], frames: list[int]) -> None:
    image = Image(np.zeros((4, 4, 2, 3)), np.eye(4), sidecar={"frame_roles": roles})
    assert prediction.frames_to_segment(image, SegmentationOptions(frames="ed_es")) == frames


@pytest.mark.parametrize("threads", ["0", "-2", "many", "1.5"])
def test_threads_that_are_no_number_are_wrong_usage(threads: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["segment", ".", "--threads", threads])
    assert caught.value.code == 2
    assert f"argument --threads: {threads!r}: Input should be" in capsys.readouterr().err


def test_weights_that_are_not_finite_are_refused(tiny_weights: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(tiny_weights)
    next(value for value in tensors.values() if value.is_floating_point()).view(-1)[0] = float("nan")
    safetensors.torch.save_file(tensors, tmp_path / "nan.safetensors")
    write_json(tmp_path / "nan.json", {**read_json(tiny_weights.with_suffix(".json")), "sha256": ""})
    with pytest.raises(UserError, match=r"nan\.safetensors: holds numbers that are not finite"):
        load_model(str(tmp_path / "nan.safetensors"))


def test_what_is_odd_in_one_slice_leaves_the_others_alone(odd_cohort: Path, tiny_weights: Path) -> None:
    """NaN in a frame and a black slice change the result there only, at the intensities of the series."""
    network, description = load_model(str(tiny_weights))
    run = engines.make_network(network, engines.ResolvedEngine("torch", "fp32", "cpu"), 1)
    image = read_image(odd_cohort / "nan" / "sa.nii.gz")
    odd = prediction.ImageInference(image, description, run, 4)
    plain = prediction.ImageInference(read_image(odd_cohort / "one_slice" / "sa.nii.gz"), description, run, 4)
    odd.limits = plain.limits
    assert np.array_equal(odd.labels([0, 1])[:, :, 0], plain.labels([0, 1])[:, :, 0])


def training(output: Path, folders: list[Path], **changes: object) -> Path:
    """A configuration file of a tiny run."""
    values = {
        "name": "tiny",
        "output": str(output),
        "architecture": "unet16",
        "data": {"folders": [str(folder) for folder in folders], "validation": 1},
        **{"crop": 32, "iterations": 2, "batch_size": 2, "validate_every": 2, "checkpoint_every": 1},
        **{"precision": "fp32", "device": "cpu", "threads": 1, "warm_up": 2},
        **changes,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(values))
    return path


def test_training_on_odd_images_gives_finite_weights(
    labelled_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ODD:
        if kind not in ("black", "constant"):
            write_odd(kind, labelled_cohort / "S0", tmp_path / "odd" / kind)
    for normalisation in ("unit", "zscore_slice"):
        path = training(
            tmp_path / normalisation,
            [tmp_path / "odd"],
            normalisation=normalisation,
            iterations=4,
            validate_every=4,
        )
        assert main(["train", str(path)]) == 0
        tensors = safetensors.torch.load_file(tmp_path / normalisation / "tiny.safetensors")
        assert all(torch.isfinite(value).all() for value in tensors.values())


@pytest.mark.parametrize("kind", ["black", "constant"])
def test_blank_images_are_not_learnt_from(
    labelled_cohort: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("A", "B"):
        write_odd(kind, labelled_cohort / "S0", tmp_path / "data" / name)
    assert main(["train", str(training(tmp_path / "run", [tmp_path / "data"]))]) == 1
    assert "is one value everywhere in annotated frames (0, 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("coding", "but the labels of sa are 1 LV, 2 MYO, 3 RV"),
        ("grid", "convert it again"),
        ("truncated", "copy it again"),
    ],
)
def test_labels_that_cannot_be_learnt_from_are_named(
    labelled_cohort: Path,
    tmp_path: Path,
    change: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("A", "B"):
        write_odd("one_slice", labelled_cohort / "S0", tmp_path / "data" / name)
    path = tmp_path / "data" / "A" / "label_manual_sa.nii.gz"
    labels = read_image(path)
    if change == "coding":
        nib.save(nib.Nifti1Image(np.where(labels.data == 3, 4, labels.data), labels.affine), path)
    elif change == "grid":
        nib.save(nib.Nifti1Image(labels.data[1:], labels.affine), path)
    else:
        path.write_bytes(path.read_bytes()[:200])
    config = training(
        tmp_path / "run", [tmp_path / "data"], data={"folders": [str(tmp_path / "data")], "validation": ["B"]}
    )
    assert main(["train", str(config)]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert "label_manual_sa.nii.gz" in said
    assert "Traceback" not in said


KILLED = """
import os, signal, sys
import torch
from cinecohort.cli import main
from cinecohort.segmentation.training import Trainer

def killed_in(function, call):
    calls = []
    def called(*arguments):
        calls.append(function(*arguments))
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return calls[-1]
    return called

place, call = sys.argv[1], int(sys.argv[2])
if place == "checkpoint":
    torch.save = killed_in(torch.save, call)
else:
    Trainer.step = killed_in(Trainer.step, call)
sys.exit(main(["train", sys.argv[3]]))
"""


def killed_training(config: Path, place: str, call: int) -> int:
    """Train until SIGKILL after an iteration, or once a checkpoint is written but not in its place."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, place, str(call), str(config)]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_a_training_that_is_killed_and_started_again_ends_with_the_same_weights(
    labelled_cohort: Path, tmp_path: Path
) -> None:
    """Killed in an iteration and, gone on, while it writes a checkpoint; two whole runs are equal too."""
    changes = {"iterations": 14, "validate_every": 14, "checkpoint_every": 2, "dropout": 0.1, "crop": 16}
    for name in ("one", "two"):
        assert main(["train", str(training(tmp_path / name, [labelled_cohort], **changes))]) == 0
    config = training(tmp_path / "killed", [labelled_cohort], **changes)
    for place, call in (("iteration", 5), ("checkpoint", 3)):
        assert killed_training(config, place, call) == -signal.SIGKILL
        assert (tmp_path / "killed" / "checkpoint.pt").is_file()
    assert main(["train", str(config)]) == 0
    runs = [
        safetensors.torch.load_file(tmp_path / name / "tiny.safetensors") for name in ("one", "two", "killed")
    ]
    for other in runs[1:]:
        assert all(torch.equal(runs[0][name], other[name]) for name in runs[0])


def test_no_more_than_a_few_images_are_in_memory(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    for number in range(12):
        folders.append(tmp_path / f"S{number:02d}")
        write_image(folders[-1] / "sa.nii.gz", read_image(labelled_cohort / "S0" / "sa.nii.gz"))
    read, finished, most = prediction.read_subject, prediction.finish, 0
    alive = 0

    def counting_read(folder: Path, view: str) -> prediction.ReadSubject:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return read(folder, view)

    def counting_finish(*arguments: object) -> object:
        nonlocal alive
        outcome = finished(*arguments)  # type: ignore[arg-type]
        alive -= 1
        return outcome

    monkeypatch.setattr(prediction, "read_subject", counting_read)
    monkeypatch.setattr(prediction, "finish", counting_finish)

    def named_as_asked_for() -> Iterator[Path]:
        yield from folders

    options = SegmentationOptions(engine="torch", precision="fp32", device="cpu")
    model = ModelOptions(name="tiny", weights=str(tiny_weights))
    done = list(segment_subjects(named_as_asked_for(), model, options, "sa", threads=1))
    assert [folder for folder, _ in done] == folders
    assert all(outcome.outputs for _, outcome in done)
    assert alive == 0
    assert most <= 2 * READ_AHEAD + 1


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [
        ({"device": "cuda"}, "pinned to cuda"),
        ({"engine": "openvino"}, "pinned to openvino"),
        ({"engine": "mnn"}, "pinned to mnn"),
        ({"precision": "bf16"}, "pinned to bf16"),
    ],
)
def test_what_is_pinned_and_missing_fails_the_job_and_the_command(
    pin: dict[str, str],
    sentence: str,
    labelled_cohort: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    monkeypatch.setattr(engines, "has_mnn", lambda: False)
    monkeypatch.setattr(engines, "this_processor", Processor)
    settings = {
        "version": 1,
        "segmentation": SegmentationOptions(**pin).model_dump(mode="json"),
        "models": {"sa": [{"name": "tiny", "weights": str(tiny_weights)}]},
        "weights": {},
    }
    with pytest.raises(UserError, match=sentence):
        BUILDERS["segment"](SegmentSettings(**settings), tmp_path, 1, 0)
    ((key, value),) = pin.items()
    arguments = ["segment", str(labelled_cohort / "S0"), "--model", str(tiny_weights), f"--{key}", value]
    assert main(arguments) == 1
    assert sentence in capsys.readouterr().err
    assert not (labelled_cohort / "S0" / "seg_sa.nii.gz").exists()


def test_a_subject_that_cannot_be_written_is_marked_alone(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """A folder has the name of its label map, where an earlier run had written that."""
    pending = []
    for name in ("first", "blocked", "last"):
        folder = tmp_path / name
        write_image(folder / "sa.nii.gz", read_image(labelled_cohort / "S0" / "sa.nii.gz"))
        pending.append((IndexedSubject(name, "tiny", name, name, "", "raw"), folder))
    blocked = tmp_path / "blocked"
    (blocked / "seg_sa.nii.gz").write_bytes(b"of an earlier run")
    write_record(blocked, "segment", 1, "print", Outcome(outputs=["seg_sa.nii.gz"]))
    (blocked / "seg_sa.nii.gz").unlink()
    (blocked / "seg_sa.nii.gz").mkdir()
    settings = {
        "version": 1,
        "segmentation": SegmentationOptions(engine="torch", precision="fp32").model_dump(mode="json"),
        "models": {"sa": [{"name": "tiny", "weights": str(tiny_weights)}]},
        "weights": {},
    }
    work = BUILDERS["segment"](SegmentSettings(**settings), tmp_path, 1, 0).work_on_all
    assert work is not None
    outcomes = {subject.subject: outcome for subject, outcome in work(pending)}
    assert [name for name, outcome in outcomes.items() if outcome.status is Status.ERROR] == ["blocked"]
    assert "seg_sa.nii.gz" in outcomes["blocked"].findings[0].message
    assert "Traceback" in outcomes["blocked"].traceback
    assert outcomes["last"].outputs == ["seg_sa.nii.gz", "seg_sa.json"]
    assert not write_record(blocked, "segment", 1, "print", outcomes["blocked"]).outputs
    forget(blocked, "segment")
    assert (blocked / "seg_sa.nii.gz").is_dir()


@pytest.mark.parametrize(
    ("engine", "module", "bf16"), [("openvino", "openvino", True), ("mnn", "MNN", False)]
)
def test_an_installed_engine_that_does_not_work_is_said_so(
    engine: str, module: str, bf16: bool, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, f"has_{engine}", lambda: True)
    flags = frozenset({"avx512_bf16"} if bf16 else ())
    monkeypatch.setattr(engines, "this_processor", lambda: Processor(flags=flags))
    monkeypatch.setitem(sys.modules, module, None)  # Importing it raises ImportError.
    model = ModelOptions(name="tiny", weights=str(tiny_weights))
    for pin in ("auto", engine):
        options = SegmentationOptions(engine=pin, device="cpu")
        with pytest.raises(UserError, match=rf"{engine} cannot be loaded \(.*; repair it or set engine"):
            load(model, options, "sa", 1)


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, torch.AcceleratorError])
def test_a_gpu_that_is_full_or_lost_is_no_subjects_fault(
    kind: type[Exception],
    labelled_cohort: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_image(tmp_path / "sa.nii.gz", read_image(labelled_cohort / "S0" / "sa.nii.gz"))

    def fails(*arguments: object) -> None:
        raise kind("CUDA error")

    monkeypatch.setattr(prediction, "ImageInference", fails)
    model = ModelOptions(name="tiny", weights=str(tiny_weights))
    with pytest.raises(kind, match="CUDA error"):
        list(segment_subjects([tmp_path], model, SegmentationOptions(engine="torch"), "sa", threads=1))


def changed_weights(source: Path, folder: Path, **facts: object) -> str:
    """Copy of weights whose description says something else; without facts, one without a description."""
    path = folder / "changed.safetensors"
    path.write_bytes(source.read_bytes())
    if facts:
        write_json(path.with_suffix(".json"), {**read_json(source.with_suffix(".json")), **facts})
    return str(path)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "need their description beside them"),
        ({"view": "la_2ch", "structures": {"1": "LA"}}, "segment la_2ch, not sa|does not hold the weights"),
        ({"structures": {"1": "RV", "2": "MYO", "3": "LV"}}, "train the network on labels of that coding"),
        ({"architecture": "fcn16"}, "does not hold the weights of fcn16"),
        ({"architecture": "resnet"}, "resnet"),
        ({"neighbours": 1}, "does not hold the weights"),
        ({"sha256": "0" * 64}, "does not match the digest"),
        ({"spacing_mm": 0}, r"not a valid description of weights[\s\S]*spacing_mm"),
        ({"spacing_mm": "inf"}, r"not a valid description of weights[\s\S]*spacing_mm"),
        ({"neighbours": -1}, r"not a valid description of weights[\s\S]*neighbours"),
    ],
)
def test_imported_weights_that_do_not_fit_are_said_so(
    facts: dict[str, object], sentence: str, tiny_weights: Path, tmp_path: Path
) -> None:
    model = ModelOptions(name="changed", weights=changed_weights(tiny_weights, tmp_path, **facts))
    with pytest.raises(UserError, match=sentence):
        load(model, SegmentationOptions(engine="torch", precision="fp32", device="cpu"), "sa", 1)


def test_the_card_of_imported_weights(tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model-card", str(tiny_weights)]) == 0
    said = capsys.readouterr().out
    assert "unet16 for sa" in said
    assert "UNVALIDATED" in said
