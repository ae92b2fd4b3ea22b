"""The blinded assessment: who is shown, that the page does not tell, and that scores come back unblinded."""

import re

import numpy as np
import pytest
from PIL import Image as Picture

from cinecohort.analyses.reviewer_files import write_reviewers
from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.images import read_image, write_image
from cinecohort.ledger.tables import read_table
from cinecohort.review.blinded import make_blinded, sampled
from cinecohort.review.blinding import (
    COLUMNS,
    REGIONS,
    SIMULATED,
    Assessment,
    assessment_tables,
    automatic_is_left,
    case_code,
    read_assessments,
    read_key,
    unblinded,
)
from cinecohort.review.options import BlindedOptions
from cinecohort.review.simulated import assessments
from support.review_cohort import add_manual_rows, write_heart, write_observer, write_tables

SUBJECTS = ("A", "B", "C", "D")


@pytest.fixture
def results(tmp_path):
    """Four subjects, of whom C is excluded and D has no observer."""
    write_tables(tmp_path / "cohort", {"A": "ok", "B": "review", "C": "excluded", "D": "ok"})
    for subject in SUBJECTS:
        write_heart(tmp_path / "subjects" / subject, slices=7)
        if subject != "D":
            write_observer(tmp_path / "subjects" / subject, shift=6)
    add_manual_rows(tmp_path / "cohort", "ABC")
    return tmp_path


def make(results, sample=10):
    make_blinded(results, BlindedOptions(sample=sample), "net", 1, "Tiny", synthetic=True)
    return read_key(results / "blinded_key.tsv")


def test_who_is_in_the_sample(results):
    both = sampled(results, BlindedOptions(), "net", 1)
    assert sorted(both) == ["A", "B"]
    assert sampled(results, BlindedOptions(sample=1), "net", 1) == both[:1]
    assert len({tuple(sampled(results, BlindedOptions(), "net", seed)) for seed in range(20)}) == 2
    assert sampled(results, BlindedOptions(observer="O1"), "net", 1) == []


def test_both_sides_are_drawn_and_the_key_says_which_is_automatic(results):
    key = make(results)
    assert {row["subject"] for row in key.values()} == {"A", "B"}
    assert {region for _, region in key} == set(REGIONS)
    folder = results / "review" / "blinded"
    assert len(list(folder.iterdir())) == 3 * len(key)
    for (case, region), row in key.items():
        sides = {
            side: coloured(folder / f"{case}_{region}_{side}.webp") for side in ("left", "right", "plain")
        }
        assert sides["left"] > 500 < sides["right"] and sides["plain"] == 0
        assert row["left"] == ("automatic" if automatic_is_left(1, row["subject"], region) else "manual")


def coloured(path):
    with Picture.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=2) > 60).sum())


def test_the_automatic_side_shows_the_automatic_contours(results):
    for subject in "AB":
        labels = read_image(results / "subjects" / subject / "seg_sa.nii.gz")
        labels.data[labels.data == 3] = 0
        write_image(results / "subjects" / subject / "seg_sa.nii.gz", labels)
    key = make(results)
    folder = results / "review" / "blinded"
    blue = {}
    for (case, region), row in key.items():
        for side in ("left", "right"):
            with Picture.open(folder / f"{case}_{region}_{side}.webp") as picture:
                pixels = np.asarray(picture.convert("RGB")).astype(int)
            who = (
                row["left"] if side == "left" else {"automatic": "manual", "manual": "automatic"}[row["left"]]
            )
            blue[case, region, who] = int((pixels[..., 2] - pixels[..., 0] > 60).sum())
    assert all((count > 100) == (who == "manual") for (_, _, who), count in blue.items()), "the RV is manual"


def test_nothing_beside_the_page_tells_who_drew_what(results):
    make(results)
    page = (results / "review" / "blinded.html").read_text()
    values = re.search(r"const ROOM = (.*);</script>", page)[1]
    for word in ("automatic", "manual", "net", "subject", '"A"', '"B"'):
        assert word not in values, word
    names = {path.name for path in (results / "review").rglob("*") if path.is_file()}
    assert all(
        re.fullmatch(r"[0-9a-f]{10}_(basal|mid|apical)_(left|right|plain)\.webp|blinded.html", name)
        for name in names
    )


def test_sides_and_order_are_random():
    subjects = [f"S{number}" for number in range(400)]
    left = [automatic_is_left(1, subject, region) for subject in subjects for region in REGIONS]
    assert 0.45 < np.mean(left) < 0.55
    order = sorted(subjects, key=lambda subject: case_code(1, subject))
    assert order != sorted(subjects, key=lambda subject: case_code(2, subject))


