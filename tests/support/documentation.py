"""Commands and settings that the documentation shows, taken from its Markdown."""

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cinecohort.cli import COMMANDS, build_parser
from support.tiny_cohort import ROOT

PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    ]
)
FENCE = re.compile(r"(?:^ *<!-- (run|file: \S+) -->\n)?^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
OURS = ("benchmarks/", "config/", "docs/", "envs/", "rules/", "scripts/", "slurm/", "src/", "tests/")
"""Folders of the repository: what is named in one of them has to be there."""

SHELL = ("cd", "cp", "docker", "export", "git", "source", "squeue")
"""Commands of the shell and of other software, of which only the files of ours are looked at."""


@dataclass(frozen=True)
class Block:
    """A block of code of a page.

    Parameters
    ----------
    page
        The page.
    mark
        ``run`` or ``file: NAME`` where the page says so in a comment before the block.
    language
        As named at its fence.
    text
        What it holds, without the indentation of the list that it stands in.
    """

    page: Path
    mark: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines, without what follows a ``#``."""
        lines = [shlex.join(shlex.split(line, comments=True)) for line in self.text.splitlines()]
        return [command for line in lines for command in re.split(r" '?&&'? ", line) if command]


def blocks(page: Path) -> list[Block]:
    """All blocks of code of a page."""
    found = []
    for mark, indent, language, text in FENCE.findall(page.read_text()):
        lines = [line.removeprefix(indent) for line in text.splitlines()]
        found.append(Block(page, mark, language, "\n".join(lines) + "\n"))
    return found


def inline_commands(page: Path) -> Iterator[str]:
    """Commands of ours within sentences and tables; those of tables go without ``cinecohort``."""
    text = FENCE.sub("", page.read_text())
    for code in INLINE.findall(text):
        words = code.split()
        if (words[0] == "cinecohort" and len(words) > 1) or (words[0] == "make" and len(words) == 2):
            yield code
    for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE):
        for code in INLINE.findall(row):
            if code.split()[0] in COMMANDS:
                yield f"cinecohort {code}"


def fault_of(command: str) -> str:
    """What is wrong with a command, by the parser of the program itself; empty if nothing is."""
    words = shlex.split(command)
    missing = [word for word in words if word.startswith(OURS) and not (ROOT / word).exists()]
    if missing:
        return f"there is no {', '.join(missing)}"
    program, rest = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "apptainer":
        program, rest = _inside_container(rest)
    if program == "cinecohort":
        return _fault_of_ours(rest)
    if program == "snakemake":
        return _fault_of_snakemake(rest)
    if program == "make":
        known = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return "" if set(rest) <= set(known) else f"make has no {rest}"
    if program in ("python", *SHELL, "apptainer"):
        return ""
    return f"{program} is not a command that the documentation may use"


def _inside_container(words: list[str]) -> tuple[str, list[str]]:
    verb, *rest = words
    rest = [word for word in rest if word != "--nv"]
    if verb == "build":
        return "apptainer", []
    return ("cinecohort", rest[1:]) if verb == "run" else (rest[1], rest[2:])


def _fault_of_ours(words: list[str]) -> str:
    if words[0] in ("--help", "--version"):
        return ""
    if words[0] not in COMMANDS:
        return f"cinecohort has no command {words[0]}"
    if len(words) == 1 or words[-1] == "...":
        return ""
    return _refusal(build_parser(words[0]), words)


def _fault_of_snakemake(words: list[str]) -> str:
    from snakemake.cli import get_argument_parser

    return _refusal(get_argument_parser(), words)


def _refusal(parser: argparse.ArgumentParser, words: list[str]) -> str:
    try:
        parser.parse_args(words)
    except SystemExit as refused:
        return "" if refused.code == 0 else f"{parser.prog} does not understand {words}"
    return ""
