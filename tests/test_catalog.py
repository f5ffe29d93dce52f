import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import trees

from sepbench import catalog, scanning
from sepbench.errors import LayoutError, PlaceError, TableError, UnknownNameError, UsageError

FROZEN = Path(__file__).parent / "frozen" / "catalog-v1.parquet"

FROZEN_ROW = {
    "set": "librispeech",
    "set_version": "SLR12",
    "item": "train-clean-100/83-11691-0000",
    "path": "LibriSpeech/train-clean-100/83/11691/83-11691-0000.flac",
    "split": "train-clean-100",
    "group": "83",
    "labels": [
        {"name": "chapter", "value": "11691"},
        {"name": "sex", "value": "F"},
        {"name": "speaker", "value": "83"},
    ],
    "transcript": "SHE SHELLS SEAS",
    "licence": "CC-BY-4.0",
    "status": "ok",
    "reason": None,
    "sample_rate": 16000,
    "channels": 1,
    "frames": 20000,
    "bits": 16,
    "level_profile_dbfs": [-17, -17],
    "pcm_sha256": "95d67b39b8e4979b2783bde4c9e1e6624b57ffdffdee0c1f6354d740e98e99e2",
    "file_bytes": 36375,
}


class Listing:
    """A stranger's reader, with the items that it is given."""

    name = "listing"
    version = "1"
    title = "A listing"
    url = "https://example.org"
    licence = "CC0-1.0"
    layout = "*.wav"

    def __init__(self, *names: str) -> None:
        self.names = names

    def items(self, root: Path) -> Iterator[catalog.Item]:
        for name in self.names:
            yield catalog.Item(item=Path(name).stem, path=PurePosixPath(name), group="g")


def index(tmp_path: Path, *names: str) -> list[dict]:  # type: ignore[type-arg]
    rows: list[dict] = catalog.index(Listing(*names), tmp_path, tmp_path / "c.parquet", workers=0).to_pylist()  # type: ignore[type-arg]
    return rows


def test_workers_do_not_change_the_table(tmp_path: Path) -> None:
    root = trees.musdb18hq(tmp_path / "root")
    (root / "musdb18hq/test/PR - Oh No/bass.wav").write_bytes(b"")
    (root / "musdb18hq/test/PR - Oh No/drums.wav").write_bytes(b"not audio" * 9)
    seen: list[tuple[int, int]] = []
    tables = [
        catalog.index(
            "musdb18hq",
            root,
            tmp_path / f"{workers}.parquet",
            workers=workers,
            progress=lambda done, total: seen.append((done, total)),
        )
        for workers in (0, 2)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0]["status"].to_pylist().count("unreadable") == 2
    assert seen == [(done, 15) for done in range(1, 16)] * 2


def test_catalog_says_what_the_samples_are(tmp_path: Path) -> None:
    # 1.5 s of a full-scale square wave, then half a second of nothing: two started seconds at 0 and -3 dBFS
    samples = np.zeros(16000, dtype=np.int16)
    samples[:12000] = np.where(np.arange(12000) % 2, 32767, -32768)
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="PCM_16")
    (row,) = index(tmp_path, "a.wav")
    assert (row["sample_rate"], row["channels"], row["frames"], row["bits"]) == (8000, 1, 16000, 16)
    assert row["peak_dbfs"] == 0
    assert row["level_profile_dbfs"] == [0, -3]
    assert row["file_bytes"] == (tmp_path / "a.wav").stat().st_size


def test_loudness_is_that_of_bs1770(tmp_path: Path) -> None:
    # ITU-R BS.1770-4: a full-scale sine of 997 Hz on one channel reads -3.01 LKFS; EBU Tech 3341 allows 0.1 LU
    sine = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    soundfile.write(tmp_path / "a.wav", np.rint(sine * 32767).astype(np.int16), 48000, subtype="PCM_16")
    (row,) = index(tmp_path, "a.wav")
    assert row["loudness_lufs"] == pytest.approx(-3.01, abs=0.1)


def test_short_recording_has_no_loudness(tmp_path: Path) -> None:
    trees.audio(tmp_path, "a.wav", seconds=0.39)
    (row,) = index(tmp_path, "a.wav")
    assert row["loudness_lufs"] is None
    assert row["status"] == "ok"


