"""The base of every configuration model."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A frozen model that refuses keys it does not know.

    Each room keeps its own options in its ``options.py``; :mod:`cinecohort.config` puts them together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
