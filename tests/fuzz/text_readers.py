"""Readers of tables, settings, records and weights, with whole examples to damage."""

import contextlib
import csv
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cinecohort.calibration.options import SHIPPED as SHIPPED_CALIBRATIONS
from cinecohort.calibration.record import read_calibration
from cinecohort.cohort.index import COLUMNS, read_converted
from cinecohort.cohort.participant_tables import load_participants
from cinecohort.cohort.progress import read_tally
from cinecohort.cohort.shards import number_of_shards
from cinecohort.cohort.withdrawals import withdrawn_ids
from cinecohort.config import Config
from cinecohort.conversion.manifest import BrokenManifest, compare_manifest, listed_files
from cinecohort.errors import UserError
from cinecohort.experiments.options import load_experiments
from cinecohort.files import digest_bytes
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import read_sidecar
from cinecohort.ledger.tables import read_users_table
from cinecohort.measures.reference_ranges import SHIPPED as SHIPPED_RANGES
from cinecohort.measures.reference_ranges import read_ranges
from cinecohort.options import load_options
from cinecohort.review.blinding import read_assessments
from cinecohort.review.verdicts import read_verdicts
from cinecohort.segmentation.architectures import ARCHITECTURES
from cinecohort.segmentation.descriptions import describe_model
from cinecohort.segmentation.training_options import load_training_options
from cinecohort.sources.acdc import AcdcSource, PatientInfo, read_info
from cinecohort.store import read_record, seal, write_record
from fuzz.mutation import NUMERALS, json_mutated, text_mutated, tree_mutated, weights_mutated
from fuzz.reader import Reader, read_file, scratch, written

CONFIG = Path(__file__).parents[2] / "config"
CELL = r"[^;,\t\n]+"
TABLE = "subject;age;sex;volume\n" + "".join(f"s{n};{40 + n};F;{100 + n},5\n" for n in range(20))
PEOPLE = "eid,31-0.0,21003-2.0,50-2.0,21002-2.0\n" + "".join(
    f"{100 + n},{n % 2},{50 + n},{160 + n},{60 + n}.5\n" for n in range(12)
)
PEOPLES_COLUMNS = {"sex": "31-0.0", "age_years": "21003-2.0", "height_cm": "50-2.0", "weight_kg": "21002-2.0"}
VERDICTS = "\n".join(
    [
        "subject\tview\tstructure\tverdict\tcomment\treviewer\ttime\tdigest",
        *(f"s{n}\tsa\tLV\treject\tleaks\tAB\t2020-01-01T10:0{n}\tab12" for n in range(3)),
        *(f"s{n}\t\t\taccept\t\tAB\t2020-01-01T10:0{n}\tab12\n" for n in range(3)),
    ]
)
TALLY = {
    "stage": "convert",
    "subjects": 4,
    "counts": {"done": 2},
    "reasons": [["failed", "GAP", 1, "A gap."]],
}
SCORES = "case\tregion\tchoice\tanalyst\ttime\tdigest\n" + "".join(
    f"c{n}\tbasal\tleft\tAB\t2020-01-01T10:0{n}\tab12\n" for n in range(6)
)
INFO = "ED: 1\nES: 7\nGroup: DCM\nHeight: 164\nNbFrame: 20\nWeight: 62\n"
yaml_mutated = tree_mutated(
    yaml.safe_load, lambda tree: yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode()
)


def _read_manifest(content: bytes) -> bool:
    compare_manifest(content, ["1.dcm"])
    with contextlib.suppress(BrokenManifest, csv.Error):
        return bool(listed_files(content))
    return False


def _record_examples() -> list[bytes]:
    place = scratch()
    (place / "a.txt").write_text("a")
    finding = Finding("GAP", Level.REVIEW, "A gap.", "sa", (1,))
    outcome = Outcome(findings=[finding], outputs=["a.txt"], values={"frames": 20}, rows=[{"volume": 1.5}])
    write_record(place, "convert", 1, "print", outcome)
    return [(place / "convert.json").read_bytes()]


