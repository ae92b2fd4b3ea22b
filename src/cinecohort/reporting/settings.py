"""The settings of a run, read back from its results folder."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.reporting.options import ReportOptions


def report_settings(results: Path) -> tuple[ReportOptions, dict[str, Any]]:
    """Read the options of the report and the configuration that a run left in its results folder.

    They are in ``config.json``, or under ``config`` in ``run.json``; without either, the report is made
    with default options and its methods text leaves out what it does not know.

    Raises
    ------
    UserError
        If the file holds options of the report that this version does not know.
    """
    config: dict[str, Any] = {}
    for name, key in (("config.json", None), ("run.json", "config")):
        path = results / name
        if path.is_file():
            value = read_json(path)
            config = dict(value if key is None else value.get(key) or {})
        if config:
            break
    try:
        return ReportOptions.model_validate(config.get("report") or {}), config
    except ValidationError as error:
        raise UserError(
            f"{results}: the settings of the report cannot be read ({error.errors()[0]['msg']}); run the "
            "workflow again."
        ) from error
