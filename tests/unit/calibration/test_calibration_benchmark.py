"""Cross-fitted networks: each heart by weights that never learnt from it, the calibration another's."""

import argparse
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.findings import Outcome
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import segmentation_path
from support.calibration_rows import MADE_BY, small_calibration
from support.hearts import disc_heart
from support.tiny_weights import write_weights

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield runpy.run_path(str(BENCHMARKS / "calibration.py"))
    sys.modules.pop("segmentation_accuracy", None)


def weights(folder: Path, name: str, learnt_from: list[str], **changes) -> str:
    path = write_weights(folder / f"{name}.safetensors", seed=len(name), **changes)
    about = read_json(path.with_suffix(".json"))
    write_json(path.with_suffix(".json"), about | {"name": name, "trained_on": {"any": learnt_from}})
    return str(path)


def split(folder: Path, name: str, *subjects: str) -> Path:
    path = folder / f"{name}.txt"
    path.write_text("\n".join(subjects) + "\n", encoding="utf-8")
    return path


def arguments(folder: Path, *folds: str, **changes) -> argparse.Namespace:
    chosen = {"whose": weights(folder, "shipped", ["a", "b"]), "second_network": weights(folder, "w2", [])}
    chosen |= {"splits": [], "folds": list(folds), "data": folder, "engine": "auto", "precision": "auto"}
    chosen |= {"no_volumes": [], "kinds": ["noise"], "first": None, "threads": 1}
    return argparse.Namespace(**(chosen | changes))


def test_every_heart_is_segmented_by_the_weights_of_its_fold(tmp_path, script, monkeypatch):
    by = {"a": weights(tmp_path, "without_a", ["b"]), "b": weights(tmp_path, "without_b", ["a"])}
    chosen = arguments(tmp_path, *(f"{split(tmp_path, name, name)}={path}" for name, path in by.items()))
    frames = [disc_heart((64, 64), (32, 32), radius, 4, (32, 50), 6) for radius in (9, 7)]
    labels = np.stack([np.stack([frame] * 6, axis=2) for frame in frames], axis=3)
    for name in by:
        home = tmp_path / "hearts" / name
        home.mkdir(parents=True)
        about = {"frame_roles": {"ed": 0, "es": 1}, "n_slices": 6, "ed_frame": 0, "es_frame": 1}
        for file, data in (("sa", labels.astype(np.float32) * 50), ("label_manual_sa", labels)):
            write_image(home / f"{file}.nii.gz", Image(data, np.diag([1.4, 1.4, 8.0, 1.0]), None, about))
    used = {}

    def segment(homes, model, *_):
        for home in homes:
            used[home.name] = model.weights
            image = read_image(home / "sa.nii.gz")
            about = {"weights": Path(model.weights).stem, "weights_sha256": model.weights, "frames": [0, 1]}
            write_image(segmentation_path(home, "sa"), Image(labels, image.affine, None, about))
            yield home, Outcome()

    collect = script["collect"].__globals__
    monkeypatch.setitem(collect, "segment_subjects", segment)
    folders = [("mnms", tmp_path / "hearts" / name) for name in by]
    monkeypatch.setitem(collect, "hearts", lambda *_: folders)
    monkeypatch.setitem(collect, "facts", lambda *_: {"vendor": "Philips"})
    folds = script["read_folds"](chosen)
    rows = script["collect"](chosen, folds)
    assert used == {f"mnms-{name}-{kind}": by[name] for name in by for kind in ("undamaged", "noise")}
    digest = read_json(Path(chosen.whose).with_suffix(".json"))["sha256"][:8]
    assert rows.made_by.startswith(f"shipped@{digest} second=none")
    assert sorted(rows.table["participant"]) == ["mnms/a", "mnms/a", "mnms/b", "mnms/b"]
    assert (rows.table["dice_lv"] == 1.0).all()


def test_without_folds_the_weights_segment_what_they_never_saw(tmp_path, script):
    chosen = arguments(tmp_path, splits=[split(tmp_path, "unseen", "c", "d")])
    (fold,) = script["read_folds"](chosen)
    assert fold.weights == chosen.whose
    assert fold.subjects == {"c", "d"}


def fold_that(folder: Path, what: str) -> list[str]:
    one = split(folder, "one", "a", "c")
    good = weights(folder, "good", ["b"])
    return {
        "learnt from a": [f"{one}={weights(folder, 'bad', ['a'])}"],
        "its architecture": [f"{one}={weights(folder, 'other', [], architecture='unet_slim')}"],
        "c: in two folds": [f"{one}={good}", f"{split(folder, 'two', 'c', 'd')}={good}"],
        "SPLIT_FILE=WEIGHTS": [str(one)],
        "no such list": [f"{folder / 'none.txt'}={good}"],
    }[what]


