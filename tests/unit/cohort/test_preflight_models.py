"""Before a run: weights, engines and the calibration, each under the setting that it is about."""

from pathlib import Path
from typing import Any

import pytest

from cinecohort.calibration.options import SHIPPED
from cinecohort.calibration.record import read_calibration, write_calibration
from cinecohort.cohort import preflight_models
from cinecohort.cohort.preflight import checked_before, note_checked
from cinecohort.cohort.problems import Problem
from cinecohort.config import Config, parse_config
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.processors import Processor
from support.calibration_rows import small_calibration
from support.nnunet import write_folder
from support.tiny_weights import write_weights

FIRST = DEFAULT_MODELS["sa"]


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with everything."""
    flags = frozenset({"avx512_bf16", "avx512_vnni"})
    monkeypatch.setattr(preflight_models, "this_processor", lambda: Processor(flags=flags))


def configuration(**changes: Any) -> Config:
    values = {"datasets": {"tiny": {"source": "acdc", "path": "raw"}}, **changes}
    return parse_config(values)


def problems(**changes: Any) -> list[Problem]:
    return list(preflight_models.check_models(configuration(**changes)))


def check_models(config: Config) -> None:
    """All that stops a run, as an error."""
    if found := [each.line() for each in preflight_models.check_models(config) if each.stops]:
        raise UserError("\n".join(found))


def test_a_calibration_is_held_against_the_settings_before_anything_is_made(tmp_path):
    path = tmp_path / "calibration.json"
    models = {"sa": [{"name": "mine", "weights": "unet16_sa"}]}
    quality = {"calibration": str(path)}
    with pytest.raises(UserError, match="names a file that is not there"):
        check_models(configuration(models=models, quality=quality))
    path.write_text("{}")
    found = problems(models=models, quality=quality)
    assert [each.place for each in found] == ["quality.calibration"]
    assert "is no calibration" in found[0].sentence and "made_by: Field required; and" in found[0].sentence
    assert "\n" not in found[0].sentence
    write_calibration(small_calibration(), path)
    with pytest.raises(UserError, match=r"set segmentation\.second_network"):
        check_models(configuration(models=models, quality=quality))
    second = {"second_network": "unet_slim_sa"}
    check_models(configuration(models=models, quality=quality, segmentation=second))
    with pytest.raises(UserError, match=r"second_network: .*no shipped weights 'unet17_sa'"):
        check_models(configuration(models=models, segmentation={"second_network": "unet17_sa"}))


def test_models_are_held_against_their_views_before_anything_is_made():
    check_models(configuration(models={"sa": [{"name": "mine", "weights": "unet_slim_sa"}]}))
    for view, name, words in (
        ("sa", "unet_slimm_sa", "there are no shipped weights 'unet_slimm_sa'"),
        ("la_2ch", "unet_slim_sa", "segment sa, not la_2ch"),
    ):
        with pytest.raises(UserError, match=rf"models\.{view}: {name}: .*{words}"):
            check_models(configuration(models={view: [{"name": name}]}))


def test_weights_that_are_not_ready_for_int8_are_found_before_anything_is_made(tmp_path):
    weights = write_weights(tmp_path / "tiny.safetensors", seed=1)
    models = {"sa": [{"name": "mine", "weights": str(weights)}]}
    with pytest.raises(UserError, match=r"models\.sa: mine: .*`cinecohort quantise .*tiny\.safetensors DIR`"):
        check_models(configuration(models=models, segmentation={"precision": "int8"}))
    check_models(configuration(models=models, segmentation={"precision": "bf16"}))


def test_exchanged_weights_under_an_old_description_are_found_before_anything_is_made(tmp_path):
    weights = write_weights(tmp_path / "tiny.safetensors", seed=1)
    mine = configuration(models={"sa": [{"name": "mine", "weights": str(weights)}]})
    check_models(mine)
    described = weights.with_suffix(".json").read_bytes()
    write_weights(weights, seed=2)
    weights.with_suffix(".json").write_bytes(described)
    with pytest.raises(UserError, match=r"models\.sa: mine: .*tiny\.safetensors: does not match the digest"):
        check_models(mine)


def test_a_model_does_not_stand_under_an_observers_name(tmp_path):
    (tmp_path / "O1").mkdir()
    read = {"tiny": {"source": "dicom", "path": "raw", "annotations": str(tmp_path)}}
    for name in ("manual", "O1"):
        models = {"sa": [{"name": name, "weights": "unet_slim_sa"}]}
        with pytest.raises(UserError, match=f"models: '{name}' is the name of an observer"):
            check_models(configuration(models=models, datasets=read))
    check_models(configuration(models={"sa": [{"name": "O2", "weights": "unet_slim_sa"}]}, datasets=read))


def test_an_ensemble_of_networks_that_do_not_fit_is_found_before_anything_is_made() -> None:
    models = {"sa": [{"name": "two", "weights": [FIRST, "unet_fine_sa"]}]}
    check_models(configuration(models=models))
    models = {"sa": [{"name": "two", "weights": [FIRST, "unet16_sa", "unet_slim_la_2ch"]}]}
    with pytest.raises(UserError, match=r"models\.sa: two: .*unet_slim_la_2ch segment la_2ch"):
        check_models(configuration(models=models))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architecture": "unet17"}, "there is no network 'unet17'"),
        ({"structures": {"1": "RV"}}, "gives the labels"),
        ({"spacing_mm": 3.0}, "mine and .* differ in spacing_mm|differ in spacing_mm"),
    ],
)
def test_a_description_that_cannot_be_used_is_found_before_anything_is_made(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    weights = [write_weights(tmp_path / f"{name}.safetensors", seed=1) for name in ("a", "b")]
    path = weights[1].with_suffix(".json")
    models = {"sa": [{"name": "mine", "weights": [str(each) for each in weights]}]}
    check_models(configuration(models=models))
    write_json(path, {**read_json(path), **change})
    with pytest.raises(UserError, match=rf"models\.sa: mine: .*({sentence})"):
        check_models(configuration(models=models))


def test_int8_of_other_networks_than_unets_is_found_before_anything_is_made(tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "tiny.safetensors", seed=1)
    path = weights.with_suffix(".json")
    write_json(path, {**read_json(path), "architecture": "fcn16"})
    models = {"sa": [{"name": "mine", "weights": str(weights)}]}
    with pytest.raises(UserError, match=r"precision: int8 is for U-Nets, and the weights .* are of fcn16"):
        check_models(configuration(models=models, segmentation={"precision": "int8"}))


@pytest.mark.parametrize(
    ("settings", "place", "sentence"),
    [
        ({"engine": "torch", "precision": "int8"}, "precision", "OpenVINO alone computes in int8, not torch"),
        ({"engine": "mnn", "precision": "int8"}, "precision", "OpenVINO alone computes in int8, not mnn"),
        ({"engine": "mnn", "precision": "bf16"}, "precision", "mnn computes in fp32; set precision: auto"),
        ({"engine": "mnn", "device": "cuda"}, "device", "mnn runs on processors; set device: auto"),
        ({"engine": "openvino", "device": "cuda"}, "device", "openvino runs on processors; set device"),
        ({"precision": "int8", "device": "cuda"}, "device", "int8 is computed on processors; set device"),
    ],
)
def test_settings_that_work_on_no_machine_are_mistakes(
    settings: dict[str, str], place: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=rf"segmentation\.{place}: {sentence}.*found '{settings[place]}'"):
        configuration(segmentation=settings)


@pytest.mark.parametrize(
    ("settings", "place", "sentence"),
    [
        ({"engine": "openvino"}, "engine", "runs by torch, not by openvino; set engine: auto"),
        ({"engine": "mnn"}, "engine", "runs by torch, not by mnn; set engine: auto"),
        ({"precision": "bf16"}, "precision", "never in bf16; set precision: auto"),
        ({"precision": "int8"}, "precision", "never in int8; set precision: auto"),
        ({"precision": "fp32", "device": "cuda"}, "precision", "fp16 on a GPU, not in fp32"),
        ({"test_time_augmentation": "flips_and_turns"}, "test_time_augmentation", "set flips or none"),
    ],
)
def test_settings_that_nnunet_does_not_know_are_found_before_anything_is_made(
    settings: dict[str, str], place: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight_models, "find_spec", lambda name: name)
    folder = write_folder(tmp_path)
    models = {"sa": [{"name": "acdc", "weights": f"nnunet:{folder}"}]}
    check_models(configuration(models=models))
    check_models(configuration(models=models, segmentation={"precision": "fp32"}))
    (found,) = problems(models=models, segmentation=settings)
    assert (found.place, found.stops) == (f"segmentation.{place}", True)
    assert sentence in found.sentence and folder.name in found.sentence


def test_engines_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"sa": [{"name": FIRST}]}
    for missing, settings, place in (
        ("onnx", {"engine": "mnn"}, "engine"),
        ("openvino", {"engine": "openvino"}, "engine"),
        ("openvino", {"precision": "int8"}, "precision"),
    ):
        monkeypatch.setattr(preflight_models, "find_spec", lambda name, gone=missing: name != gone or None)
        (found,) = problems(models=models, segmentation=settings)
        assert found.line().startswith(f"  segmentation.{place}: ")
        assert f"is not installed here; install it or set {place}: auto" in found.sentence
    assert problems(models=models) == []


def test_instructions_that_this_processor_lacks_are_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"sa": [{"name": FIRST}]}
    for precision in ("auto", "fp32", "bf16", "int8"):
        assert problems(models=models, segmentation={"precision": precision}) == []
    monkeypatch.setattr(preflight_models, "this_processor", Processor)
    for precision, others in (("bf16", "unless they have a GPU"), ("int8", "others like it, stop; set")):
        (found,) = problems(models=models, segmentation={"precision": precision})
        assert (found.place, found.stops) == ("segmentation.precision", False)
        assert f"no instructions for {precision}" in found.sentence and others in found.sentence
    assert problems(models=models, segmentation={"precision": "fp32"}) == []
    assert problems(models=models, segmentation={"precision": "bf16", "device": "cuda"}) == []


def test_a_second_network_is_another_one_and_is_held_against_its_digest(tmp_path: Path) -> None:
    models = {"sa": [{"name": FIRST}]}
    (found,) = problems(models=models, segmentation={"second_network": FIRST})
    assert found.place == "segmentation.second_network"
    assert "always agrees with itself" in found.sentence
    weights = write_weights(tmp_path / "tiny.safetensors", seed=1)
    second = {"second_network": str(weights)}
    assert problems(models=models, segmentation=second) == []
    description = weights.with_suffix(".json").read_bytes()
    write_weights(weights, seed=2)
    weights.with_suffix(".json").write_bytes(description)
    (found,) = problems(models=models, segmentation=second)
    assert found.place == "segmentation.second_network"
    assert "does not match the digest" in found.sentence


def calibrated(model: str = FIRST, **segmentation: Any) -> list[Problem]:
    """What is said of the shipped calibration with a network and settings."""
    return problems(
        models={"sa": [{"name": model}]},
        quality={"calibration": "shipped"},
        segmentation={"second_network": "unet16_sa", **segmentation},
    )


PINNED = {"engine": "openvino", "precision": "bf16"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"precision": "fp32"}, "engine and precision auto/fp32, not openvino/bf16"),
        ({"precision": "int8"}, "engine and precision auto/int8, not openvino/bf16"),
        ({"engine": "mnn"}, "engine and precision mnn/auto, not openvino/bf16"),
        ({"device": "cuda"}, "engine and precision torch/auto, not openvino/bf16"),
        ({"second_network": "unet_slim_sa"}, "second network unet_slim_sa@"),
        ({"test_time_augmentation": "flips"}, "test-time augmentation flips, not none"),
        ({"heart_region_margin_mm": None}, "margin around the heart (mm) none, not 25"),
        ({"clean_up": {"fill_holes": False}}, "clean-up largest_component, not largest_component+fill_holes"),
    ],
)
def test_who_can_have_no_probability_is_said_before_a_run(settings: dict[str, Any], words: str) -> None:
    (found,) = calibrated(**settings)
    assert (found.place, found.stops) == ("quality.calibration", False)
    assert "nobody will have a probability" in found.sentence and words in found.sentence
    assert found.sentence.count(", not ") == 1


def test_with_all_pinned_nothing_is_said_and_with_auto_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibrated(**PINNED) == []
    (found,) = calibrated()
    assert not found.stops
    assert "subjects whose job has a GPU" in found.sentence
    assert "Set segmentation.engine: openvino and precision: bf16" in found.sentence
    assert "The processor of this machine" not in found.sentence
    monkeypatch.setattr(preflight_models, "this_processor", Processor)
    (found,) = calibrated()
    assert "The processor of this machine has no bf16" in found.sentence


def test_weights_without_a_shipped_calibration_are_said_so() -> None:
    (found,) = calibrated("unet16_vendors_sa")
    assert (found.place, found.stops) == ("quality.calibration", False)
    assert "no calibration is shipped for the weights unet16_vendors_sa" in found.sentence
    assert FIRST in found.sentence


def test_weights_of_the_same_name_and_other_content_are_others(tmp_path: Path) -> None:
    weights = write_weights(tmp_path / f"{FIRST}.safetensors", seed=1)
    path = tmp_path / "calibration.json"
    write_json(path, read_json(SHIPPED / f"{FIRST}.json"))
    found = problems(
        models={"sa": [{"name": "mine", "weights": str(weights)}]},
        quality={"calibration": str(path)},
        segmentation={"second_network": "unet16_sa", **PINNED},
    )
    assert [each.stops for each in found] == [False]
    assert f"not {read_calibration(path).made_by.split()[0]}" in found[0].sentence


def test_a_changed_calibration_or_description_is_checked_again(tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "tiny.safetensors", seed=1)
    calibration = tmp_path / "calibration.json"
    write_calibration(small_calibration(), calibration)
    config = configuration(
        models={"sa": [{"name": "mine", "weights": str(weights)}]},
        quality={"calibration": str(calibration)},
        results=str(tmp_path / "results"),
    )
    for path in (calibration, weights.with_suffix(".json")):
        note_checked(config)
        assert checked_before(config)
        path.write_text(path.read_text() + " ")
        assert not checked_before(config)
