"""The workflow is clean, light to parse, and its configuration examples are right."""

import html
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cinecohort.cohort.versions import VERSIONS
from cinecohort.config import load_config
from support.tiny_cohort import ROOT, Cohort, write_patient

CONFIGS = sorted(set((ROOT / "config").glob("*.yaml")) - set((ROOT / "config").glob("experiments*.yaml")))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_examples_are_valid(path, monkeypatch):
    for name in ("UKB_BULK", "UKB_PARTICIPANTS"):
        monkeypatch.setenv(name, "/data")
    assert load_config(path).datasets


def test_schema_and_reference_have_not_drifted():
    sys.path.insert(0, str(ROOT / "config"))
    try:
        import write_pages
        import write_reference
    finally:
        sys.path.pop(0)
    schemas = {"config": write_reference.schema(), "experiments": write_reference.experiments_schema()}
    for name, text in schemas.items():
        assert (ROOT / "config" / f"{name}.schema.json").read_text() == text
    for path in (ROOT / "config").glob("*.yaml"):
        name = "experiments" if "experiments" in path.stem else "config"
        assert path.read_text().startswith(f"# yaml-language-server: $schema={name}.schema.json\n"), path.name
    assert write_reference.reference() in (ROOT / "config" / "README.md").read_text()
    for page, text in write_pages.PAGES.items():
        assert page.read_text() == text(), page.name


def test_parsing_the_snakefile_imports_nothing_heavy():
    code = (
        "import sys; from cinecohort.cohort import refresh, run, settings; from cinecohort import config;"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'nibabel', 'pydicom', 'openvino', 'MNN'};"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_scripts_are_thin_and_every_one_is_used():
    rules = {path.stem: path.read_text() for path in (ROOT / "rules").glob("*.smk")}
    for script in sorted((ROOT / "scripts").glob("*.py")):
        assert len(script.read_text().splitlines()) <= 40, script.name
        used = any(f'"../scripts/{script.name}"' in text for text in rules.values())
        assert used or script.name == "checkout.py"
    assert set(VERSIONS) <= set(rules)


@pytest.mark.parametrize("rule", VERSIONS)
def test_memory_and_time_of_every_job_grow_with_its_attempts(rule):
    text = (ROOT / "rules" / f"{rule}.smk").read_text()
    assert re.search(r"mem_mb=growing\(\d+\)", text)
    assert re.search(r"runtime=growing\(\d+\)", text)


def test_what_depends_on_the_site_stands_in_the_slurm_profile_alone_and_is_explained():
    for rules in (ROOT / "rules").glob("*.smk"):
        assert not re.search("partition|account|qos", rules.read_text()), rules.name
    lines = (ROOT / "slurm" / "profile.yaml").read_text().splitlines()
    keys = [place for place, line in enumerate(lines) if re.match(r" *[\w-]+:", line)]
    assert len(keys) >= 15
    for place in keys:
        assert lines[place - 1].lstrip().startswith("#"), lines[place]


def test_the_package_never_imports_snakemake():
    for module in (ROOT / "src").rglob("*.py"):
        assert "import snakemake" not in module.read_text(), module
        assert "from snakemake" not in module.read_text(), module


def test_mistakes_in_the_configuration_are_named_at_once_without_a_traceback(cohort):
    cohort.configure(shard_size=0, sed=3, datasets={"tiny": {"source": "acdcc", "path": "raw"}})
    printed = cohort.snakemake(check=False)
    for part in ("shard_size", "sed", "datasets.tiny.source", "3 mistakes"):
        assert part in printed
    assert "Traceback" not in printed


def test_a_misspelt_model_is_named_before_anything_runs(cohort):
    cohort.configure(models={"sa": [{"name": "unet_fin_sa"}]})
    printed = cohort.snakemake("--dry-run", check=False)
    assert "unet_fin_sa" in printed
    assert "Traceback" not in printed
    assert "Job stats" not in printed


def test_a_missing_data_folder_is_named(cohort):
    cohort.configure(datasets={"tiny": {"source": "acdc", "path": "no/such/folder"}})
    printed = cohort.snakemake(check=False)
    assert "no/such/folder" in printed
    assert "Traceback" not in printed


def test_two_datasets_in_one_run(tmp_path):
    cohort = Cohort(tmp_path)
    for folder in (cohort.raw, tmp_path / "second"):
        write_patient(folder, 1)
    cohort.configure(
        results="both",
        studies={},
        datasets={
            "one": {"source": "acdc", "path": "raw"},
            "two": {"source": "acdc", "path": str(tmp_path / "second")},
        },
    )
    cohort.snakemake("phenotypes")
    table = (cohort.folder / "both" / "cohort" / "measures.tsv").read_text()
    assert "one-patient001\tone" in table
    assert "two-patient001\ttwo" in table


def test_no_file_holds_what_could_be_a_participant_or_a_machine():
    identifier = re.compile(r"(?<![\d.])[1-9]\d{6}(?![\d.])")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".smk", ".tsv", ".csv", ".cff", ".typ") and path.is_file():
            found = identifier.findall(path.read_text())
            assert not found, f"{name}: {found}"


def test_root_is_the_layout_of_the_design():
    rooms = ("Snakefile", "rules", "config", "envs", "scripts", "src", "tests", "results", "slurm")
    for name in ("README.md", *rooms):
        assert (ROOT / name).exists(), name


def test_snakemakes_own_report_is_made_offline_with_a_caption_for_each_table_and_figure(cohort):
    cohort.snakemake("--report", str(cohort.folder / "technical.zip"))
    with zipfile.ZipFile(cohort.folder / "technical.zip") as archive:
        names = archive.namelist()
        (page,) = (archive.read(name).decode() for name in names if name.endswith("report.html"))
    texts = map(json.loads, re.findall(r'"caption": ("(?:[^"\\]|\\.)*")', page))
    shown = {" ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()) for text in texts}
    listed = json.loads((cohort.results / "report" / "captions.json").read_text())
    packed = {Path(name).name for name in names}
    for kind, ending in (("tables", "csv"), ("figures", "png")):
        files = {path.stem for path in (cohort.results / "report" / kind).glob(f"*.{ending}")}
        assert files == set(listed[kind])
        for name, one in listed[kind].items():
            assert f"{name}.{ending}" in packed
            words = " ".join(f"{one['number']}. {one['caption']}".split())
            assert any(text.startswith(words) for text in shown), (name, words)
            assert json.dumps(one["section"]) in page
