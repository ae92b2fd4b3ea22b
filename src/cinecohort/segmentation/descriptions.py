"""What is known about weights, without loading them: light enough for the Snakefile to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cinecohort.catalogue.views import LABELS
from cinecohort.errors import UserError
from cinecohort.files import digest_file, digest_json, expanded, read_json
from cinecohort.options import Options, in_a_line
from cinecohort.segmentation.architectures import ARCHITECTURES
from cinecohort.segmentation.nnunet_folders import NnunetFolder, folder_digest, read_folder
from cinecohort.segmentation.options import is_nnunet

SHIPPED = Path(__file__).parent / "weights"
"""Folder of the weights that come with the package."""


DEFAULT_MODELS = {"sa": "unet_all_sa", "la_2ch": "unet_slim_la_2ch", "la_4ch": "unet_slim_la_4ch"}
"""Weights that segment a view where no model is named."""

NOT_ABOUT_USE = {"sha256", "training_subjects", "validation_subjects", "trained_on", "recipe"}
"""Fields of a description that say nothing about what becomes of an image."""


ANY_SOURCE = "any"
"""In place of a source: participants of these names were seen, wherever their files come from."""


class ModelDescription(Options):
    """What has to be known to use weights."""

    name: str
    """Name of the weights."""

    view: Literal["sa", "la_2ch", "la_4ch"]
    """View that they segment."""

    architecture: str
    """Name of the network."""

    spacing_mm: float | None = Field(gt=0, allow_inf_nan=False)
    """In-plane pixel size that images are resampled to; null: each image's own."""

    normalisation: Literal["unit", "zscore_slice", "own"]
    """Intensities that the network takes; ``own``: the image's, which it scales itself."""

    neighbours: int = Field(default=0, ge=0)
    """Slices on either side that the network sees besides the one that it segments."""

    structures: dict[Annotated[str, Field(pattern="^[1-9]$")], str]
    """Label number to structure."""

    sha256: str = ""
    """Digest of the weights file."""

    validated: bool = False
    """Whether it was tested on labelled real hearts that it was not trained on."""

    training_subjects: int = 0
    """How many subjects it was trained on."""

    validation_subjects: int = 0
    """How many subjects its curve was made with; they chose between its checkpoints where the recipe says
    ``select: best_iou``."""

    trained_on: dict[str, list[str]] = {}
    """Source to the participants that its training saw, that of what it started from included: accuracy on
    them says nothing. Of a user's own training the source is :data:`ANY_SOURCE`."""

    recipe: dict[str, Any] = {}
    """The settings of its training."""

    activation_ranges: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    """Layer to its highest activation on images of the training, by ``cinecohort quantise``: what int8
    needs."""

    @property
    def labels(self) -> dict[int, str]:
        """Label number to structure, in the order of the network's classes; the background is before them."""
        return {int(label): self.structures[label] for label in sorted(self.structures)}


def shipped_models() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def weights_path(name_or_path: str) -> Path:
    """Return the path of shipped weights by name, or of a file by its path.

    Raises
    ------
    UserError
        If there are none.
    """
    if is_nnunet(name_or_path):
        raise UserError(
            f"{name_or_path}: a model folder of nnU-Net can segment and be validated, nothing else; name "
            "weights of this software."
        )
    path = expanded(name_or_path)
    if path.suffix != ".safetensors":
        path = SHIPPED / f"{name_or_path}.safetensors"
        if not path.is_file():
            names = ", ".join(shipped_models()) or "none"
            raise UserError(
                f"there are no shipped weights {name_or_path!r} (shipped: {names}); "
                "name one of these or give the path of a .safetensors file."
            )
    if not path.is_file():
        raise UserError(f"{path}: there is no such weights file.")
    return path


def describe_model(name_or_path: str) -> ModelDescription:
    """Read the description of weights, without reading the weights.

    Raises
    ------
    UserError
        If it is missing or not valid.
    """
    if is_nnunet(name_or_path):
        return describe_folder(read_folder(name_or_path))
    path = weights_path(name_or_path).with_suffix(".json")
    if not path.is_file():
        raise UserError(f"{path}: weights need their description beside them (architecture, view, labels).")
    try:
        description = ModelDescription.model_validate(read_json(path))
    except (ValidationError, ValueError) as fault:
        raise UserError(
            f"{path}: is not a valid description of weights ({in_a_line(fault)}); correct it, or copy "
            "the file of the training again."
        ) from fault
    if description.architecture not in ARCHITECTURES:
        raise UserError(
            f"{path}: there is no network {description.architecture!r}; those that can be used are "
            f"{', '.join(ARCHITECTURES)}."
        )
    ours = {str(label): name for label, name in LABELS[description.view].items()}
    if not description.structures or not description.structures.items() <= ours.items():
        raise UserError(
            f"{path}: its description gives the labels {description.structures}, but those of "
            f"{description.view} are {ours}; train the network on labels of that coding."
        )
    return description


