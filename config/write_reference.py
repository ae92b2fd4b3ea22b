"""Write the JSON schemas, the reference of all keys in README.md, and pages of docs/."""

import json
from pathlib import Path
from typing import Any

from write_pages import write_pages

from cinecohort.config import Config
from cinecohort.experiments.options import SECTION, ExperimentOptions
from cinecohort.options import Options
from cinecohort.segmentation.training_options import TrainingOptions

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- reference: begin -->\n", "<!-- reference: end -->\n"
EXPERIMENTS_BEGIN = "<!-- reference of experiments: begin -->\n"
EXPERIMENTS_END = "<!-- reference of experiments: end -->\n"
TRAINING_BEGIN = "<!-- reference of training: begin -->\n"
TRAINING_END = "<!-- reference of training: end -->\n"


def schema() -> str:
    """JSON schema of the whole configuration."""
    return json.dumps(Config.model_json_schema(), indent=1, sort_keys=True) + "\n"


def experiments_schema() -> str:
    """JSON schema of a configuration of experiments, which stand under one key."""
    inside = ExperimentOptions.model_json_schema()
    outer = {"$defs": inside.pop("$defs"), "type": "object", "properties": {SECTION: inside}}
    return json.dumps({**outer, "required": [SECTION]}, indent=1, sort_keys=True) + "\n"


def reference(model: type[Options] = Config, top: str = "(top level)") -> str:
    """Every key with its default and meaning, a table a section, as Markdown."""
    definitions = model.model_json_schema()
    sections = [(top, definitions)]
    sections += sorted(definitions["$defs"].items())
    return "\n".join(_section(name, section, definitions["$defs"]) for name, section in sections)


def _section(name: str, section: dict[str, Any], definitions: dict[str, Any]) -> str:
    lines = [f"### {name}", "", section.get("description", "").split("\n")[0], ""]
    lines += ["| key | default | meaning |", "|---|---|---|"]
    for key, value in section.get("properties", {}).items():
        meaning = " ".join(value.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{key}` | {_default(key, value, section, definitions)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(key: str, value: dict[str, Any], section: dict[str, Any], definitions: dict[str, Any]) -> str:
    target = value.get("$ref", "").rsplit("/", 1)[-1]
    if target and "properties" in definitions[target]:
        return f"see {target}"
    if key in section.get("required", []):
        return "required"
    text = json.dumps(value.get("default")).replace("|", "\\|")
    return f"`{text}`" if len(text) <= 60 else "see the schema"


def experiments_reference() -> str:
    """The keys of experiments."""
    return reference(ExperimentOptions, SECTION)


def training_reference() -> str:
    """The keys of a training."""
    return reference(TrainingOptions, "training")


def between(text: str, begin: str, end: str, inside: str) -> str:
    """Replace what stands between two marks."""
    head, rest = text.split(begin)
    return head + begin + inside + end + rest.split(end)[1]


def main() -> None:
    """Write all files."""
    write_pages()
    (FOLDER / "config.schema.json").write_text(schema())
    (FOLDER / "experiments.schema.json").write_text(experiments_schema())
    page = FOLDER / "README.md"
    text = between(page.read_text(), BEGIN, END, reference())
    text = between(text, EXPERIMENTS_BEGIN, EXPERIMENTS_END, experiments_reference())
    page.write_text(between(text, TRAINING_BEGIN, TRAINING_END, training_reference()))


if __name__ == "__main__":
    main()