def test_silent_recording_is_marked(tmp_path: Path) -> None:
    trees.audio(tmp_path, "a.wav", seconds=1)
    trees.audio(tmp_path, "b.wav", seconds=1, silent=True)
    _, row = index(tmp_path, "a.wav", "b.wav")
    assert (row["status"], row["reason"]) == ("silent", "b.wav: all samples are zero")
    assert (row["peak_dbfs"], row["loudness_lufs"], row["level_profile_dbfs"]) == (None, None, [-128])


def test_same_samples_have_the_same_hash_in_any_container(tmp_path: Path) -> None:
    path = trees.audio(tmp_path, "a.wav")
    samples, rate = soundfile.read(path, dtype="int16")
    soundfile.write(tmp_path / "b.flac", samples, rate, subtype="PCM_16")
    first, second = index(tmp_path, "a.wav", "b.flac")
    assert first["pcm_sha256"] == second["pcm_sha256"]


def test_reasons_hold_no_path_of_this_machine(tmp_path: Path) -> None:
    trees.audio(tmp_path, "a.wav")
    (tmp_path / "b.wav").write_bytes(b"")
    (tmp_path / "d").mkdir()
    rows = index(tmp_path, "a.wav", "b.wav", "gone.wav", "d")
    assert [row["status"] for row in rows] == ["ok", "unreadable", "unreadable", "unreadable"]
    assert not any(str(tmp_path) in (row["reason"] or "") for row in rows)
    assert rows[1]["reason"] == "b.wav: is empty"


def test_recording_behind_a_link_out_of_the_root_is_unreadable(tmp_path: Path) -> None:
    outside = trees.audio(tmp_path, "outside.wav")
    trees.audio(tmp_path / "root", "a.wav")
    (tmp_path / "root/b.wav").symlink_to(outside)
    rows = index(tmp_path / "root", "a.wav", "b.wav")
    assert rows[1]["reason"] == "b.wav: leads out of the root through a link"


@pytest.mark.parametrize("path", ["../a.wav", "/etc/hostname"])
def test_path_that_leads_out_of_the_root_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="leads out of it"):
        index(tmp_path, path)


def test_two_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"two recordings have the name `a`: x/a\.wav and y/a\.wav"):
        index(tmp_path, "x/a.wav", "y/a.wav")


def test_set_of_which_nothing_can_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(LayoutError, match=r"none of 1 recordings can be used; the first: a\.wav: is empty"):
        index(tmp_path, "a.wav")


def test_missing_folder_is_a_matter_of_place(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="no such folder"):
        catalog.index("folder", tmp_path / "nowhere", tmp_path / "c.parquet")


def test_unknown_set_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean `librispeech`"):
        catalog.index("libri-speech", tmp_path, tmp_path / "c.parquet")


