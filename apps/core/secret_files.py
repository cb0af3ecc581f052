"""Variables whose value stands in a file, as stores of secrets give it: NAME_FILE=/run/secrets/name, and no NAME.

The environment, which programs hand on and print when they break, then holds where a secret is, not the secret.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

SUFFIX = "_FILE"


class FileBackedEnviron(Mapping[str, str]):
    """The environment as settings see it. Looking a name up raises KeyError where neither it nor its file is given, and
    ImproperlyConfigured for a file that gives nothing: whoever names one never gets another value by mistake."""

    def __getitem__(self, name: str) -> str:
        path = os.environ.get(name + SUFFIX)
        if not path:
            return os.environ[name]
        if os.environ.get(name):
            raise ImproperlyConfigured(f"{name} and {name}{SUFFIX} are both set: keep one of them.")
        return _read(name + SUFFIX, Path(path))

    def __iter__(self) -> Iterator[str]:
        named = (name.removesuffix(SUFFIX) for name in os.environ if name.endswith(SUFFIX))
        return iter({*os.environ, *named})

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Environment(environ.Env):
    """django-environ over it. Its own FileAwareEnv keeps the newline that editors leave at the end of a file, and takes
    the file where both are given."""

    ENVIRON = FileBackedEnviron()


def is_given(name: str) -> bool:
    """Whether the caller has set this variable, itself or by a file; the file is not looked at."""
    return bool(os.environ.get(name) or os.environ.get(name + SUFFIX))


def _read(variable: str, path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise ImproperlyConfigured(f"{variable} names {path}, which cannot be read: {why}.") from error
    value = value.removesuffix("\n")
    if not value:
        raise ImproperlyConfigured(f"{variable} names {path}, which is empty.")
    if value.startswith("$"):
        # django-environ takes such a value for the name of another variable, and would find none.
        raise ImproperlyConfigured(f"{variable} names {path}, whose value must not begin with a dollar sign.")
    return value
