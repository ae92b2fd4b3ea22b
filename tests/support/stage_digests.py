"""What each stage makes of two small phantoms, in few numbers that are the same on every processor.

Run as a script it writes ``stage_digests.json``, and refuses where results changed under an old version::

    python tests/support/stage_digests.py
"""

import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.import_tables import import_tables
from cinecohort.cohort.index import shards
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.config import Config, parse_config
from cinecohort.phantom.cohort import write_cohort
from cinecohort.phantom.options import PhantomOptions

STORED = Path(__file__).with_suffix(".json")
COVERED = (*STAGES, "gather", "import_tables")
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
    made = {"phantom": of_tables((folder / "raw").glob("truth*.tsv"))}
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
        for row in pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""]).to_dict("records"):
            # Sentences print numbers rounded.
            kept = {key: value for key, value in row.items() if key not in ("message", "reason")}
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
        made = digests(Path(folder))
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    same_phantom = "phantom" in stored and not differences(stored["phantom"], made["phantom"])
    for stage in COVERED if same_phantom else ():
        if stored[stage]["version"] == VERSIONS[stage] and (found := differences(stored[stage], made[stage])):
            print(f"{stage}: its results changed; raise VERSIONS[{stage!r}] first. " + "; ".join(found[:5]))
            return 1
    for stage in COVERED:
        made[stage]["version"] = VERSIONS[stage]
    STORED.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
