"""What reviewers say is obeyed: by the measures, by the status of subjects and by the flow."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.cohort.flow import flow_of_subjects
from cinecohort.cohort.gather import judgements, with_verdicts
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.runner import run_shard
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stage_builders import BUILDERS
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.cohort.versions import STAGES
from cinecohort.config import parse_config
from cinecohort.findings import Level, Outcome
from cinecohort.images import read_image, write_image
from cinecohort.measures.voids import read_voided
from cinecohort.review.digests import seen_digests
from cinecohort.review.verdicts import COLUMNS, Judgement, Rejection, findings_of
from cinecohort.store import write_record
from support.review_cohort import write_heart

SUBJECTS = [IndexedSubject(key, "tiny", key, key, "", "") for key in ("A", "B")]


@pytest.fixture
def store(tmp_path):
    for subject in SUBJECTS:
        write_heart(tmp_path / "subjects" / subject.subject, slices=7)
    return tmp_path / "subjects"


def measured(store, rejected=()):
    """Records of the measures, and the subjects that were worked on."""
    config = parse_config(
        {
            "datasets": {"tiny": {"source": "acdc", "path": "raw"}},
            "models": {"sa": [{"name": "unet_slim_sa"}]},
        }
    )
    settings = SETTINGS["measure"].read(settings_for("measure", config, rejected=rejected))
    stage = BUILDERS["measure"](settings, store.parent, 1, 0)
    before = {s.subject: (store / s.subject / "measure.json") for s in SUBJECTS}
    times = {key: path.stat().st_mtime_ns if path.is_file() else 0 for key, path in before.items()}
    records = run_shard(stage, SUBJECTS, store, store.parent / "logs")
    redone = {key for key, path in before.items() if path.stat().st_mtime_ns != times[key]}
    return {subject.subject: record for subject, record in records}, redone


def rejection(store, view="", structure="", subject="A"):
    digest = seen_digests(store / subject)[view]
    return Rejection(subject=subject, view=view, structure=structure, digest=digest)


def test_a_rejected_structure_is_not_measured_and_nobody_else_is_redone(store):
    first, redone = measured(store)
    assert redone == {"A", "B"}
    assert first["A"].rows[0]["rvedv_ml"] is not None
    records, redone = measured(store, [rejection(store, "sa", "RV")])
    (row,) = records["A"].rows
    assert redone == {"A"}
    assert row["rvedv_ml"] is None and row["rvef_pct"] is None
    assert row["lvedv_ml"] == first["A"].rows[0]["lvedv_ml"]
    voided = read_voided(row["voided"])
    assert ("rvedv_ml", "REVIEW_REJECTED") in {(void["measure"], void["code"]) for void in voided}
    (found,) = [finding for finding in records["A"].findings if finding.code == "REVIEW_REJECTED"]
    assert (found.view, found.level) == ("sa", Level.REVIEW)
    back, redone = measured(store)
    assert redone == {"A"} and back["A"] == first["A"], "a verdict that is taken back leaves no trace"


def test_a_rejected_view_leaves_no_measure_of_it(store):
    (row,) = measured(store, [rejection(store, "sa")])[0]["A"].rows
    numbers = [row[name] for name in ("lvedv_ml", "lvm_g", "rvesv_ml", "wt_global_mm")]
    assert numbers == [None] * 4


def test_a_rejected_subject_is_excluded_with_its_code(store):
    record = measured(store, [rejection(store)])[0]["A"]
    assert (str(record.status), record.findings[0].code, record.rows) == ("excluded", "REVIEW_REJECTED", [])


def test_a_rejection_of_what_has_changed_since_is_not_obeyed(store):
    stale = [rejection(store), rejection(store, "sa", "RV")]
    labels = read_image(store / "A" / "seg_sa.nii.gz")
    labels.data = np.roll(labels.data, 1, axis=0)
    write_image(store / "A" / "seg_sa.nii.gz", labels)
    write_record(store / "A", "segment", 1, "", Outcome(outputs=["seg_sa.nii.gz"]))
    record = measured(store, stale)[0]["A"]
    assert record.rows[0]["rvedv_ml"] is not None


def test_stale_verdicts_and_verdicts_on_strangers_are_reported(store, tmp_path):
    path = tmp_path / "verdicts.tsv"
    rows = [("A", "old"), ("B", seen_digests(store / "B")[""]), ("STRANGER", "x")]
    lines = [f"{subject}\t\t\taccept\t\tX\t1\t{digest}" for subject, digest in rows]
    path.write_text("\n".join(["\t".join(COLUMNS), *lines]) + "\n")
    assert judgements([path], store) == {
        "A": Judgement("", stale=1), "B": Judgement("accept"), "STRANGER": Judgement("", stale=1)
    }  # fmt: skip


STATUS = pd.DataFrame(
    [
        {
            "subject": key,
            "dataset": "tiny",
            "status": status,
            "stage": "measure",
            "code": "M1",
            "reason": "Why.",
        }
        for key, status in (("A", "review"), ("B", "ok"), ("C", "excluded"), ("D", "error"))
    ]
)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (Judgement("accept"), ["ok", "ok", "excluded", "error"]),
        (Judgement("unsure"), ["review", "review", "excluded", "error"]),
        (Judgement("", stale=1), ["review", "review", "excluded", "error"]),
        (Judgement("", parts=1), ["review", "ok", "excluded", "error"]),
    ],
)
def test_status_after_review(judged, expected):
    said = {key: findings_of(judged) for key in [*STATUS["subject"], "STRANGER"]}
    after = with_verdicts(STATUS, said)
    assert list(after["status"]) == expected
    if judged.decision == "accept":
        assert list(after.loc[0, ["stage", "code", "reason"]]) == ["", "", ""]


def test_the_flow_counts_verdicts():
    index = STATUS[["subject", "dataset"]]
    tables = {stage: STATUS.assign(status="ok") for stage in STAGES}
    flow = flow_of_subjects(index, tables, STATUS, {"A": Judgement("accept"), "B": Judgement("unsure")})
    row = flow.set_index("step").loc["reviewed"]
    assert (row["received"], row["excluded"], row["flagged"]) == (4, 0, 1)
    assert row["reason"] == "subjects by verdict: 1 accepted, 1 not sure of"
    corrected = STATUS.assign(status="ok", corrected=["sa", "", "sa,la_4ch", ""])
    flow = flow_of_subjects(index, {**tables, "segmentation_quality": corrected}, STATUS)
    reasons = flow.set_index("step")["reason"].dropna()
    assert reasons.to_dict() == {"segmentation quality": "subjects with a corrected label map: 2"}
    assert "reviewed" not in set(flow_of_subjects(index, tables, STATUS, {})["step"])
