"""Variables whose value is in a file, as secret stores provide it: NAME_FILE=/run/secrets/name, and no NAME.

The environment, which programs pass on and print when they fail, then holds the path and not the secret.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

SUFFIX = "_FILE"


class FileBackedEnviron(Mapping[str, str]):
    """The environment as settings see it. A lookup raises KeyError where neither the name nor its file is given. It
    raises ImproperlyConfigured for an unusable file, so that no other value replaces it by mistake.
    """

    def __getitem__(self, name: str) -> str:
        path = os.environ.get(name + SUFFIX)
        if not path:
            return os.environ[name]
        if os.environ.get(name):
            raise ImproperlyConfigured(f"{name} and {name}{SUFFIX} are both set: remove one of them.")
        return _read(name + SUFFIX, Path(path))

    def __iter__(self) -> Iterator[str]:
        named = (name.removesuffix(SUFFIX) for name in os.environ if name.endswith(SUFFIX))
        return iter({*os.environ, *named})

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Environment(environ.Env):
    """django-environ over it. Its own FileAwareEnv keeps the final newline of a file, and prefers the file where both
    are given.
    """

    ENVIRON = FileBackedEnviron()
    # Whether values that production needs may be missing.
    local = False

    def required(self, name: str, local: str) -> str:
        """A value without which production does not start; `local` replaces it for tools that only read the code."""
        value: str = self.str(name, "")
        if value or self.local:
            return value or local
        raise ImproperlyConfigured(f"{name} is not set. See .env.example; `make run` needs none of it.")

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """One of `choices`. Raises ImproperlyConfigured for any other text."""
        value: str = self.str(name, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is {value!r}; it can be {', '.join(choices)}.")
        return value

    def pattern(self, name: str, default: str) -> str:
        """A regular expression. Raises ImproperlyConfigured for any other text."""
        text: str = self.str(name, default)
        try:
            re.compile(text, re.ASCII)
        except re.error as error:
            raise ImproperlyConfigured(f"{text!r} is not a regular expression: {error}") from error
        return text


def is_set(name: str) -> bool:
    """Whether the caller has set this variable, directly or by a file; the file is not read."""
    return bool(os.environ.get(name) or os.environ.get(name + SUFFIX))


def _read(variable: str, path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise ImproperlyConfigured(f"{variable} names {path}, which cannot be read: {why}.") from error
    # Editors and `echo` end a file with one line break, which no secret store means.
    value = value.removesuffix("\n")
    if not value:
        raise ImproperlyConfigured(f"{variable} names {path}, which is empty.")
    if value.startswith("$"):
        # django-environ treats such a value as the name of another variable, which does not exist.
        raise ImproperlyConfigured(f"{variable} names {path}, whose value must not begin with a dollar sign.")
    return value
