import pytest

from cinecohort.catalogue.findings import Code
from cinecohort.errors import UserError
from cinecohort.findings import Level
from cinecohort.review.verdicts import (
    COLUMNS,
    Judgement,
    Verdict,
    counted,
    findings_of,
    judgement,
    read_verdicts,
)

NOW = {"": "whole", "sa": "short", "la_4ch": "long"}


def verdict(kind, view="", structure="", reviewer="X", digest=None, time="1"):
    return Verdict(
        "A", view, structure, kind, reviewer, time, NOW.get(view, "") if digest is None else digest
    )


def write(path, *rows):
    lines = ["\t".join(COLUMNS), *("\t".join(row.get(name, "") for name in COLUMNS) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


ROW = {"subject": "A", "verdict": "accept", "reviewer": "X", "time": "1", "digest": "whole"}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([verdict("accept")], Judgement("accept")),
        ([verdict("accept"), verdict("accept", reviewer="Y")], Judgement("accept")),
        ([verdict("accept"), verdict("reject", reviewer="Y")], Judgement("reject")),
        ([verdict("unsure"), verdict("reject", reviewer="Y")], Judgement("reject")),
        ([verdict("accept"), verdict("unsure", reviewer="Y")], Judgement("unsure")),
        ([verdict("accept"), verdict("reject", "sa", "RV")], Judgement("accept", parts=1)),
        ([verdict("accept"), verdict("reject", "sa", "RV", "Y")], Judgement("", parts=1)),
        ([verdict("reject", "sa", "RV")], Judgement("", parts=1)),
        ([verdict("accept", digest="old")], Judgement("", stale=1)),
        ([verdict("reject", digest="old")], Judgement("", stale=1)),
        ([verdict("accept"), verdict("accept", reviewer="Y", digest="old")], Judgement("", stale=1)),
        ([verdict("reject", "la_2ch", digest="")], Judgement("", stale=1)),
    ],
)
def test_what_verdicts_come_to(verdicts, expected):
    assert judgement(verdicts, NOW) == expected


@pytest.mark.parametrize(
    ("judged", "codes"),
    [
        (Judgement("accept"), [(Code.REVIEW_ACCEPTED, Level.INFO)]),
        (Judgement("unsure"), [(Code.REVIEW_UNSURE, Level.REVIEW)]),
        (Judgement("", stale=2), [(Code.REVIEW_STALE, Level.REVIEW)]),
        (Judgement("reject"), []),
    ],
)
def test_findings_that_follow(judged, codes):
    assert [(finding.code, finding.level) for finding in findings_of(judged)] == codes


def test_counts_for_the_flow():
    listed = [Judgement("accept", parts=1), Judgement("accept"), Judgement("reject"), Judgement("", stale=1)]
    assert counted(listed) == (
        "2 accepted, 1 rejected, 1 with a rejected structure or view, "
        "1 with verdicts on what has changed since"
    )
    assert counted([]) == "none"


def test_the_last_word_of_a_reviewer_holds_whatever_the_order_of_files(tmp_path):
    later = write(tmp_path / "later.tsv", {**ROW, "verdict": "reject", "time": "2020-01-02T00:00:00Z"})
    earlier = write(tmp_path / "earlier.tsv", {**ROW, "time": "2020-01-01T00:00:00Z"})
    for paths in ([earlier, later], [later, earlier]):
        (found,) = read_verdicts(paths).by_subject["A"]
        assert found.verdict == "reject"


def test_rejections_of_a_shard_hold_neither_comments_nor_reviewers(tmp_path):
    path = write(
        tmp_path / "verdicts.tsv",
        {**ROW, "verdict": "reject", "view": "sa", "structure": "RV", "comment": "leaks"},
        {**ROW, "verdict": "reject", "view": "sa", "structure": "RV", "reviewer": "Y"},
        ROW,
        {**ROW, "subject": "B", "verdict": "reject"},
    )
    (found,) = read_verdicts([path]).rejections(["A"])
    assert found.model_dump() == {"subject": "A", "view": "sa", "structure": "RV", "digest": "whole"}
    assert found.structures() == [("sa", "RV")]


def test_a_rejected_subject_is_every_structure_of_every_view(tmp_path):
    path = write(tmp_path / "verdicts.tsv", {**ROW, "verdict": "reject"})
    (found,) = read_verdicts([path]).rejections(["A"])
    assert found.structures() == [
        ("sa", "LV"), ("sa", "MYO"), ("sa", "RV"), ("la_2ch", "LA"), ("la_2ch", "LV"), ("la_2ch", "MYO"),
        ("la_4ch", "LA"), ("la_4ch", "RA"), ("la_4ch", "LV"), ("la_4ch", "MYO"), ("la_4ch", "RV"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "maybe"}, "line 2: has the verdict 'maybe'"),
        ({"subject": ""}, "line 2: names no subject"),
        ({"reviewer": ""}, "line 2: names no reviewer"),
        ({"verdict": "reject", "view": "sax"}, "line 2: has the view 'sax'"),
        ({"verdict": "reject", "view": "sa", "structure": "LA"}, "line 2: has the structure 'LA'"),
        ({"verdict": "reject", "structure": "LV"}, "line 2: has the structure 'LV'"),
        ({"verdict": "accept", "view": "sa"}, "line 2: has accept of a part"),
    ],
)
def test_a_row_that_means_nothing_is_named(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        read_verdicts([write(tmp_path / "verdicts.tsv", {**ROW, **changes})])


def test_files_that_are_no_verdicts(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_verdicts([tmp_path / "absent.tsv"])
    (tmp_path / "other.tsv").write_text("subject\tverdict\nA\taccept\n")
    with pytest.raises(UserError, match="has no column view, structure"):
        read_verdicts([tmp_path / "other.tsv"])
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_verdicts([tmp_path / "binary.tsv"])