@pytest.mark.parametrize(
    "what", ["learnt from a", "its architecture", "c: in two folds", "SPLIT_FILE=WEIGHTS", "no such list"]
)
def test_folds_that_would_mislead_are_refused(tmp_path, script, what):
    with pytest.raises(UserError, match=what):
        script["read_folds"](arguments(tmp_path, *fold_that(tmp_path, what)))


def test_a_second_network_that_learnt_from_a_heart_is_refused(tmp_path, script):
    fold = f"{split(tmp_path, 'one', 'a')}={weights(tmp_path, 'good', [])}"
    second = weights(tmp_path, "second", ["a"])
    with pytest.raises(UserError, match=r"second\.safetensors learnt from a"):
        script["read_folds"](arguments(tmp_path, fold, second_network=second))


def test_hearts_that_the_weights_never_saw_are_segmented_by_them(tmp_path, script):
    own = split(tmp_path, "unseen", "c", "d")
    fold = f"{split(tmp_path, 'one', 'c', 'e')}={weights(tmp_path, 'without', ['b'])}"
    first, second = script["read_folds"](arguments(tmp_path, fold, splits=[own]))
    assert (first.subjects, second.subjects) == ({"c", "d"}, {"e"})


def test_the_page_says_that_networks_were_cross_fitted(tmp_path, script):
    fold = script["Fold"]
    made = small_calibration()
    shipped, other = (weights(tmp_path, name, []) for name in ("net", "other"))
    own, crossed = fold(shipped, frozenset("ab"), frozenset("a")), fold(other, frozenset("c"), frozenset())
    told = script["learnt_on"](made, {"Philips": 10}, [own, crossed], shipped)
    assert "Learnt on 10 hearts" in told
    assert f"9 were segmented by {shipped}" in told
    assert "1 by cross-fitted networks: 1 of the architecture and the shortened recipe of" in told
    assert "10 of Philips" in told
    all_crossed = script["learnt_on"](
        made, {"Philips": 10}, [fold(other, frozenset("abcdefghij"), frozenset())], shipped
    )
    assert "All were segmented by cross-fitted networks: 1 of" in all_crossed
    plain = script["learnt_on"](made, {"Philips": 10}, [own], shipped)
    assert "cross-fitted" not in plain
    assert "1 of them were looked at" in plain
    assert script["notes"](made, told)[0] == told
    assert MADE_BY.split()[2] in script["notes"](made, told)[-1]


def kept(folder: Path, name: str, weights: str, made_by: str) -> Path:
    path = folder / f"{name}.pkl"
    folds = [(weights, frozenset(name), frozenset())]
    table = pd.DataFrame({"participant": [f"mnms/{each}" for each in name]}, index=list(name))
    pd.to_pickle({"table": table, "made_by": made_by, "folds": folds}, path)
    return path


def test_rows_of_folds_that_were_collected_apart_are_joined(tmp_path, script):
    chosen = arguments(tmp_path)
    one, two = (kept(tmp_path, name, f"without_{name}", "shipped@1 second=none") for name in ("a", "b"))
    chosen.rows = [one, two]
    rows, folds = script["find_rows"](chosen)
    assert list(rows.table.index) == ["a", "b"]
    assert [fold.weights for fold in folds] == ["without_a", "without_b"]
    digest = read_json(Path(chosen.whose).with_suffix(".json"))["sha256"][:8]
    assert rows.made_by == f"shipped@{digest} second=none"
    own = kept(tmp_path, "b", chosen.whose, rows.made_by)
    chosen.rows = [kept(tmp_path, "ab", "without_ab", "shipped@1 second=none"), own]
    rows, folds = script["find_rows"](chosen)
    assert list(rows.table.index) == ["a", "b"]
    assert [fold.subjects for fold in folds] == [{"a"}, {"b"}]
    assert list(script["by_network"](rows, folds, chosen.whose).table["network"]) == [
        "cross-fitted",
        chosen.whose,
    ]
    two = kept(tmp_path, "b", "without_b", "shipped@1 second=none")
    older = kept(tmp_path, "c", chosen.whose, "shipped@1 second=none")
    other = kept(tmp_path, "d", "without_d", "shipped@1 second=x")
    for why, file in {
        "in several files": one,
        "no such rows": tmp_path / "none.pkl",
        "shipped@1 second=none, not": older,
        "second=x, not": other,
    }.items():
        chosen.rows = [one, file]
        with pytest.raises(UserError, match=why):
            script["find_rows"](chosen)
