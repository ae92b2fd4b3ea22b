"""Write requirements.lock from what is installed here, and the conda environment of what stages need."""

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NOT_OURS = ("pip", "setuptools", "wheel", "cinecohort")


def pins() -> list[str]:
    """Every installed distribution as ``name==version``, without build tags such as ``+cpu``."""
    command = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return sorted(line.split("+")[0] for line in lines if line.split("==")[0] not in NOT_OURS)


def needed_to_run(package: str = "cinecohort") -> set[str]:
    """Names of all distributions that a package needs to run, those of its extras left out."""
    found: set[str] = set()
    waiting = [Requirement(package)]
    while waiting:
        wanted = waiting.pop()
        for line in requires(wanted.name) or ():
            requirement = Requirement(line)
            marker = requirement.marker
            extras = wanted.extras or {""}
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                name = canonicalize_name(requirement.name)
                if name not in found:
                    found.add(name)
                    waiting.append(requirement)
    return found


def environment(pinned: list[str]) -> str:
    """Text of the conda environment: the pins of what stages need, without linters, tests and Snakemake.

    The package itself is not in it: scripts import it from the checkout, so that the environment is made anew
    when a dependency changes and never lags behind the code.
    """
    needed = needed_to_run()
    lines = ["# Written by `make lock`: of the pins of requirements.lock, what stages need.", "channels:"]
    lines += [
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    lines += [f"      - {pin}" for pin in pinned if canonicalize_name(pin.split("==")[0]) in needed]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files from one list, so that pip and conda users get the same versions."""
    pinned = pins()
    header = "# Every version that the tests run with; `make lock` writes this file.\n"
    (ROOT / "requirements.lock").write_text(header + "\n".join(pinned) + "\n")
    (ROOT / "envs" / "cinecohort.yaml").write_text(environment(pinned))


if __name__ == "__main__":
    main()
