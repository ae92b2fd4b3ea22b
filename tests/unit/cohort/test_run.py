"""Progress of a run and its summary, on files such as jobs write them."""

from collections import Counter

import pytest

from cinecohort.cohort import run as run_module
from cinecohort.cohort.index import COLUMNS
from cinecohort.cohort.progress import Progress, tally_path
from cinecohort.cohort.refresh import Index, index_times
from cinecohort.cohort.run import Run
from cinecohort.cohort.run_summary import duration
from cinecohort.findings import Finding, Level, Status
from cinecohort.ledger.rows import table_text, write_rows
from cinecohort.store import Record

HEADER = ("s", "max_rss")
NO_VIEW = Finding("NO_VIEW", Level.REJECT, "b: there is no short axis.")


SHARDS = {"0000": 2, "0001": 1}
"""Two shards, of two subjects and of one."""


@pytest.fixture
def results(tmp_path):
    index_of(tmp_path).write()
    return tmp_path


def index_of(results):
    tables = {shard: table_text([dict.fromkeys(COLUMNS, "x")] * n, COLUMNS) for shard, n in SHARDS.items()}
    return Index(results, tables, seen=index_times(results))


def work(results, stage, shard, words, records=None, seconds=None):
    """What a job leaves behind; without `seconds` it has not ended."""
    log = results / "logs" / stage / f"{shard}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"{stage} begins\nlast word of {stage}\n\n")
    progress = Progress(stage, len(words), tally_path(results, stage, shard))
    for word in words:
        progress.add(word)
    progress._write()
    if seconds is not None:
        progress.close(records or {})
        row = {"s": seconds, "max_rss": 100.0 + seconds}
        write_rows(results / "benchmarks" / stage / f"{shard}.tsv", [row], HEADER)


def test_progress_counts_subjects_of_this_runs_jobs_only(results):
    work(results, "convert", "0000", ["ok", "ok"], seconds=3.0)
    work(results, "convert", "0001", ["ok"], seconds=3.0)
    run = Run(index_of(results))
    run.start([("convert", "0000"), ("segment", "0000"), ("gather", "")])
    try:
        assert not run.subjects_done().total()
        work(results, "convert", "0000", ["ok"])
        assert run.subjects_done() == Counter(convert=1)
        work(results, "convert", "0000", ["ok", "unchanged"], seconds=3.0)
        work(results, "segment", "0000", ["ok"])
        assert run.subjects_done() == Counter(convert=2, segment=1)
        assert run.subjects_to_do() == Counter(convert=2, segment=2)
    finally:
        run.finish(succeeded=False)


def test_lines_of_progress_are_printed_as_subjects_are_done(results, monkeypatch, capsys):
    monkeypatch.setattr(run_module, "SECONDS_BETWEEN_LINES", (0.02,))
    run = Run(index_of(results))
    run.start([("convert", "0001")])
    work(results, "convert", "0001", ["ok"])
    run.ended.wait(0.3)
    run.finish(succeeded=True)
    assert capsys.readouterr().err.count("Subjects: convert 1 of 1; jobs: 0 of 1 (") == 1


def test_the_summary_of_a_run(results, capsys):
    write_rows(
        results / "cohort" / "status.tsv", [{"status": s} for s in ("ok", "review", "excluded")], ["status"]
    )
    work(results, "convert", "0000", ["ok"], seconds=999.0)
    run = Run(index_of(results))
    run.start([("convert", "0000"), ("convert", "0001"), ("gather", "")])
    left_out = {"b": Record("convert", 1, "", Status.EXCLUDED, [NO_VIEW])}
    work(results, "convert", "0000", ["unchanged", "excluded"], left_out, seconds=100.0)
    work(results, "convert", "0001", ["review"], seconds=50.0)
    write_rows(results / "benchmarks" / "gather.tsv", [{"s": "0.4", "max_rss": "NA"}], HEADER)
    run.finish(succeeded=True)
    text = (results / "summary.txt").read_text()
    assert capsys.readouterr().err == text + "\n"
    assert text.startswith("Run finished at ")
    assert "3 subjects: 1 ok, 1 flagged, 1 excluded, 0 error." in text
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in text.splitlines() if line}
    assert lines["convert"] == "2 3 2 1 0 1 1 0 2 min 30 s 1 min 40 s 200"
    assert lines["gather"] == "1 0 s 0 s 0"
    assert "  convert: 1 excluded, NO_VIEW (b: there is no short axis.)" in text
    assert "Not finished" not in text


def test_the_summary_of_a_run_with_failed_jobs_names_them_and_their_logs(results):
    run = Run(index_of(results))
    run.start([("convert", "0000"), ("segment", "0000"), ("segment", "0001"), ("measure", "0000")])
    work(results, "convert", "0000", ["ok", "ok"], seconds=1.0)
    work(results, "segment", "0000", ["ok"])
    run.finish(succeeded=False)
    text = (results / "summary.txt").read_text()
    assert text.startswith("Run ended with failed jobs")
    log = f"{results}/logs/segment/0000.log"
    assert f"Not finished: segment/0000 (see {log}). last word of segment\n" in text
    assert "2 more jobs were not begun" in text


def test_what_an_earlier_run_left_is_no_part_of_this_ones_costs(results):
    work(results, "convert", "0000", ["ok", "ok"], seconds=999.0)
    run = Run(index_of(results))
    run.start([("convert", "0001")])
    work(results, "convert", "0001", ["ok"], seconds=2.0)
    run.finish(succeeded=True)
    text = (results / "summary.txt").read_text()
    assert "999" not in text
    assert "convert     1         1     1" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (36_000, "10 h 00 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_lock_is_free_again_after_a_run(results):
    run = Run(index_of(results))
    run.start([])
    run.finish(succeeded=True)
    assert run.lock.path.read_text() == ""
