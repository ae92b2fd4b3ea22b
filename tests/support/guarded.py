"""Programs run without a network and with an empty home folder; an attempt to reach either is a failure.

Continuous integration switches the reports of some libraries off, so its variables are taken away. Python's
attempts are refused and noted by ``network_guard``; where the kernel allows it, the programs also run without
any network, so that libraries in C have none either.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

GUARD = Path(__file__).parent / "network_guard"
SWITCHES = ("CI", "JENKINS_URL", "TF_BUILD", "MPLCONFIGDIR", "XDG_CONFIG_HOME")
EACH = """
import json, sys
from cinecohort.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    assert not code, (words, code)
"""
WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]


def without_network() -> list[str]:
    """The words before a command that take the network from it, where the kernel allows that."""
    if (
        shutil.which("unshare")
        and not subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True).returncode
    ):
        return WITHOUT_NETWORK
    return []


class Guarded:
    """Runs commands with an empty home folder and a guard on the network."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.log = folder / "network.log"
        kept = {name: value for name, value in os.environ.items() if name not in SWITCHES}
        self.environment = {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(GUARD),
            "CINECOHORT_NETWORK_LOG": str(self.log),
            "OMP_NUM_THREADS": "1",
        }
        self.before = without_network()

    def run(self, *command: object, folder: Path | None = None) -> str:
        """Run a program; whatever it does, nothing may have been sent and nothing left in the home folder."""
        words = [*self.before, *map(str, command)]
        done = subprocess.run(
            words, cwd=folder, env=self.environment, capture_output=True, text=True, timeout=1200
        )
        assert not self.log.exists(), self.log.read_text()
        assert not list(self.home.iterdir())
        assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def python(self, *arguments: object) -> str:
        """Run Python."""
        return self.run(sys.executable, *arguments)

    def cinecohort(self, *commands: Sequence[object]) -> str:
        """Run commands, in one process one after the other: most of their time would be imports."""
        return self.python("-c", EACH, json.dumps([list(map(str, words)) for words in commands]))
