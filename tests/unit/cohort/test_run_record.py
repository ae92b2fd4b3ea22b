import json
import subprocess

import pandas as pd

from cinecohort.cohort.run_record import engines_used, git_revision, package_versions, record_run
from cinecohort.cohort.settings import settings_for
from cinecohort.config import parse_config
from cinecohort.ledger.rows import write_rows


def record(tmp_path, **changes):
    config = parse_config(
        {"datasets": {"tiny": {"source": "acdc", "path": "raw"}}, "title": "Tiny", "seed": 3, **changes}
    )
    rows = [
        ("a", "torch", "fp32", "cuda", "sa=50,la_2ch=0"),
        ("b", "openvino", "bf16", "cpu", "sa=0,la_2ch=50"),
        ("c", "torch", "fp32", "cuda", "sa=2"),
        ("d", "torch", "fp32", "cpu", "sa=2"),
        ("unreadable", "torch", "fp32", "cpu", "sa=0"),
        ("excluded", "", "", "", ""),
    ]
    columns = ["subject", "engine", "precision", "device", "frames_segmented"]
    write_rows(tmp_path / "0000.tsv", [dict(zip(columns, row, strict=True)) for row in rows], columns)
    path = tmp_path / "run.json"
    record_run(settings_for("run_record", config), [tmp_path / "0000.tsv"], path, tmp_path)
    return json.loads(path.read_text())


def test_the_record_says_what_made_the_results(tmp_path):
    made = record(tmp_path)
    assert made["title"] == "Tiny"
    assert made["synthetic"] is False
    assert made["seed"] == 3
    assert made["datasets"] == {"tiny": "acdc"}
    assert made["engines"] == {"openvino/bf16/cpu": 1, "torch/fp32/cpu": 1, "torch/fp32/cuda": 2}
    assert made["git_revision"] is None
    assert {"cinecohort", "torch", "numpy"} <= set(made["versions"])


def test_another_configuration_has_another_digest(tmp_path):
    first, same, other = record(tmp_path), record(tmp_path), record(tmp_path, seed=4)
    assert first["config_digest"] == same["config_digest"] != other["config_digest"]


def test_a_secret_salt_is_not_laid_beside_its_hashes(tmp_path):
    record(tmp_path, conversion={"uid_salt": "open sesame"})
    assert "open sesame" not in (tmp_path / "run.json").read_text()


def test_no_engine_without_networks():
    assert engines_used(pd.DataFrame({"subject": ["a"]})) == {}


def test_absent_packages_are_left_out(monkeypatch):
    monkeypatch.setattr("cinecohort.cohort.run_record.PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert list(package_versions()) == ["cinecohort", "numpy"]


def test_a_changed_checkout_is_called_dirty(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "first")
    clean = git_revision(tmp_path)
    assert clean is not None
    assert not clean.endswith("-dirty")
    (tmp_path / "file").write_text("two")
    assert git_revision(tmp_path) == f"{clean}-dirty"


def test_without_git_there_is_no_revision(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_revision(tmp_path) is None
