"""Options of a command that are settings of a model, which alone says names, choices, defaults and limits."""

import argparse
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from cinecohort.options import Options


def add_options(
    parser: argparse.ArgumentParser,
    model: type[Options],
    names: Sequence[str],
    spelled: Mapping[str, str] | None = None,
) -> None:
    """Declare an option for each of the named settings of a model.

    Parameters
    ----------
    parser
        The command's parser.
    model
        The settings model.
    names
        Its settings: truth values (``--no-NAME`` where the default is yes), numbers, choices, or several
        choices.
    spelled
        Settings whose option has another name than they.
    """
    for name in names:
        field = model.model_fields[name]
        flags = [f"--{(spelled or {}).get(name, name).replace('_', '-')}"]
        if field.annotation is bool:
            switch: Any = argparse.BooleanOptionalAction if field.default else "store_true"
            parser.add_argument(*flags, dest=name, action=switch, default=field.default, help=_help(field))
            continue
        several = get_origin(field.annotation) is tuple
        parser.add_argument(
            *flags,
            dest=name,
            type=_reader_of(field),
            nargs="+" if several else None,
            default=field.default,
            choices=_choices(field.annotation),
            metavar=None if _choices(field.annotation) else "N",
            help=_help(field),
        )


def _help(field: FieldInfo) -> str:
    words = " ".join((field.description or "").replace("`", "").split()).rstrip(".").replace("%", "%%")
    several = isinstance(field.default, tuple)
    default = " ".join(field.default) if several else field.default
    return words if isinstance(default, bool) or default is None else f"{words} (default {default})"


def _choices(annotation: Any) -> list[str] | None:
    for kind in (annotation, *get_args(annotation)):
        if get_origin(kind) is Literal:
            return list(get_args(kind))
    return None


def reader(kind: Any) -> Any:
    """Reader of an option's text as a kind that pydantic knows; what it refuses is wrong usage."""
    adapter = TypeAdapter(kind)

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error.errors()[0]['msg']}") from error

    return read


def _reader_of(field: FieldInfo) -> Any:
    parts = get_args(field.annotation)
    optional = NoneType in parts
    single = optional or get_origin(field.annotation) is tuple
    kind: Any = next(part for part in parts if part is not NoneType) if single else field.annotation
    read = reader(Annotated[kind, *field.metadata] if field.metadata else kind)
    return (lambda text: None if text in ("none", "null") else read(text)) if optional else read


def read_options(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The values of options that :func:`add_options` declared, by the names of the settings."""
    return {name: getattr(arguments, name) for name in names}
