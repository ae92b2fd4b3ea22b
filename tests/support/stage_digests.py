"""What each stage makes of two small phantoms, or of made-up tables, in few numbers.

They are the same on every processor.

Run as a script it writes ``stage_digests.json``, and refuses where results changed under an old version::

    python tests/support/stage_digests.py
"""

import hashlib
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import nibabel as nib
import numpy as np
import pandas as pd
from pydicom import dcmread

from cinecohort.analyses import stages as analyses
from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.import_tables import import_tables
from cinecohort.cohort.index import shards
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.run_record import record_run
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.config import Config, parse_config
from cinecohort.phantom.cohort import write_cohort
from cinecohort.phantom.options import PhantomOptions
from cinecohort.reporting.report import compose
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.typesetting import build_folder
from support.fake_cohort import FakeCohort

STORED = Path(__file__).with_suffix(".json")
FROM_IMAGES = (*STAGES, "gather", "import_tables")
FROM_TABLES = ("agreement", "group_study", "run_record", "report")
COVERED = {"phantom": FROM_IMAGES, "made_up": FROM_TABLES}
"""Stages by what their digests are made from."""
OF_SETTINGS = ("sec-methods", "sec-provenance")
"""Sections of the report that print the settings of the run."""
SENTENCES = ("message", "reason", "note")
"""Columns of sentences, which print numbers rounded."""
VIEWS = ("sa", "la_2ch", "la_4ch")
RELATIVE = 1e-4
"""Of a column's root mean square: what numbers may differ by between processors."""
VOXELS = 5
"""What the segmentation of a structure in a frame may differ by between processors, by PyTorch in fp32."""


class Digest:
    """Numbers by column as their count, mean and root mean square; everything else as one hash."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[float]] = defaultdict(list)
        self.texts: list[str] = []

    def add(self, values: Mapping[str, Any], place: str = "") -> None:
        """Take in values by name; nested ones by their path."""
        for key, value in values.items():
            self.take(f"{place}{key}", value)

    def take(self, name: str, value: Any) -> None:
        """Take in one value."""
        if isinstance(value, Mapping):
            self.add(value, f"{name}.")
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.take(name, item)
        elif isinstance(value, float) and np.isfinite(value):
            self.numbers[name].append(value)
        else:
            self.texts.append(f"{name}={value}")

    def summary(self) -> dict[str, Any]:
        """The digest, as plain values."""
        numbers = {
            name: [len(values), float(np.mean(values)), float(np.sqrt(np.mean(np.square(values))))]
            for name, values in sorted(self.numbers.items())
        }
        return {"numbers": numbers, "texts": hashlib.sha256("\n".join(self.texts).encode()).hexdigest()[:16]}


def configuration(folder: Path) -> Config:
    """Two phantoms in UK Biobank's packaging, segmented by shipped networks with PyTorch in fp32."""
    raw = folder / "raw"
    dataset = {"source": "ukbiobank", "path": str(raw / "bulk"), "annotations": str(raw / "annotations")}
    return parse_config(
        {
            "results": str(folder / "results"),
            "datasets": {"phantom": {**dataset, "participants": str(raw / "participants.tsv")}},
            "models": {"sa": [{"name": "net", "weights": "unet16_sa"}]}
            | {view: [{"name": "net", "weights": f"unet_slim_{view}"}] for view in VIEWS[1:]},
            "segmentation": {"engine": "torch", "precision": "fp32", "device": "cpu"},
            "conversion": {"min_frames": 6},
            "unvalidated": "include",
        }
    )


def digests(folder: Path) -> dict[str, dict[str, Any]]:
    """Run the stages on phantoms in `folder`, and give what each of them made."""
    write_cohort(folder / "raw", PhantomOptions(subjects=2, frames=6, seed=3, faults=False))
    config = configuration(folder)
    results = config.results
    made = {"phantom": of_phantoms(folder / "raw")}
    refresh_index(config)
    for stage in STAGES:
        for shard in shards(results):
            table, findings = (results / stage / f"{shard}{kind}.tsv" for kind in ("", ".findings"))
            run_stage(stage, settings_for(stage, config), table, findings)
        made[stage] = of_stage(results, stage)
        if stage == "segment":
            for subject in sorted((results / "subjects").iterdir()):
                put_known_labels(subject)
    gather_results(settings_for("gather", config), shards(results), results)
    made["gather"] = of_tables((results / "cohort").glob("*.tsv"))
    made["import_tables"] = of_import(folder / "tables", results / "cohort" / "measures.tsv")
    return made


