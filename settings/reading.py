"""Read the YAML of one file, and say in plain words what is wrong with it: never in those of a library.

ruamel.yaml keeps line numbers. What it says of a fault repeats values of the file, which may be a
person's; here only places, keys and single characters are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from settings.errors import (
    ConfigurationError,
    MissingConfigError,
    MissingConfigFolderError,
    Problem,
)
from settings.unrepeated import told_key

# What the library says of a fault, and what to do about it; the first that fits. `\1` is what stood there.
_PLAIN: Mapping[str, str] = {
    r"found character '\\t' that cannot": "a tab stands there: indent with blanks",
    r"found character '(.+)' that cannot start any token": r"no value begins with '\1': put it in quotes",
    r"found duplicate key \"([^\"]*)\"": r"the key '\1' stands there a second time: keep one of them",
    r"but found another document": "one file is one document: take out the line ---",
    r"found undefined alias '?([^']*)'?": r"nothing is marked &\1: put *\1 in quotes if it is a text",
    r"mapping values are not allowed": "a key and its value are one line: put a text with a colon in "
    "quotes, and indent keys that belong together alike",
    r"found unexpected end of stream": "a text in quotes has no end: add the closing quote",
    r"'<stream end>'": "a bracket is open: close it",
    r"expected ',' or": "in brackets, values are set apart by commas: add one, or close the bracket",
    r"could not find expected ':'": "a key needs a colon and a blank behind it",
    r"found unknown escape|expected escape": "in double quotes \\ has a meaning: use single quotes",
    r"could not determine a constructor for the tag '?([^']*)'?": r"\1 means nothing here: leave it out, or "
    "put it in quotes if it is a text",
}  # fmt: skip
_ANY = "expected keys with values or a list: look at the indentation, colons and quotes there"


class _Constructor(RoundTripConstructor):
    """As the library's, but what is no date is a text, and a tag that nobody knows is refused."""

    def construct_yaml_timestamp(self, node: ScalarNode, values: Any = None) -> Any:
        """A moment; the text itself where there is no such day, so that its key can be told."""
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError:
            return str(node.value)

    def construct_undefined(self, node: Any) -> Any:
        """Refuse what begins with an exclamation mark: it would be read as something else."""
        problem = f"could not determine a constructor for the tag {node.tag!r}"
        raise ConstructorError(None, None, problem, node.start_mark)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)
_Constructor.add_constructor(None, _Constructor.construct_undefined)


def read_yaml(path: Path) -> Any:
    """What a YAML file says, with line numbers; keys without values where it says nothing.

    Raises:
        MissingConfigError: The file is not there.
        MissingConfigFolderError: Nor is its folder.
        ConfigurationError: It is no readable text, or no YAML.
    """
    text = _read_text(path)
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    try:
        document = yaml.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(path, (_problem(error, text),)) from None
    return CommentedMap() if document is None else document


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not path.parent.is_dir():  # told once, whichever of its files are read
            raise MissingConfigFolderError(path.parent) from None
        raise MissingConfigError(path) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = Problem(line, None, "bytes that are not UTF-8", "save the file as UTF-8 text")
    except IsADirectoryError:
        problem = Problem(None, None, "a folder", "expected a file")
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        problem = Problem(None, None, found, "let this user read it")
    raise ConfigurationError(path, (problem,))


def _problem(error: Exception, text: str) -> Problem:
    """What is wrong with a text that is not YAML, and in which line."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(line, None, "a character that is no text", "take it out, or save it anew")
    if isinstance(error, RecursionError):
        deep = "so many values stand in each other: take some brackets or levels out"
        return Problem(None, None, "a value that cannot be read", deep)
    if not isinstance(error, MarkedYAMLError):
        return Problem(None, None, "a value that cannot be read", "is a number far too long?")
    said = str(error.problem)
    found = ((re.search(pattern, said), words) for pattern, words in _PLAIN.items())
    plain = next((_expanded(match, words) for match, words in found if match), _ANY)
    mark = error.problem_mark or error.context_mark
    return Problem(mark.line + 1 if mark else None, None, "text that is not YAML", plain)


def _expanded(match: re.Match[str], words: str) -> str:
    """What to do, with what stood there, unless it may be somebody's."""
    return words.replace(r"\1", told_key(match[1])) if match.re.groups else words
