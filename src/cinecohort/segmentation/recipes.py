"""Recipes of training by name: ours, Bai's and Chen's; a configuration may change any of their settings."""

from typing import Any

NO_AUGMENTATION: dict[str, Any] = {
    "rotation_deg": 0.0,
    "any_rotation": 0.0,
    "scale": [1.0, 1.0],
    "shift_mm": 0.0,
    "flip": 0.0,
    "elastic": 0.0,
    "gamma": 0.0,
    "contrast": 0.0,
    "bias_field": 0.0,
    "blur": 0.0,
    "low_resolution": 0.0,
    "noise": 0.0,
}

RECIPES: dict[str, dict[str, Any]] = {
    "cinecohort": {},
    "bai": {
        "architecture": "fcn16",
        "spacing_mm": None,
        "normalisation": "unit",
        "crop": 192,
        "crop_centre": "image",
        "random_crops": 0.0,
        "augmentation": {
            **NO_AUGMENTATION,
            "distribution": "normal",
            "rotation_deg": 10.0,
            "scale": [1.0, 0.2],
            "shift_mm": 10.0,
            "contrast": 1.0,
            "contrast_factor": [0.9, 1.1],
            "brightness": 0.0,
        },
        "iterations": 50_000,
        "batch_size": 20,
        "loss": "cross_entropy",
        "optimiser": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warm_up": 0,
        "average": None,
    },
    "chen": {
        "architecture": "unet64",
        "dropout": 0.2,
        "spacing_mm": 1.25,
        "normalisation": "zscore_slice",
        "crop": 256,
        "crop_centre": "inside",
        "random_crops": 0.0,
        "augmentation": {
            **NO_AUGMENTATION,
            "distribution": "uniform",
            "rotation_deg": 30.0,
            "scale": [0.7, 1.4],
            "flip": 0.5,
        },
        "epochs": 1000,
        "batch_size": 20,
        "loss": "cross_entropy",
        "optimiser": "sgd",
        "learning_rate": 1e-3,
        "weight_decay": 5e-4,
        "schedule": "halving",
        "halving_epochs": 50,
        "warm_up": 0,
        "average": None,
        "select": "best_iou",
    },
}
"""Settings that a recipe changes from the defaults of :class:`TrainingOptions`.

``bai`` follows Bai 2018 and its code: rotation with SD 10 degrees and scale with SD 0.2, clipped at three SD.
The paper also names translation and intensity without their size; 10 mm and 10 % are ours. ``chen`` follows
Chen 2020: momentum 0.99 and weight decay are those of its code. Chen's test images are cut to the middle
256 x 256 pixels before each slice is normalised; here they are normalised whole.
"""


def with_recipe(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a configuration leaves to its recipe.

    A number of iterations takes the place of the passes through the data that a recipe asks for.

    Raises
    ------
    ValueError
        If the configuration has both.
    """
    if values.get("iterations") is not None and values.get("epochs") is not None:
        raise ValueError("iterations and epochs: one says how long, not both; remove one")
    recipe = RECIPES.get(str(values.get("recipe", "cinecohort")), {})
    merged = {**recipe, **values}
    if "iterations" in values:
        merged["epochs"] = values.get("epochs")
    if "augmentation" in recipe and isinstance(values.get("augmentation"), dict):
        merged["augmentation"] = {**recipe["augmentation"], **values["augmentation"]}
    return merged
