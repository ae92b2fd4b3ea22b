"""Results folders with made-up numbers in the columns of the cohort tables."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MEASURES = {
    "lvedv_ml": (150, 30),
    "lvesv_ml": (62, 18),
    "lvm_g": (92, 22),
    "rvedv_ml": (158, 33),
    "rvesv_ml": (70, 20),
    "la_max_ml": (70, 18),
    "wt_global_mm": (6.5, 1.0),
}
OVERLAP = (
    *("subject", "dataset", "view", "source", "reference", "frame", "role", "structure", "position"),
    *("dice", "mcd_mm", "hd_mm", "hd_max_mm", "n_slices", "n_skipped"),
)
FINDINGS = (
    *("subject", "dataset", "stage", "code", "level", "view", "slices", "frames", "value", "threshold"),
    "message",
)


@dataclass
class FakeCohort:
    """What to write: `n` subjects of which the first `n_excluded` are excluded."""

    folder: Path
    n: int = 24
    n_excluded: int = 2
    datasets: dict[str, str] = field(default_factory=lambda: {"phantom": "ukbiobank"})
    observers: tuple[str, ...] = ("manual",)
    models: tuple[str, ...] = ("unet", "fcn")
    participants: bool = True
    synthetic: bool = True
    title: str = "The *test* cohort #1, $x$ @all"

    def __post_init__(self) -> None:
        names = list(self.datasets)
        prefixes = [f"{name}-" if len(names) > 1 else "" for name in names]
        self.subjects = [f"{prefixes[i % len(names)]}SYN{i:04d}" for i in range(self.n)]
        self.dataset = {key: names[i % len(names)] for i, key in enumerate(self.subjects)}
        self.code = {
            key: "NO_VIEW" if i % 2 else "UNREADABLE"
            for i, key in enumerate(self.subjects[: self.n_excluded])
        }
        self.review = {key for i, key in enumerate(self.subjects) if i % 5 == 4 and key not in self.code}
        self.generator = np.random.default_rng(0)

    @property
    def analysed(self) -> list[str]:
        return [key for key in self.subjects if key not in self.code]

    def status(self, key: str) -> str:
        return "excluded" if key in self.code else "review" if key in self.review else "ok"

    def base(self, key: str) -> dict[str, Any]:
        return {"subject": key, "dataset": self.dataset[key]}

    def write(self) -> Path:
        (self.folder / "cohort").mkdir(parents=True)
        self.table("status", [self.status_row(key) for key in self.subjects])
        self.table("conversion", [self.conversion_row(i, key) for i, key in enumerate(self.subjects)])
        self.table("findings", self.finding_rows(), FINDINGS)
        stages = ("image_quality", "segmentation_quality")
        self.table(
            "quality",
            [{**self.status_row(key), "stage": stage} for stage in stages for key in self.analysed],
            ("subject", "dataset", "stage", "status", "code", "reason"),
        )
        self.table("measures", [row for key in self.subjects for row in self.measure_rows(key)])
        self.table("overlap", [row for key in self.analysed for row in self.overlap_rows(key)], OVERLAP)
        self.table("participants", [self.participant_row(i, key) for i, key in enumerate(self.subjects)])
        self.table("flow", self.flow_rows())
        config = self.config()
        run = {
            "title": self.title,
            "synthetic": self.synthetic,
            "finished": "2026-03-01 10:00",
            "versions": {"cinecohort": "0.1.0", "python": "3.11.9", "numpy": "2.4.6"},
            "config_digest": "ab" * 32,
            "config": config,
            "git_revision": "0123abc",
            "datasets": self.datasets,
            "engines": {"openvino/bf16/cpu": len(self.analysed)},
            "seed": 1,
        }
        (self.folder / "run.json").write_text(json.dumps(run))
        return self.folder

    def table(self, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...] | None = None) -> None:
        frame = pd.DataFrame(rows, columns=columns)
        frame.to_csv(self.folder / "cohort" / f"{name}.tsv", sep="\t", index=False)

    def config(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "synthetic": self.synthetic,
            "seed": 1,
            "datasets": {name: {"source": source} for name, source in self.datasets.items()},
            "models": {"sa": [{"name": name, "weights": None} for name in self.models]},
            "image_quality": {"contrast": {"action": "review", "threshold": 0.3}},
            "segmentation": {"frames": "all", "clean_up": {"largest_component": True, "fill_holes": True}},
            "measures": {"ed": "max", "myocardial_density_g_ml": 1.05},
            "agreement": {"denominator": "second", "exclude_outliers": "iqr", "limit_factor": 1.96},
            "studies": {},
            "report": {},
        }

    def status_row(self, key: str) -> dict[str, Any]:
        code = self.code.get(key, "S2" if key in self.review else "")
        stage = "convert" if key in self.code else "segmentation_quality" if code else ""
        return {**self.base(key), "status": self.status(key), "stage": stage, "code": code, "reason": "why"}

    def conversion_row(self, i: int, key: str) -> dict[str, Any]:
        facts = {"n_slices": 10 + i % 3, "n_frames": 20, "dx_mm": 1.8, "dy_mm": 1.8, "dz_mm": 10.0}
        scanner = {"vendor": "SIEMENS" if i % 3 else "Philips_#1", "scanner": "Aera", "field_t": 1.5}
        views = "" if key in self.code else "sa,la_2ch,la_4ch"
        return {**self.status_row(key), "views": views, **facts, **scanner, "heart_rate_bpm": 55 + i % 20}

    def finding_rows(self) -> list[dict[str, Any]]:
        rows = [
            {**self.base(key), "stage": "convert", "code": code, "level": "reject", "message": "no stack"}
            for key, code in self.code.items()
        ]
        flag = {"stage": "segmentation_quality", "code": "S2", "level": "review", "view": "sa"}
        return [*rows, *({**self.base(key), **flag, "message": "in 2 pieces"} for key in sorted(self.review))]

    def measure_rows(self, key: str) -> list[dict[str, Any]]:
        base = {**self.base(key), "status": self.status(key)}
        if key in self.code:
            return [{**base, "source": "", "kind": "", "frames": ""}]
        draw = self.generator.normal
        truth = {name: max(draw(mean, sd), mean / 4) for name, (mean, sd) in MEASURES.items()}
        truth["lvesv_ml"] = min(truth["lvesv_ml"], 0.7 * truth["lvedv_ml"])
        truth["rvesv_ml"] = min(truth["rvesv_ml"], 0.7 * truth["rvedv_ml"])
        rows = []
        for source in (*self.models, *self.observers):
            kind = "auto" if source in self.models else "manual"
            row = {**base, "source": source, "kind": kind, "frames": "own", "ed_frame": 0, "es_frame": 1}
            row |= {name: value * draw(1, 0.03) for name, value in truth.items()}
            row["lvef_pct"] = 100 * (1 - row["lvesv_ml"] / row["lvedv_ml"])
            row["rvef_pct"] = 100 * (1 - row["rvesv_ml"] / row["rvedv_ml"])
            row |= {f"wt_aha_{segment:02d}_mm": draw(6.5, 1) for segment in range(1, 17)}
            if kind == "manual":
                row["la_max_ml"] = np.nan
            rows.append(row)
            rows += [{**row, "frames": observer} for observer in self.observers if kind == "auto"]
        return rows

    def overlap_rows(self, key: str) -> list[dict[str, Any]]:
        draw = self.generator.normal
        pairs = [(model, observer) for model in self.models for observer in self.observers]
        pairs += [(a, b) for a, b in zip(self.observers, self.observers[1:], strict=False)]
        return [
            {
                **self.base(key),
                **{"view": "sa", "source": a, "reference": b, "frame": frame, "role": role},
                **{"structure": structure, "position": position, "dice": min(1.0, draw(mean, 0.03))},
                **{"mcd_mm": abs(draw(1.2, 0.3)), "hd_mm": abs(draw(4, 1)), "hd_max_mm": 8.0},
                **{"n_slices": 9, "n_skipped": 1},
            }
            for a, b in pairs
            for frame, role in ((0, "ed"), (1, "es"))
            for structure, mean in (("LV", 0.94), ("MYO", 0.88), ("RV", 0.9))
            for position in ("all", "basal", "mid", "apical")
        ]

    def participant_row(self, i: int, key: str) -> dict[str, Any]:
        row = {**self.base(key), "participant": key, "visit": ""}
        if not self.participants:
            return row
        draw = self.generator.normal
        return {
            **row,
            **{"sex": "FM"[i % 2], "age_years": draw(60, 8), "height_cm": draw(170, 8)},
            **{"bmi": draw(27, 4) if i % 7 else np.nan, "sbp_mmhg": draw(135, 15), "dbp_mmhg": draw(80, 9)},
            **{"icd10": "I25.1;E11" if i % 9 == 0 else "", "self_reported_mi": 0},
            **{"site": "Reading_$1", "group": "obese" if i // 2 % 2 else "normal weight"},
        }

    def flow_rows(self) -> list[dict[str, Any]]:
        rows = []
        for name in self.datasets:
            keys = [key for key in self.subjects if self.dataset[key] == name]
            lost = [self.code[key] for key in keys if key in self.code]
            left = len(keys) - len(lost)
            steps = {"indexed": (len(keys), 0), "converted": (len(keys), len(lost))}
            later = ("image quality", "segmented", "segmentation quality", "measured", "analysed")
            steps |= dict.fromkeys(later, (left, 0))
            for step, (received, excluded) in steps.items():
                row = {"dataset": name, "step": step, "code": "", "reason": ""}
                rows.append({**row, "received": received, "excluded": excluded, "flagged": 0})
                if excluded:
                    rows += [{**row, "code": code, "n": lost.count(code)} for code in sorted(set(lost))]
        return rows