def describe_folder(folder: NnunetFolder) -> ModelDescription:
    """Describe a model folder of nnU-Net as weights are described; what its training saw is not known."""
    return ModelDescription.model_validate(
        {
            "name": folder.name,
            "view": folder.view,
            "architecture": "nnU-Net v2",
            "spacing_mm": None,
            "normalisation": "own",
            "structures": {str(label): name for label, name in folder.structures.items()},
            "sha256": folder_digest(folder),
        }
    )


ABOUT_THE_TRAINING = {
    *("name", "architecture", "sha256", "validated", "recipe", "trained_on"),
    *("training_subjects", "validation_subjects", "activation_ranges"),
}
"""Facts of a description that may differ between the members of an ensemble; what is left decides what a
network takes and gives."""


def ensemble_description(name: str, members: Sequence[ModelDescription]) -> ModelDescription:
    """Describe an ensemble; one member is described as it is.

    Raises
    ------
    UserError
        If the members take other images or give other structures than each other.
    """
    first = members[0]
    if len(members) == 1:
        return first
    alike = first.model_dump(exclude=ABOUT_THE_TRAINING)
    for other in members[1:]:
        theirs = other.model_dump(exclude=ABOUT_THE_TRAINING)
        different = sorted(key for key in alike if alike[key] != theirs[key])
        if different:
            raise UserError(
                f"the ensemble {name}: {first.name} and {other.name} differ in {', '.join(different)}; "
                "put together weights of the same view that were trained on the same kind of images."
            )
    return first.model_copy(
        update={
            "name": "+".join(member.name for member in members),
            "sha256": "+".join(member.sha256 for member in members),
            "validated": all(member.validated for member in members),
        }
    )


def describe_for(name_or_path: str, view: str) -> ModelDescription:
    """Read the description of weights that are to segment a view.

    Raises
    ------
    UserError
        If there are no such weights, or they are of another view.
    """
    description = describe_model(name_or_path)
    if description.view != view:
        raise UserError(f"the weights {name_or_path} segment {description.view}, not {view}; choose others.")
    return description


def check_digest(name_or_path: str) -> None:
    """Hold a weights file against the digest in its description, where it states one.

    Raises
    ------
    UserError
        If it is another file than the one described.
    """
    if is_nnunet(name_or_path):
        return  # States none; its files are read to describe it.
    path, stated = weights_path(name_or_path), describe_model(name_or_path).sha256
    if stated and digest_file(path) != stated:
        raise UserError(f"{path}: does not match the digest in its description; copy both files again.")


def check_precision(name_or_path: str, precision: str) -> None:
    """Hold weights against the arithmetic that they are to run in.

    Raises
    ------
    UserError
        If it is int8 and they are of another network than a U-Net, or their description does not say what
        that needs.
    """
    if precision != "int8" or is_nnunet(name_or_path):
        return  # nnU-Net itself says what it does not do.
    description = describe_model(name_or_path)
    if ARCHITECTURES[description.architecture]["kind"] != "unet":
        raise UserError(
            f"precision: int8 is for U-Nets, and the weights {name_or_path} are of "
            f"{description.architecture}; set precision: auto."
        )
    if not description.activation_ranges:
        raise UserError(
            f"the weights {name_or_path} do not hold what precision: int8 needs to know about their "
            f"activations; record it with `cinecohort quantise {name_or_path} DIR`, or set precision: auto."
        )


def weights_digest(name_or_path: str) -> str:
    """SHA-256 of weights.

    Raises
    ------
    UserError
        If they, or their description, are not there.
    """
    return describe_model(name_or_path).sha256 or digest_file(weights_path(name_or_path))


def usage_digest(name_or_path: str, precision: str = "auto") -> str:
    """Digest of weights and of what their description says about their use: all that a result rests on."""
    # Ranges of activations are for int8: recording them makes no other segmentation anew.
    unused = NOT_ABOUT_USE if precision == "int8" else {*NOT_ABOUT_USE, "activation_ranges"}
    use = describe_model(name_or_path).model_dump(mode="json", exclude=unused)
    return digest_json({"weights": weights_digest(name_or_path), "use": use})
