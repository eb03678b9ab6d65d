"""The commands: each parses its options, makes one call and prints the answer.

There is one file per stage. None is loaded before its command is called, so ``--help`` is instant;
what a command needs from the scientific libraries it imports in its own body.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from adaptoscope import __version__
from adaptoscope.errors import AdaptoscopeError, OutputError, missing_extra, printable, shortened

# No setting of ours has a plugin; looking for some takes a tenth of a command's start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class Listing(NamedTuple):
    """One line of ``adaptoscope --help``: where a command lives and what it does."""

    home: str
    """``module:name`` of a Typer application (a command with sub-commands) or of a function."""

    summary: str
    """What the command does, in a few words."""


COMMANDS = {
    "demo": Listing("adaptoscope.cli.experiment:demo", "The whole job on simulated images."),
    "run": Listing("adaptoscope.cli.experiment:run", "The whole counting job on your images."),
    "simulate": Listing("adaptoscope.cli.simulation:simulate", "Invent images with their truth."),
    "synthesise": Listing("adaptoscope.cli.synthesis:synthesise", "Draw cells of known number."),
    "style": Listing("adaptoscope.cli.style:app", "Learn the look of real images."),
    "stylise": Listing("adaptoscope.cli.stylise:stylise", "Give drawings the look of real images."),
    "screen": Listing("adaptoscope.cli.stylise:screen", "Screen out what lost or invented cells."),
    "count": Listing("adaptoscope.cli.counting:app", "Train a counter, test it, count images."),
    "stain": Listing(
        "adaptoscope.cli.staining:app", "Predict stains, adapt to another microscope."
    ),
    "compare": Listing("adaptoscope.cli.comparison:compare", "How two sets of images differ."),
    "convert": Listing("adaptoscope.cli.convert:convert", "Import a data set's own layout."),
    "upgrade": Listing("adaptoscope.cli.upgrade:upgrade", "Make older model folders usable."),
    "serve": Listing("adaptoscope.cli.serve:serve", "The app in the browser."),
    "doctor": Listing("adaptoscope.cli.doctor:doctor", "What this machine can do."),
}

RESUMED = {
    "demo",
    "run",
    "simulate",
    "synthesise",
    "stylise",
    "screen",
    "style learn",
    "style train-backbone",
    "count train",
    "count train-encoder",
    "count pretrain",
    "stain train",
    "stain adapt",
    "stain sweep",
}
"""Commands that keep what is finished, so that the same command goes on after an interruption."""

_INTERRUPTED = 130
"""Exit code of a command that was stopped with Ctrl-C, as shells have it."""


def load_command(name: str) -> Any:
    """Import one command's module and build the command.

    Parameters
    ----------
    name
        A key of `COMMANDS`.
    """
    module, _, attribute = COMMANDS[name].home.partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        command: Any = typer.main.get_group(target)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(target)
        command = typer.main.get_command(single)
    command.name = name
    return command


class LazyCommands(TyperGroup):
    """A group that knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Describe a command for ``--help`` without loading it."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Load the command that is called; name near ones where there is none of this name.

        ``ctx.fail`` leaves with a message.
        """
        known = args[0] in COMMANDS
        if not known:
            ctx.fail(_no_command(args))
        command = load_command(args[0])
        inner = args[1] if len(args) > 1 else "-"
        if isinstance(command, TyperGroup) and inner not in command.commands and inner[0] != "-":
            ctx.fail(_no_command(args))
        return args[0], command, args[1:]


def _no_command(args: Sequence[str]) -> str:
    """Say that there is no such command, and which ones may be meant."""
    group = args[0] if args[0] in COMMANDS else ""
    words = args[:2] if group else args[:1]
    said = f"No such command '{printable(shortened(' '.join(words), 80))}'."
    meant = " or ".join(f"`adaptoscope {name}`" for name in _meant(args, group))
    return f"{said} Did you mean {meant}?" if meant else said


def _meant(args: Sequence[str], group: str) -> list[str]:
    """Return at most three commands: those of the called group first, then of any."""
    inner = {name: list(_inner_commands(name)) for name in COMMANDS}
    if group:
        near = get_close_matches(args[1], inner[group], n=2)
        if near:
            return [f"{group} {name}" for name in near]
    word = args[1] if group else args[0]
    last = {
        **{f"{first} {second}": second for first in inner for second in inner[first]},
        **{name: name for name in COMMANDS},
    }
    same = [name for name, end in last.items() if end == word]
    if same:
        return same[:3]
    near = get_close_matches(word, list(COMMANDS), n=1)
    if near and len(args) > 1 and args[1] in inner[near[0]]:
        return [f"{near[0]} {args[1]}"]
    ends = get_close_matches(word, list(dict.fromkeys(last.values())), n=1)
    return [name for name, end in last.items() if end in ends][:3]


def _inner_commands(name: str) -> Sequence[str]:
    """Return the sub-commands of a command; their own imports stand in their bodies."""
    if not COMMANDS[name].home.endswith(":app"):
        return ()
    return list(load_command(name).commands)


app = typer.Typer(
    name="adaptoscope",
    cls=LazyCommands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"adaptoscope {__version__}")
        raise typer.Exit


@app.callback()
def adaptoscope(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print and leave."),
    ] = False,
) -> None:
    """Make microscopy models work on your microscope when you have few or no labels."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code.

    Parameters
    ----------
    arguments
        What follows the program's name; by default, what the shell passed.

    Notes
    -----
    0 means success, 1 an error that the message on standard error explains, 2 options that make no
    sense, 130 interrupted. With ``ADAPTOSCOPE_TRACEBACK=1`` errors keep their traceback.
    """
    if sys.stderr is None:  # Closed by the shell.
        sys.stderr = StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    command = typer.main.get_command(app)
    try:
        with _readable_warnings():
            command.main(
                args=None if arguments is None else list(arguments), prog_name="adaptoscope"
            )
    except AdaptoscopeError as error:
        _leave(error, str(error))
    except ModuleNotFoundError as error:
        missing = missing_extra(error, "this command")
        if missing is None:
            raise
        _leave(error, str(missing))
    except OSError as error:
        _leave(error, str(_unusable_file(error)))
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:
            _say_interrupted(leaving, sys.argv[1:] if arguments is None else arguments)
        raise


def _say_interrupted(leaving: BaseException, arguments: Sequence[str]) -> None:
    """Say what the work itself says of how far it came, else whether the command goes on."""
    begin = "\n" if sys.stderr.isatty() else ""  # A terminal shows ^C in the line.
    cause: BaseException | None = leaving
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__context__
    if cause is not None and str(cause):
        sys.stderr.write(f"{begin}{cause}\n")
        return
    words = [word for word in arguments if not word.startswith("-")][:2]
    goes_on = bool({" ".join(words[:1]), " ".join(words)} & RESUMED)
    how = " The same command goes on where it stopped." if goes_on else ""
    sys.stderr.write(f"{begin}Interrupted.{how}\n")


@contextmanager
def _readable_warnings() -> Iterator[None]:
    """Show what the user is warned of as a sentence, without the place in the code."""
    with warnings.catch_warnings():
        usual = warnings.formatwarning

        def shown(message: Any, category: type[Warning], *place: Any, **line: Any) -> str:
            plain = category is UserWarning
            return (
                f"warning: {printable(str(message))}\n"
                if plain
                else usual(message, category, *place, **line)
            )

        warnings.formatwarning = shown
        try:
            yield
        finally:
            warnings.formatwarning = usual


def _unusable_file(error: OSError) -> OutputError:
    return OutputError(
        "A file or folder could not be used.",
        expected="a path that can be read or written, and room on the disk",
        found=str(error),
        remedy="check the path and your rights to it, and the free space",
    )


def _leave(error: Exception, message: str) -> None:
    if os.environ.get("ADAPTOSCOPE_TRACEBACK") == "1":
        raise error
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(1) from error
