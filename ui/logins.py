"""Who may come in: names and passwords of `shop chat --auth`, kept as bcrypt hashes only."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

import anyio
import anyio.to_thread
import bcrypt

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)

LONGEST_PASSWORD = 72  # bytes; bcrypt reads no more, and a longer one would be half checked
#: What a browser keeps as its shopper: no login may look like one, or the two would be one shopper.
TOKEN = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[^\s:\x00-\x1f\x7f](?:[^:\x00-\x1f\x7f]{0,62}[^\s:\x00-\x1f\x7f])?")
_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_CHECKS_KEPT = 1024


class LoginError(ShopError):
    """Names and passwords that cannot be used. The sentence never holds a password."""


class Logins:
    """Names with their hashes.

    Args:
        hashes: name → bcrypt hash.
    """

    def __init__(self, hashes: dict[str, bytes]):
        self.names = frozenset(hashes)
        self._hashes = hashes
        # An unknown name is checked against this one, so that it takes as long as a known one.
        self._nobody = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(_rounds(hashes)))
        # A program sends its password with every request, and bcrypt is slow on purpose: what was right once is
        # recognised by a keyed hash, whose key dies with the process.
        self._key, self._right = secrets.token_bytes(32), set[bytes]()
        # One check at a time: whoever floods the login must not take every core from the shoppers.
        self._one_at_a_time = anyio.CapacityLimiter(1)

    @classmethod
    def of(cls, text: str) -> Logins:
        """The logins that ``--auth`` names: a file of lines NAME:HASH, or one NAME:PASSWORD.

        Raises:
            LoginError: neither, or a line of the file does not fit.
        """
        path = Path(text)
        try:
            is_file = path.is_file()
        except (OSError, ValueError):  # longer than a file's name may be, or with a zero byte
            is_file = False
        if is_file:
            return cls(_read(path))
        name, colon, password = text.partition(":")
        if not colon:
            # Said with the name: what has no colon is a path, or a password that was given alone.
            raise LoginError(
                "--auth: there is no such file, and no colon in what was given; expected NAME:PASSWORD, or a file "
                "that `shop login NAME --file FILE` wrote"
            )
        return cls({checked_name(name, "--auth"): hashed(password, "--auth")})

    async def admits(self, name: str, password: str) -> bool:
        """Whether this is the password of that name; takes equally long for a name that is unknown."""
        given = password.encode("utf-8", "replace")
        seen = hmac.digest(self._key, name.encode("utf-8", "replace") + b"\0" + given, hashlib.sha256)
        if seen in self._right:
            return True
        kept = self._hashes.get(name, self._nobody)
        if len(given) > LONGEST_PASSWORD or b"\0" in given:
            given, kept = b"", self._nobody
        right = await anyio.to_thread.run_sync(bcrypt.checkpw, given, kept, limiter=self._one_at_a_time)
        if not right or name not in self._hashes:
            return False
        if len(self._right) >= _CHECKS_KEPT:
            self._right.clear()
        self._right.add(seen)
        return True


def _rounds(hashes: dict[str, bytes]) -> int:
    return max((int(kept[4:6]) for kept in hashes.values()), default=12)


def checked_name(name: str, where: str) -> str:
    """A name that can be logged in with.

    Raises:
        LoginError: it is empty, too long, or looks like what a browser keeps.
    """
    if not _NAME.fullmatch(name) or TOKEN.fullmatch(name) or name.startswith("guest-"):
        raise LoginError(
            f"{where}: the name {name[:64]!r} cannot be used; expected 1 to 64 characters without a colon, not 32 "
            "hexadecimal digits and not guest-…; choose another name"
        )
    return name


def hashed(password: str, where: str) -> bytes:
    """The bcrypt hash of a password.

    Raises:
        LoginError: it is empty or longer than bcrypt reads.
    """
    given = password.encode()
    if not given or len(given) > LONGEST_PASSWORD or b"\0" in given:
        raise LoginError(
            f"{where}: a password of {len(given)} bytes cannot be used; expected 1 to {LONGEST_PASSWORD} bytes"
        )
    return bcrypt.hashpw(given, bcrypt.gensalt())


def _read(path: Path) -> dict[str, bytes]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoginError(f"{path} cannot be read as a file of logins ({error}); check --auth") from error
    hashes: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, kept = line.strip().partition(":")
        if not _BCRYPT.fullmatch(kept):  # never said what stands there: it may be a password
            raise LoginError(
                f"{path} line {number}: expected NAME:HASH with a bcrypt hash; write the line with "
                f"`shop login NAME --file {path}` (or htpasswd -B), plain passwords are not taken from a file"
            )
        if name in hashes:
            raise LoginError(f"{path} line {number}: the name {name!r} stands there twice; delete one of the lines")
        hashes[checked_name(name, f"{path} line {number}")] = kept.encode()
    if not hashes:
        raise LoginError(f"{path} holds no login; write one with `shop login NAME --file {path}`")
    return hashes


def keep(path: Path, name: str, password: str) -> bool:
    """Write a login into a file that only its owner may read; True where the name was in it before.

    Raises:
        LoginError: the name or password cannot be used, or the file cannot be read or written.
    """
    checked_name(name, "shop login")
    hashes = _read(path) if path.exists() and path.stat().st_size else {}
    known = name in hashes
    hashes[name] = hashed(password, "shop login")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{one}:{kept.decode()}\n" for one, kept in hashes.items())
        beside.replace(path)
    except OSError as error:
        raise LoginError(f"{path} cannot be written ({error}); choose another --file") from error
    finally:
        beside.unlink(missing_ok=True)
    return known
