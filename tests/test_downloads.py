"""Transfers that break, and servers that send something else."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import webserver
from webserver import Server, breaking, saying, whole

from sepbench import downloads
from sepbench.errors import FetchError, PlaceError

BODY = bytes(range(256)) * 4000  # a megabyte: several blocks
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


@pytest.fixture
def server() -> Iterator[Server]:
    with webserver.serving() as server:
        yield server


def get(server: Server, tmp_path: Path, *paths: str, **options: Any) -> Path:
    options = {"known_hash": SHA256, "size": len(BODY), "pause_s": 0, **options}
    downloads.download([server.url(path) for path in paths or ("/a.zip",)], tmp_path / "a.zip", **options)
    return tmp_path / "a.zip"


def nothing_remains(folder: Path) -> bool:
    return [entry.name for entry in folder.iterdir()] == []


@pytest.mark.parametrize("known_hash", [SHA256, MD5, None])
@pytest.mark.parametrize("size", [len(BODY), None])
def test_file_arrives_whole_and_alone(known_hash: str | None, size: int | None, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = whole(BODY)
    seen: list[tuple[int, int]] = []
    path = get(server, tmp_path, known_hash=known_hash, size=size, progress=lambda *at: seen.append(at))
    assert path.read_bytes() == BODY
    assert os.listdir(tmp_path) == ["a.zip"]
    assert seen[-1] == (len(BODY), len(BODY))


def test_broken_transfer_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = breaking(BODY, after=300_000, times=2)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == [("/a.zip", None), ("/a.zip", "bytes=300000-"), ("/a.zip", "bytes=600000-")]


def test_transfer_of_a_process_that_ended_goes_on(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = breaking(BODY, after=1000, times=1, then=breaking(BODY, after=0, times=99))
    with pytest.raises(FetchError, match=r"broke off after 1000 bytes .*") as caught:
        get(server, tmp_path)
    assert "goes on where it stopped" in caught.value.hint
    server.answers["/a.zip"] = whole(BODY)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1] == ("/a.zip", "bytes=1000-")


def test_transfer_of_a_process_that_was_killed_goes_on(server: Server, tmp_path: Path) -> None:
    killed = threading.Event()

    def stalling(handler: webserver.Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(BODY)))
        handler.send_header("ETag", '"1"')
        handler.end_headers()
        handler.wfile.write(BODY[:600_000])
        killed.wait(60)
        handler.hang_up()

    server.answers["/a.zip"] = stalling
    code = f"""if True:
        from pathlib import Path
        from sepbench.downloads import download
        download([{server.url("/a.zip")!r}], Path({str(tmp_path / "a.zip")!r}), known_hash={SHA256!r})
    """
    child = subprocess.Popen([sys.executable, "-c", code])
    part = tmp_path / ".a.zip.part"
    try:
        while not (part.is_file() and part.stat().st_size >= 500_000):
            assert child.poll() is None
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
        killed.set()
    assert not (tmp_path / "a.zip").exists()
    have = part.stat().st_size
    server.answers["/a.zip"] = whole(BODY)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1] == ("/a.zip", f"bytes={have}-")


def test_transfer_begins_anew_when_the_file_has_changed(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = breaking(b"x" * len(BODY), after=5000, times=1, then=whole(BODY, etag='"2"'))
    assert get(server, tmp_path).read_bytes() == BODY


def test_server_that_knows_no_ranges_is_asked_for_all(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = breaking(BODY, after=5000, times=1, then=saying(200, BODY))
    assert get(server, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("size", [len(BODY), None])
def test_whole_part_without_its_name_is_not_fetched_again(size: int | None, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = breaking(BODY, after=len(BODY) - 1, times=1, then=breaking(BODY, after=0, times=99))
    with pytest.raises(FetchError):
        get(server, tmp_path)
    with open(tmp_path / ".a.zip.part", "ab") as part:
        part.write(BODY[-1:])
    server.asked.clear()
    server.answers["/a.zip"] = whole(BODY)
    assert get(server, tmp_path, size=size).read_bytes() == BODY
    assert server.asked == ([] if size else [("/a.zip", f"bytes={len(BODY)}-")])


@pytest.mark.parametrize("answer", [saying(200, BODY[:-1] + b"!"), breaking(BODY[:-1] + b"!", after=7777)])
def test_wrong_sum_is_refused_and_leaves_nothing(answer: webserver.Answer, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = answer
    with pytest.raises(FetchError, match="is not the file that was published"):
        get(server, tmp_path)
    assert nothing_remains(tmp_path)


@pytest.mark.parametrize("body", [BODY[:-5], BODY + b"more", b"<html>please log in</html>"])
def test_another_size_is_refused_before_it_is_fetched(body: bytes, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(200, body)
    with pytest.raises(FetchError, match=rf"has {len(body)} bytes, not {len(BODY)} as published"):
        get(server, tmp_path)
    assert nothing_remains(tmp_path)


def test_more_than_was_promised_is_not_read(server: Server, tmp_path: Path) -> None:
    def endless(handler: webserver.Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.hang_up()
        try:
            while True:
                handler.wfile.write(BODY)
        except OSError:
            pass

    server.answers["/a.zip"] = endless
    with pytest.raises(FetchError, match=f"sends more than the {len(BODY)} bytes"):
        get(server, tmp_path)


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (401, "401")])
def test_refusal_of_the_server_is_said_with_the_remedy(status: int, words: str, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(status)
    with pytest.raises(FetchError, match=f"the server says {words}") as caught:
        get(server, tmp_path)
    assert "--archives" in caught.value.hint
    assert nothing_remains(tmp_path)


def test_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    answers = iter([saying(503), saying(429), whole(BODY)])
    server.answers["/a.zip"] = lambda handler: next(answers)(handler)
    assert get(server, tmp_path).read_bytes() == BODY


def test_server_that_stays_busy_is_given_up(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(503)
    with pytest.raises(FetchError, match=r"broke off after 0 bytes .the server says 503"):
        get(server, tmp_path)
    assert len(server.asked) == 5


def test_no_server_at_all_is_an_error_of_the_fetch(tmp_path: Path) -> None:
    with webserver.serving() as server:
        pass
    with pytest.raises(FetchError, match="broke off after 0 bytes"):
        get(server, tmp_path)


def test_next_place_is_tried(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/gone": saying(404), "/other": saying(200, b"?" * len(BODY)), "/a.zip": whole(BODY)}
    assert get(server, tmp_path, "/gone", "/other", "/a.zip").read_bytes() == BODY


def test_when_no_place_has_it_each_reason_is_said(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/gone": saying(404), "/other": saying(200, b"?" * len(BODY))}
    with pytest.raises(FetchError, match=r"none of 2 places has it: .*404.*; .*is not the file that was published"):
        get(server, tmp_path, "/gone", "/other")


def test_redirect_on_the_same_host_is_followed(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/a.zip": saying(302, Location="/b/c?d=e"), "/b/c?d=e": whole(BODY)}
    assert get(server, tmp_path).read_bytes() == BODY


def test_broken_transfer_goes_on_behind_a_redirect(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/a.zip": saying(302, Location="/b"), "/b": breaking(BODY, after=1234)}
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1] == ("/b", "bytes=1234-")


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd", "http://example.org/a.zip", "ftp://example.org/a.zip", "https://127.0.0.1/a.zip",
        "https://169.254.169.254/latest/meta-data", "https://localhost/a.zip", "https://[::1]/a.zip", "https://10.0.0.1/",
    ],
)  # fmt: skip
def test_redirect_to_a_place_of_another_kind_is_refused(target: str, server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(302, Location=target)
    with pytest.raises(FetchError, match=r"is redirected to .*, where nothing is fetched from"):
        get(server, tmp_path)


def test_redirect_to_no_address_is_refused(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(302, Location="https://[::1/a.zip")
    with pytest.raises(FetchError, match="leads to no address"):
        get(server, tmp_path)


def test_full_disk_is_noticed_before_the_transfer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/a.zip"] = whole(BODY)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(PlaceError, match=f"{len(BODY)} bytes are to come, and 1000 are free"):
        get(server, tmp_path, size=None)
    assert nothing_remains(tmp_path)


def test_circle_of_redirects_is_refused(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(302, Location="/a.zip")
    with pytest.raises(FetchError, match="redirected more than 8 times"):
        get(server, tmp_path)


@pytest.mark.parametrize("url", ["http://example.org/a.zip", "ftp://example.org/a.zip", "file:///etc/passwd"])
def test_what_anybody_could_exchange_is_not_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"neither encrypted .https. nor known by its sum"):
        downloads.download([url], tmp_path / "a.zip")


def test_packed_answer_is_stored_as_it_comes(server: Server, tmp_path: Path) -> None:
    server.answers["/a.zip"] = saying(200, BODY, Content_Encoding="gzip")  # as some servers say of any .gz
    assert get(server, tmp_path).read_bytes() == BODY