def configuration_of_tables(results: Path) -> Config:
    """A cohort of made-up tables: one model, two observers, and one study."""
    groups = {"exposure": "obese", "reference": "normal weight"}
    study = {side: {"label": label, "condition": f"group == '{label}'"} for side, label in groups.items()}
    study |= {"covariates": ["sex", "age_years"], "outcomes": ["lvedv_ml", "lvef_pct"]}
    return parse_config(
        {
            "results": str(results),
            "datasets": {"phantom": {"source": "ukbiobank", "path": str(results)}},
            "models": {"sa": [{"name": "unet", "weights": "unet16_sa"}]},
            "studies": {"obesity": study},
            "unvalidated": "include",
        }
    )


def digests_of_tables(folder: Path) -> dict[str, dict[str, Any]]:
    """Run the stages that read the cohort's tables on made-up ones in `folder`."""
    results = FakeCohort(folder, n=60, models=("unet",), observers=("O1", "O2")).write()
    config = configuration_of_tables(results)
    cohort = {path.stem: path for path in (results / "cohort").glob("*.tsv")}
    made = {"made_up": of_tables([*cohort.values()])}
    names = ("measures", "overlap", "participants", "status", "conversion")
    agreement, study = results / "agreement", results / "study" / "obesity"
    analyses.run_agreement(
        settings_for("agreement", config), *(cohort[name] for name in names), folder=agreement
    )
    made["agreement"] = of_tables(agreement.rglob("*.csv"))
    settings = settings_for("group_study", config, "obesity")
    analyses.run_group_study(settings, cohort["measures"], cohort["participants"], cohort["status"], study)
    made["group_study"] = of_tables(study.glob("*.csv"))
    record_run(settings_for("run_record", config), [segmented(folder)], folder / "made.json", folder)
    record = json.loads((folder / "made.json").read_text())
    here = ("finished", "versions", "config", "config_digest", "git_revision")
    made["run_record"] = of_values({"keys": sorted(record)} | {k: record[k] for k in record if k not in here})
    made["report"] = of_report(results, config)
    return made


def segmented(folder: Path) -> Path:
    """The table of a shard's segmentation, as far as the record of a run reads it."""
    rows = [(f"s{i}", "torch" if i else "mnn", "fp32", "cpu", "sa=20") for i in range(3)]
    table = pd.DataFrame(rows, columns=["subject", "engine", "precision", "device", "frames_segmented"])
    path = folder / "segment.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


def of_phantoms(raw: Path) -> dict[str, Any]:
    """Digest of what the stages are given: the truth of the phantoms, and how bright each series is."""
    seen = {}
    for path in sorted((raw / "bulk").glob("*.zip")):
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".dcm")]
            frames = [dcmread(BytesIO(archive.read(name))).pixel_array.astype(float) for name in names]
        seen[path.stem] = {"mean": float(np.mean(frames)), "sd": float(np.std(frames))}
    truth = of_tables(raw.glob("truth*.tsv"))
    return truth | {"numbers": truth["numbers"] | of_values(seen)["numbers"]}


def of_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Digest of values by name."""
    digest = Digest()
    digest.add(values)
    return digest.summary()


def of_report(results: Path, config: Config) -> dict[str, Any]:
    """Digest of the report's source: its numbers by section, and the cells of its tables.

    Sentences count by their numbers alone, so that other words for the same are no other result. Sections
    that only print settings are left out: a run with other settings makes the report anew in any case.
    """
    digest = Digest()

    def take(section: str, value: Any) -> None:
        if isinstance(value, Mapping):
            digest.texts.extend(str(cell) for cell in value.get("cells", ()))
            for part in value.values():
                take(section, part)
        elif isinstance(value, (list, tuple)):
            for part in value:
                take(section, part)
        elif isinstance(value, str):
            for number in re.findall(r"\d+(?:\.\d+)?", value):
                digest.take(section, float(number))

    tables = read_results(results, config.model_dump(mode="json"))
    with build_folder() as build:
        report = compose(Context(tables, config.report, build)).to_dict()
    for section in report["sections"]:
        if not section["label"].startswith(OF_SETTINGS):
            take(section["label"], section["blocks"])
    take("first page", {key: report[key] for key in ("facts", "summary")})
    return digest.summary()


def of_stage(results: Path, stage: str) -> dict[str, Any]:
    """Digest of a stage's records, and of the images and label maps that it made."""
    digest, voxels = Digest(), {}
    for subject in sorted((results / "subjects").iterdir()):
        record = json.loads((subject / f"{stage}.json").read_text())
        digest.add({"status": record["status"], "outputs": sorted(record["outputs"])})
        # Sentences print numbers rounded: they are in `value` as they are.
        findings = [{key: f[key] for key in f if key != "message"} for f in record["findings"]]
        if stage == "segment":
            voxels |= counted(subject)
            continue
        digest.add({"findings": findings, "values": record["values"], "rows": record["rows"]})
        for name in record["outputs"]:
            if name.endswith(".nii.gz"):
                image = nib.load(subject / name)
                data = np.asanyarray(image.dataobj).astype(float)
                facts = {
                    "mean": float(data.mean()),
                    "sd": float(data.std()),
                    "affine": image.affine.ravel().tolist(),
                }
                digest.add({"shape": list(data.shape), **facts}, f"{name}.")
    return {**digest.summary(), **({"voxels": voxels} if voxels else {})}


