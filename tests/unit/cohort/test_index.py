import os
import shutil
from dataclasses import replace

import pytest

from cinecohort.cohort.index import (
    index_path,
    indexed_subjects,
    is_usable,
    note_converted,
    raw_digest,
    read_index,
    shards,
)
from cinecohort.cohort.refresh import compare_index, difference, read_index_of, refresh_index
from cinecohort.cohort.shards import shard_of
from cinecohort.config import parse_config
from cinecohort.errors import UserError
from cinecohort.sources import listing
from cinecohort.sources.base import RawSubject
from cinecohort.sources.listing import files_below


def write_subject(folder, name, content="image"):
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "sa.nii.gz").write_text(content)


def configuration(folder, shard_size=2, **dataset):
    return parse_config(
        {
            "results": str(folder / "results"),
            "shard_size": shard_size,
            "datasets": {"tiny": {"source": "nifti", "path": str(folder / "raw"), **dataset}},
        }
    )


@pytest.fixture
def cohort(tmp_path):
    for name in ("a", "b", "c", "d", "e"):
        write_subject(tmp_path / "raw", name)
    return tmp_path


def refresh(config):
    return refresh_index(config)


def everyone(results):
    return sorted(row["subject"] for shard in shards(results) for row in read_index(results, shard))


def test_every_subject_is_in_the_shard_of_its_key(cohort):
    config = configuration(cohort)
    assert refresh(config).sentence() == "5 subjects, 5 new, 0 changed, 0 gone"
    assert everyone(config.results) == ["a", "b", "c", "d", "e"]
    for shard in shards(config.results):
        for subject in indexed_subjects(index_path(config.results, shard)):
            assert shard == shard_of(subject.subject, 3)
            assert (subject.dataset, subject.id) == ("tiny", subject.subject)


def convert_all(results):
    """What the conversion notes of the shards that it has worked on."""
    for shard in shards(results):
        note_converted(results, shard, index_path(results, shard).read_text())


def test_files_of_the_index_are_rewritten_only_where_their_content_changed(cohort):
    config = configuration(cohort)
    refresh(config)
    convert_all(config.results)
    before = {shard: index_path(config.results, shard).stat().st_mtime_ns for shard in shards(config.results)}
    refresh(config)
    write_subject(cohort / "raw", "a", "another image")
    summary = refresh(config)
    assert (summary.new, summary.gone) == ((), ())
    assert summary.sentence() == "5 subjects, 0 new, 1 changed (a: 13 bytes instead of 5), 0 gone"
    assert summary.rows() == [{"subject": "a", "change": "changed", "why": "13 bytes instead of 5"}]
    after = {shard: index_path(config.results, shard).stat().st_mtime_ns for shard in before}
    assert {shard for shard in before if before[shard] != after[shard]} == {shard_of("a", 3)}


def test_a_change_is_reported_until_the_conversion_has_worked_on_it(cohort):
    """A dry run, or a run that fails before, does not use the message up."""
    config = configuration(cohort)
    assert refresh(config).new == refresh(config).new == ("a", "b", "c", "d", "e")
    convert_all(config.results)
    assert refresh(config).new == ()
    shutil.rmtree(cohort / "raw" / "b")
    assert refresh(config).gone == refresh(config).gone == ("b",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"paths": "SYN1_20209_2_0.zip;SYN1_20208_2_0.zip", "n_files": "2"}, "SYN1_20208_2_0.zip came"),
        ({"paths": "other.zip"}, "other.zip came, SYN1_20209_2_0.zip went"),
        ({"n_files": "3"}, "3 files instead of 1"),
        ({"n_bytes": "1200"}, "1,200 bytes instead of 1,000"),
        ({}, "same size, other names or times"),
    ],
)
def test_why_a_subject_is_called_changed(changes, why):
    before = {"paths": "SYN1_20209_2_0.zip", "n_files": "1", "n_bytes": "1000"}
    assert difference(before, {**before, **changes}) == why


def test_a_shard_that_holds_nobody_any_more_loses_its_index_and_its_tables(cohort):
    config = configuration(cohort)
    refresh(config)
    shard = shard_of("a", 3)
    members = [row["subject"] for row in read_index(config.results, shard)]
    tables = [config.results / "convert" / f"{shard}{kind}.tsv" for kind in ("", ".findings")]
    other = config.results / "convert" / f"{next(s for s in shards(config.results) if s != shard)}.tsv"
    for table in (*tables, other):
        table.parent.mkdir(exist_ok=True)
        table.write_text("a table")
    convert_all(config.results)
    for name in members:
        shutil.rmtree(cohort / "raw" / name)
    assert refresh(config).gone == tuple(sorted(members))
    assert shard not in shards(config.results)
    assert not any(table.exists() for table in tables)
    assert other.exists()


