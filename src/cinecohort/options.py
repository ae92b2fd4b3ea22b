"""The base of every configuration model, and the reading of files that hold one."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from cinecohort.errors import UserError
from cinecohort.files import expanded

ConfiguredPath = Annotated[Path, AfterValidator(expanded)]
"""A path in which `~` and `$VARIABLES` are filled in."""


class Options(BaseModel):
    """A frozen model that refuses keys it does not know.

    Each room keeps its own options in its ``options.py``; :mod:`cinecohort.config` puts them together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Model = TypeVar("Model", bound=Options)

CONSEQUENCES = ("missing", "too_short", "union_tag_not_found")
"""Mistakes that are none where what is missing was taken out."""

MOST_ROUNDS = 50
"""Mistakes that hide others are taken out in so many rounds."""


def load_options(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a configuration model.

    Raises
    ------
    UserError
        If the file is not there, is not YAML, or holds mistakes; all of them are named at once.
    """
    return parse_options(read_yaml(path), model, str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values; an empty one has none.

    Raises
    ------
    UserError
        If the file is not there, is not YAML, or holds something else than keys and values.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8; save it as a plain text file.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or a number that is none.
        raise UserError(f"{path}: is not valid YAML ({error}).") from error
    except RecursionError as error:
        raise UserError(
            f"{path}: is not valid YAML (lists or keys within each other without end)."
        ) from error
    if values is not None and not isinstance(values, dict):
        raise UserError(f"{path}: holds a {type(values).__name__}; a file of `key: value` lines is needed.")
    return values or {}


def parse_options(values: Mapping[str, Any], model: type[Model], origin: str = "configuration") -> Model:
    """Check values against a configuration model; see :func:`load_options`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"  {_path(_location(item, values))}: {_message(item)}" for item in error.errors()]
        plural = "mistake" if len(lines) == 1 else "mistakes"
        raise UserError("\n".join([f"{origin} has {len(lines)} {plural}:", *lines])) from error


Location = tuple[int | str, ...]

UNION_TAGS = ("union_tag_invalid", "union_tag_not_found")
"""Kinds of mistakes in the key by which the members of a union are distinguished."""


def _location(item: Mapping[str, Any], values: Any) -> Location:
    """Where in the file a mistake is: the names of a union's members, which pydantic puts in, left out."""
    parts: list[int | str] = []
    for part in item["loc"]:
        if isinstance(values, Mapping) and part not in values and part == values.get("source"):
            continue
        parts.append(part)
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
    if item["type"] in UNION_TAGS:
        parts.append(item["ctx"]["discriminator"].strip("'"))
    return tuple(parts)


def _path(location: Location) -> str:
    return ".".join(map(str, location)) or "(top level)"


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "is not a known key; see config/README.md for those that are"
    if item["type"] == "union_tag_invalid":
        return f"must be one of {item['ctx']['expected_tags']} (found {item['ctx']['tag']!r})"
    if item["type"] == "union_tag_not_found":
        return "Field required"
    if item["type"] in ("tuple_type", "list_type", "set_type", "frozen_set_type"):
        return f"must be a list, as in [{item['input']}] (found {item['input']!r})"
    found = f" (found {item['input']!r})" if isinstance(item["input"], (str, int, float, bool)) else ""
    return f"{item['msg'].removeprefix('Value error, ')}{found}"


def in_a_line(fault: Exception) -> str:
    """What is wrong with a file that was read into a model: the first mistake, and the number of others."""
    if not isinstance(fault, ValidationError):
        return " ".join(str(fault).split())
    first, *more = fault.errors()
    known = "is not known to this version" if first["type"] == "extra_forbidden" else _message(first)
    return f"{_path(first['loc'])}: {known}{f'; and {len(more)} more mistakes' if more else ''}"


def parse_leniently(
    values: Mapping[str, Any], model: type[Model]
) -> tuple[Model | None, list[tuple[str, str]]]:
    """Check values against a configuration model, and go on without those that are wrong.

    Returns
    -------
    tuple
        The model of the values that are right, None where nothing can be made of them; and every mistake, as
        its path and a sentence.
    """
    left = copy.deepcopy(dict(values))
    mistakes: dict[str, str] = {}
    removed: set[Location] = set()
    for _ in range(MOST_ROUNDS):
        try:
            return model.model_validate(left), list(mistakes.items())
        except ValidationError as error:
            found = [(_location(item, left), item) for item in error.errors()]
        for location, item in found:
            follows = item["type"] in CONSEQUENCES and any(
                place[: len(location)] == location for place in removed
            )
            if not follows:
                mistakes.setdefault(_path(location), _message(item))
        for location, _ in found:
            place = _remove(left, location)
            if not place:
                return None, list(mistakes.items())
            removed.add(place)
    return None, list(mistakes.items())


def _remove(values: Any, location: Location) -> Location:
    """Take the innermost part of a location that is there out of the values; its path, or nothing."""
    path: list[int | str] = []
    holder, inside = None, values
    for part in location:
        known = (
            part in inside if isinstance(inside, dict) else isinstance(inside, list) and isinstance(part, int)
        )
        if not known or (isinstance(inside, list) and int(part) >= len(inside)):
            break
        holder, inside = inside, inside[part]
        path.append(part)
    if holder is not None:
        del holder[path[-1]]
    return tuple(path)