def counted(subject: Path) -> dict[str, list[int]]:
    """Voxels of each structure in every frame of a subject's segmentations."""
    counts = {}
    for view in VIEWS:
        labels = np.asanyarray(nib.load(subject / f"seg_{view}.nii.gz").dataobj)
        for label in np.unique(labels[labels > 0]):
            counts[f"{subject.name} {view} {label}"] = (labels == label).sum(axis=(0, 1, 2)).tolist()
    return counts


def put_known_labels(subject: Path) -> None:
    """Put the phantom's contours in place of what the networks made, so that later stages see the same.

    Contours are drawn at end-diastole and end-systole: frames around the latter get its labels, all others
    those of the former.
    """
    for view in VIEWS:
        image = nib.load(subject / f"label_manual_{view}.nii.gz")
        labels = np.asanyarray(image.dataobj)
        drawn = [int(frame) for frame in np.flatnonzero(labels.any(axis=(0, 1, 2)))]
        early, late = drawn[0], drawn[-1]
        frames = [late if abs(frame - late) <= 1 else early for frame in range(labels.shape[-1])]
        nib.save(
            nib.Nifti1Image(labels[..., frames], image.affine, image.header), subject / f"seg_{view}.nii.gz"
        )


def of_tables(paths: Iterable[Path]) -> dict[str, Any]:
    """Digest of tables: columns of numbers, and all other cells."""
    digest = Digest()
    for path in sorted(paths):
        separator = "\t" if path.suffix == ".tsv" else ","
        table = pd.read_csv(path, sep=separator, keep_default_na=False, na_values=[""])
        for row in table.to_dict("records"):
            kept = {key: value for key, value in row.items() if not key.endswith(SENTENCES)}
            digest.add(kept, f"{path.stem}.")
    return digest.summary()


def of_import(folder: Path, measures: Path) -> dict[str, Any]:
    """Digest of what the import of tables makes of the cohort's measures."""
    folder.mkdir()
    table = pd.read_csv(measures, sep="\t")
    columns = ["subject", "lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml"]
    table[columns].drop_duplicates("subject").round(3).to_csv(folder / "net.csv", index=False)
    tables = {"net": {"kind": "auto", "files": [{"path": "net.csv"}]}}
    dataset = {"source": "tables", "path": str(folder), "settings": {"tables": tables}}
    config = parse_config({"results": str(folder / "results"), "datasets": {"one": dataset}})
    import_tables(settings_for("import_tables", config), config.results)
    return of_tables((config.results / "cohort").glob("*.tsv"))


def differences(stored: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """In what two digests of a stage differ, beyond what processors make of the same code."""
    found = [] if stored["texts"] == made["texts"] else ["texts, statuses or numbers of findings"]
    for name in sorted(stored["numbers"].keys() | made["numbers"].keys()):
        before, now = stored["numbers"].get(name), made["numbers"].get(name)
        if before is None or now is None or before[0] != now[0]:
            found.append(f"{name}: another count of numbers")
        elif max(abs(before[1] - now[1]), abs(before[2] - now[2])) > RELATIVE * max(before[2], 1e-6):
            found.append(f"{name}: mean {before[1]:.6g} before, {now[1]:.6g} now")
    before, now = stored.get("voxels", {}), made.get("voxels", {})
    for name in sorted(before.keys() | now.keys()):
        counts = before.get(name, []), now.get(name, [])
        if len(counts[0]) != len(counts[1]) or np.abs(np.subtract(*counts)).max() > VOXELS:
            found.append(f"{name}: {counts[0]} voxels by frame before, {counts[1]} now")
    return found


def main() -> int:
    """Write the digests anew; refuse where results changed and the version did not."""
    with tempfile.TemporaryDirectory() as folder:
        made = digests(Path(folder) / "images") | digests_of_tables(Path(folder) / "tables")
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    for origin, stages in COVERED.items():
        same = origin in stored and not differences(stored[origin], made[origin])
        for stage in stages:
            found = differences(stored[stage], made[stage]) if same and stage in stored else []
            if found and stored[stage]["version"] == VERSIONS[stage]:
                print(
                    f"{stage}: its results changed; raise VERSIONS[{stage!r}] first. " + "; ".join(found[:5])
                )
                return 1
            made[stage]["version"] = VERSIONS[stage]
    STORED.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
