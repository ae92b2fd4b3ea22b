"""What people install: sdist and wheel built, installed and used elsewhere; recipes of containers."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import cinecohort
from support.tiny_cohort import ROOT, Cohort, write_patient

DOCKERFILE, APPTAINER = ROOT / "envs" / "Dockerfile", ROOT / "envs" / "cinecohort.def"
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.egg-info")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints, away from the checkout: nothing of this process's paths is handed on."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copied_by_docker() -> list[str]:
    """Files and folders that the Dockerfile copies."""
    lines = re.findall(r"^COPY (.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    return [word for line in lines for word in line.split()]


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    """What the recipes put into a container, nothing else of the checkout."""
    folder = tmp_path_factory.mktemp("sources")
    for name in copied_by_docker():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_SOURCES)
        else:
            shutil.copy2(source, folder / name)
    return folder


@dataclass(frozen=True)
class Installed:
    """The wheel's contents, laid out as an installation is, and how to call it from elsewhere."""

    folder: Path
    elsewhere: Path

    def cinecohort(self, *words: str) -> str:
        """What the installed command prints."""
        return run(
            sys.executable,
            self.folder / "bin" / "cinecohort",
            *words,
            cwd=self.elsewhere,
            PYTHONPATH=str(self.folder),
        )


@pytest.fixture(scope="session")
def installed(sources, tmp_path_factory) -> Installed:
    """The wheel, built from the sdist without a network and installed."""
    built = tmp_path_factory.mktemp("built")
    sdist = run(sys.executable, "-c", BUILD, "build_sdist", built, cwd=sources).split()[-1]
    with tarfile.open(built / sdist) as archive:
        archive.extractall(built, filter="data")
    unpacked = built / sdist.removesuffix(".tar.gz")
    wheel = run(sys.executable, "-c", BUILD, "build_wheel", built, cwd=unpacked).split()[-1]
    assert re.fullmatch(rf"cinecohort-{re.escape(cinecohort.__version__)}-py3-none-any\.whl", wheel)
    folder = built / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile")
    run(*pip, "--target", folder, built / wheel, cwd=built)
    return Installed(folder, tmp_path_factory.mktemp("elsewhere"))


def test_the_wheel_holds_every_file_of_the_package(installed):
    wanted = {
        path.relative_to(ROOT / "src") for path in (ROOT / "src" / "cinecohort").rglob("*") if path.is_file()
    }
    wanted = {path for path in wanted if "__pycache__" not in path.parts}
    home = installed.folder / "cinecohort"
    assert {path.relative_to(installed.folder) for path in home.rglob("*") if path.is_file()} == wanted
    assert (home / "segmentation" / "weights" / "unet_fine_sa.safetensors").stat().st_size > 1_000_000


def test_the_installed_command_works_outside_the_checkout(installed):
    place = run(
        *(sys.executable, "-c", "import cinecohort; print(cinecohort.__file__)"),
        cwd=installed.elsewhere,
        PYTHONPATH=str(installed.folder),
    )
    assert Path(place.strip()).is_relative_to(installed.folder)
    assert installed.cinecohort("--version") == f"cinecohort {cinecohort.__version__}\n"
    assert "CC BY-NC-SA 4.0" in installed.cinecohort("model-card", "unet_fine_sa")
    phantom = (
        "phantom",
        "hearts",
        "--subjects",
        "1",
        "--frames",
        "10",
        "--layout",
        "nifti",
        "--ed-es",
        "--no-faults",
    )
    installed.cinecohort(*phantom, "--views", "sa")
    (heart,) = (installed.elsewhere / "hearts").glob("*/sa.nii.gz")
    installed.cinecohort("segment", str(heart.parent))
    installed.cinecohort("measure", str(heart.parent), "--out", "measures.csv")
    heads, values = (installed.elsewhere / "measures.csv").read_text().splitlines()
    assert 20 < float(dict(zip(heads.split(","), values.split(","), strict=True))["lvedv_ml"]) < 600


def test_the_workflow_runs_from_what_a_container_holds(sources, tmp_path):
    cohort = Cohort(tmp_path, checkout=sources)
    write_patient(cohort.raw, 1)
    cohort.configure(studies={})
    assert "Index: 1 subjects, 1 new" in cohort.snakemake("--dry-run")


def test_both_recipes_hold_the_same_and_start_from_the_same_image():
    docker, apptainer = DOCKERFILE.read_text(), APPTAINER.read_text()
    listed = re.findall(r"^    (\S+) /opt/cinecohort/$", apptainer, re.MULTILINE)
    assert listed == copied_by_docker()
    assert re.findall(r"^FROM (.+)$", docker, re.MULTILINE) == ["python:3.11-slim"]
    assert re.findall(r"^From: (.+)$", apptainer, re.MULTILINE) == ["python:3.11-slim"]
    assert re.findall(r"^%(\w+)", apptainer, re.MULTILINE) == [
        "files",
        "post",
        "environment",
        "runscript",
        "test",
    ]
    assert "://" not in docker + apptainer
    for script in re.findall(
        r"^%(?:post|environment|runscript|test)\n((?:    .*\n)+)", apptainer, re.MULTILINE
    ):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_the_dockerfile_passes_its_linter():
    linter = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert linter, "hadolint is not beside this Python: run `make environment`"
    done = subprocess.run([linter, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_version_stands_in_one_place_and_the_citation_agrees():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "cinecohort.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == cinecohort.__version__
    assert citation["license"] == project["project"]["license"]


def test_the_citation_has_what_the_format_asks_for():
    """The keys that version 1.2.0 of the Citation File Format requires, of the software and of references."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    known = {
        "abstract",
        "authors",
        "cff-version",
        "keywords",
        "license",
        "message",
        "references",
        "title",
        "type",
        "version",
    }
    assert {"authors", "cff-version", "message", "title"} <= citation.keys() <= known
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    for entry in (citation, *citation["references"]):
        assert entry["title"]
        assert entry["type"] in ("software", "article")
        assert all("name" in author or "family-names" in author for author in entry["authors"])
    dois = [reference["doi"] for reference in citation["references"]]
    assert all(re.fullmatch(r"10\.\d{4,9}/\S+", doi) for doi in dois)
    readme = (ROOT / "README.md").read_text()
    assert all(f"https://doi.org/{doi}" in readme for doi in dois)
