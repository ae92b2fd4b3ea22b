"""What can be known of networks, their engine and the calibration of quality control before a run."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from cinecohort.calibration.options import SHIPPED
from cinecohort.cohort.problems import Problem, sentences
from cinecohort.cohort.settings import calibration_file, model_names, observers_named
from cinecohort.config import Config
from cinecohort.errors import UserError
from cinecohort.files import expanded
from cinecohort.model_sets import model_sets
from cinecohort.quality.made_by import differences, facts_of, made_by
from cinecohort.segmentation.descriptions import (
    check_digest,
    check_precision,
    describe_for,
    describe_model,
    ensemble_description,
    shipped_models,
)
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions, is_nnunet, unfit_for_nnunet
from cinecohort.segmentation.processors import this_processor
from cinecohort.segmentation.validation_records import read_record

MODULES = {"openvino": ("openvino",), "mnn": ("MNN", "onnx"), "torch": ("torch",)}
"""Engine to the modules that it needs."""


def check_models(config: Config) -> Iterator[Problem]:
    """Hold weights against views and arithmetic, and everything that is pinned against what there is."""
    for taken in sorted({each.name for each in model_sets(model_names(config))} & observers_named(config)):
        yield Problem(
            "models",
            f"{taken!r} is the name of an observer, and tables distinguish sources by name; "
            "call the model something else.",
        )
    yield from second_network_problems(config)
    for view, models in config.models.items():
        for model in models:
            yield from model_problems(model, view, config.segmentation.precision)
    yield from engine_problems(config)
    yield from calibration_problems(config)


def files_of_models(config: Config) -> Iterator[Path]:
    """Files of the user's own that these checks read: weights, descriptions, records and the calibration."""
    if isinstance(chosen := config.quality.calibration, Path):
        yield chosen
    own = [model for models in config.models.values() for model in models]
    yield from (model.validation for model in own if model.validation)
    second = config.segmentation.second_network
    for weights in [*(each for model in own for each in model.members), *([second] if second else [])]:
        if weights.endswith(".safetensors"):
            yield from (expanded(weights), expanded(weights).with_suffix(".json"))


def model_problems(model: ModelOptions, view: str, precision: str) -> Iterator[Problem]:
    """Say what is wrong with the weights of a model, or with its record of validation."""
    place = f"models.{view}"
    looks = [partial(usable, weights, view, precision) for weights in model.members]
    found = [problem for look in looks for problem in sentences(place, look)]
    if not found:
        described = [describe_model(weights) for weights in model.members]
        found += sentences(place, lambda: ensemble_description(model.name, described))
    if (record := model.validation) is not None:
        found += sentences(place, lambda: read_record(record))
    yield from (Problem(place, f"{model.name}: {problem.sentence}") for problem in found)


def usable(weights: str, view: str, precision: str) -> None:
    """Hold weights against their view, the arithmetic and, unless they are shipped, their digest.

    Raises
    ------
    UserError
        If they cannot be used so.
    """
    describe_for(weights, view)
    check_precision(weights, precision)
    if weights not in shipped_models():  # Those come with their description.
        check_digest(weights)


def second_network_problems(config: Config) -> Iterator[Problem]:
    """Say what is wrong with the second network."""
    options, place = config.segmentation, "segmentation.second_network"
    if (second := options.second_network) is None:
        return
    yield from sentences(place, lambda: usable(second, "sa", options.precision))
    if any(second in model.members for model in config.models.get("sa", [])[:1]):
        yield Problem(
            place,
            f"{second} is the first short-axis network itself, which always agrees with itself; name "
            "another, such as unet16_sa, or null.",
        )


def engine_problems(config: Config) -> Iterator[Problem]:
    """Say what is pinned and is not installed, or does not go with a model folder of nnU-Net."""
    options = config.segmentation
    engine = "openvino" if options.precision == "int8" else options.engine
    if any(find_spec(module) is None for module in MODULES.get(engine, ())):
        key = "engine" if engine == options.engine else "precision"
        sentence = f"{engine} is not installed here; install it or set {key}: auto."
        yield Problem(f"segmentation.{key}", sentence)
    folders = [
        weights
        for models in config.models.values()
        for model in models
        for weights in model.members
        if is_nnunet(weights)
    ]
    if folders:
        if find_spec("nnunetv2") is None:
            yield Problem(
                "models",
                'nnunetv2 is not installed here; install it with `pip install "cinecohort[nnunet]"`.',
            )
        for key, sentence in unfit_for_nnunet(options).items():
            yield Problem(f"segmentation.{key}", f"{folders[0]}: {sentence}")
    if len(folders) < sum(len(model.members) for models in config.models.values() for model in models):
        yield from processor_notes(options)


