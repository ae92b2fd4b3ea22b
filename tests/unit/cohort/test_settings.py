import json
from pathlib import Path

import pytest

from cinecohort.catalogue.views import CODINGS
from cinecohort.cohort import settings
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.cohort.versions import VERSIONS
from cinecohort.config import Config, load_config, parse_config
from cinecohort.errors import UserError
from cinecohort.sources.options import NiftiOptions

STUDY = {
    "exposure": {"label": "Obese", "condition": "bmi >= 30"},
    "reference": {"label": "Lean", "condition": "bmi < 25"},
    "covariates": ["sex"],
    "outcomes": ["lvm_g"],
}


@pytest.fixture(autouse=True)
def weights_of_any_name(monkeypatch):
    monkeypatch.setattr(settings, "usage_digest", lambda name, _: f"digest of {name}")
    monkeypatch.setattr(settings, "trained_on", lambda config: {})


def configuration(**changes):
    values = {
        "datasets": {"tiny": {"source": "acdc", "path": "raw"}},
        "models": {"sa": [{"name": "one"}, {"name": "two"}]},
        "studies": {"first": STUDY, "second": STUDY},
        **changes,
    }
    return parse_config(values)


def rerun_by(**changes):
    """Stages of a run on images whose settings differ from those of the base."""
    base, changed = configuration(), configuration(**changes)
    on_images = set(VERSIONS) - {"run_record", "report", "import_tables"}
    return {stage for stage in on_images if settings_for(stage, base) != settings_for(stage, changed)}


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"title": "Another"}, {"review", "blinded"}),
        ({"review": {"room": "all"}}, {"review"}),
        ({"report": {"subjects": "all"}}, {"subject_pages"}),
        ({"shard_size": 7}, set()),
        ({"conversion": {"min_frames": 7}}, {"convert"}),
        ({"image_quality": {"i6_cohort_z": {"threshold": 9}}}, {"image_quality", "gather"}),
        ({"segmentation": {"heart_region_margin_mm": None}}, {"segment"}),
        ({"segmentation": {"second_network": "unet16_sa"}}, {"segment"}),
        ({"measures": {"myocardial_density_g_ml": 1.06}}, {"measure", "gather"}),
        ({"agreement": {"limit_factor": 2.0}}, {"agreement"}),
        ({"seed": 5}, {"agreement", "group_study", "blinded"}),
        ({"review": {"blinded": {"sample": 3}}}, {"review", "blinded"}),
        ({"unvalidated": "include"}, {"agreement", "group_study"}),
        ({"studies": {"first": STUDY}}, {"group_study"}),
        ({"report": {"list_subjects": True}}, set()),
    ],
)
def test_a_setting_reaches_the_stages_that_use_it_and_no_other(changes, stages):
    assert rerun_by(**changes) == stages


@pytest.mark.parametrize("key", ["participants", "withdrawals"])
def test_tables_of_people_leave_the_images_alone(key):
    assert rerun_by(datasets={"tiny": {"source": "acdc", "path": "raw", key: "people.tsv"}}) == {"gather"}


def test_another_folder_of_raw_data_starts_at_the_conversion():
    assert rerun_by(datasets={"tiny": {"source": "acdc", "path": "other"}}) == {"convert", "gather"}


def test_other_weights_start_at_the_segmentation(monkeypatch):
    texts = []
    for digest in ("1", "2"):
        monkeypatch.setattr(settings, "usage_digest", lambda name, _, digest=digest: digest + name)
        texts.append({stage: settings_for(stage, configuration()) for stage in VERSIONS})
    assert {stage for stage in VERSIONS if texts[0][stage] != texts[1][stage]} == {"segment"}
    assert json.loads(texts[0]["segment"])["weights"] == {"sa/one": "1one", "sa/two": "1two"}


def test_another_calibration_makes_the_tables_anew_and_nothing_else(tmp_path):
    path, texts = tmp_path / "calibration.json", []
    for content in ("1", "2"):
        path.write_text(content)
        config = configuration(quality={"calibration": str(path)})
        texts.append({stage: settings_for(stage, config) for stage in VERSIONS})
    changed = {stage for stage in VERSIONS if texts[0][stage] != texts[1][stage]}
    assert changed == {"gather"}


def test_a_calibration_of_weights_that_have_none_is_none():
    asked = configuration(quality={"calibration": "shipped"})
    assert settings_for("gather", asked) == settings_for("gather", configuration())


def test_a_study_does_not_see_the_others():
    base = configuration()
    changed = configuration(studies={"first": STUDY, "second": {**STUDY, "outcomes": ["lvedv_ml"]}})
    assert settings_for("group_study", base, "first") == settings_for("group_study", changed, "first")
    assert settings_for("group_study", base, "second") != settings_for("group_study", changed, "second")


@pytest.mark.parametrize("stage", list(VERSIONS))
def test_a_new_version_repeats_its_stage(monkeypatch, stage):
    before = settings_for(stage, configuration())
    monkeypatch.setitem(VERSIONS, stage, 99)
    assert settings_for(stage, configuration()) != before


CONFIGS = sorted((Path(__file__).parents[3] / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", [p for p in CONFIGS if "experiments" not in p.stem], ids=lambda p: p.stem)
def test_settings_come_out_of_snakemake_as_they_went_in(path, monkeypatch):
    for name in ("UKB_BULK", "UKB_PARTICIPANTS"):
        monkeypatch.setenv(name, "/data")
    config = load_config(path)
    for stage, model in SETTINGS.items():
        for study in config.studies if stage == "group_study" else [None]:
            text = settings_for(stage, config, study)
            read = model.read(text)
            assert read.text() == text
            sections = {key: value for key, value in read if key in Config.model_fields}
            for section, value in sections.items():
                if section != "models" and (stage, section) != ("convert", "datasets"):
                    assert value == getattr(config, section), section
    assert SETTINGS["report"].read(settings_for("report", config)).config == config


def test_a_slip_in_a_dataset_is_a_sentence_with_its_path():
    tables = {"net": {"kind": "auto", "files": [{"pth": "a.csv"}]}}
    for dataset, sentences in (
        ({"source": "tables", "settings": {"tables": tables}},
         ("settings.tables.net.files.0.path: Field required", "settings.tables.net.files.0.pth: is not a")),
        ({"source": "tables"}, ("settings: Field required",)),
        ({"source": "tables", "settings": {"tables": "a.csv"}}, ("settings.tables: Input should be",)),
        ({"source": "acdc", "settings": {"coding": "acdc"}}, ("settings.coding: is not a known key",)),
        ({"source": "nifti", "settings": {"coding": "mine"}}, ("settings.coding: Input should be",)),
        ({"source": "acdcc"}, ("source: must be one of 'ukbiobank',",)),
        ({}, ("source: Field required",)),
    ):  # fmt: skip
        with pytest.raises(UserError) as error:
            parse_config({"datasets": {"tiny": {"path": "raw", **dataset}}})
        for sentence in sentences:
            assert f"  datasets.tiny.{sentence}" in str(error.value)


def test_codings_of_the_settings_are_those_that_are_known():
    schema = NiftiOptions.model_json_schema()["properties"]["coding"]
    assert set(schema["enum"]) == set(CODINGS)
