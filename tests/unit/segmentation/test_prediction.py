"""Prediction: native grid, engines, batching, odd images, what is recorded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.findings import Outcome, Status
from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation import prediction
from cinecohort.segmentation.descriptions import (
    ModelDescription,
    shipped_models,
    weights_digest,
    weights_path,
)
from cinecohort.segmentation.engines import ResolvedEngine, make_network, resolve_engine
from cinecohort.segmentation.inference import ImageInference, most_probable
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects
from cinecohort.segmentation.processors import Processor
from cinecohort.segmentation.weights import load_model
from support.bright_network import bright_is_lv
from support.findings import codes

AFFINE = np.diag([1.7, 1.9, 8.0, 1.0])
PLAIN = SegmentationOptions(
    engine="torch", precision="fp32", clean_up=CleanUpOptions(largest_component=False, fill_holes=False)
)


DESCRIPTION = ModelDescription(
    name="bright",
    view="sa",
    architecture="unet16",
    spacing_mm=1.4,
    normalisation="unit",
    structures={"1": "LV", "2": "MYO", "3": "RV"},
)


def disc(shape: tuple[int, int, int, int], spacing: tuple[float, float] = (1.7, 1.9)) -> np.ndarray:
    """A bright disc of 20 mm radius, off the centre, that shrinks by 1 mm a frame."""
    x = (np.arange(shape[0]) - 0.4 * shape[0])[:, None, None, None] * spacing[0]
    y = (np.arange(shape[1]) - 0.55 * shape[1])[None, :, None, None] * spacing[1]
    frame = np.arange(shape[3])[None, None, None, :]
    inside = np.hypot(x, y) < 20 - frame
    return np.broadcast_to(np.where(inside, 900, 100), shape).astype(np.int16)


def segment(
    folders: list[Path], weights: Path | str, options: SegmentationOptions = PLAIN, **more: Any
) -> list[Outcome]:
    model = ModelOptions(name="tiny", weights=str(weights))
    return [outcome for _, outcome in segment_subjects(folders, model, options, **{"view": "sa", **more})]


def subject(folder: Path, data: np.ndarray, sidecar: dict[str, Any] | None = None) -> Path:
    write_image(folder / "sa.nii.gz", Image(data, AFFINE, None, sidecar or {}))
    return folder


@pytest.mark.parametrize("shape", [(101, 75, 3, 2), (40, 33, 1, 1), (33, 130, 2, 9)])
def test_labels_come_back_on_the_native_grid(shape: tuple[int, int, int, int]) -> None:
    image = Image(disc(shape), AFFINE)
    inference = ImageInference(image, DESCRIPTION, bright_is_lv, batch_size=4)
    frames = list(range(shape[3]))
    labels = inference.labels_around_heart(frames, 25.0)
    truth = image.data > 500
    assert labels.shape == shape
    overlap = 2 * (truth & (labels == 1)).sum() / (truth.sum() + (labels == 1).sum())
    assert overlap > 0.97


def test_the_most_probable_class_is_that_of_argmax() -> None:
    structures = torch.rand(3, 3, 40, 50, generator=torch.Generator().manual_seed(1)) / 2
    structures[0, :, :5] = 0.25
    classes = torch.cat([1 - structures.sum(dim=1, keepdim=True), structures], dim=1)
    assert np.array_equal(most_probable(structures).numpy(), classes.numpy().argmax(axis=1))


def test_results_do_not_depend_on_batching(labelled_cohort: Path, tiny_weights: Path) -> None:
    network, description = load_model(str(tiny_weights))
    image = read_image(labelled_cohort / "S0" / "sa.nii.gz")
    for engine in ("torch", "openvino", "mnn"):
        run = make_network(network, ResolvedEngine(engine, "fp32", "cpu"), threads=1)
        results = [ImageInference(image, description, run, size).labels([0, 1]) for size in (1, 4, 32)]
        assert np.array_equal(results[0], results[1])
        assert np.array_equal(results[0], results[2])


def test_engines_agree(labelled_cohort: Path, tiny_weights: Path) -> None:
    network, description = load_model(str(tiny_weights))
    image = read_image(labelled_cohort / "S1" / "sa.nii.gz")
    first, *others = (
        ImageInference(
            image, description, make_network(network, ResolvedEngine(engine, "fp32", "cpu"), 1), 8
        ).labels([0, 1])
        for engine in ("torch", "openvino", "mnn")
    )
    assert all((first != other).mean() < 1e-3 for other in others)


def test_files_sidecars_and_values(labelled_cohort: Path, tiny_weights: Path, tmp_path: Path) -> None:
    original = read_image(labelled_cohort / "S0" / "sa.nii.gz")
    write_image(tmp_path / "S0" / "sa.nii.gz", original)
    (outcome,) = segment([tmp_path / "S0"], tiny_weights, PLAIN.model_copy(update={"uncertainty": True}))
    written = read_image(tmp_path / "S0" / "seg_sa.nii.gz")
    assert outcome.outputs == ["seg_sa.nii.gz", "seg_sa.json"]
    assert outcome.values == {
        **{"model": "tiny", "engine": "torch", "precision": "fp32", "device": "cpu"},
        "frames_segmented": 2,
    }
    assert written.data.dtype == np.uint8
    assert written.data.shape == original.data.shape
    assert np.array_equal(written.affine, original.affine)
    assert written.sidecar["frames"] == [0, 1]
    assert written.sidecar["weights_sha256"] == weights_digest(str(tiny_weights))
    assert set(written.sidecar["uncertainty"]["agreement"]) == {"LV", "MYO", "RV"}
    segment([tmp_path / "S0"], tiny_weights, name="second")
    assert (tmp_path / "S0" / "seg_second_sa.nii.gz").is_file()


def test_only_ed_and_es_where_the_source_names_them(tiny_weights: Path, tmp_path: Path) -> None:
    options = PLAIN.model_copy(update={"frames": "ed_es"})
    data = disc((40, 40, 2, 6))
    named = subject(tmp_path / "A", data, {"frame_roles": {"ed": 1, "es": 4}})
    unnamed = subject(tmp_path / "B", data, {"frame_roles": {"ed": None, "es": None}})
    first, second = segment([named, unnamed], tiny_weights, options)
    assert first.values["frames_segmented"] == 2
    assert read_image(named / "seg_sa.nii.gz").sidecar["frames"] == [1, 4]
    assert not read_image(named / "seg_sa.nii.gz").data[..., [0, 2, 3, 5]].any()
    assert second.values["frames_segmented"] == 6
    assert "ALL_FRAMES" not in codes(first)
    assert {f.message for f in second.findings if f.code == "ALL_FRAMES"} == {
        "ED and ES are not named; all 6 frames were segmented."
    }


def test_odd_images_get_findings_and_never_stop_the_rest(tiny_weights: Path, tmp_path: Path) -> None:
    good = disc((40, 48, 3, 2))
    nan = good.astype(np.float32)
    nan[3, 4, 1, 0] = np.nan
    black_slice = good.copy()
    black_slice[:, :, 1] = 0
    black_once = good.copy()
    black_once[:, :, 2, 1] = 0
    folders = [
        subject(tmp_path / "one_slice", good[:, :, :1]),
        subject(tmp_path / "small", good[:9, :7]),
        subject(tmp_path / "three_axes", good[..., 0]),
        subject(tmp_path / "two_axes", good[..., 0, 0]),
        subject(tmp_path / "nan", nan),
        subject(tmp_path / "black_slice", black_slice),
        subject(tmp_path / "black_once", black_once),
        subject(tmp_path / "black", np.zeros_like(good)),
        tmp_path / "no_image",
        tmp_path / "damaged",
    ]
    (tmp_path / "no_image").mkdir()
    (tmp_path / "damaged").mkdir()
    content = (folders[0] / "sa.nii.gz").read_bytes()
    (tmp_path / "damaged" / "sa.nii.gz").write_bytes(content[: len(content) // 2])
    outcomes = dict(zip([folder.name for folder in folders], segment(folders, tiny_weights), strict=True))
    for name in ("one_slice", "small", "three_axes", "two_axes"):
        assert outcomes[name].outputs, name
    assert read_image(tmp_path / "small" / "seg_sa.nii.gz").data.shape == (9, 7, 3, 2)
    assert codes(outcomes["nan"]) == {"NOT_FINITE"}
    assert codes(outcomes["black_slice"]) >= {"BLANK_SLICE"}
    (blank,) = [f for f in outcomes["black_slice"].findings if f.code == "BLANK_SLICE"]
    assert (blank.slices, blank.frames) == ((1,), ())
    (blank,) = [f for f in outcomes["black_once"].findings if f.code == "BLANK_SLICE"]
    assert (blank.slices, blank.frames) == ((2,), (1,))
    assert codes(outcomes["black"]) >= {"BLANK_SLICE"}
    assert codes(outcomes["no_image"]) == {"NO_IMAGE"}
    assert codes(outcomes["damaged"]) == {"UNREADABLE"}
    assert not outcomes["damaged"].outputs
    assert Status.ERROR not in {outcome.status for outcome in outcomes.values()}


def test_a_fault_with_one_subject_is_its_own(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [subject(tmp_path / name, disc((40, 40, 2, 2))) for name in "ABC"]
    whole = prediction.frames_to_segment
    calls = iter(range(3))

    def fails_once(image: Image, options: SegmentationOptions) -> list[int]:
        if next(calls) == 1:
            raise ValueError("unlucky")
        return whole(image, options)

    monkeypatch.setattr(prediction, "frames_to_segment", fails_once)
    outcomes = segment(folders, tiny_weights)
    assert [outcome.status for outcome in outcomes] == [Status.OK, Status.ERROR, Status.OK]
    assert "unlucky" in outcomes[1].findings[0].message
    assert "in fails_once" in outcomes[1].traceback
    assert not outcomes[0].traceback


def test_weights_that_do_not_fit_are_said_so(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="segment sa, not la_4ch"):
        segment([tmp_path], tiny_weights, view="la_4ch")
    with pytest.raises(UserError, match="no such weights"):
        segment([tmp_path], tmp_path / "none.safetensors")
    if shipped_models():
        with pytest.raises(UserError, match="no shipped weights 'other'"):
            segment([tmp_path], "other")


@pytest.mark.parametrize("place", ["~/mine", "$MODELS/mine"])
def test_paths_of_weights_are_filled_in(
    place: str, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MODELS", str(tmp_path))
    for suffix in (".safetensors", ".json"):
        copy = tmp_path / "mine" / f"tiny{suffix}"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(tiny_weights.with_suffix(suffix).read_bytes())
    assert load_model(f"{place}/tiny.safetensors")[1].name == "tiny"


def test_damaged_weights_are_refused(tiny_weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny.safetensors"
    copy.write_bytes(tiny_weights.read_bytes()[:-4] + b"\0\0\0\1")
    copy.with_suffix(".json").write_bytes(tiny_weights.with_suffix(".json").read_bytes())
    with pytest.raises(UserError, match="digest"):
        load_model(str(copy))


@pytest.mark.parametrize("kind", ["no weights", "of another network"])
def test_what_does_not_hold_the_networks_weights_is_refused(
    tiny_weights: Path, tmp_path: Path, kind: str
) -> None:
    copy = tmp_path / "tiny.safetensors"
    other = safetensors.torch.save({"other": torch.zeros(1)})
    copy.write_bytes(b"no weights" if kind == "no weights" else other)
    write_json(copy.with_suffix(".json"), {**read_json(tiny_weights.with_suffix(".json")), "sha256": ""})
    with pytest.raises(UserError, match="does not hold the weights of"):
        load_model(str(copy))


def test_a_fault_of_the_machine_is_not_blamed_on_weights(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(path: Path) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(safetensors.torch, "load_file", no_memory)
    with pytest.raises(RuntimeError, match="allocate"):
        load_model(str(tiny_weights))


def test_what_is_pinned_and_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="cuda"):
        resolve_engine(SegmentationOptions(device="cuda"))
    for engine in ("openvino", "mnn"):
        monkeypatch.setattr(f"cinecohort.segmentation.engines.has_{engine}", lambda: False)
        with pytest.raises(UserError, match=engine):
            resolve_engine(SegmentationOptions(engine=engine))
    assert resolve_engine(SegmentationOptions()).engine == "torch"
    monkeypatch.setattr("cinecohort.segmentation.engines.this_processor", Processor)
    with pytest.raises(UserError, match="bf16"):
        resolve_engine(SegmentationOptions(precision="bf16"))
    assert resolve_engine(SegmentationOptions()).precision == "fp32"


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_weights_load_are_small_and_have_a_card(name: str) -> None:
    _, description = load_model(name)
    path = weights_path(name)
    assert path.stat().st_size < 16_000_000
    assert description.name == name
    assert path.with_suffix(".md").is_file()


def test_a_network_that_sees_neighbours_gets_those_of_the_same_frame() -> None:
    """Every slice is of one colour; what the network sees of its neighbours comes out as their labels."""
    data = np.zeros((32, 32, 4, 3), dtype=np.int16)
    colours = (np.arange(12).reshape(3, 4) * 7 % 11) * 10
    data[:] = colours.T
    seen: list[torch.Tensor] = []

    def remember(images: torch.Tensor) -> torch.Tensor:
        seen.append(images[:, :, 16, 16].clone())
        return bright_is_lv(images[:, 1:2])

    description = DESCRIPTION.model_copy(update={"neighbours": 1, "spacing_mm": None})
    ImageInference(Image(data, AFFINE), description, remember, batch_size=5).labels([0, 2])
    expected = [
        [colours[frame, max(0, index - 1)], colours[frame, index], colours[frame, min(3, index + 1)]]
        for frame in (0, 2)
        for index in range(4)
    ]
    assert torch.allclose(torch.cat(seen), torch.tensor(expected) / 100.0, atol=1e-5)
