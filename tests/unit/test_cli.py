import sys
from types import SimpleNamespace

import pytest

from cinecohort import __version__, cli
from cinecohort.errors import UserError


@pytest.fixture
def command(monkeypatch):
    """Make `verify` do what a test says."""

    def be(run):
        def add_arguments(parser):
            parser.add_argument("words", nargs="*")

        module = SimpleNamespace(run=run, add_arguments=add_arguments)
        monkeypatch.setitem(sys.modules, "cinecohort.commands.verify", module)

    return be


def test_help_lists_every_command_and_imports_none_of_them(capsys, monkeypatch):
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: pytest.fail(f"{name} was imported"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert f"  {name}" in printed


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"cinecohort {name}" in capsys.readouterr().out


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"cinecohort {__version__}\n"


@pytest.mark.parametrize("words", ["", "nonsense", "nonsense verify", "verify", "verify a --no"])
def test_wrong_usage_is_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words.split())
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1])
def test_a_commands_code_is_passed_on(command, code):
    command(lambda arguments: code)
    assert cli.main(["verify"]) == code


def test_the_first_command_counts_and_later_words_are_its_arguments(command):
    seen = []
    command(lambda arguments: seen.append(arguments.words) or 0)
    assert cli.main(["verify", "report", "study"]) == 0
    assert seen == [["report", "study"]]


def refuse(arguments):
    raise UserError("a.nii.gz: is damaged.")


def forbid(arguments):
    raise PermissionError(13, "Permission denied", "out.csv")


def interrupt(arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("run", "code", "message"),
    [
        (refuse, 1, "cinecohort verify: a.nii.gz: is damaged.\n"),
        (forbid, 1, "cinecohort verify: out.csv: Permission denied.\n"),
        (interrupt, 130, "cinecohort verify: stopped.\n"),
    ],
)
def test_what_stops_a_command_is_one_sentence(command, capsys, run, code, message):
    command(run)
    assert cli.main(["verify"]) == code
    assert capsys.readouterr().err == message


def test_a_fault_of_the_software_is_not_hidden(command):
    command(lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["verify"])
