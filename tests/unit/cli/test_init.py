import sys
import warnings
from io import BytesIO, TextIOWrapper

import pytest
import typer

from adaptoscope import cli
from adaptoscope.cli import COMMANDS, Listing, load_command, main
from adaptoscope.errors import InputError


def refuse() -> None:
    raise InputError(
        "The image a.tif cannot be read.",
        expected="a TIFF",
        found="a torn file",
        remedy="copy it again",
    )


def miss_a_file() -> None:
    raise FileNotFoundError(2, "No such file or directory", "a.tif")


def succeed() -> None:
    typer.echo("done")


def warn() -> None:
    warnings.warn("two cells are one", UserWarning, stacklevel=1)
    warnings.warn("old", DeprecationWarning, stacklevel=1)


def speak_greek() -> None:
    typer.echo("5 → 6 μm")


@pytest.fixture
def _with_small_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "refuse": Listing(f"{__name__}:refuse", "Fails."),
        "miss": Listing(f"{__name__}:miss_a_file", "Fails."),
        "succeed": Listing(f"{__name__}:succeed", "Succeeds."),
        "warn": Listing(f"{__name__}:warn", "Warns."),
        "greek": Listing(f"{__name__}:speak_greek", "Succeeds."),
    }
    monkeypatch.setattr(cli, "COMMANDS", small)


def leave(*arguments: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(list(arguments))
    return int(leaving.value.code or 0)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_listed_command_can_be_loaded(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert command.help


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("_with_small_commands")
def test_a_warning_is_a_sentence_and_those_for_programmers_keep_their_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(message, category, filename, lineno, file=None, line=None) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    monkeypatch.setattr(warnings, "showwarning", show)
    usual = warnings.formatwarning
    assert leave("warn") == 0
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "warning: two cells are one"
    assert "DeprecationWarning: old" in second
    assert warnings.formatwarning is usual


@pytest.mark.usefixtures("_with_small_commands")
def test_an_error_is_one_readable_block_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert leave("refuse") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: The image a.tif cannot be read.\n"
        "  expected: a TIFF\n  found: a torn file\n  remedy: copy it again\n"
    )


@pytest.mark.usefixtures("_with_small_commands")
def test_a_missing_file_is_named_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("miss") == 1
    error = capsys.readouterr().err
    assert "a.tif" in error
    assert "Traceback" not in error


@pytest.mark.usefixtures("_with_small_commands")
def test_the_traceback_is_kept_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTOSCOPE_TRACEBACK", "1")
    with pytest.raises(InputError):
        main(["refuse"])


@pytest.mark.usefixtures("_with_small_commands")
def test_success_leaves_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("succeed") == 0
    assert capsys.readouterr().out == "done\n"


@pytest.mark.usefixtures("_with_small_commands")
def test_a_console_of_few_letters_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(shown, encoding="cp1252", newline="\n"))
    assert leave("greek") == 0
    sys.stdout.flush()
    assert shown.getvalue().decode() == "5 → 6 μm\n"


def test_an_unknown_command_leaves_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("conut") == 2
    assert "conut" in capsys.readouterr().err
