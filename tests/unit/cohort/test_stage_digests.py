"""A stage whose results change has another version, so that stored results of older code are redone."""

import copy
import json

import pytest

from cinecohort.cohort.versions import VERSIONS
from support.stage_digests import COVERED, STORED, VOXELS, Digest, differences, digests

RENEW = "then run `python tests/support/stage_digests.py` and commit what it writes"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return digests(tmp_path_factory.mktemp("digests"))


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("stage", COVERED)
def test_results_are_those_of_the_version(made, stored, stage):
    assert stored[stage]["version"] == VERSIONS[stage], f"VERSIONS[{stage!r}] was raised: {RENEW}."
    if differences(stored["phantom"], made["phantom"]):
        pytest.fail(f"The phantom changed, so that stages cannot be compared: {RENEW}.")
    found = differences(stored[stage], made[stage])
    assert not found, (
        f"{stage} makes something else than its version {VERSIONS[stage]} did: "
        f"{'; '.join(found[:8])}. If that is meant, raise VERSIONS[{stage!r}] in cohort/versions.py, say so "
        f"in CHANGELOG.md under 'Changes that alter results', {RENEW}."
    )


@pytest.mark.slow
def test_stages_have_something_to_say(made):
    for stage in set(COVERED) - {"segment"}:
        assert len(made[stage]["numbers"]) >= 3, stage
    assert len(made["segment"]["voxels"]) >= 8


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