def test_unknown_option_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)vctk: .*`?'?microphone.*options of this reader: mic"):
        catalog.index("vctk", tmp_path, tmp_path / "c.parquet", options={"microphone": "mic2"})
    with pytest.raises(UsageError, match="options of this reader: none"):
        catalog.index("esc50", tmp_path, tmp_path / "c.parquet", options={"x": "y"})


def test_root_is_a_hint_in_the_file(tmp_path: Path) -> None:
    trees.audio(tmp_path, "a.wav")
    index(tmp_path, "a.wav")
    assert catalog.roots_hint(tmp_path / "c.parquet") == str(tmp_path.resolve())


def test_labels_are_sorted_and_come_back() -> None:
    labels = {"speaker": "83", "age": "23"}
    assert catalog.label_list(labels)[0] == {"name": "age", "value": "23"}
    assert catalog.labels_of({"labels": catalog.label_list(labels)}) == labels


def test_damaged_catalog_is_refused(tmp_path: Path) -> None:
    trees.audio(tmp_path, "a.wav")
    index(tmp_path, "a.wav")
    words = bytearray((tmp_path / "c.parquet").read_bytes())
    words[len(words) // 8] ^= 0xFF  # inside the first column's page
    (tmp_path / "c.parquet").write_bytes(words)
    with pytest.raises(TableError):
        catalog.read(tmp_path / "c.parquet")


def test_every_column_is_documented() -> None:
    assert all(field.metadata[b"doc"] for field in catalog.SCHEMA)


def test_frozen_v1_is_still_read() -> None:
    rows = {row["item"]: row for row in catalog.read(FROZEN).to_pylist()}
    assert list(rows) == [
        "test-other/1998-15444-0000",
        "train-clean-100/60-121082-0000",
        "train-clean-100/83-11691-0000",
        "train-clean-100/83-11691-0001",
    ]
    row = rows["train-clean-100/83-11691-0000"]
    assert row.pop("loudness_lufs") == pytest.approx(-14.1746, abs=1e-4)  # stored as float32
    assert row.pop("peak_dbfs") == pytest.approx(20 * np.log10(0.25), abs=1e-5)
    assert row == FROZEN_ROW
    assert rows["test-other/1998-15444-0000"]["status"] == "silent"
    broken = rows["train-clean-100/60-121082-0000"]
    assert broken["reason"] == "LibriSpeech/train-clean-100/60/121082/60-121082-0000.flac: is empty"
    assert broken["frames"] is None
    assert catalog.roots_hint(FROZEN) == "/data/librispeech"


def test_frozen_v1_holds_no_more_than_its_schema_says() -> None:
    written = json.loads(pq.read_schema(FROZEN).metadata[b"sepbench"])
    assert (written["table"], written["schema_version"]) == ("catalog", 1)
    assert pa.schema(pq.read_schema(FROZEN)).names == catalog.SCHEMA.names[:20]


def indexed_with_licences(tmp_path, *rules):
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(tmp_path / name, np.ones(800, np.int16), 16000)
    table = tmp_path / "licences.csv"
    table.write_text("path,licence\n" + "".join(f"{pattern},{licence}\n" for pattern, licence in rules))
    made = catalog.index(
        Listing("a.wav", "b.wav", "c.wav"), tmp_path, tmp_path / "c.parquet", workers=0, licences=table
    )
    return made["licence"].to_pylist()


def test_recordings_may_have_licences_of_their_own_and_the_first_rule_counts(tmp_path):
    licences = indexed_with_licences(tmp_path, ("b.wav", "MIT"), ("[ab].wav", "CC-BY-4.0"))
    assert licences == ["CC-BY-4.0", "MIT", "CC0-1.0"]


def test_a_licence_for_no_recording_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"licences.csv: `d.wav` matches no recording"):
        indexed_with_licences(tmp_path, ("d.wav", "MIT"))


def test_a_table_of_licences_needs_its_columns(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.ones(800, np.int16), 16000)
    (tmp_path / "odd.csv").write_text("file,terms\na.wav,MIT\n")
    with pytest.raises(UsageError, match="can't be read as a table of licences"):
        catalog.index(Listing("a.wav"), tmp_path, tmp_path / "c.parquet", workers=0, licences=tmp_path / "odd.csv")


class TestIndexingAgain:
    """What has not changed is taken over from the catalog that is there."""

    NAMES = ("a.wav", "b.wav", "c.wav")

    @pytest.fixture
    def scanned(self, monkeypatch):
        """Names of the recordings that are decoded."""
        names: list[str] = []
        scan = scanning._scan
        monkeypatch.setattr(scanning, "_scan", lambda task: (names.append(task[1]["item"]), scan(task))[1])
        return names

    @pytest.fixture
    def root(self, tmp_path):
        for name in self.NAMES:
            path = trees.audio(tmp_path / "root", name, seconds=1)
            os.utime(path, (1_000_000_000, 1_000_000_000))
        return tmp_path / "root"

    def again(self, root, scanned, **options):
        scanned.clear()
        return catalog.index(Listing(*self.NAMES), root, root.parent / "c.parquet", workers=0, **options)

    def test_unchanged_files_are_not_decoded_and_the_catalog_is_the_same(self, root, scanned):
        first = self.again(root, scanned)
        assert scanned == ["a", "b", "c"]
        content = (root.parent / "c.parquet").read_bytes()
        assert self.again(root, scanned).equals(first)
        assert scanned == []
        assert (root.parent / "c.parquet").read_bytes() == content

    def test_changed_file_is_measured_again_alone(self, root, scanned):
        first = self.again(root, scanned)
        trees.audio(root, "b.wav", seconds=2)
        second = self.again(root, scanned)
        assert scanned == ["b"]
        assert second["frames"].to_pylist() == [16000, 32000, 16000]
        assert second.take([0, 2]).equals(first.take([0, 2]))

    def test_changed_file_of_the_same_size_is_found_by_its_time(self, root, scanned):
        self.again(root, scanned)
        trees.audio(root / "other", "b.wav", seconds=1, silent=True).replace(root / "b.wav")
        assert self.again(root, scanned)["status"].to_pylist() == ["ok", "silent", "ok"]
        assert scanned == ["b"]

    def test_file_that_was_only_touched_is_known_by_its_bytes(self, root, scanned):
        self.again(root, scanned)
        os.utime(root / "b.wav")
        self.again(root, scanned)
        assert scanned == []

    def test_file_that_is_younger_than_the_clock_can_tell_is_not_trusted_by_its_time(self, root, scanned):
        os.utime(root / "b.wav")
        self.again(root, scanned)
        now = (root / "b.wav").stat().st_mtime_ns
        trees.audio(root / "other", "b.wav", seconds=1, silent=True).replace(root / "b.wav")
        os.utime(root / "b.wav", ns=(now, now))  # same size, same time, other samples
        assert self.again(root, scanned)["status"].to_pylist() == ["ok", "silent", "ok"]

    def test_set_that_has_moved_is_known_by_its_bytes(self, root, scanned):
        first = self.again(root, scanned)
        moved = root.rename(root.parent / "moved")
        trees.audio(root.parent / "other", "b.wav", seconds=1, silent=True).replace(moved / "b.wav")
        os.utime(moved / "b.wav", (1_000_000_000, 1_000_000_000))
        second = self.again(moved, scanned)
        assert scanned == ["b"]
        assert second.take([0, 2]).equals(first.take([0, 2]))

    def test_labels_and_licences_are_always_new(self, root, scanned):
        self.again(root, scanned)
        (root.parent / "licences.csv").write_text("path,licence\nb.wav,MIT\n")
        table = self.again(root, scanned, licences=root.parent / "licences.csv")
        assert scanned == []
        assert table["licence"].to_pylist() == ["CC0-1.0", "MIT", "CC0-1.0"]

    def test_unreadable_files_are_tried_each_time(self, root, scanned):
        whole = (root / "b.wav").read_bytes()
        (root / "b.wav").write_bytes(b"")
        assert self.again(root, scanned)["status"].to_pylist() == ["ok", "unreadable", "ok"]
        (root / "b.wav").write_bytes(whole)
        assert self.again(root, scanned)["status"].to_pylist() == ["ok", "ok", "ok"]
        assert scanned == ["b"]

    def test_file_that_went_away_is_said_to_be_missing(self, root, scanned):
        self.again(root, scanned)
        (root / "b.wav").unlink()
        assert self.again(root, scanned)["reason"].to_pylist()[1] == "b.wav: No such file or directory"

    def test_file_that_can_not_be_opened_any_more_is_said_to_be_so(self, root, scanned, monkeypatch):
        self.again(root, scanned)
        os.utime(root / "b.wav")

        def refused(file):
            raise PermissionError(13, "Permission denied", str(file))

        monkeypatch.setattr("sepbench.stamps.current", refused)
        table = self.again(root, scanned)
        assert table["status"].to_pylist() == ["ok", "unreadable", "ok"]
        assert "b.wav" in table["reason"].to_pylist()[1]

    def test_everything_is_measured_again_where_that_is_asked_for(self, root, scanned):
        self.again(root, scanned)
        self.again(root, scanned, afresh=True)
        assert scanned == ["a", "b", "c"]

    def test_catalog_of_somebody_else_is_not_relied_on(self, root, scanned):
        self.again(root, scanned)
        path = root.parent / "c.parquet"
        pq.write_table(pq.read_table(path), path, compression="gzip", write_page_checksum=True)
        self.again(root, scanned)
        assert scanned == ["a", "b", "c"]

    def test_damaged_stamps_cost_no_more_than_time(self, root, scanned):
        first = self.again(root, scanned)
        (root.parent / ".c.parquet.stamps").write_bytes(b"PAR1 and then nothing")
        assert self.again(root, scanned).equals(first)
        assert scanned == ["a", "b", "c"]

    def test_stamps_by_another_decoder_are_not_relied_on(self, root, scanned, monkeypatch):
        self.again(root, scanned)
        monkeypatch.setattr(scanning, "maker", lambda: "scan 1, libsndfile 9.9.9")
        self.again(root, scanned)
        assert scanned == ["a", "b", "c"]

    def test_link_that_leads_out_now_is_refused_though_its_file_is_known(self, root, scanned):
        self.again(root, scanned)
        (root / "b.wav").rename(root.parent / "b.wav")
        (root / "b.wav").symlink_to(root.parent / "b.wav")
        assert self.again(root, scanned)["status"].to_pylist() == ["ok", "unreadable", "ok"]
