"""What made these results: versions, configuration, revision, engines. The source of the methods text."""

import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from cinecohort import __version__
from cinecohort.cohort.stage_settings import WholeSettings
from cinecohort.files import digest_json, write_json
from cinecohort.ledger.frames import read_shards

PACKAGES = (
    "snakemake",
    "torch",
    "openvino",
    "mnn",
    "pydicom",
    "nibabel",
    "numpy",
    "scipy",
    "pandas",
    "statsmodels",
    "pingouin",
    "matplotlib",
    "seaborn",
    "typst",
)


def package_versions() -> dict[str, str]:
    """Versions of the packages that numbers and pages depend on, by name; absent ones are left out."""
    versions = {"cinecohort": __version__}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def git_revision(repository: Path) -> str | None:
    """Commit of a checkout, with ``-dirty`` where files differ from it; None outside of git."""
    command = ["git", "-C", str(repository), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None


def engines_used(segment: pd.DataFrame) -> dict[str, int]:
    """Number of subjects by engine, precision and device that segmented any frame of them."""
    if "engine" not in segment:
        return {}
    used = segment[segment["frames_segmented"].str.contains("=[1-9]")].drop_duplicates("subject")
    return dict(sorted(Counter(used["engine"] + "/" + used["precision"] + "/" + used["device"]).items()))


def record_run(settings: str, segment: Sequence[Path], path: Path, repository: Path) -> None:
    """Write ``run.json``; see the module's docstring.

    Parameters
    ----------
    settings
        The whole configuration, as :func:`cinecohort.cohort.settings.settings_for` made it.
    segment
        Shard tables of the segmentation.
    path
        Where the record goes.
    repository
        The checkout that the workflow runs from.
    """
    values = WholeSettings.read(settings).config.model_dump(mode="json")
    digest = digest_json(values)
    if values["conversion"]["uid_salt"]:
        # Beside the hashes the salt would be worth nothing.
        values["conversion"]["uid_salt"] = "(kept out)"
    record = {
        "title": values["title"],
        "synthetic": values["synthetic"],
        "finished": time.strftime("%Y-%m-%d %H:%M"),
        "versions": package_versions(),
        "config_digest": digest,
        "config": values,
        "git_revision": git_revision(repository),
        "datasets": {name: options["source"] for name, options in values["datasets"].items()},
        "engines": engines_used(read_shards(segment)),
        "seed": values["seed"],
    }
    write_json(path, record)
