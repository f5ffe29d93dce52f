"""The page in a real browser: its policy blocks nothing that it needs, and its buttons sort."""

from __future__ import annotations

import re
import shutil
import subprocess
from urllib.parse import quote

import pytest

from sepbench.leaderboard import publish

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]


@pytest.fixture(scope="module")
def site(write_result_in, write_example, edit_json, tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    for name, gain in (("a", 5.0), ("b", 9.0), ("c", -7.0)):
        values = {"si_sdr:x": [gain + item for item in range(6)], "estoi": [0.5 - gain / 100] * 6}
        folder = write_result_in(place / "results", name, values, about={"parameters": None if name == "b" else 10})
        edit_json(folder, examples=[write_example(folder)])
    return publish(place / "results", place / "site").page


def opened(page, profile, fragment=""):
    """Load the page as a file, and give what is in it afterwards and what the browser complained about."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000",
        "--dump-dom", page.as_uri() + fragment,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def order(dom):
    return re.findall(r'<span class="separator">(\w)</span>\s*<span class="version">', dom)


def sorted_by(dom):
    return re.findall(r'<th[^>]* aria-sort="(\w+)"', dom)


@pytest.fixture
def changed(site, tmp_path):
    """Give a function that loads a copy of the page with some words replaced."""

    def load(*replacements):
        text = site.read_text("utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        copy = site.with_name("changed.html")
        copy.write_text(text, "utf-8")
        return opened(copy, tmp_path)

    return load


def test_the_page_loads_from_the_disk_without_a_complaint(changed):
    # all that is fetched only when it is looked at or played is fetched, so that the policy can object
    dom, complaints = changed(
        ('class="listen"', 'class="listen" open'), (' loading="lazy"', ""), ('preload="none"', 'preload="auto"')
    )
    assert not complaints
    assert 'data-ready="true"' in dom
    assert order(dom) == ["b", "a", "c"]


def test_the_policy_stops_what_is_put_into_the_page(changed):
    injected = "<script>document.documentElement.dataset.hacked = 1</script><p style='color: red'></p>"
    image = "<img src='http://192.0.2.1/pixel.png'>"
    dom, complaints = changed(("<main>", f"<main>{injected}{image}"))
    assert "data-hacked" not in dom
    assert len(complaints) == 3
    assert all("Content Security Policy" in complaint for complaint in complaints)


@pytest.mark.parametrize(("clicks", "direction", "expected"), [(1, "descending", "cab"), (2, "ascending", "bac")])
def test_a_header_sorts_by_its_column_and_turns_round_at_the_second_click(changed, clicks, direction, expected):
    click = "<script>document.querySelector('button[data-key=estoi]').click();</script>" * clicks
    dom, _ = changed(("Content-Security-Policy", "Without-Policy"), ("</body>", f"{click}</body>"))
    assert order(dom) == list(expected)
    assert sorted_by(dom) == [direction]


@pytest.mark.parametrize(
    ("key", "direction", "expected"),
    [
        ("si_sdr:x", "ascending", ["c", "a", "b"]),
        ("separator", "descending", ["c", "b", "a"]),
        ("weights", "descending", ["a", "c", "b"]),  # what has no value stands last, either way
        ("nonsense", "ascending", ["b", "a", "c"]),
        ("si_sdr:x", "sideways", ["b", "a", "c"]),
    ],
)
def test_an_address_with_an_order_sorts_the_table(site, tmp_path, key, direction, expected):
    fragment = "#sort=" + ":".join(quote(part, safe="") for part in ("speech-urban-16k-speech", key, direction))
    dom, complaints = opened(site, tmp_path, fragment)
    assert not complaints
    assert order(dom) == expected
    known = key != "nonsense" and direction != "sideways"
    assert sorted_by(dom) == [direction] * known
