"""``--sdm conda``: what is in the environment, and whose code runs in it. A stub stands for conda itself."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest
import yaml

from support.tiny_cohort import ROOT, Cohort, write_patient

CONDA = """#!/usr/bin/env bash
case "$*" in
  "info --json") echo '{{"conda_prefix": "{home}", "platform": "linux-64"}}' ;;
  "--version") echo "conda 24.11.1" ;;
  "config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "clean "*) ;;
  "env create "*)
    while [ "$1" != --prefix ]; do shift; done
    mkdir -p "$2/bin"
    cp "{home}/python" "$2/bin/python"
    echo "$2" >> "{home}/created" ;;
  *) echo "the stub does not know: $*" >&2; exit 1 ;;
esac
"""
ACTIVATE = 'export PATH="$1/bin:$PATH"\n'
PYTHON = """#!/usr/bin/env bash
export PYTHONPATH="{home}/stale"
echo used >> "{home}/used"
exec "{python}" "$@"
"""


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def conda(tmp_path):
    """A folder with a stub of conda, whose environments hold a package that must not be imported."""
    home = tmp_path / "conda"
    values = {"home": home, "python": sys.executable}
    executable(home / "bin" / "conda", CONDA.format(**values))
    executable(home / "bin" / "activate", ACTIVATE)
    executable(home / "python", PYTHON.format(**values))
    stale = home / "stale" / "cinecohort" / "__init__.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("raise ImportError('the package of the environment, not of the checkout')\n")
    return home


@pytest.fixture
def cohort(tmp_path, conda):
    """One patient, and a copy of the workflow without its package's data."""
    cohort = Cohort(tmp_path / "cohort")
    write_patient(cohort.raw, 1)
    cohort.configure(studies={})
    cohort.environment = {"PATH": f"{conda / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return cohort


def test_stages_run_the_code_of_the_checkout_in_the_environment(cohort, conda, tmp_path):
    clone = tmp_path / "clone"
    ignored = shutil.ignore_patterns(".venv", ".git", "data", "results", ".snakemake", "*cache*", "tests")
    shutil.copytree(ROOT, clone, ignore=ignored, copy_function=shutil.copy)
    cohort.checkout = clone
    target = ("results/convert/0000.tsv", "--sdm", "conda")
    cohort.snakemake(*target)
    assert (cohort.results / "convert" / "0000.tsv").is_file()
    assert (conda / "used").is_file()
    # Code of the checkout that changes is what runs next, in the same environment.
    module = clone / "src" / "cinecohort" / "cohort" / "stages.py"
    module.write_text('raise RuntimeError("changed code")\n')
    (cohort.results / "convert" / "0000.tsv").unlink()
    printed = cohort.snakemake(*target, check=False)
    assert "changed code" in printed
    assert len((conda / "created").read_text().splitlines()) == 1
    # Another dependency makes another environment.
    environment = clone / "envs" / "cinecohort.yaml"
    environment.write_text(environment.read_text().replace("tqdm==", "tqdm==0."))
    cohort.snakemake(*target, check=False)
    assert len(set((conda / "created").read_text().splitlines())) == 2


def test_the_environment_holds_what_the_package_needs_and_no_more():
    environment = yaml.safe_load((ROOT / "envs" / "cinecohort.yaml").read_text())
    pins = set(environment["dependencies"][-1]["pip"])
    locked = {line for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert pins < locked
    assert "torch==2.13.0" in pins
    sys.path.insert(0, str(ROOT / "envs"))
    try:
        import write_pins
    finally:
        sys.path.pop(0)
    assert (ROOT / "envs" / "cinecohort.yaml").read_text() == write_pins.environment(sorted(locked)), (
        "envs/cinecohort.yaml does not follow from requirements.lock: run `make lock`"
    )
    names = {re.split("==", pin)[0].lower() for pin in pins}
    assert not names & {"ruff", "mypy", "pytest", "snakefmt", "snakemake", "hypothesis", "dcm2niix", "black"}
    assert not list((ROOT / "envs").glob("*.post-deploy.sh"))


@pytest.mark.parametrize(
    "script",
    sorted({*(ROOT / "scripts").glob("*.py")} - {ROOT / "scripts" / "checkout.py"}),
    ids=lambda p: p.stem,
)
def test_every_script_takes_the_package_of_its_checkout_first(script):
    lines = [line for line in script.read_text().splitlines() if re.match("import|from", line)]
    ours = [place for place, line in enumerate(lines) if "cinecohort" in line]
    assert any(line.startswith("import checkout") for line in lines[: ours[0]])


def test_the_package_knows_its_version_where_it_is_not_installed(tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv[1]); import cinecohort; print(cinecohort.__version__)"
    command = [sys.executable, "-S", "-c", code, str(ROOT / "src")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)
