"""The command line: a thin skin on the library.

Words go to the terminal, data to standard output where ``--json`` asks for it; exit codes are those of
`sepbench.errors`, 3 where some items failed, 70 for a bug, 130 when interrupted.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["console_script", "main"]

USAGE, BUG, INTERRUPTED = 2, 70, 130
_GO_ON = ("fetch", "mix", "train")  # commands that do not begin again


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    import typer

    from sepbench.cli.commands import app
    from sepbench.errors import SepbenchError
    from sepbench.storage import place_error

    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = app(words, prog_name="sepbench", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        if hasattr(error, "show"):  # typer's own: an unknown option, a missing argument
            error.show()
            return USAGE
        if debug:
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not isinstance(error, SepbenchError):
            error = place_error(Path("the output"), error)  # whatever wrote it, it is no bug
        if isinstance(error, SepbenchError):
            _complain(error.message, error.hint)
            return error.exit_code
        _complain(
            f"{type(error).__name__}: {error}", "this is a bug in sepbench; --debug shows where: please report it"
        )
        return BUG
    if code == INTERRUPTED:  # as typer itself may have said
        goes_on = ": it goes on where it stopped" if words[:1] and words[0] in _GO_ON else ""
        _complain("interrupted", f"run the same command again{goes_on}")
    return code if isinstance(code, int) else 0


def console_script() -> None:
    """Exit with the code of `main`; the entry point of ``sepbench``."""
    sys.exit(main())


def _complain(message: str, hint: str) -> None:
    from sepbench.cli.words import printable

    sys.stderr.write(printable(f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")))
