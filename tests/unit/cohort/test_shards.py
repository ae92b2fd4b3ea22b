import pytest

from cinecohort.cohort.shards import keep_number_of_shards, number_of_shards, shard_of
from cinecohort.errors import UserError


def test_a_subject_keeps_its_shard_whoever_else_is_there():
    assert shard_of("SYN0001", 4) == shard_of("SYN0001", 4)
    assert {shard_of(f"s{n}", 4) for n in range(200)} == {"0000", "0001", "0002", "0003"}


def test_subjects_are_dealt_evenly():
    counts = [0] * 20
    for n in range(20_000):
        counts[int(shard_of(f"subject{n}", 20))] += 1
    assert min(counts) > 850
    assert max(counts) < 1150


def test_the_number_of_shards_is_chosen_once(tmp_path):
    assert number_of_shards(tmp_path, 24, 8) == 3
    assert number_of_shards(tmp_path, 2400, 8) == 300
    for n_shards in (3, 300):
        keep_number_of_shards(tmp_path, n_shards, 8)
        assert number_of_shards(tmp_path, 2400, 8) == 3


def test_another_shard_size_is_refused_by_name(tmp_path):
    keep_number_of_shards(tmp_path, 3, 8)
    with pytest.raises(UserError, match=r"shards\.json.*shard_size 8.*10"):
        number_of_shards(tmp_path, 24, 10)
