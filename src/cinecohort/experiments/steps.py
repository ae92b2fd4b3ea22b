"""The steps of experiments by name: what the workflow's jobs and the command line run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cinecohort.errors import UserError
from cinecohort.experiments.datasets import prepare_dataset
from cinecohort.experiments.options import ExperimentOptions, load_experiments
from cinecohort.experiments.rows import train_row

Report = Callable[[str], None]


def run_steps(config: Path, chosen: Mapping[str, list[str]], report: Report) -> None:
    """Run kinds of steps of a configuration in their order.

    Parameters
    ----------
    config
        Configuration file.
    chosen
        Kind of step (``datasets``, ``rows``) to the names wanted, all where the list is empty;
        every kind where nothing is chosen.
    report
        Takes lines of progress.

    Raises
    ------
    UserError
        If a name is unknown, or a step cannot be done.
    """
    options = load_experiments(config)
    kinds: dict[str, tuple[list[str], Callable[[str], Any]]] = {
        "datasets": (list(options.datasets), lambda name: prepare_dataset(options, name)),
        "rows": (rows_in_order(options), lambda name: train_row(options, name, report)),
    }
    for kind, (known, step) in kinds.items():
        if chosen and kind not in chosen:
            continue
        unknown = sorted(set(chosen.get(kind, [])) - set(known))
        if unknown:
            raise UserError(f"{config}: has no {kind} {', '.join(unknown)}; it has {', '.join(known)}.")
        for name in chosen.get(kind) or known:
            report(f"{kind}: {name}")
            step(name)


def rows_in_order(options: ExperimentOptions) -> list[str]:
    """Rows as configured, but each after the one that it starts from."""
    ordered: list[str] = []

    def add(row: str) -> None:
        start = options.rows[row].start_from
        if start is not None:
            add(start)
        if row not in ordered:
            ordered.append(row)

    for row in options.rows:
        add(row)
    return ordered