def _sealed(values: Any) -> bytes:
    """A record whose digest is that of its values, whatever they are."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):  # Such values are never written.
        values["digest"] = seal({name: value for name, value in values.items() if name != "digest"})
    return json.dumps(values).encode()


def _in_index(read: Callable[[Path], object], name: str) -> Callable[[bytes], bool]:
    """A reader of a file of this name in the folder ``index`` of the results."""

    def past_header(content: bytes) -> bool:
        (scratch() / "index" / "converted").mkdir(parents=True, exist_ok=True)
        written(f"index/{name}", content)
        return bool(read(scratch()))

    return past_header


@cache
def _weights() -> tuple[bytes, bytes]:
    """Weights of a tiny network and their description."""
    from support.tiny_weights import write_weights

    # Others only take longer to read.
    ARCHITECTURES["tiny"] = {"kind": "unet", "channels": (1, 1, 1, 1, 1)}
    path = write_weights(scratch() / "made.safetensors", 1, architecture="tiny")
    return path.read_bytes(), path.with_suffix(".json").read_bytes()


def _read_weights(content: bytes) -> bool:
    from cinecohort.segmentation.weights import load_model

    described = json.loads(_weights()[1])
    if digest_bytes(content)[0] > "3":  # Else the digest fits.
        described["sha256"] = digest_bytes(content)
    written("tiny.json", json.dumps(described).encode())
    return load_model(str(written("tiny.safetensors", content))) is not None


def _read_description(content: bytes) -> bool:
    written("described.json", content)
    return describe_model(str(written("described.safetensors", b""))) is not None


def _read_people(content: bytes) -> bool:
    return not load_participants(written("people.csv", content), PEOPLES_COLUMNS).mistakes


def _read_info(content: bytes) -> bool:
    (scratch() / "patient001").mkdir(exist_ok=True)
    info = read_info(written("patient001/Info.cfg", content))
    return len(AcdcSource(scratch()).participants()) == 1 and info != PatientInfo()


def _yaml_files(*patterns: str) -> Callable[[], list[bytes]]:
    return lambda: [path.read_bytes() for pattern in patterns for path in sorted(CONFIG.glob(pattern))]


def _calibration_examples() -> list[bytes]:
    return [path.read_bytes() for path in sorted(SHIPPED_CALIBRATIONS.glob("*.json"))]


def _ranges_examples() -> list[bytes]:
    return [SHIPPED_RANGES.read_bytes()]


_USERS_TABLE = text_mutated(CELL, encodings=("utf-8", "utf-8-sig", "utf-16", "latin-1"))
_OUR_TABLE = text_mutated(CELL, encodings=("utf-8", "utf-8", "utf-8-sig", "latin-1"))

TEXT_READERS: dict[str, Reader] = {
    "manifest": Reader(
        lambda: [b"filename,date,size\n1.dcm,May 1, 2014,3\n2.dcm,May 1, 2014,3\n"],
        _read_manifest,
        damage=text_mutated(CELL),
    ),
    "table": Reader(
        lambda: [TABLE.encode(), TABLE.encode("utf-16"), TABLE.replace(";", "\t").encode("latin-1")],
        read_file(read_users_table, "table.csv"),
        (UserError,),
        _USERS_TABLE,
    ),
    "participants": Reader(lambda: [PEOPLE.encode()], _read_people, (UserError,), _USERS_TABLE),
    "withdrawals": Reader(
        lambda: [b"".join(b"%d\n" % (1000 + n) for n in range(12)), b'"id","why"\n"1000","x"\n'],
        lambda content: bool(withdrawn_ids(written("withdrawn.csv", content))),
        (UserError,),
        _USERS_TABLE,
    ),
    "verdicts": Reader(
        lambda: [VERDICTS.encode()],
        lambda content: bool(read_verdicts([written("verdicts.tsv", content)]).by_subject),
        (UserError,),
        _OUR_TABLE,
    ),
    "scores": Reader(
        lambda: [SCORES.encode()],
        lambda content: bool(read_assessments([written("scores.tsv", content)])),
        (UserError,),
        _OUR_TABLE,
    ),
    "info": Reader(
        lambda: [INFO.encode()],
        _read_info,
        damage=text_mutated(r"(?<=: ).+", words=NUMERALS),
    ),
    "ranges": Reader(_ranges_examples, read_file(read_ranges, "ranges.csv"), (UserError,), _USERS_TABLE),
    "configuration": Reader(
        _yaml_files("config.yaml", "acdc.yaml", "tables.yaml"),
        read_file(lambda path: load_options(path, Config), "config.yaml"),
        (UserError,),
        yaml_mutated,
    ),
    "training": Reader(
        _yaml_files("training/*.yaml"),
        read_file(load_training_options, "training.yaml"),
        (UserError,),
        yaml_mutated,
    ),
    "experiments": Reader(
        _yaml_files("experiments.yaml"),
        read_file(load_experiments, "experiments.yaml"),
        (UserError,),
        yaml_mutated,
    ),
    "record": Reader(
        _record_examples,
        read_file(lambda path: read_record(path.parent, "convert"), "convert.json"),
        damage=tree_mutated(json.loads, _sealed),
    ),
    "sidecar": Reader(
        lambda: [json.dumps({"n_frames": 4, "trigger_times_ms": [0.0, 1.0]}).encode()],
        read_file(lambda path: read_sidecar(path.with_name("sa.nii.gz"), 5_000_000), "sa.json"),
        (UserError,),
        json_mutated,
    ),
    "shards": Reader(
        lambda: [b'{"n_shards": 4, "shard_size": 200}'],
        _in_index(lambda results: number_of_shards(results, 10, 200), "shards.json"),
        (UserError,),
        json_mutated,
    ),
    "index": Reader(
        lambda: [
            "\t".join(COLUMNS).encode()
            + b"\n"
            + b"\n".join(b"\t".join([b"x"] * len(COLUMNS)) for _ in range(5))
        ],
        _in_index(lambda results: read_converted(results, "0000"), "converted/0000.tsv"),
        damage=text_mutated(CELL),
    ),
    "tally": Reader(
        lambda: [json.dumps(TALLY).encode()],
        read_file(read_tally, "0000.json"),
        damage=json_mutated,
    ),
    "calibration": Reader(
        _calibration_examples, read_file(read_calibration, "calibration.json"), (UserError,), json_mutated
    ),
    "description": Reader(lambda: [_weights()[1]], _read_description, (UserError,), json_mutated),
    "weights": Reader(lambda: [_weights()[0]], _read_weights, (UserError,), weights_mutated),
}
"""Readers by name."""
