from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.leaderboard import publish
from sepbench.leaderboard.page import _csv_value, markdown_escaped
from sepbench.leaderboard.schema import visible

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style><style>*{display:none}",
    "</title></head><body onload=x>",
    "javascript:alert(1)",
    "a|b|c",
    "line\nbreak | --- |",
    "`code` *b* _i_ [l](http://x.example) <b>",
    '=HYPERLINK("http://x.example")',
    "+1+1",
    "-1+2",
    "@SUM(A1)",
    "turn\u202egnp.exe",
    "zero\u200bwidth",
    "{{ 7*7 }} {% raw %}",
    "$\\frac{1}{0}$",
    "&lt;b&gt; &amp;",
    "漢字 émoji 🎵",
]


class Page(HTMLParser):
    """What is in a page: tags, attributes, text; and the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.inner: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)

    @property
    def named_attributes(self):
        return Counter((tag, key) for tag, key, _ in self.attributes)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self._open.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        inside = self._open[-1] if self._open else ""
        if inside in ("style", "script"):
            self.inner[inside] = self.inner.get(inside, "") + data
        else:
            self.text.append(data)
        if self.rows and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


def published(root, out):
    made = publish(root, out)
    return Page(made.page.read_text("utf-8")), made.markdown.read_text("utf-8"), made.csv.read_text("utf-8")


def test_the_page_shows_mean_median_interval_count_and_cost(results, tmp_path):
    page, _, _ = published(results, tmp_path / "site")
    rows = {row[1].split()[0]: [" ".join(cell.split()) for cell in row] for row in page.rows if len(row) > 5}
    assert rows["unet"][0] == "1"
    assert rows["unet"][2] == "10.5010.50[8.50, 12.50]mean 10.50n = 6"
    assert rows["unet"][3] == "+8.00+8.00[+8.00, +8.00]mean +8.00n = 6"
    assert rows["gate"][4] == "−6.00[−6.00, −6.00]n = 6"
    assert rows["unet"][5] == "pesq_wb: not installed"
    assert rows["unet"][7:] == ["0.128", "123 k"]
    assert rows["mixture"][0] == "–"
    order = [row[1].split()[0] for row in page.rows if len(row) > 5][1:]
    assert order == ["unet", "gate", "irm", "mixture"]


def test_the_corpus_is_named_with_licence_hash_notes_and_how_to_rebuild_it(write_result, root, tmp_path):
    note = "The vocals are synthetic."
    leak = "trained on 3 of the 5 test speakers"
    write_result("unet", {"si_sdr": SIX}, corpus={"notes": [note]}, changed={"leak": [leak]})
    page, markdown, table = published(root, tmp_path / "site")
    text = " ".join(" ".join(page.text).split())
    for part in (note, leak, "CC-BY-4.0", "sha256:" + "ab" * 32, "sepbench mix speech-urban-16k"):
        assert part in text
        assert part in markdown
        assert part in table or part.startswith("sepbench mix")


def test_what_is_undefined_is_counted_with_the_reason_in_title_and_footnote(write_result, root, tmp_path):
    write_result("unet", {"si_sdr": [*SIX, "silent_reference"]})
    page, markdown, _ = published(root, tmp_path / "site")
    reason = "silent_reference: undefined: the reference is silent"
    assert ("td", "title", f"1 × {reason}") in page.attributes
    assert f"{reason}." in page.text
    assert "n = 6 of 7, 1 undefined" in page.text
    assert "(n = 6 of 7, 1 undefined)" in markdown


@pytest.fixture(scope="module")
def publish_named(write_result_in, write_example, edit_json, tmp_path_factory):
    """Give a function that publishes a result in which every text is the given one."""

    def publish_with(name):
        metric = {"title": name, "unit": name, "definition": name, "reference": name, "version": name}
        place = tmp_path_factory.mktemp("named")
        folder = write_result_in(
            place / "results",
            name,
            {"si_sdr": SIX, "si_sdr_i": SIX},
            corpus={
                "name": name,
                "title": name,
                "description": name,
                "licence": name,
                "notes": [name],
                "targets": [name],
            },
            about={"version": name, "description": name},
            target=name,
            folder="corpus/separator",
            rows={"metric_version": name},
            changed={"leak": [name], "sepbench": name, "metrics": {"si_sdr": metric}},
        )
        example = write_example(folder, target=name, metric=name, mixture_id=name, conditions={name: name})
        edit_json(folder, examples=[example])
        return published(place / "results", place / "site")

    return publish_with


@pytest.fixture(scope="module")
def harmless(publish_named):
    """Give the page and the Markdown of a result in which every text is a plain word."""
    page, markdown, _ = publish_named("plain")
    return page, markdown


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_shown_as_it_is_and_adds_nothing(publish_named, harmless, name):
    page, markdown, table = publish_named(name)
    plain, plain_markdown = harmless
    assert page.tags == plain.tags
    assert page.named_attributes == plain.named_attributes
    text = " ".join("".join(page.text).split())
    assert text.count(visible(name)) >= 8
    assert text.count(visible(" ".join(name.split()))) >= 8  # running text has no line breaks

    prose = markdown.split("```\nsepbench mix")[0]
    assert "<" not in prose
    for line, plain_line in zip(
        prose.splitlines(), plain_markdown.split("```\nsepbench mix")[0].splitlines(), strict=True
    ):
        assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", plain_line))

    for row in csv.DictReader(io.StringIO(table)):
        assert row["separator"] in (visible(name), "'" + visible(name))
        assert not row["separator"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_page_needs_nothing_from_outside_and_allows_no_other_code(results, tmp_path):
    page, _, _ = published(results, tmp_path / "site")
    policy = next(value for tag, key, value in page.attributes if tag == "meta" and value.startswith("default-src"))
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inner[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert page.tags[kind] == 1
    assert not [one for one in page.attributes if one[1].startswith("on") or one[1] == "style"]
    links = [value for _, key, value in page.attributes if key in ("src", "href", "srcset", "action")]
    assert links
    assert not [link for link in links if re.match(r"[a-z]+:|//", link)]


def test_tables_can_be_read_without_seeing_them(results, tmp_path):
    page, _, _ = published(results, tmp_path / "site")
    assert page.tags["caption"] == page.tags["table"] == 1
    scopes = Counter(value for tag, key, value in page.attributes if tag == "th" and key == "scope")
    assert scopes["row"] == 4
    assert sum(scopes.values()) == page.tags["th"]
    labelled = sum(1 for tag, key, _ in page.attributes if tag == "audio" and key == "aria-label")
    assert labelled == page.tags["audio"]


def test_every_file_that_the_page_names_is_there(write_result, write_example, edit_json, root, tmp_path):
    folder = write_result("unet", {"si_sdr": SIX, "si_sdr_i": SIX})
    edit_json(folder, examples=[write_example(folder, which) for which in ("worst", "best", "median")])
    page, _, _ = published(root, tmp_path / "site")
    names = [value for tag, key, value in page.attributes if key == "src" and tag in ("audio", "img")]
    assert len(names) == 18  # three examples of three signals, each to hear and to see
    assert all((tmp_path / "site" / name).is_file() for name in names)
    assert ("audio", "preload", "none") in page.attributes
    headings = [text.split(":")[0] for text in page.text if re.match("(Best|Median|Worst):", text)]
    assert headings == ["Best", "Median", "Worst"]


def test_the_csv_has_every_digit_and_numbers_stay_numbers(results, tmp_path):
    _, _, table = published(results, tmp_path / "site")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 16  # four separators, four metrics
    found = {(row["separator"], row["metric"]): row for row in rows}
    unet = found["unet", "si_sdr"]
    assert [float(unet[key]) for key in ("mean", "median", "low", "high")] == [10.5, 10.5, 8.5, 12.5]
    assert (unet["rank"], unet["tie"], unet["n"], unet["of"], unet["parameters"]) == ("1", "false", "6", "6", "123456")
    gate = found["gate", "si_sdr"]
    assert float(gate["minus_above"]) == -6.0
    assert found["irm", "si_sdr"]["rank"] == ""
    assert found["unet", "pesq_wb"]["statuses"] == "not_installed 6"
    assert found["unet", "pesq_wb"]["mean"] == ""


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12))
def test_a_number_in_the_csv_comes_back_as_it_was(number):
    assert float(_csv_value(number)) == number
    assert not _csv_value(number).startswith("'")


@given(st.text())
def test_a_text_in_the_csv_is_never_a_formula(text):
    written = _csv_value(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert written.removeprefix("'") == text.removeprefix("'")


def test_minus_three_point_two_is_a_number_and_not_a_text():
    assert _csv_value(-3.2) == "-3.2"
    assert _csv_value("-3.2") == "'-3.2"


@given(st.text())
def test_escaped_markdown_has_no_markup_left(text):
    escaped = markdown_escaped(text)
    assert not re.search(r"(?<!\\)(\\\\)*[|`*_\[\]]", re.sub(r"\\[\\|`*_{}\[\]~$#]", "", escaped))
    assert not set(escaped) & set("<\n\r\x0b\x0c\x1c\x85\u2028")
