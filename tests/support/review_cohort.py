"""Made-up results of a cohort for the review room, and a headless browser that opens it."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import Image, read_image, write_image
from cinecohort.ledger.columns import COHORT
from cinecohort.store import write_record

CURVE = [100.0, 80.0, 60.0, 50.0, 70.0, 90.0]


def write_heart(folder: Path, size: int = 96, slices: int = 3, frames: int = 6) -> None:
    """Write image, segmentation, curves and records of one subject's short axis."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    labels = np.zeros((size, size, slices, frames), np.uint8)
    for frame in range(frames):
        radius = 14.0 * (1 - 0.3 * np.sin(np.pi * frame / frames))
        distance = np.hypot(x - 50, y - 48)
        right = np.hypot(x - 28, y - 48) < radius
        labels[..., frame] = np.select([distance < radius, distance < radius + 5, right], [1, 2, 3], 0)[
            ..., None
        ]
    noise = np.random.default_rng(1).normal(0, 8, labels.shape)
    values = (np.array([30, 200, 70, 190])[labels] + noise).astype(np.int16)
    affine = np.diag([1.8, 1.8, 10.0, 1.0])
    write_image(folder / "sa.nii.gz", Image(values, affine, 0.1))
    write_image(folder / "seg_sa.nii.gz", Image(labels, affine, 0.1))
    curves = {"net": {"kind": "auto", "ed_frame": 0, "es_frame": 3, "volume_ml": {"LV": CURVE, "RV": CURVE}}}
    (folder / "curves.json").write_text(json.dumps(curves))
    write_record(folder, "convert", 1, "", Outcome(outputs=["sa.nii.gz"]))
    write_record(folder, "image_quality", 1, "", Outcome())
    write_record(folder, "segment", 1, "", Outcome(outputs=["seg_sa.nii.gz"]))


def write_observer(folder: Path, shift: int = 1) -> None:
    """Write an observer's label map of a subject of :func:`write_heart`: its own, `shift` pixels further."""
    image = read_image(folder / "seg_sa.nii.gz")
    drawn = np.zeros_like(image.data)
    for frame in (0, 3):
        drawn[..., frame] = np.roll(image.data[..., frame], shift, axis=0)
    slices = list(range(drawn.shape[2]))
    annotated = {str(frame): dict.fromkeys(("LV", "MYO", "RV"), slices) for frame in (0, 3)}
    sidecar = {"ed_frame": 0, "es_frame": 3, "annotated": annotated}
    write_image(folder / "label_manual_sa.nii.gz", Image(drawn, image.affine, 0.1, sidecar))
    outputs = ["sa.nii.gz", "label_manual_sa.nii.gz", "label_manual_sa.json"]
    write_record(folder, "convert", 1, "", Outcome(outputs=outputs))


def add_manual_rows(cohort: Path, subjects: Iterable[str], **values: str) -> None:
    """Add an observer's rows, and the network's at the observer's frames, to ``measures.tsv``."""
    columns = (cohort / "measures.tsv").read_text().splitlines()[0].split("\t")
    with (cohort / "measures.tsv").open("a") as stream:
        for subject in subjects:
            for source, kind, frames, shift in (
                ("manual", "manual", "own", 2.0),
                ("net", "auto", "manual", 0.0),
            ):
                number = 55.0 + len(subject) + shift * int(subject[-1], 36)
                row = {"subject": subject, "source": source, "kind": kind, "frames": frames}
                row |= {"lvef_pct": f"{number:.3f}", **values}
                stream.write("\t".join(row.get(column, "") for column in columns) + "\n")


def write_tables(cohort: Path, statuses: dict[str, str]) -> None:
    """Write the cohort's tables for subjects of these statuses; all but the sound ones have a finding."""
    cohort.mkdir(parents=True, exist_ok=True)
    finding = Finding("S2", Level.REVIEW, "sa: the RV is in 3 pieces in frame 4", "sa").to_dict()
    flagged = [subject for subject, status in statuses.items() if status != "ok"]
    rows = {
        "status": [
            {"subject": subject, "dataset": "tiny", "status": status} for subject, status in statuses.items()
        ],
        "findings": [{"subject": subject, "dataset": "tiny", **finding} for subject in flagged],
        "measures": [
            {"subject": subject, "source": "net", "kind": "auto", "frames": "own", "lvef_pct": 57.12345}
            for subject in statuses
        ],
        "participants": [],
        "voided": [
            {
                "subject": subject,
                "source": "net",
                "frames": "own",
                "measure": "rvef_pct",
                "reason": "RV was lost",
            }
            for subject in flagged
        ],
    }
    for name, table in rows.items():
        columns = [*COHORT[name].columns, *(["lvef_pct"] if name == "measures" else [])]
        lines = ["\t".join(str(row.get(column, "")) for column in columns) for row in table]
        (cohort / f"{name}.tsv").write_text("\n".join(["\t".join(columns), *lines]) + "\n")


def browser(folder: Path):
    """Headless Chromium that downloads into `folder`; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no chromium and chromedriver (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={folder / 'browser'}", "--window-size=1400,1000"),
    ):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
