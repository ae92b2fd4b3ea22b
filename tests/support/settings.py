"""Every setting of a model, with another valid value: for tests that a text says each."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel


def leaves(model: type[BaseModel], path: str) -> Iterator[tuple[str, Any, Any]]:
    for name, field in model.model_fields.items():
        kind, default = field.annotation, field.get_default(call_default_factory=True)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{path}.{name}")
        else:
            yield f"{path}.{name}", kind, default


def another(path: str, kind: Any, default: Any, special: Mapping[str, Any]) -> Any:
    """A valid value that is not the default; what cannot be made up is in `special`."""
    if path in special:
        return special[path]
    if typing.get_origin(kind) is Literal:
        return next(value for value in typing.get_args(kind) if value != default)
    if isinstance(default, bool):
        return not default
    if kind is float and not isinstance(default, int | float):
        return 0.37
    if isinstance(default, int):
        return default + 3
    if isinstance(default, float):
        return default * 0.9 if default else 0.1
    if isinstance(default, tuple | list):
        return [value * 0.9 for value in default]
    raise AssertionError(f"{path}: give this test a value of {kind}")
