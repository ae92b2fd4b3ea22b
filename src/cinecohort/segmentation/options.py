"""Configuration of segmentation: models and how they are run."""

import re
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cinecohort.options import ConfiguredPath, Options

Engine = Literal["auto", "torch", "openvino", "mnn"]
Precision = Literal["auto", "fp32", "bf16", "int8"]
Device = Literal["auto", "cpu", "cuda"]
TestTimeAugmentation = Literal["none", "rotations", "flips", "flips_and_turns"]
Preset = Literal["fast", "default", "accurate"]

NNUNET = "nnunet:"
"""Before the model folder of nnU-Net v2, in place of weights."""

NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""What models may be called."""


def is_nnunet(weights: str) -> bool:
    """Whether weights are a model folder of nnU-Net."""
    return weights.startswith(NNUNET)


class ModelOptions(Options):
    """One network that segments a view."""

    name: str
    """Name of the model in tables and, where it is not the primary one, in file names."""

    weights: str | tuple[str, ...] = ""
    """Name of shipped weights or path of a .safetensors file (`~` and `$VARIABLES` are filled in); the
    model's name where not given. A list of them is an ensemble: the mean of their probabilities, with their
    disagreement as its uncertainty. `nnunet:DIR` is a model folder of nnU-Net v2: *Networks of nnU-Net*."""

    validation: ConfiguredPath | None = None
    """Record of `cinecohort validate`: where it was passed with these weights, they are no longer marked as
    not validated."""

    @model_validator(mode="before")
    @classmethod
    def _weights_have_the_models_name(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("weights"):
            return {**values, "weights": values.get("name", "")}
        return values

    @model_validator(mode="after")
    def _name_and_members_are_usable(self) -> "ModelOptions":
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"the model's name {self.name!r} may hold letters, digits, '_', '-' and '.' only: it becomes "
                "part of file names"
            )
        if len(set(self.members)) < len(self.members):
            raise ValueError(f"the ensemble {self.name!r} names the same weights twice")
        if len(self.members) > 1 and any(map(is_nnunet, self.members)):
            raise ValueError(
                f"the ensemble {self.name!r} names a model folder of nnU-Net, which is an ensemble of its "
                "own folds; name it as a model of its own"
            )
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """The weights: one, or all of an ensemble."""
        return (self.weights,) if isinstance(self.weights, str) else self.weights


class CleanUpOptions(Options):
    """What is removed from a segmentation after the network."""

    largest_component: bool = True
    """Keep one 3D component of each structure in each frame: the largest; of the LV cavity that with the
    wall. In the short axis also remove what lies apart from the heart over all frames. Slices
    without an image do not part a structure, nor do those that show it in other frames only, where a quarter
    or more of it lies beyond."""

    fill_holes: bool = True
    """Fill holes inside a structure, slice by slice; a ring of myocardium without a cavity is none."""


class SegmentationOptions(Options):
    """How networks are run."""

    preset: Preset | None = Field(default=None, exclude=True)  # No result rests on what stands for others.
    """Networks for every view that `models` does not name. ``fast``: a small one in the short axis;
    ``default``; ``accurate``: the default, averaged over turned images (`test_time_augmentation: rotations`),
    three times slower."""

    engine: Engine = "auto"
    """Inference engine; auto is torch on a GPU. On a CPU it is OpenVINO in bf16, and in fp32 on Intel's
    processors with AVX-512 and AMD's from Zen 5 on; MNN in fp32 on all others. A pinned one that is missing
    fails."""

    precision: Precision = "auto"
    """Arithmetic of the network; auto is bf16 where the processor has it, else fp32. int8 is faster, never
    chosen by itself, and for OpenVINO on processors with VNNI or AMX; weights of your own need
    `cinecohort quantise` first."""

    device: Device = "auto"
    """Where torch runs; a pinned cuda that is missing fails."""

    frames: Literal["all", "ed_es"] = "all"
    """Every frame, or only the ED and ES frames that the source names (all where it names none)."""

    batch_size: int = Field(default=16, ge=1)
    """Slices that go through the network at once; no result depends on it."""

    heart_region_margin_mm: float | None = Field(default=25.0, ge=0, allow_inf_nan=False)
    """Find the heart in a few frames first and segment only the region around it, with this margin; null:
    whole images. A heart that comes near the border of its region is segmented in whole images."""

    test_time_augmentation: TestTimeAugmentation = "none"
    """Average the network over each image as it is and turned by 15 degrees either way (``rotations``: 3
    passes), mirrored (``flips``: 4 passes), or mirrored and turned by quarters (``flips_and_turns``: 8
    passes): so many times slower."""

    clean_up: CleanUpOptions = CleanUpOptions()
    """What is removed after the network."""

    uncertainty: bool = False
    """Also segment two frames flipped and turned (ED and ES, or largest and smallest LV), and record by
    structure how far the results agree. An ensemble records how far its members agree instead, always."""

    second_network: str | None = None
    """Weights of a second, fast short-axis network (`unet16_sa`) that segments two frames again (ED and ES,
    or largest and smallest LV); the sidecar records by structure how far both networks agree and how sure the
    first one is. Calibrations are better with it (`quality.calibration`), and the shipped one needs it. Two
    frames more go through each network. null: none."""

    @field_validator("precision")
    @classmethod
    def _engine_has_the_precision(cls, precision: Precision, info: ValidationInfo) -> Precision:
        engine = info.data.get("engine", "auto")
        if precision == "int8" and engine not in ("auto", "openvino"):
            raise ValueError(
                f"OpenVINO alone computes in int8, not {engine}; set engine: auto or precision: auto"
            )
        if precision == "bf16" and engine == "mnn":
            raise ValueError("mnn computes in fp32; set precision: auto or engine: auto")
        return precision

    @field_validator("device")
    @classmethod
    def _engine_runs_on_the_device(cls, device: Device, info: ValidationInfo) -> Device:
        engine = info.data.get("engine", "auto")
        if device == "cuda" and engine in ("openvino", "mnn"):
            raise ValueError(f"{engine} runs on processors; set device: auto or engine: torch")
        if device == "cuda" and info.data.get("precision") == "int8":
            raise ValueError("int8 is computed on processors; set device: auto or precision: auto")
        return device

    @field_validator("second_network")
    @classmethod
    def _second_network_is_of_ours(cls, weights: str | None) -> str | None:
        if weights is not None and is_nnunet(weights):
            raise ValueError("a model folder of nnU-Net is no second network; name weights such as unet16_sa")
        return weights


def unfit_for_nnunet(options: SegmentationOptions) -> dict[str, str]:
    """Settings that a model folder of nnU-Net runs with on no machine, each with a sentence."""
    unfit = {}
    if options.engine not in ("auto", "torch"):
        unfit["engine"] = f"nnU-Net runs by torch, not by {options.engine}; set engine: auto."
    if options.precision not in ("auto", "fp32"):
        unfit["precision"] = (
            f"nnU-Net computes in fp32, on a GPU in fp16, never in {options.precision}; set precision: auto."
        )
    elif options.precision == "fp32" and options.device == "cuda":
        unfit["precision"] = "nnU-Net computes in fp16 on a GPU, not in fp32; set precision: auto."
    if options.test_time_augmentation not in ("none", "flips"):
        unfit["test_time_augmentation"] = "nnU-Net averages over mirrored images alone; set flips or none."
    return unfit