def test_pictures_are_drawn_again_only_where_contours_changed(results):
    make(results)
    folder = results / "review" / "blinded"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_observer(results / "subjects" / "A", shift=3)
    key = make(results)
    changed = {path.name.split("_")[0] for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {case for (case, _), row in key.items() if row["subject"] == "A"}


KEY = {
    ("c1", "mid"): {"left": "automatic", "digest": "d", "subject": "A", "case": "c1", "region": "mid"},
    ("c2", "mid"): {"left": "manual", "digest": "d", "subject": "B", "case": "c2", "region": "mid"},
}


@pytest.mark.parametrize(
    ("case", "choice", "digest", "score"),
    [
        ("c1", "left", "d", "better"),
        ("c1", "right", "d", "worse"),
        ("c2", "left", "d", "worse"),
        ("c2", "right", "d", "better"),
        ("c1", "agreement", "d", "same"),
        ("c2", "not sure", SIMULATED, "not_sure"),
        ("c1", "left", "old", None),
        ("c3", "left", "d", None),
    ],
)
def test_what_a_choice_says_of_the_automatic_contours(case, choice, digest, score):
    assert unblinded(Assessment(case, "mid", choice, "X", "1", digest), KEY) == score


def test_counts_by_analyst_and_their_agreement():
    given = [
        ("c1", "left", "X"),
        ("c2", "left", "X"),
        ("c1", "left", "Y"),
        ("c2", "right", "Y"),
        ("c3", "left", "Y"),
    ]
    table, agreement = assessment_tables(
        [Assessment(case, "mid", choice, who, "1", "d") for case, choice, who in given], KEY
    )
    counts = table[table["region"] == "mid"].set_index("analyst")
    assert counts.loc["X", ["better", "same", "worse", "not_sure", "n", "n_ignored"]].tolist() == [
        1,
        0,
        1,
        0,
        2,
        0,
    ]
    assert counts.loc["Y", ["better", "same", "worse", "not_sure", "n", "n_ignored"]].tolist() == [
        2,
        0,
        0,
        0,
        2,
        1,
    ]
    made_up = Assessment("c3", "mid", "left", "Z", "1", SIMULATED)
    assert assessment_tables([made_up], KEY)[0]["n_ignored"].sum() == 0, "made for everybody"
    row = agreement.set_index("region").loc["mid"]
    assert (row["n"], row["n_same"], row["kappa"]) == (2, 1, 0.0)


def test_the_last_score_of_an_analyst_holds(tmp_path):
    path = tmp_path / "assessment.tsv"
    rows = [("c1", "mid", "left", "X", "2", "d"), ("c1", "mid", "right", "X", "1", "d")]
    path.write_text("\n".join("\t".join(row) for row in (COLUMNS, *rows)) + "\n")
    (found,) = read_assessments([path])
    assert found.choice == "left"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case\tregion\n", "has no column choice, analyst, time, digest"),
        ("\t".join(COLUMNS) + "\nc1\tmiddle\tleft\tX\t1\td\n", "line 2: a score has a case, a region"),
        ("\t".join(COLUMNS) + "\nc1\tmid\tbetter\tX\t1\td\n", "line 2: a score has"),
    ],
)
def test_files_that_are_no_scores(tmp_path, text, words):
    path = tmp_path / "assessment.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_assessments([path])


def test_simulated_analysts_score_as_published(tmp_path):
    subjects = [f"S{number}" for number in range(500)]
    made = assessments(subjects, 1)
    paths = []
    for analyst, table in made.items():
        paths.append(tmp_path / f"{analyst}.tsv")
        table.to_csv(paths[-1], sep="\t", index=False)
    key = tmp_path / "key.tsv"
    lines = ["case\tsubject\tregion\tleft\tdigest"]
    for subject in subjects:
        for region in REGIONS:
            left = "automatic" if automatic_is_left(1, subject, region) else "manual"
            lines.append("\t".join((case_code(1, subject), subject, region, left, "d")))
    key.write_text("\n".join(lines) + "\n")
    write_reviewers(tmp_path / "agreement", [], paths, key)
    table = read_table(tmp_path / "agreement" / "visual_assessment.csv")
    first = table[(table["analyst"] == "simulated_1") & (table["region"] == "basal")].iloc[0]
    published = {"same": 0.400, "better": 0.262, "worse": 0.206, "not_sure": 0.132}
    for name, share in published.items():
        assert abs(int(first[name]) / 500 - share) < 3 * np.sqrt(share * (1 - share) / 500), name
    assert table["simulated"].astype(str).str.lower().eq("true").all()
    assert not (tmp_path / "agreement" / "reviewers.csv").exists()
    again = assessments(subjects, 1)
    assert all(again[analyst].equals(made[analyst]) for analyst in made)


def test_the_phantom_command_writes_simulated_analysts_last(tmp_path):
    assert main(["phantom", str(tmp_path / "made"), "--subjects", "1", "--frames", "4"]) == 0
    scores = read_assessments(sorted((tmp_path / "made" / "assessments").iterdir()))
    assert {one.analyst for one in scores} == {"simulated_1", "simulated_2"}
    subject = (tmp_path / "made" / "participants.tsv").read_text().splitlines()[1].split("\t")[0]
    assert {one.case for one in scores} == {case_code(1, subject)}
