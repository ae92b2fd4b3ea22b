"""Sets of models: whose results stand together in the tables, where the views have networks of their own.

A row of measures takes ventricles and atria together, and atrial volumes take two views, so that its source
is a set of networks, one per view. Light enough for the Snakefile to read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cinecohort.catalogue.views import STRUCTURES

PRIMARY = "automatic"
"""Name of the set of the first model of each view, where these models have different names."""


@dataclass(frozen=True)
class ModelSet:
    """Models that stand together in the tables, at most one per view.

    Parameters
    ----------
    name
        What the tables call it, in the column ``source``.
    models
        View to name of its model.
    files
        View to the model's name in file names: None where it is the view's first, as
        :func:`cinecohort.label_maps.segmentation_path` takes it.
    """

    name: str
    models: Mapping[str, str]
    files: Mapping[str, str | None]

    def described(self) -> str:
        """Return the models by view for a table, such as ``sa=unet_slim_sa,la_2ch=unet_slim_la_2ch``."""
        return models_text(self.models)


def models_text(models: Mapping[str, str]) -> str:
    """Models by view as one text; see :meth:`ModelSet.described`."""
    return ",".join(f"{view}={model}" for view, model in models.items())


def model_sets(models: Mapping[str, Sequence[str]]) -> list[ModelSet]:
    """Put the configured models together.

    Parameters
    ----------
    models
        View to the names of its models, the primary one first.

    Returns
    -------
    list of ModelSet
        The primary set first: the first model of each view, called by their common name or
        :data:`PRIMARY`. Then, for every other name, the models of that name, whatever their rank.
    """
    models = {view: models[view] for view in STRUCTURES if models.get(view)}
    firsts = {view: names[0] for view, names in models.items()}
    if not firsts:
        return []
    common = set(firsts.values()) if len(set(firsts.values())) == 1 else set()
    name = next(iter(common), PRIMARY)
    further = dict.fromkeys(other for names in models.values() for other in names[1:] if other not in common)
    return [_set_of(name, firsts, firsts), *(_of_name(other, models, firsts) for other in further)]


def _of_name(name: str, models: Mapping[str, Sequence[str]], firsts: Mapping[str, str]) -> ModelSet:
    return _set_of(name, {view: name for view, names in models.items() if name in names}, firsts)


def _set_of(name: str, chosen: Mapping[str, str], firsts: Mapping[str, str]) -> ModelSet:
    files = {view: None if model == firsts[view] else model for view, model in chosen.items()}
    return ModelSet(name, dict(chosen), files)


def single_set(name: str, views: Iterable[str], file: str | None = None) -> ModelSet:
    """Set of one model for some views, whose files carry `file` (None: no name)."""
    listed = list(views)
    return ModelSet(name, dict.fromkeys(listed, name), dict.fromkeys(listed, file))


def primary_name(models: Mapping[str, Sequence[str]]) -> str | None:
    """Name of the primary set; None without models."""
    sets = model_sets(models)
    return sets[0].name if sets else None
