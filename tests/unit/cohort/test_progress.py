from cinecohort.cohort import progress
from cinecohort.cohort.progress import Progress, read_tally, reasons_of
from cinecohort.findings import Finding, Level, Status
from cinecohort.store import Record


def record(status, *findings, stage="convert"):
    return Record(stage, 1, "", status, list(findings))


GAP = Finding("GAP", Level.REVIEW, "a: a slice is missing.")
NO_VIEW = Finding("NO_VIEW", Level.REJECT, "b: there is no short axis.")


def test_a_tally_grows_with_the_subjects(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_WRITES", 0.0)
    path = tmp_path / "0000.json"
    shard = Progress("convert", 3, path, every=2)
    assert read_tally(path).done == 0
    shard.add("ok")
    tally = read_tally(path)
    assert (tally.stage, tally.subjects, tally.counts, tally.complete) == ("convert", 3, {"ok": 1}, False)
    shard.add("unchanged")
    assert "convert: 2/3 subjects (1 ok, 1 unchanged)" in capsys.readouterr().out
    shard.add("ok")
    shard.close({"a": record(Status.REVIEW, GAP), "b": record(Status.EXCLUDED, NO_VIEW, stage="other")})
    tally = read_tally(path)
    assert (tally.done, tally.complete) == (3, True)
    assert tally.reasons == [["review", "GAP", 1, "a: a slice is missing."]]


def test_a_tally_is_not_written_for_every_subject(tmp_path):
    path = tmp_path / "0000.json"
    shard = Progress("convert", 1000, path)
    for _ in range(1000):
        shard.add("ok")
    assert read_tally(path).done == 0
    shard.close({})
    assert read_tally(path).counts == {"ok": 1000}


def test_reasons_are_counted_gravest_first():
    records = [
        record(Status.OK),
        record(Status.REVIEW, GAP),
        record(Status.REVIEW, Finding("GAP", Level.REVIEW, "c: another.")),
        record(Status.EXCLUDED, GAP, NO_VIEW),
        record(Status.ERROR),
    ]
    assert reasons_of(records) == [
        ("error", "", 1, ""),
        ("excluded", "NO_VIEW", 1, "b: there is no short axis."),
        ("review", "GAP", 2, "a: a slice is missing."),
    ]


def test_a_tally_that_cannot_be_read_is_none(tmp_path):
    path = tmp_path / "0000.json"
    assert read_tally(path) is None
    for text in ("{", "[]", '{"stage": 1, "unknown": 2}'):
        path.write_text(text)
        assert read_tally(path) is None
