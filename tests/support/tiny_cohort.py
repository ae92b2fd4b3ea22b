"""A tiny cohort in ACDC's layout, and Snakemake run on it as a user would."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import yaml

from support.hearts import disc_heart
from support.ready_python import NAME, ready_python

ROOT = Path(__file__).parents[2]
"""The checkout that the tests run from."""
HOOKS = ROOT / "tests" / "support" / "hooks"
NOT_COMPARED = ("logs/", "benchmarks/", "cache/", "index/lock", "index/checked.json")
GROUPS = ("DCM", "NOR")


def heart(radius: float, wall: float, slices: int = 6) -> np.ndarray:
    """ACDC-coded label map (48, 48, slices): LV disc, myocardial ring, RV half-disc, tapering to the apex."""
    tapered = [radius * (1.0 - 0.08 * z) for z in range(slices)]
    planes = [disc_heart((48, 48), (28, 24), each, wall, (16, 24), each + 2) for each in tapered]
    return np.array([0, 3, 2, 1], np.uint8)[np.stack(planes, axis=2)]


def write_patient(folder: Path, number: int, scale: float = 1.0) -> None:
    """Write one patient; `scale` changes the size of the heart."""
    rng = np.random.default_rng(number)
    name = f"patient{number:03d}"
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    for frame, factor in ((1, 1.0), (7, 0.75)):
        labels = heart(8.0 * scale * factor + 0.3 * (number % 5), 3.0)
        intensity = np.array([20, 180, 70, 200])[labels] + rng.normal(0, 6, labels.shape)
        for suffix, data in (("", intensity.astype(np.int16)), ("_gt", labels)):
            image = nib.Nifti1Image(data, np.diag([-1.0, -1.0, 1.0, 1.0]))
            image.header.set_zooms((1.5, 1.5, 13.0))
            nib.save(image, home / f"{name}_frame{frame:02d}{suffix}.nii.gz")
    (home / "Info.cfg").write_text(
        f"ED: 1\nES: 7\nGroup: {GROUPS[number % 2]}\nHeight: {160 + number}\n"
        f"NbFrame: 20\nWeight: {60 + 2 * number}\n"
    )


def with_hooks(**variables: str) -> dict[str, str]:
    """Environment of a workflow that loads ``hooks/sitecustomize.py``."""
    path = os.pathsep.join([str(HOOKS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, **variables}


def with_fault(fault: str = "") -> dict[str, str]:
    """Environment of a workflow whose jobs meet a fault; see ``hooks/sitecustomize.py``."""
    return with_hooks(**({"CINECOHORT_FAULT": fault} if fault else {}))


@dataclass
class Cohort:
    """A folder with raw data, a configuration and the results of the workflow."""

    folder: Path
    checkout: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)
    quiet: str | None = "host"
    """What Snakemake does not print; None: as the default profile says, which hides the jobs too."""
    ready: bool = True
    """Whether Snakemake and its jobs are forks of a process that has imported all; see ``ready_python``."""

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def printed(self) -> Path:
        """What a run printed that was started and left running."""
        return self.folder / "printed.txt"

    def configure(self, **sections) -> None:
        """Write the configuration: the base with `sections` replaced."""
        values = {
            "title": "Tiny cohort",
            "shard_size": 3,
            "datasets": {"tiny": {"source": "acdc", "path": "raw"}},
            "studies": {
                "pathology": {
                    "exposure": {"label": "DCM", "condition": "group == 'DCM'"},
                    "reference": {"label": "Normal", "condition": "group == 'NOR'"},
                    "covariates": ["height_cm"],
                    "outcomes": ["lvedv_ml", "lvm_g"],
                    "source": "manual",
                }
            },
            **sections,
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(values))

    def command(self, *arguments: str) -> list[str]:
        """The command that runs Snakemake on the cohort."""
        command = [sys.executable, "-m", "snakemake", *arguments]
        command += ["--snakefile", str(self.checkout / "Snakefile"), "--directory", str(self.folder)]
        command += ["--configfile", str(self.folder / "config.yaml")]
        if self.quiet:
            command += ["--quiet", self.quiet]
        if not {"--unlock", "--profile"} & set(arguments):
            command += ["--cores", "2"]
        return command

    def variables(self) -> dict[str, str]:
        """Environment that Snakemake runs in."""
        ready = with_hooks(**{NAME: ready_python()}) if self.ready and self.checkout == ROOT else {}
        return {**os.environ, "OMP_NUM_THREADS": "1", **ready, **self.environment}

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake on the cohort and return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.checkout,
            capture_output=True,
            text=True,
            env=self.variables(),
            timeout=3600,
            check=False,
        )
        printed = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(f"snakemake failed:\n{printed[-6000:]}")
        return printed

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake on the cohort, as a group of processes of its own, and leave it running."""
        with self.printed.open("w") as printed:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.checkout,
                env=self.variables(),
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen, check: bool = True) -> str:
        """Wait for a run that was started, and return what it printed."""
        code = process.wait(timeout=3600)
        printed = self.printed.read_text()
        if check and code:
            raise AssertionError(f"snakemake failed:\n{printed[-6000:]}")
        return printed

    def files(self, *below: str) -> dict[str, tuple[str, int]]:
        """Digest and time of every file below the results (or parts of them), logs and benchmarks apart."""
        found = {}
        for part in below or (".",):
            for path in sorted((self.results / part).rglob("*")):
                name = path.relative_to(self.results).as_posix()
                if path.is_file() and not name.startswith(NOT_COMPARED):
                    found[name] = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        return found

    def contents(self, *below: str) -> dict[str, str]:
        """Digest of every file, as in :meth:`files`."""
        return {name: digest for name, (digest, _) in self.files(*below).items()}
