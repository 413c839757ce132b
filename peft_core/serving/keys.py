"""Who asks: a browser, a member of the class, the teacher. Each is a cookie that this server signed.

The secret that signs, the teacher's key and the hash of the class password lie in `.server` beside the runs, readable
for the user of the server alone: servers over one folder of runs know one another's cookies, and whoever moves the
folder moves the owners of its runs along. The signing is itsdangerous's.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.paths import display_path, runs_dir

VISITOR, CLASS, TEACHER = "peft_visitor", "peft_class", "peft_teacher"  # names of the cookies
TEACHER_SECONDS = 12 * 60 * 60  # a day at school; then the key is asked for again
VISITOR_SECONDS = 400 * 24 * 60 * 60  # the longest that browsers keep a cookie
MOST_COOKIE = 512  # characters; ours have about 90
MOST_TYPED = 200  # characters of a password or key: more are wrong without being looked at
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another when it is read aloud
_GROUPS, _GROUP = 4, 5  # 100 random bits
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and some 50 ms for each guess
_ID = re.compile(r"[0-9a-f]{32}")
_log = logging.getLogger("peft_core.serving")


class Keys:
    """What this server signs with, and what it compares with.

    Args:
        folder: where it lies; default: `.server` in the folder of runs.

    Where the secret can neither be read nor be made, the log says so, and cookies are good until this server ends.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or runs_dir() / ".server"
        try:
            self._secret = self._kept("secret") or self._make_secret()
        except PeftClassroomError as error:
            _log.warning("The server knows its browsers until it ends, not longer: %s", error)
            self._secret = secrets.token_hex(32)

    # A browser

    def new_visitor(self) -> str:
        """An id for a browser that has none: random, and nothing about it or its user."""
        return secrets.token_hex(16)

    def visitor_cookie(self, visitor: str) -> str:
        return self._signer("visitor").dumps(visitor)

    def visitor(self, cookie: str | None) -> str | None:
        """The id in a browser's cookie; None for a cookie that this server did not sign."""
        found = self._opened("visitor", cookie, VISITOR_SECONDS)
        return found if found and _ID.fullmatch(found) else None

    # The class

    @property
    def has_password(self) -> bool:
        return (self.folder / "password").exists()

    def set_password(self, password: str | None) -> None:
        """From now on the class has this password, or none. Who entered by the one before has to enter again.

        Raises:
            PeftClassroomError: if it cannot be written.
        """
        if password is None:
            with writing(self.folder):
                (self.folder / "password").unlink(missing_ok=True)
            return
        salt = secrets.token_bytes(16)
        kept = {"salt": _text(salt), "hash": _text(_slow_hash(password, salt))}
        self._keep("password", json.dumps(kept))

    def is_password(self, typed: str) -> bool:
        """Whether this is the class password; takes as long for a wrong one."""
        kept = self._kept("password")
        if kept is None or len(typed) > MOST_TYPED:
            return False
        found = json.loads(kept)
        wanted, salt = (base64.b64decode(found[name]) for name in ("hash", "salt"))
        return hmac.compare_digest(_slow_hash(typed, salt), wanted)

    def class_cookie(self, visitor: str) -> str:
        """For a browser that gave the password: good for this browser, and until the password is another one."""
        return self._signer("class", self._kept("password")).dumps(visitor)

    def entered(self, visitor: str | None, cookie: str | None) -> bool:
        """Whether this browser gave the class password."""
        kept = self._kept("password")
        return self._is(visitor, self._opened("class", cookie, VISITOR_SECONDS, kept)) if kept else False

    # The teacher

    @property
    def has_teacher(self) -> bool:
        return (self.folder / "teacher").exists()

    def teacher_key(self, new: bool = False) -> str:
        """The key, made when it is first asked for; `new`: another one, which ends what was entered with the old.

        Raises:
            PeftClassroomError: if it cannot be written.
        """
        kept = None if new else self._kept("teacher")
        if kept is None:
            groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
            self._keep("teacher", kept := "-".join(groups))
        return kept

    def is_teacher_key(self, typed: str) -> bool:
        """Whether this is the teacher's key; in capitals or not, with or without its dashes."""
        kept = self._kept("teacher")
        if kept is None or len(typed) > MOST_TYPED:
            return False
        digests = [hashlib.sha256(_plain(key).encode()).digest() for key in (typed, kept)]
        return hmac.compare_digest(*digests)

    def teacher_cookie(self, visitor: str) -> str:
        """For a browser that gave the key: good for this browser and a day, and until the key is another one."""
        return self._signer("teacher", self._kept("teacher")).dumps(visitor)

    def is_teacher(self, visitor: str | None, cookie: str | None) -> bool:
        """Whether this browser gave the teacher's key, not too long ago, and has not left since."""
        kept = self._kept("teacher")
        given = self._opened("teacher", cookie, TEACHER_SECONDS, kept) if kept else None
        return self._is(visitor, given) and self._has_left(visitor) < self._when("teacher", cookie, kept)

    def leave(self, visitor: str) -> None:
        """From now on this browser is not the teacher's, in none of its tabs, until the key is given again.

        Raises:
            PeftClassroomError: if it cannot be written.
        """
        self._keep(self._left(visitor), f"{time.time():.0f}")

    def _has_left(self, visitor: str) -> int:
        return int(self._kept(self._left(visitor)) or 0)

    def _left(self, visitor: str) -> str:
        return f"left-{hashlib.sha256(visitor.encode()).hexdigest()}"

    # Inside

    def _signer(self, kind: str, bound: str | None = None) -> URLSafeTimedSerializer:
        """`bound`: what is signed is worth nothing once this has changed."""
        salt = f"{kind} {hashlib.sha256(bound.encode()).hexdigest()}" if bound else kind
        return URLSafeTimedSerializer(self._secret, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})

    def _opened(self, kind: str, cookie: str | None, seconds: int, bound: str | None = None) -> str | None:
        if not cookie or len(cookie) > MOST_COOKIE:
            return None
        try:
            found = self._signer(kind, bound).loads(cookie, max_age=seconds)
        except BadData:
            return None
        return found if isinstance(found, str) else None

    def _when(self, kind: str, cookie: str, bound: str) -> float:
        """Unix time, in whole seconds, at which a cookie that is good was signed."""
        return self._signer(kind, bound).loads(cookie, return_timestamp=True)[1].timestamp()

    def _is(self, visitor: str | None, found: str | None) -> bool:
        return visitor is not None and found is not None and hmac.compare_digest(visitor, found)

    def _make_secret(self) -> str:
        """The secret, made by whichever server is first."""
        self._keep("secret", secrets.token_hex(32), replace=False)
        return self._kept("secret")

    def _kept(self, name: str) -> str | None:
        path = self.folder / name
        try:
            text = path.read_text(encoding="ascii")
            if os.name != "nt" and path.stat().st_mode & 0o077:
                path.chmod(0o600)
                _log.warning("%s could be read by others; now it cannot.", display_path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise PeftClassroomError(
                f"{display_path(path)} cannot be read; give it to the user of the server, or remove it."
            ) from error
        return text.strip() or None

    def _keep(self, name: str, text: str, replace: bool = True) -> None:
        """Write a file that nobody else can read, as a whole. Without `replace` one that is there stays."""
        new = self.folder / f".{name}.{secrets.token_hex(4)}"
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                if replace:
                    os.replace(new, self.folder / name)
                else:
                    with suppress(FileExistsError):
                        os.link(new, self.folder / name)
            finally:
                new.unlink(missing_ok=True)


def short(visitor: str) -> str:
    """A few letters for a browser, the same ones each time: for lists and logs. Not enough to be taken for it."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:6]


def _plain(key: str) -> str:
    return "".join(key.split()).replace("-", "").upper()


def _slow_hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
