"""The table of what is supported (ci/matrix.toml) on the command line: which one, and files that are made from it."""

import argparse
import contextlib
import os
from typing import TYPE_CHECKING, Iterator, Mapping

from envdoctor.cli import bundled
from envdoctor.cli.common import UsageError
from envdoctor.cli.output import complain, write_output

if TYPE_CHECKING:
    from envdoctor.matrix.table import Table

TABLE = "ci/matrix.toml"


def add_table(parser: argparse.ArgumentParser) -> None:
    """Which table."""
    parser.add_argument(
        "--table", metavar="FILE", default=TABLE, help=f"default: {TABLE}, below the current folder"
    )


def add_written(parser: argparse.ArgumentParser, folder: str) -> None:
    """Where what is made goes, or whether it is only compared."""
    parser.add_argument("-o", "--output", metavar="DIR", default=folder, help=f"default: {folder}")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; say which files are not as they would be"
    )


def read_table(path: str) -> "Table":
    """The table in a file. Raises UsageError."""
    from envdoctor.matrix.table import TableError, read

    try:
        with open(path, encoding="utf-8") as stream:
            return read(stream.read())
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror or error}; go to the project's folder, or name a table with --table"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8, and so no TOML") from None
    except ImportError:
        raise UsageError("this Python reads no TOML; pip install 'envdoctor[matrix]'") from None
    except TableError as error:
        raise UsageError(f"{path}: {error}") from None


def written(arguments: argparse.Namespace, files: Mapping[str, str]) -> int:
    """Files below --output: written, or with --check compared. Raises OSError."""
    from envdoctor.matrix.written import stale, write

    folder = bundled.absolute(arguments.output)
    if arguments.check:
        others = stale(bundled.local_host(), folder, files)
        for name in others:
            complain(
                f"{os.path.join(arguments.output, name)} is not what {arguments.table} makes it; run it without --check"
            )
        return int(bool(others))
    write(folder, files)
    write_output("".join(f"{os.path.join(arguments.output, name)}\n" for name in files), None)
    return 0


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Why not, in one line."""
    from envdoctor.matrix.table import TableError

    with bundled.told():
        try:
            yield
        except TableError as error:
            raise UsageError(str(error)) from None
