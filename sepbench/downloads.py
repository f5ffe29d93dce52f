"""Fetching a file with pooch, which checks its sum before it has its name; what pooch lacks is here: going on.

A transfer that broke goes on where it stopped, if the server says that the file is still the same; redirects lead to
https or stay on their host; more than was promised is not read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from sepbench.errors import FetchError, PlaceError, SepbenchError
from sepbench.storage import naming, read_json, write_json

__all__ = ["Transfer", "download", "matches"]

_BLOCK = 1 << 18
_REDIRECTS = 8
_ATTEMPTS = 5  # without a byte in between
_PATIENCE_S = 60
_BUSY = (429, 500, 502, 503, 504)
_GONE = "look for its new place on the set's page, or put the file into a folder of your own: --archives FOLDER"
_LATER = "run the same command again: it goes on where it stopped"

Progress = Callable[[int, int], None]


def download(
    urls: Sequence[str],
    path: Path,
    *,
    known_hash: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    pause_s: float = 2.0,
) -> None:
    """Fetch a file from the first of its places that has it, whole and with the right sum.

    Parameters
    ----------
    urls : sequence of str
    path : Path
        Where it shall lie. What came before a break lies beside it, as ``.NAME.part``.
    known_hash : str, optional
        ``sha256:…`` or ``md5:…``.
    size : int, optional
        In bytes.
    progress : callable, optional
        Called as ``progress(bytes, of all)``; the second is 0 where nobody says.
    pause_s : float
        Before a broken transfer goes on.

    Raises
    ------
    FetchError
        If no place has the file, naming why for each.
    PlaceError
        If it can't be written.
    """
    reasons = []
    for url in urls:
        try:
            _refuse_open(url, known_hash)
            _retrieve(url, path, known_hash, Transfer(path, size, progress, pause_s))
            return
        except FetchError as error:
            reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    words = "; ".join(error.message for error in reasons)
    raise FetchError(f"{path.name}: none of {len(reasons)} places has it: {words}", reasons[-1].hint)


def matches(path: Path, known_hash: str | None, size: int | None) -> bool:
    """Say whether a file is the one that was published, as far as that is known."""
    import pooch

    if size is not None and path.stat().st_size != size:
        return False
    if known_hash is None:
        return True
    algorithm, _, digits = known_hash.partition(":")
    return str(pooch.file_hash(str(path), alg=algorithm)) == digits


def _retrieve(url: str, path: Path, known_hash: str | None, transfer: Transfer) -> None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    with naming(path):
        try:
            pooch.retrieve(url, known_hash, fname=path.name, path=path.parent, downloader=transfer)
            transfer.forget()
        except SepbenchError:
            raise
        except ValueError as error:  # pooch's word for another hash; the file is gone
            transfer.forget()
            raise FetchError(
                f"{url}: is not the file that was published (its {(known_hash or '').partition(':')[0]} is another)",
                "fetch it again; where it stays so, the publisher has changed it: please report that",
            ) from error


@dataclass
class Transfer:
    """A downloader for pooch that goes on where an earlier one stopped.

    Parameters
    ----------
    path : Path
        Where the file shall lie in the end; pooch's own temporary file is another.
    size : int, optional
        In bytes, as published.
    progress : callable, optional
    pause_s : float
        Before it tries again.
    """

    path: Path
    size: int | None = None
    progress: Progress | None = None
    pause_s: float = 2.0
    _session: Any = field(default=None, init=False)

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Fetch a file for pooch, which then looks at its hash and gives it its name."""
        import requests
        import urllib3

        broken = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError)
        with requests.Session() as self._session:
            attempts, before = 0, -1
            while True:
                try:
                    self._go_on(url)
                    break
                except broken as error:
                    have = self._have()
                    attempts = attempts + 1 if have <= before else 1
                    before = have
                    if attempts >= _ATTEMPTS:
                        raise FetchError(f"{url}: broke off after {have} bytes ({_words(error)})", _LATER) from error
                    time.sleep(self.pause_s * attempts)
        os.unlink(output_file)
        try:
            os.link(self._part, output_file)  # if this ends while pooch looks at the hash, all is still there
        except OSError:
            os.replace(self._part, output_file)

    def forget(self) -> None:
        """Take away what an earlier transfer left: the file has its name, or is another one."""
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def _note(self) -> Path:
        """Where stands whose beginning the part is: its URL, and what the server calls the file's state."""
        return self.path.with_name(f".{self.path.name}.part.json")

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _go_on(self, url: str) -> None:
        state = self._state(url)
        have = self._have() if state else 0
        if have and have == self.size:
            return
        headers = {"Accept-Encoding": "identity"}  # an archive is to come as it is
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": state}
        with contextlib.closing(self._asked(url, headers)) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            if answer.status_code == 416:  # the part is longer than the file: nothing to build on
                self._part.unlink(missing_ok=True)
                raise ConnectionError("the server does not know the rest of this file")
            if answer.status_code in _BUSY:
                raise ConnectionError(f"the server says {answer.status_code} {answer.reason}")
            goes_on = answer.status_code == 206 and _begins_at(answer, have)
            if answer.status_code != 200 and not goes_on:
                raise FetchError(f"{url}: the server says {answer.status_code} {answer.reason}", _GONE)
            start = have if goes_on else 0
            promised = answer.headers.get("Content-Length", "")
            length = int(promised) if promised.isdecimal() else None
            total = self.size if self.size is not None else None if length is None else start + length
            self._refuse_size(url, start, length)
            self._refuse_full_disk(start, total)
            self._remember(url, answer)
            self._write(url, answer, start, total)

    def _asked(self, url: str, headers: dict[str, str]) -> Any:
        """Ask for a file, and follow redirects as far as they are safe."""
        place = url
        for _ in range(_REDIRECTS):
            try:
                answer = self._session.get(
                    place, headers=headers, stream=True, allow_redirects=False, timeout=(_PATIENCE_S, _PATIENCE_S)
                )
            except ValueError as error:  # requests looks at where a redirect leads, even if it does not follow
                raise FetchError(f"{url}: leads to no address ({_words(error)})", _GONE) from error
            if not answer.is_redirect:
                return answer
            answer.close()
            place = _detour(url, place, answer.headers["Location"])
        raise FetchError(f"{url}: is redirected more than {_REDIRECTS} times", _GONE)

    def _refuse_size(self, url: str, start: int, length: int | None) -> None:
        if self.size is not None and length is not None and start + length != self.size:
            raise FetchError(
                f"{url}: has {start + length} bytes, not {self.size} as published",
                "the publisher has changed it, or something else is in its place: look at the set's page",
            )

    def _refuse_full_disk(self, start: int, total: int | None) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if total is not None and total - start > free:
            raise PlaceError(
                f"{self.path}: {total - start} bytes are to come, and {free} are free",
                "free some space, or choose another folder",
            )

    def _state(self, url: str) -> str:
        """Give what the server called the state of the file whose beginning is there, to be asked for as it was."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            note = read_json(self._note)
            return str(note.get("state", "")) if note.get("url") == url else ""
        return ""

    def _remember(self, url: str, answer: Any) -> None:
        tag = answer.headers.get("ETag", "")
        state = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
        write_json(self._note, {"url": url, "state": state})

    def _write(self, url: str, answer: Any, start: int, total: int | None) -> None:
        have = start
        with open(self._part, "r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                have += len(block)
                if total is not None and have > total:
                    raise FetchError(f"{url}: sends more than the {total} bytes that it has", _GONE)
                file.write(block)
                if self.progress:
                    self.progress(have, total or 0)
        if total is not None and have != total:
            raise ConnectionError(f"{have} of {total} bytes came")


def _begins_at(answer: Any, have: int) -> bool:
    return bool(answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"))


def _refuse_open(url: str, known_hash: str | None) -> None:
    """Refuse what anybody on the way could exchange: no encryption, and no sum. This machine itself is no way."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and (known_hash or _is_here(parts.hostname))):
        return
    raise FetchError(f"{url}: is not fetched: it is neither encrypted (https) nor known by its sum", _GONE)


def _detour(url: str, place: str, location: str) -> str:
    """Follow a redirect, but not to another kind of place, or into a network that only this machine sees."""
    target = urljoin(place, location)
    old, new = urlsplit(place), urlsplit(target)
    if (old.scheme, old.netloc) != (new.scheme, new.netloc) and (new.scheme != "https" or _is_private(new.hostname)):
        raise FetchError(f"{url}: is redirected to {target}, where nothing is fetched from", _GONE)
    return target


def _is_private(host: str | None) -> bool:
    try:
        return not ipaddress.ip_address(host or "").is_global
    except ValueError:
        return host in (None, "localhost")


def _is_here(host: str | None) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host or "").is_loopback
    return host == "localhost"


def _words(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) < 160 else f"{words[:160]}…"
