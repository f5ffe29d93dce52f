"""Kill builds at random moments, and see after each kill that nothing is torn, and at the end that nothing is lost.

    python tests/faults/kill.py [KILLS] [--seed N] [--rows N]

A build is a forked child of this process, in which everything is imported; it is killed 3 to 90 ms after its start and
then started again, until the corpus is there. Three kinds of build take turns: one without a pack, one whose pack is
killed too, and one that makes up for mixtures that an earlier, finished build could not make.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
import zlib
from pathlib import Path

import tinycorpus

from sepbench import journal
from sepbench.manifest import Manifest
from sepbench.mixing import layout, packing, shards

FROM_S, TO_S = 0.003, 0.090
PATIENT_AFTER = 40  # kills without a finished corpus, after which children live longer


class Torture:
    """Builds of one corpus, one after the other, and how often they were killed."""

    def __init__(self, folder, kills, seed, rows):
        self.folder, self.kills, self.chance = folder, kills, random.Random(seed)
        self.out, self.cache = folder / "corpus", folder / "cache"
        self.roots = tinycorpus.copied_sets(folder)
        self.gone = sorted(self.roots["esc50"].rglob("*.wav"))[0]
        catalogs = tinycorpus.indexed(folder)
        self.reference = tinycorpus.reference(rows, folder / "reference", catalogs)
        self.rows = list(self.reference.manifest)
        self.proofs = [row["proof"] for row in self.rows]
        self.hashes = {self.reference.manifest.corpus_hash}
        self.shards = shards.shards_of(self.reference.manifest)
        self.killed = self.corpora = self.since = 0
        self.seen = set()
        tinycorpus.spare_time(setattr, count=32)
        packing._SEGMENT_FRAMES = 1  # a segment for each recording: none takes longer than a short life
        self.reference.mix(folder / "plan", plan_only=True)  # so that no child has to plan

    def run(self):
        kinds = [self.plain, self.packed, self.made_up_for]
        while self.killed < self.kills:
            self.since, self.seen = 0, set()
            kinds[self.corpora % len(kinds)]()
            self.reference.assert_is(self.out)
            self.corpora += 1
            shutil.rmtree(self.out)
            shutil.rmtree(self.cache, ignore_errors=True)

    def plain(self):
        self.until_it_is_there(pack="never")

    def packed(self):
        self.until_it_is_there(pack="always", cache=self.cache)

    def made_up_for(self):
        """A recording is missing at first: the corpus is finished without it, then with it."""
        aside = self.folder / "aside.wav"
        self.gone.rename(aside)
        less = tinycorpus.forked(lambda: self.build(pack="never", max_failed=1.0))
        assert tinycorpus.ended(less) == 0
        self.hashes.add(Manifest.read(self.out).corpus_hash)
        aside.rename(self.gone)
        self.until_it_is_there(pack="never")

    def build(self, **options):
        self.reference.mix(self.out, roots=self.roots, **options)

    def until_it_is_there(self, **options):
        while self.killed < self.kills:
            child = tinycorpus.forked(lambda: self.build(**options))
            patience = 1.5 ** (self.since // PATIENT_AFTER)
            code = tinycorpus.waited(child, self.chance.uniform(FROM_S, TO_S) * patience)
            if code is None:
                code = tinycorpus.killed(child)
            if code == 0:
                return
            assert code == -9, f"a build ended with code {code}, by itself"
            self.killed += 1
            self.since += 1
            self.look()
        assert tinycorpus.ended(tinycorpus.forked(lambda: self.build(**options))) == 0

    # what holds after every kill

    def look(self):
        if (self.out / "manifest.parquet").exists():
            assert Manifest.read(self.out).corpus_hash in self.hashes, "a manifest appeared before its corpus was whole"
        for folder, _, names in os.walk(self.out / "audio"):
            for name in names:
                if not name.startswith("."):
                    self.look_at_audio(f"{folder}/{name}")
        for number, (start, _) in enumerate(self.shards):
            for place, proof in self.recorded(number):
                self.look_at_row(start + place, proof)
        for index in self.cache.glob("*/*.json"):
            self.look_at_segment(index)

    def recorded(self, number):
        """Give what journal and table of a shard say is done."""
        yield from dict(journal.read(layout.journal_path(self.out, number))).items()
        table = layout.proofs_path(self.out, number)
        if table.exists() and self.is_new(table):
            yield from enumerate(shards._read_proofs(self.out, number).to_pylist())

    def look_at_row(self, number, proof):
        if proof["status"] == "source_missing":
            return  # of the build that had to do without
        assert proof == self.proofs[number], f"row {number}: another proof than that of the uninterrupted build"
        row = self.rows[number]
        for name in ("mixture", *(stem["name"] for stem in proof["stems"])) if proof["status"] == "ok" else ():
            self.look_at_audio(str(layout.audio_path(self.out, row, name, "flac")))

    def look_at_audio(self, path):
        """A file under its final name is that of the reference, which decodes to the recorded hash."""
        if self.is_new(path):
            assert Path(path).read_bytes() == self.reference.files[os.path.relpath(path, self.out)], f"{path}: is torn"

    def is_new(self, path):
        """Whether a file was not looked at yet, as it is now; a missing one is an error."""
        info = os.stat(path)
        key = str(path), info.st_ino, info.st_mtime_ns, info.st_size
        before = len(self.seen)
        self.seen.add(key)
        return len(self.seen) > before

    def look_at_segment(self, index):
        content = json.loads(index.read_text())
        samples = index.with_suffix(".pcm").read_bytes()
        assert len(samples) == content["bytes"], f"{index}: its segment is torn"
        for _, (offset, channels, frames, bits, checksum, _) in content["recordings"]:
            size = channels * frames * packing._KINDS[bits].itemsize
            assert zlib.crc32(samples[offset : offset + size]) == checksum, f"{index}: its segment is damaged"


def decodes_to_its_hashes(corpus):
    """Whether all files of a corpus are what its manifest says, without making anything again."""
    build = shards.Build(corpus, "flac", (), None)
    return all(shards._is_whole(build, row, row["proof"]) for row in Manifest.read(corpus))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("kills", type=int, nargs="?", default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--rows", type=int, default=200)
    given = arguments.parse_args()
    os.environ["PYTHONWARNINGS"] = "ignore"
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        torture = Torture(Path(folder), given.kills, given.seed, given.rows)
        assert decodes_to_its_hashes(Path(folder) / "reference")
        torture.run()
    seconds = time.monotonic() - begun
    words = f"{torture.killed} kills, {torture.corpora} corpora made, each as the uninterrupted one; {seconds:.0f} s"
    sys.stdout.write(words + "\n")


if __name__ == "__main__":
    main()
