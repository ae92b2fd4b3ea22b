"""A stage whose results change has another version, so that stored results of older code are redone."""

import copy
import json

import pytest

from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.ledger.table_schemas import describe_column
from support.stage_digests import (
    FROM_IMAGES,
    FROM_TABLES,
    STORED,
    VOXELS,
    Digest,
    differences,
    digests,
    digests_of_tables,
)

RENEW = "then run `python tests/support/stage_digests.py` and commit what it writes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("digests")


@pytest.fixture(scope="module")
def made(folder):
    return digests(folder)


@pytest.fixture(scope="module")
def made_of_tables(tmp_path_factory):
    return digests_of_tables(tmp_path_factory.mktemp("tables"))


def check(origin, stage, made):
    stored = json.loads(STORED.read_text())
    assert stored[stage]["version"] == VERSIONS[stage], f"VERSIONS[{stage!r}] was raised: {RENEW}."
    if differences(stored[origin], made[origin]):
        pytest.fail(f"What the digests are made from ({origin}) changed: {RENEW}.")
    found = differences(stored[stage], made[stage])
    assert not found, (
        f"{stage} makes something else than its version {VERSIONS[stage]} did: "
        f"{'; '.join(found[:8])}. If that is meant, raise VERSIONS[{stage!r}] in cohort/versions.py, say so "
        f"in CHANGELOG.md under 'Changes that alter results', {RENEW}."
    )


@pytest.mark.slow
@pytest.mark.parametrize("stage", FROM_IMAGES)
def test_results_are_those_of_the_version(made, stage):
    check("phantom", stage, made)


@pytest.mark.parametrize("stage", FROM_TABLES)
def test_results_of_tables_are_those_of_the_version(made_of_tables, stage):
    check("made_up", stage, made_of_tables)


@pytest.mark.slow
@pytest.mark.parametrize("where", [*STAGES, "cohort"])
def test_every_column_that_a_stage_writes_is_described(made, folder, where):
    """Also of views and networks that a test's tiny cohort has not."""
    tables = sorted((folder / "results" / where).glob("*.tsv"))
    assert tables
    for path in tables:
        header = path.read_text(encoding="utf-8").split("\n")[0].split("\t")
        assert [name for name in header if describe_column(name) is None] == [], path


@pytest.mark.slow
def test_stages_have_something_to_say(made):
    for stage in set(FROM_IMAGES) - {"segment"}:
        assert len(made[stage]["numbers"]) >= 3, stage
    assert len(made["segment"]["voxels"]) >= 8


def test_stages_of_tables_have_something_to_say(made_of_tables):
    for stage in set(FROM_TABLES) - {"run_record"}:
        assert len(made_of_tables[stage]["numbers"]) >= 10, stage


def test_a_changed_number_text_or_count_is_found_and_a_processors_noise_is_not():
    def digest(volume=100.0, status="ok", extra=()):
        one = Digest()
        one.add({"volume": [volume, 80.0, *extra], "status": status})
        return {**one.summary(), "voxels": {"a sa 1": [100, 90]}}

    base = digest()
    assert differences(base, digest(volume=100.0 * (1 + 1e-6))) == []
    assert differences(base, digest(volume=100.5)) == ["volume: mean 90 before, 90.25 now"]
    assert differences(base, digest(status="review"))
    assert differences(base, digest(extra=[1.0]))
    noisy, changed = copy.deepcopy(base), copy.deepcopy(base)
    noisy["voxels"]["a sa 1"][0] += VOXELS
    changed["voxels"]["a sa 1"][0] += VOXELS + 1
    assert differences(base, noisy) == []
    assert differences(base, changed)
