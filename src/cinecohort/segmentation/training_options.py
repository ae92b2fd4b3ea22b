"""Configuration of training: ``cinecohort train CONFIG.yaml``."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from cinecohort.catalogue.views import structures_of
from cinecohort.options import ConfiguredPath, Options, load_options
from cinecohort.segmentation.architectures import ARCHITECTURES
from cinecohort.segmentation.options import NAME
from cinecohort.segmentation.recipes import with_recipe

LARGEST_SEED = 2**32 - 1

SMALLEST_CROP = 16
"""A network halves an image four times."""


def _range_of_factors(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 < value[0] <= value[1]:
        raise ValueError("must be two numbers above 0, the smaller one first")
    return value


def _network_name(value: str) -> str:
    if value not in ARCHITECTURES:
        raise ValueError(f"there is no network {value!r}; choose one of {', '.join(ARCHITECTURES)}")
    return value


Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Range = tuple[float, float]
RangeOfFactors = Annotated[Range, AfterValidator(_range_of_factors)]


class DataOptions(Options):
    """Which labelled subjects are learnt from."""

    folders: list[ConfiguredPath] = Field(min_length=1)
    """Folders of subject folders, each with image and labels as ``cinecohort convert`` writes them."""

    observer: str = "manual"
    """Whose labels."""

    held_out: ConfiguredPath | None = None
    """File of subject names, one per line, that training never sees."""

    validation: list[str] | Annotated[int, Field(ge=0)] | Fraction = 0.1
    """Subjects for validation: names, a number or a fraction drawn by the seed."""

    test: Annotated[int, Field(ge=0)] = 0
    """Number of subjects drawn by the seed that are neither trained nor validated on, nor were by what the
    training starts from; ``split.csv`` lists them."""

    training: Count | None = None
    """Number of training subjects drawn by the seed; all that are left where not given."""


class AugmentationOptions(Options):
    """Random changes of each training slice; a probability of 0 switches one off."""

    rotation_deg: float = 40.0
    """Half-width of the uniform range of angles; SD where the distribution is normal."""

    any_rotation: Fraction = 0.25
    """Fraction of slices that are turned by any angle instead."""

    scale: Range = (0.75, 1.35)
    """Range of magnification; mean and SD where the distribution is normal."""

    distribution: Literal["log_uniform", "uniform", "normal"] = "log_uniform"
    """How magnification is drawn; ``normal``, for rotation too, is clipped at three SD (Bai's code)."""

    shift_mm: float = 30.0
    """Half-width of the uniform shift of the crop's centre along each axis."""

    flip: Fraction = 0.2
    """Probability of a mirror image, along each axis."""

    elastic: Fraction = 0.3
    """Probability of a smooth random deformation."""

    elastic_mm: float = 4.0
    """SD of its displacements."""

    gamma: Fraction = 0.5
    """Probability of a power law with a log-normal exponent."""

    contrast: Fraction = 0.7
    """Probability of a linear change of intensity."""

    contrast_factor: RangeOfFactors = (0.6, 1.6)
    """Range of its factor (log-uniform)."""

    brightness: float = 0.15
    """Half-width of the uniform range of what is added, in units of the intensity range."""

    bias_field: Fraction = 0.4
    """Probability of a smooth multiplicative field, as of surface coils."""

    blur: Fraction = 0.2
    """Probability of a Gaussian blur."""

    low_resolution: Fraction = 0.25
    """Probability of resampling to coarser pixels and back, as of other scanners."""

    noise: Fraction = 0.4
    """Probability of added noise."""

    @model_validator(mode="after")
    def _magnifies(self) -> "AugmentationOptions":
        if self.distribution != "normal":
            _range_of_factors(self.scale)
        elif not 0 <= 3 * self.scale[1] < self.scale[0]:
            raise ValueError(
                "scale must be a mean and a standard deviation of less than a third of it (off: [1.0, 0.0])"
            )
        return self


class TrainingOptions(Options):
    """One training run."""

    recipe: Literal["cinecohort", "bai", "chen"] = "cinecohort"
    """Settings to start from; every other key changes one of them."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    """Name of the weights: letters, digits, '_', '-' and '.'."""

    view: Literal["sa", "la_2ch", "la_4ch"] = "sa"
    """View that the network segments."""

    structures: Annotated[list[Literal["LV", "MYO", "RV", "LA", "RA"]], Field(min_length=1)] | None = None
    """Structures that it learns, in any order. null: those that measures are made of (short axis LV, MYO and
    RV; 2-chamber LA; 4-chamber LA and RA). The long axis may have the ventricles and the myocardium too."""

    architecture: Annotated[str, AfterValidator(_network_name)] = "unet_slim"
    """Name of the network."""

    dropout: Fraction = 0.0
    """After each concatenation; U-Nets only."""

    output: ConfiguredPath
    """Folder of checkpoints, curve and weights."""

    data: DataOptions
    """Labelled subjects."""

    start_from: str | Annotated[list[str], Field(min_length=1)] | None = None
    """Weights to fine-tune: a shipped name or a file; of several, alike, the mean is taken."""

    spacing_mm: Size | None = 1.4
    """In-plane pixel size that images are resampled to; null keeps each image's own."""

    normalisation: Literal["unit", "zscore_slice"] = "unit"
    """``unit``: [0, 1] by percentiles; ``zscore_slice``: each slice to mean 0 and SD 1."""

    neighbours: int = Field(default=0, ge=0)
    """Slices on either side that the network sees besides the one that it learns to segment."""

    drop_neighbours: Fraction = 0.1
    """Fraction of slices that are shown in place of their own neighbours, as at the ends of a stack."""

    crop: int = Field(default=144, ge=SMALLEST_CROP, multiple_of=SMALLEST_CROP)
    """Side of the training crop in pixels, a multiple of 16."""

    crop_centre: Literal["heart", "image", "inside"] = "heart"
    """What the crop is placed on before it is shifted; ``inside``: anywhere that leaves it in the image."""

    random_crops: Fraction = 0.1
    """Fraction of crops placed anywhere in the image, so that the network sees what is far from the heart."""

    augmentation: AugmentationOptions = AugmentationOptions()
    """Random changes of each slice."""

    iterations: Count = 3000
    """Number of batches."""

    epochs: Count | None = None
    """Passes through the data; where given, instead of `iterations`."""

    batch_size: Count = 16
    """Slices in a batch."""

    loss: Literal["cross_entropy", "dice_cross_entropy"] = "dice_cross_entropy"
    """What is minimised."""

    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    """How."""

    learning_rate: float = Field(default=2e-3, ge=0, allow_inf_nan=False)
    """At its highest."""

    weight_decay: float = Field(default=1e-2, ge=0)
    """For AdamW and SGD."""

    schedule: Literal["cosine", "constant", "halving"] = "cosine"
    """``halving`` halves the rate every `halving_epochs` passes through the data."""

    halving_epochs: Count = 50
    """See `schedule`."""

    warm_up: int = Field(default=100, ge=0)
    """Iterations of linear warm-up."""

    fixed_statistics: bool = False
    """Whether batch normalisation keeps the statistics of a few batches at the start, as it does in use,
    instead of taking those of each batch: the end of a training, on images that are changed less."""

    average: Annotated[float, Field(ge=0, lt=1)] | None = 0.998
    """Decay of the exponential moving average of the weights; null keeps the last ones."""

    select: Literal["last", "best_iou"] = "last"
    """Which weights are written: the last, or those of the best validation mean IoU (the last where
    nothing is validated)."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic of the network; ``auto``: bf16 where the device has instructions for it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is trained."""

    threads: Count | None = None
    """CPU threads; torch's own choice where not given."""

    seed: int = Field(default=2018, ge=0, le=LARGEST_SEED)
    """Of everything random."""

    validate_every: Count | None = None
    """Iterations between validations; where not given, 200, or one pass through the data where `epochs` are
    given."""

    checkpoint_every: Count = 100
    """Iterations between checkpoints, from which a killed run resumes."""

    @property
    def labels(self) -> dict[int, str]:
        """Label to structure of what is learnt."""
        return structures_of(self.view, self.structures)

    @property
    def starts(self) -> list[str]:
        """What it starts from; nothing where the network is fresh."""
        return [self.start_from] if isinstance(self.start_from, str) else self.start_from or []

    def iterations_for(self, slices: int) -> int:
        """Number of batches of a training on this many slices."""
        return self.iterations if self.epochs is None else -(-self.epochs * slices // self.batch_size)

    def validate_every_for(self, slices: int) -> int:
        """Iterations between validations in a training on this many slices."""
        return self.validate_every or (200 if self.epochs is None else -(-slices // self.batch_size))

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_recipe(cls, values: Any) -> Any:
        return with_recipe(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _view_has_the_structures(self) -> "TrainingOptions":
        structures_of(self.view, self.structures)
        return self

    @model_validator(mode="after")
    def _has_values_to_normalise(self) -> "TrainingOptions":
        if self.crop == SMALLEST_CROP and self.batch_size == 1:
            raise ValueError(
                f"crop {SMALLEST_CROP} with batch_size 1 leaves one value to normalise; raise either"
            )
        return self


def load_training_options(path: Path) -> TrainingOptions:
    """Read a training configuration; relative paths are relative to the working directory.

    Raises
    ------
    UserError
        If the file is not there, is not YAML, or holds mistakes; all of them are named at once.
    """
    return load_options(path, TrainingOptions)