def test_files_that_belong_to_nobody_are_reported(tmp_path):
    for name in ("10/A1_20209_2_0.zip", "10/A2_20209_2_0.zip.part"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text("archive")
    text = refresh(configuration(tmp_path, source="ukbiobank")).sentence()
    assert text.endswith("Dataset tiny: 1 files or folders were not read, since their names fit no subject: "
                         "10/A2_20209_2_0.zip.part")  # fmt: skip
    (tmp_path / "raw" / "10" / "A1_20209_2_0.zip").unlink()
    with pytest.raises(UserError, match=r"No subject was found.*A2_20209_2_0\.zip\.part"):
        refresh(configuration(tmp_path, source="ukbiobank"))


def test_names_sizes_and_times_make_the_digest():
    base = RawSubject("a", "a", "", ("a",), (("a/x", 1, 10), ("a/y", 2, 20)))
    shuffled = replace(base, files=base.files[::-1])
    assert raw_digest(base) == raw_digest(shuffled)
    for changed in (("a/z", 1, 10), ("a/x", 2, 10), ("a/x", 1, 11)):
        assert raw_digest(replace(base, files=(changed, base.files[1]))) != raw_digest(base)


def test_two_datasets_may_have_the_same_ids(cohort):
    write_subject(cohort / "second", "a")
    config = parse_config(
        {
            "results": str(cohort / "results"),
            "datasets": {
                "one": {"source": "nifti", "path": str(cohort / "raw")},
                "two": {"source": "nifti", "path": str(cohort / "second")},
            },
        }
    )
    assert refresh(config).total == 6
    (shard,) = shards(config.results)
    rows = {row["subject"]: (row["dataset"], row["id"]) for row in read_index(config.results, shard)}
    assert rows["one-a"] == ("one", "a")
    assert rows["two-a"] == ("two", "a")


def test_one_subject_makes_one_shard(tmp_path):
    write_subject(tmp_path / "raw", "only")
    config = configuration(tmp_path)
    assert refresh(config).total == 1
    assert shards(config.results) == ["0000"]


@pytest.mark.parametrize("key", ["John Smith", "SYN0001_2", "a-b", "É1", "a;b"])
def test_usable_keys(key):
    assert is_usable(key)


@pytest.mark.parametrize("key", ["", "a  b", " a", "a\t", "a\nb", "a/b", "a\\b", "..", ".a", "a\udcff"])
def test_keys_that_no_table_or_folder_can_hold(key):
    assert not is_usable(key)


def test_a_blank_in_a_name_is_kept_and_two_are_refused_by_name(cohort):
    write_subject(cohort / "raw", "John Smith")
    config = configuration(cohort, subject_names="folder")
    refresh(config)
    assert "John Smith" in everyone(config.results)
    write_subject(cohort / "raw", "two  blanks")
    with pytest.raises(UserError, match="'two  blanks'"):
        refresh(config)


def test_the_same_key_twice_is_refused(tmp_path):
    for part in ("training", "testing"):
        (tmp_path / "raw" / part / "patient001").mkdir(parents=True)
    with pytest.raises(UserError, match="patient001"):
        refresh(configuration(tmp_path, source="acdc"))


def test_nothing_to_index_is_an_error_and_leaves_the_index_alone(cohort):
    config = configuration(cohort)
    refresh(config)
    shutil.rmtree(cohort / "raw")
    (cohort / "raw").mkdir()
    with pytest.raises(UserError, match="No subject was found"):
        refresh(config)
    assert len(everyone(config.results)) == 5


def test_a_table_of_participants_that_is_not_there_is_refused(cohort):
    with pytest.raises(UserError, match=r"people\.tsv.*dataset tiny"):
        refresh(configuration(cohort, participants=str(cohort / "people.tsv")))


def test_files_that_vanish_while_they_are_listed_are_passed_over(cohort, monkeypatch):
    scan = os.scandir

    def scan_and_remove(folder):
        with scan(folder) as entries:
            found = list(entries)
        if str(folder).endswith("/b"):
            (cohort / "raw" / "b" / "sa.nii.gz").unlink()
        if str(folder).endswith("/raw"):
            shutil.rmtree(cohort / "raw" / "c")
        return _Entries(found)

    monkeypatch.setattr(listing.os, "scandir", scan_and_remove)
    config = configuration(cohort)
    refresh(config)
    rows = {
        row["subject"]: row["n_files"]
        for s in shards(config.results)
        for row in read_index(config.results, s)
    }
    assert rows == {"a": "1", "b": "0", "c": "0", "d": "1", "e": "1"}


class _Entries(list):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_a_missing_path_has_no_files(tmp_path):
    assert files_below(tmp_path, ["nothing"]) == ()


def write_traces(results, subject):
    for path in (
        results / "subjects" / subject / "sa.nii.gz",
        results / "cache" / "raw" / f"{subject}.json",
        results / "logs" / "subjects" / f"{subject}.jsonl",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a trace")


def traces(results):
    return sorted(
        path.relative_to(results).as_posix()
        for part in ("subjects", "cache/raw", "logs/subjects")
        for path in (results / part).iterdir()
    )


def test_who_withdrew_leaves_index_store_cache_and_logs(cohort):
    config = configuration(cohort)
    refresh(config)
    for name in ("a", "b"):
        write_traces(config.results, name)
    (cohort / "withdrawn.csv").write_text('\ufeff"a"\n\n', encoding="utf-8")
    convert_all(config.results)
    summary = refresh(configuration(cohort, withdrawals=str(cohort / "withdrawn.csv")))
    assert everyone(config.results) == ["b", "c", "d", "e"]
    assert traces(config.results) == ["cache/raw/b.json", "logs/subjects/b.jsonl", "subjects/b"]
    assert summary.sentence() == "4 subjects, 0 new, 0 changed, 0 gone, 1 withdrawn"


def test_who_withdrew_is_removed_even_where_the_raw_files_are_gone_already(tmp_path):
    (tmp_path / "raw").mkdir()
    for name in ("SYN1_20209_2_0.zip", "SYN2_20209_2_0.zip", "SYN2_20209_3_0.zip"):
        (tmp_path / "raw" / name).write_text("archive")
    config = configuration(tmp_path, source="ukbiobank")
    for subject in ("SYN1_2", "SYN2_2", "SYN2_3", "SYN9_2", "SYN22_2"):
        write_traces(config.results, subject)
    (tmp_path / "withdrawn.txt").write_text("SYN2\nSYN9\n")
    summary = refresh(
        configuration(tmp_path, source="ukbiobank", withdrawals=str(tmp_path / "withdrawn.txt"))
    )
    assert summary.withdrawn == 2
    assert sorted(path.name for path in (config.results / "subjects").iterdir()) == ["SYN1_2", "SYN22_2"]


def test_a_withdrawal_from_one_dataset_says_nothing_of_the_same_id_in_another(cohort):
    shutil.copytree(cohort / "raw", cohort / "second")
    (cohort / "withdrawn.txt").write_text("a\n")
    datasets = {
        "one": {"source": "nifti", "path": str(cohort / "raw"), "withdrawals": str(cohort / "withdrawn.txt")},
        "two": {"source": "nifti", "path": str(cohort / "second")},
    }
    config = parse_config({"results": str(cohort / "results"), "datasets": datasets})
    for subject in ("one-a", "two-a", "one-gone", "two-gone"):
        write_traces(config.results, subject)
    refresh(config)
    assert "two-a" in everyone(config.results)
    assert sorted(path.name for path in (config.results / "subjects").iterdir()) == [
        "one-gone",
        "two-a",
        "two-gone",
    ]


def test_when_all_withdrew_the_user_is_asked_to_delete_what_was_made_of_them(cohort):
    config = configuration(cohort)
    refresh(config)
    (cohort / "withdrawn.txt").write_text("a\nb\nc\nd\ne\n")
    with pytest.raises(UserError, match=r"all participants withdrew\. Delete .*results"):
        refresh(configuration(cohort, withdrawals=str(cohort / "withdrawn.txt")))


def test_a_missing_list_of_withdrawals_is_refused(cohort):
    with pytest.raises(UserError, match="withdrawn participants is not there"):
        refresh(configuration(cohort, withdrawals=str(cohort / "no such list")))


def test_comparing_changes_nothing_and_gives_the_tables_that_a_run_will_write(cohort):
    config = configuration(cohort)
    index = compare_index(config)
    assert not config.results.exists()
    index.write()
    assert {shard: index_path(config.results, shard).read_text() for shard in shards(config.results)} == dict(
        index.tables
    )
    write_traces(config.results, "a")
    write_subject(cohort / "raw", "f")
    (cohort / "withdrawn.txt").write_text("a\n")
    before = everything(config.results)
    later = compare_index(configuration(cohort, withdrawals=str(cohort / "withdrawn.txt")))
    assert later.message() == "Index: 5 subjects, 5 new, 0 changed, 0 gone, 1 withdrawn."
    assert everything(config.results) == before
    changed = {shard_of(name, 3) for name in "af"}
    assert {s for s in later.tables if later.digest(s) != index.digest(s)} == changed
    later.write()
    assert everyone(config.results) == ["b", "c", "d", "e", "f"]
    assert traces(config.results) == []


def everything(results):
    """Content and time of every file and folder."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (results, *results.rglob("*"))
    }


def test_jobs_take_the_index_as_the_run_wrote_it(cohort):
    config = configuration(cohort)
    refresh(config)
    index = compare_index(config)
    write_subject(cohort / "raw", "f")
    seen = read_index_of(config, main_process=False)
    assert [seen.digest(shard) for shard in seen.tables] == [index.digest(shard) for shard in index.tables]
    assert seen.withdrawals_digest() == index.withdrawals_digest()


def test_a_run_that_was_overtaken_by_another_does_not_write_its_index(cohort):
    config = configuration(cohort)
    refresh(config)
    index = compare_index(config)
    write_subject(cohort / "raw", "f")
    refresh(config)
    with pytest.raises(UserError, match="another run changed the index"):
        index.write()
    assert "f" in everyone(config.results)
