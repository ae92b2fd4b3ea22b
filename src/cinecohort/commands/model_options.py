"""Options of a command that are settings of a model, which alone says names, choices, defaults and limits."""

import argparse
from collections.abc import Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from cinecohort.options import Options


def add_options(parser: argparse.ArgumentParser, model: type[Options], names: Sequence[str]) -> None:
    """Declare an option for each of the named settings of a model.

    Parameters
    ----------
    parser
        The command's parser.
    model
        The settings model.
    names
        Its settings: truth values (off unless the option is given), choices, numbers and texts.
    """
    for name in names:
        field = model.model_fields[name]
        option = f"--{name.replace('_', '-')}"
        words = _help(field)
        if field.annotation is bool:
            parser.add_argument(option, action="store_true", help=words)
        else:
            metavar = None if _choices(field) else name.rsplit("_", 1)[-1].upper()
            parser.add_argument(
                option,
                type=_reader(field),
                default=field.default,
                choices=_choices(field),
                metavar=metavar,
                help=words,
            )


def _help(field: FieldInfo) -> str:
    words = " ".join((field.description or "").replace("``", "").split()).rstrip(".").replace("%", "%%")
    default = "" if field.annotation is bool or field.default is None else f" (default {field.default})"
    return words + default


def _choices(field: FieldInfo) -> list[str] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if get_origin(kind) is Literal:
            return list(get_args(kind))
    return None


def _reader(field: FieldInfo) -> Any:
    parts = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    kind: Any = parts[0] if NoneType in get_args(field.annotation) else field.annotation
    adapter = TypeAdapter(Annotated[kind, *field.metadata] if field.metadata else kind)

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error.errors()[0]['msg']}") from error

    return read


def read_options(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The values of options that :func:`add_options` declared, by the names of the settings."""
    return {name: getattr(arguments, name) for name in names}
