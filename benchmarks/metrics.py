"""What it costs to score: sepbench beside the packages that are usually called, all in one run.

    python benchmarks/metrics.py --json metrics.json --markdown metrics.md

Items are 4 s at 16 kHz: two sources (noise in syllables with pauses, and steady noise) and two estimates with leakage and
artefacts. *Scoring* reads their files and takes SNR, SI-SDR, SDR/SIR/SAR with permutation and STOI, with and without PESQ.
Single metrics are timed on arrays in memory; the song is stereo at 44.1 kHz with four sources. Each contender runs in a
process of its own with one thread for linear algebra (`measure.py` says what is counted), in turn. Ratios are medians of
the ratios within a repetition; values are compared too.
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mixing import HERE, cell, child

ITEMS = 64


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    job: str
    way: str
    count: int
    peers: tuple = ()  # whom it is compared with
    workers: int = 0
    what: str = "loop"
    pesq: bool = False


def contenders(options):
    """List who runs: in each job the usual way first."""
    slow, quick = options.items, 12 * options.items
    for pesq in (False, True):
        job = "scoring, with PESQ" if pesq else "scoring"
        yield Contender(job, "usual", slow, pesq=pesq)
        for workers in (0, 2):
            yield Contender(job, "ours", slow * 4 if pesq else quick, ("usual",), workers, pesq=pesq)
    yield Contender("SDR, SIR, SAR", "mir_eval", slow, what="metric")
    yield Contender("SDR, SIR, SAR", "fast_bss_eval", slow * 4, what="metric")
    yield Contender("SDR, SIR, SAR", "bss_eval_sources", quick, ("mir_eval", "fast_bss_eval"), what="metric")
    yield Contender("STOI", "pystoi", slow * 4, what="metric")
    yield Contender("STOI", "stoi", quick, ("pystoi",), what="metric")
    yield Contender("ESTOI", "pystoi extended", slow * 4, what="metric")
    yield Contender("ESTOI", "estoi", quick, ("pystoi extended",), what="metric")
    yield Contender("song", "museval", 1, what="song")
    yield Contender("song", "bss_eval_images", 1, ("museval",), what="song")
    yield Contender("song", "framewise_sdr", 1, ("museval",), what="song")


def write_inputs(work, seconds):
    """Make items and a song."""
    import soundfile

    draws, time = np.random.default_rng(0), np.arange(64000) / 16000
    for number in range(ITEMS):
        noises = draws.standard_normal((4, 64000))
        coloured = np.apply_along_axis(np.convolve, 1, noises[:2], [1, 0.9, 0.5, 0.2], "same")
        envelope = np.clip(np.sin(2 * np.pi * (2 + number % 5) * time), 0, None) * (time % 1.7 < 1.4)
        sources = 0.05 * coloured * np.stack([envelope, 0.3 + 0 * time])
        estimates = sources + draws.uniform(0.05, 0.4) * sources[::-1] + 0.004 * noises[2:]
        for name, signal in zip(
            ("speech", "noise", "speech-estimate", "noise-estimate"), (*sources, *estimates), strict=True
        ):
            soundfile.write(work / f"{number}-{name}.wav", signal.astype(np.float32), 16000, subtype="FLOAT")
    noises = draws.standard_normal((2, 4, 2, seconds * 44100))
    noises[0, :, 1] += 0.5 * noises[0, :, 0]
    sources = 0.05 * (noises[0] + 0.8 * np.roll(noises[0], 1, axis=-1))
    np.save(work / "song.npy", np.stack([sources, sources + 0.2 * np.roll(sources, 1, axis=0) + 0.01 * noises[1]]))


def run_one(contender, work, options):
    """Measure a contender once."""
    job, result = work / "job.json", work / "result.json"
    task = {"what": contender.what, "way": contender.way, "workers": contender.workers, "pesq": contender.pesq,
            "items": str(work), "song": str(work / "song.npy"), "seconds": options.seconds}  # fmt: skip
    warm = 1 if contender.count == 1 else max(2, contender.count // 6)
    described = {"module": "scoring", "task": task, "items": None, "warm_count": warm, "count": contender.count,
                 "out": str(work / "out"), "result": str(result)}  # fmt: skip
    job.write_text(json.dumps(described))
    complaint = child([HERE / "measure.py", job])
    if complaint:
        raise SystemExit(f"{contender.job}, {contender.way}: failed\n{complaint}")
    return json.loads(result.read_text())


def largest_differences(work):
    """Compare the values of both ways on some items."""
    sys.path.insert(0, str(HERE))
    from contenders import scoring

    scoring.warnings.filterwarnings("ignore", category=FutureWarning)
    tables = [[way(*scoring.from_disk(work, n), pesq=False) for n in range(6)] for way in (scoring.usual, scoring.ours)]
    worst = np.abs(np.subtract(*tables)).max(axis=0)
    return dict(zip(("SNR", "SI-SDR", "SDR", "SIR", "SAR", "STOI"), map(float, worst), strict=True))


def table(found, runs):
    """Put what was measured into rows, with ratios to the peers of each."""
    measured = {(one.job, one.way, one.workers): mine for one, mine in zip(found, runs, strict=True)}
    rows = []
    for one, mine in zip(found, runs, strict=True):
        peers = {way: measured[one.job, way, 0] for way in one.peers if (one.job, way, 0) in measured}
        times = {way: statistics.median(map(ratio(one), theirs, mine)) for way, theirs in peers.items()}
        medians = {key: statistics.median(run[key] for run in mine) for key in ("cpu_ms", "per_s", "peak_rss_mb")}
        rows.append({"job": one.job, "way": one.way, "workers": one.workers, **medians, "times": times})
    return rows


def ratio(contender):
    """Compare CPU time; with workers, who take as much of it together as one, what is done in a second."""
    if contender.workers:
        return lambda theirs, ours: ours["per_s"] / theirs["per_s"]
    return lambda theirs, ours: theirs["cpu_ms"] / ours["cpu_ms"]


def markdown(rows, differences):
    lines = ["| job | who | workers | CPU ms each | each/s | peak MB | so many times quicker |", "|---" * 7 + "|"]
    for row in rows:
        times = ", ".join(f"{ratio:.1f} than {peer}" for peer, ratio in row["times"].items())
        figures = (cell(row[key]) for key in ("cpu_ms", "per_s", "peak_rss_mb"))
        lines.append(f"| {row['job']} | {row['way']} | {row['workers'] or ''} | {' | '.join(figures)} | {times} |")
    worst = ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
    return "\n".join(lines) + f"\n\nLargest differences of the values: {worst}.\n"


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--items", type=int, default=24, help="items that the slow ones score (24); quick ones score more"
    )
    parser.add_argument("--seconds", type=int, default=180, help="length of the song (180)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (3)")
    parser.add_argument("--only", nargs="+", default=[""], help="run contenders with one of these in their job or name")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parsed(arguments)
    found = [one for one in contenders(options) if any(words in f"{one.job} {one.way}" for words in options.only)]
    with tempfile.TemporaryDirectory(prefix="sepbench-") as temporary:
        work = Path(temporary)
        write_inputs(work, options.seconds)
        runs = [[] for _ in found]
        for repetition in range(options.repeat):
            for one, mine in zip(found, runs, strict=True):
                print(f"[{repetition + 1}/{options.repeat}] {one.job}, {one.way}, {one.workers}", file=sys.stderr)
                mine.append(run_one(one, work, options))
        rows, differences = table(found, runs), largest_differences(work)
    text = markdown(rows, differences)
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "differences": differences}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