def processor_notes(options: SegmentationOptions) -> Iterator[Problem]:
    """Say which instructions this processor lacks; those of the jobs' nodes are not known here."""
    processor = this_processor()
    lacking = {"bf16": not processor.has_bf16, "int8": not processor.has_int8}
    on_a_gpu = options.precision == "bf16" and options.device != "cpu" and options.engine in ("auto", "torch")
    if lacking.get(options.precision, False) and options.device != "cuda":
        yield Problem(
            "segmentation.precision",
            f"the processor of this machine has no instructions for {options.precision}: jobs on it, or on "
            f"others like it, stop{' unless they have a GPU' if on_a_gpu else ''}; set precision: auto, or "
            "run on other nodes.",
            stops=False,
        )


def calibration_problems(config: Config) -> Iterator[Problem]:
    """Say where the calibration cannot be read, or who can have no probability by it."""
    place, chosen = "quality.calibration", config.quality.calibration
    models = config.models.get("sa") or []
    try:
        found = calibration_file(config)
        if found is None:
            if chosen == "shipped":
                names = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.json")))
                first = f"the weights {models[0].members[0]}" if models else "no short-axis network"
                yield Problem(
                    place,
                    f"no calibration is shipped for {first}, so nobody will have a probability of failure or "
                    f"intervals; name the weights {names} first in `models.sa`, or a file of `cinecohort "
                    "calibrate`.",
                    stops=False,
                )
            return
        # Imported here, so that runs without a calibration do not load what it is made with.
        from cinecohort.calibration.record import read_calibration

        wanted = read_calibration(Path(found["path"])).made_by
        here = way_of(config, wanted) if models else ""
    except UserError as fault:
        yield Problem(place, str(fault))
        return
    if "second=none" not in wanted and config.segmentation.second_network is None:
        yield Problem(
            place,
            f"it holds for segmentations with a second network; set segmentation.second_network ({wanted}).",
        )
    elif unlike := differences(here, wanted):
        yield Problem(
            place,
            "nobody will have a probability of failure or intervals, since this configuration segments in "
            f"another way than the calibration was learnt on ({'; '.join(unlike)}); set what it was learnt "
            "on, or make one of this configuration with `cinecohort calibrate`.",
            stops=False,
        )
    elif words := depends_on_the_node(config.segmentation, facts_of(wanted).get("engine", "")):
        yield Problem(place, words, stops=False)


def way_of(config: Config, wanted: str) -> str:
    """How the short axis will be segmented, as :func:`cinecohort.quality.made_by.made_by` says it.

    Where ``auto`` may come to the engine and precision of `wanted`, these stand in the line.

    Raises
    ------
    UserError
        If the weights cannot be read.
    """
    options, model = config.segmentation, config.models["sa"][0]
    described = ensemble_description(model.name, [describe_model(weights) for weights in model.members])
    second = None if options.second_network is None else describe_model(options.second_network)
    return made_by(
        {
            "weights": described.name,
            "weights_sha256": described.sha256,
            "confidence": second and {"second_network": f"{second.name}@{second.sha256[:8]}"},
            **dict(zip(("engine", "precision"), pinned_way(options, model, wanted), strict=True)),
            "inference": {"test_time_augmentation": options.test_time_augmentation},
            "heart_region": {"margin_mm": options.heart_region_margin_mm},
            "clean_up": options.clean_up.model_dump(),
        }
    )


def pinned_way(options: SegmentationOptions, model: ModelOptions, wanted: str) -> tuple[str, str]:
    """Engine and precision: those of `wanted` where the settings leave room for them, else the settings'."""
    engine, _, precision = facts_of(wanted).get("engine", "").partition("/")
    if any(map(is_nnunet, model.members)):
        return "nnunetv2", precision if engine == "nnunetv2" else options.precision
    on_gpu = options.device == "cuda" and options.engine == "auto"
    here = "torch" if on_gpu else options.engine
    if here in ("auto", engine) and options.precision in ("auto", precision):
        return engine, precision
    return here, options.precision


def depends_on_the_node(options: SegmentationOptions, wanted: str) -> str:
    """Say that not every node may segment as the calibration wants it; nothing where all is pinned."""
    engine, _, precision = wanted.partition("/")
    if engine in (options.engine, "nnunetv2") and options.precision == precision:
        return ""
    lacking = ""
    if precision == "bf16" and not this_processor().has_bf16:
        lacking = " The processor of this machine has no bf16, so that its own jobs give none."
    return (
        f"it holds for segmentations by {wanted} alone, and what `auto` comes to depends on the machine of "
        "each job: subjects whose job has a GPU, or a processor of another kind, will have no probability of "
        f"failure and no intervals.{lacking} Set segmentation.engine: {engine} and precision: {precision} to "
        "have such jobs stop instead."
    )
