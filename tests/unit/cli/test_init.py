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


def stop() -> None:
    raise KeyboardInterrupt


def stop_with_words() -> None:
    raise KeyboardInterrupt("3 of 5 images are counted.")


def steer() -> None:
    warnings.warn("a\x1b]0;x\x07.png", UserWarning, stacklevel=1)
    raise InputError("No image \x1b[31mred\u202e.png.", found="a\x9bb")


@pytest.fixture
def _with_small_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "refuse": Listing(f"{__name__}:refuse", "Fails."),
        "miss": Listing(f"{__name__}:miss_a_file", "Fails."),
        "succeed": Listing(f"{__name__}:succeed", "Succeeds."),
        "warn": Listing(f"{__name__}:warn", "Warns."),
        "greek": Listing(f"{__name__}:speak_greek", "Succeeds."),
        "stop": Listing(f"{__name__}:stop", "Is interrupted."),
        "words": Listing(f"{__name__}:stop_with_words", "Is interrupted."),
        "steer": Listing(f"{__name__}:steer", "Fails."),
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


UNKNOWN = {
    "conut": "`adaptoscope count`",
    "predict": "`adaptoscope count predict` or `adaptoscope stain predict`",
    "preict": "`adaptoscope count predict` or `adaptoscope stain predict`",
    "count preict": "`adaptoscope count predict`",
    "cuont predict": "`adaptoscope count predict`",
    "train": "`adaptoscope count train` or `adaptoscope stain train`",
    "learn": "`adaptoscope style learn`",
    "count stylise": "`adaptoscope stylise`",
    "synthesize out": "`adaptoscope synthesise`",
}


@pytest.mark.parametrize(("typed", "meant"), UNKNOWN.items(), ids=UNKNOWN.keys())
def test_an_unknown_command_names_near_ones_and_leaves_with_two(
    capsys: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    assert leave(*typed.split()) == 2
    said = " ".join(capsys.readouterr().err.replace("\u2502", " ").split())
    assert f"Did you mean {meant}?" in said


def test_a_command_like_no_other_is_only_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("xyzzy") == 2
    said = capsys.readouterr().err
    assert "No such command 'xyzzy'." in said
    assert "Did you mean" not in said


def test_every_command_that_goes_on_exists() -> None:
    groups = {name for name in COMMANDS if COMMANDS[name].home.endswith(":app")}
    inner = {f"{name} {below}" for name in groups for below in load_command(name).commands}
    assert {*COMMANDS, *inner} >= cli.RESUMED


@pytest.mark.usefixtures("_with_small_commands")
def test_an_interrupted_command_says_whether_it_can_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leave("stop") == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    monkeypatch.setattr(cli, "RESUMED", {"stop"})
    assert leave("stop") == 130
    assert capsys.readouterr().err == ("Interrupted. The same command goes on where it stopped.\n")


@pytest.mark.usefixtures("_with_small_commands")
def test_a_command_with_words_of_its_own_is_not_talked_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert leave("words") == 130
    assert capsys.readouterr().err == "3 of 5 images are counted.\n"


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("_with_small_commands")
def test_signs_that_steer_a_terminal_are_written_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(message, category, filename, lineno, file=None, line=None) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    monkeypatch.setattr(warnings, "showwarning", show)
    assert leave("steer") == 1
    said = capsys.readouterr().err
    assert r"warning: a\x1b]0;x\x07.png" in said
    assert r"No image \x1b[31mred\u202e.png." in said
    assert r"found: a\x9bb" in said
    assert all(sign.isprintable() or sign == "\n" for sign in said)
