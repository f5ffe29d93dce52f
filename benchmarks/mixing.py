"""What it costs to make a corpus: sepbench beside the ways in which it is usually done, all in one run.

    python benchmarks/mixing.py --json mixing.json --markdown mixing.md

Everybody mixes the same excerpts: 4 s at 16 kHz, from 24 kHz speech and 44.1 and 48 kHz noises, and writes mixture,
speech and noise. Each contender runs in a process of its own with one thread for linear algebra (`measure.py` says
what is counted); repetitions are interleaved, so that a slow minute hits all alike. Figures are medians; ratios are
medians of the ratios within a repetition. Recordings were made just before, so they are in the page cache for everybody.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BATCH = 16
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")}
PACKAGES = ("numpy", "scipy", "soundfile", "soxr", "librosa", "pandas", "pyarrow", "torch")
IMPORT_SCAPER = "import numpy; numpy.Inf = numpy.inf; import scaper"
PEERS = {
    "librosa loop": "what is too loud is clipped; no hashes, no table; rounding left to the file library",
    "librosa loop, excerpts": "the same, but decodes and resamples only the excerpt",
    "LibriMix style": "no clip check, no hashes; gains come with the metadata",
    "DNS style": "no hashes; another meaning of SNR; three clip checks, an active level",
    "scaper": "no hashes; SNR by loudness; writes a JAMS annotation",
}


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    name: str
    module: str
    kind: str = "mix"
    task: dict = field(default_factory=dict)
    times: int = 1  # quick ones make more items, or the clock sees nothing
    python: str = sys.executable

    @property
    def workers(self):
        return self.task.get("workers", 0)

    @property
    def label(self):
        """Say what it reads and writes."""
        if self.kind != "mix":
            return ""
        return f"{self.task['source']} → {self.task['container']}" if "source" in self.task else ""


def contenders(options, features):
    """List who runs."""
    found = [*peers(options), *writers(), *sepbenches(options, features), *loaders(options, features)]
    found += [
        Contender("sepbench index", "sepbench_index", "index", {"workers": 2}),
        Contender("sepbench plan", "sepbench_plan", "plan"),
    ]
    wanted = options.only or [""]
    return [one for one in found if any(words in f"{one.kind} {one.name} {one.label}" for words in wanted)]


def peers(options):
    every = [("wav", "wav"), ("wav", "flac"), ("flac", "wav"), ("flac", "flac")]
    for source, container in every[:1] if options.quick else every:
        formats = {"source": source, "container": container}
        yield Contender("librosa loop", "librosa_loop", task={**formats, "excerpt": False})
        yield Contender("librosa loop, excerpts", "librosa_loop", task={**formats, "excerpt": True})
        if container == "wav":
            yield Contender("LibriMix style", "librimix_style", task=formats)
            yield Contender("DNS style", "dns_style", task=formats)
            if options.scaper_python:
                yield Contender("scaper", "scaper_loop", task=formats, python=options.scaper_python)


def writers():
    for fsync in (False, True):
        name = "plain writes, fsync" if fsync else "plain writes"
        yield Contender(name, "plain_writes", "disk", {"fsync": fsync}, times=1 if fsync else 8)


def sepbenches(options, features):
    modes = ("streamed", "cold", "warm") if features["pack"] else ("streamed",)
    if options.quick:
        modes = modes[::2]
    for mode in modes:
        times = 8 if mode == "warm" else 1
        for source, container in (("wav", "wav"),) if options.quick else (("wav", "wav"), ("wav", "flac")):
            for workers in (0,) if options.quick else (0, 1, 2):
                task = {"source": source, "container": container, "workers": workers, "pack": mode}
                yield Contender(f"sepbench, {MODES[mode]}", "sepbench_mix", task=task, times=times)
        if not options.quick:
            for container in ("wav", "flac"):
                task = {"source": "flac", "container": container, "workers": 0, "pack": mode}
                yield Contender(f"sepbench, {MODES[mode]}", "sepbench_mix", task=task, times=times)


MODES = {"streamed": "streamed", "cold": "pack built", "warm": "warm pack"}


def loaders(options, features):
    for workers in (0,) if options.quick else (0, 2):
        task = {"workers": workers}
        yield Contender("DataLoader, soundfile seek", "loader_soundfile", "load", task, times=8)
    ways = {"rendered": "Corpus, rendered, one by one", "fly": "Corpus, on the fly, one by one"}
    if features["batch"]:
        ways["batches"] = "Corpus, whole batches"
    for examples, name in ways.items():
        times = 8 if examples == "batches" else 1
        yield Contender(f"sepbench {name}", "loader_sepbench", "load", {"examples": examples}, times)


def settings_of(options):
    """Say how much is made: as many utterances as mixtures, as in the public sets, so that no cache helps."""
    quick = options.quick
    return {
        "items": 8 * options.items, "metadata": options.items, "warm_items": 4 if quick else 64,
        "speech": max(8, options.items), "noise": max(8, options.items // 4),
        "corpus": options.items, "index_files": 8 if quick else 300, "wide": 1000 if quick else 40000,
    }  # fmt: skip


def counts(contender, options, settings):
    """Give the number of items of the small and of the whole job."""
    if contender.kind == "plan":
        return 100, options.rows
    if contender.kind == "index":
        return min(32, settings["index_files"]), settings["index_files"]
    small = 16 if contender.workers == 0 else settings["warm_items"]
    return min(small, settings["warm_items"]), options.items * contender.times


def child(arguments, python=sys.executable):
    """Run a process to its end; give its complaint, if it has one."""
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))  # this checkout's sepbench
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": path}
    done = subprocess.run([python, *map(str, arguments)], env=environment, capture_output=True, text=True)
    return done.stderr.strip()[-2000:] or f"exit code {done.returncode}" if done.returncode else ""


def run_one(contender, options, settings, work):
    """Measure a contender once."""
    inputs, job, result = work / "inputs", work / "job.json", work / "result.json"
    small, whole = counts(contender, options, settings)
    shutil.rmtree(work / "out", ignore_errors=True)
    shutil.rmtree(work / "cold", ignore_errors=True)
    task = contender.task | {
        "inputs": str(inputs), "recordings": str(inputs / contender.task.get("source", "wav")), "batch": BATCH,
        "corpus": str(inputs / "corpus"), "warm_cache": str(work / "warm"), "cold_cache": str(work / "cold"),
    }  # fmt: skip
    mixes = contender.kind in ("mix", "disk", "load")
    described = {
        "module": contender.module, "task": task, "items": str(inputs / "items.json") if mixes else None,
        "warm_count": small, "count": whole, "out": str(work / "out"), "result": str(result),
    }  # fmt: skip
    job.write_text(json.dumps(described))
    complaint = child([HERE / "measure.py", job], contender.python)
    shutil.rmtree(work / "out", ignore_errors=True)
    if complaint:
        raise SystemExit(f"{contender.name} {contender.label}: failed\n{complaint}")
    return json.loads(result.read_text())


def run_all(found, options, settings, work):
    """Run everybody, again and again, in turn; give the runs of each after each repetition."""
    results = [[] for _ in found]
    for repetition in range(options.repeat):
        for contender, runs in zip(found, results, strict=True):
            if repetition and contender.kind == "plan":  # minutes, and nothing is compared with it
                continue
            print(f"[{repetition + 1}/{options.repeat}] {contender.name} {contender.label}", file=sys.stderr)
            runs.append(run_one(contender, options, settings, work))
        yield results


def fill_pack(found, options, settings, work):
    """Pack the recordings once, for all that read from a warm pack."""
    warm = [one for one in found if one.task.get("pack") == "warm" or one.module == "loader_sepbench"]
    for source in dict.fromkeys(one.task.get("source", "wav") for one in warm):
        task = {"source": source, "container": "wav", "workers": 2, "pack": "warm"}
        run_one(Contender("pack", "sepbench_mix", task=task), options, settings, work)


def table_row(contender, runs):
    """Put a contender's runs into one row of medians."""
    keys = dict.fromkeys(key for run in runs for key in run)
    row = {"kind": contender.kind, "name": contender.name, "formats": contender.label, "workers": contender.workers}
    row |= {key: statistics.median(run[key] for run in runs) for key in keys}
    if not row["mb_per_s"]:
        row["mb_per_s"] = None  # it writes no audio
    return row | {"cpu_ms_of_each_run": [run["cpu_ms"] for run in runs]}


def ratios(rows):
    """Compare each of sepbench's rows with each peer that read and wrote the same, by CPU time."""
    found = []
    for own in (row for row in rows if row["name"].startswith("sepbench")):
        for peer in (row for row in rows if not row["name"].startswith("sepbench")):
            if own["kind"] != peer["kind"] or own["formats"] != peer["formats"]:
                continue
            pairs = zip(peer["cpu_ms_of_each_run"], own["cpu_ms_of_each_run"], strict=True)
            ratio = statistics.median(theirs / ours for theirs, ours in pairs)
            found.append({"kind": own["kind"], "sepbench": described(own), "peer": peer_name(peer), "cpu_ratio": ratio})
    return found


def peer_name(row):
    return f"{row['name']}, {row['workers']} workers" if row["workers"] else row["name"]


def described(row):
    return f"{row['name']} | {row['formats']} | {row['workers']}"


def markdown(rows, compared, notes):
    """Write the tables."""
    parts = [costs(rows)]
    parts += [grid([one for one in compared if one["kind"] == kind]) for kind in ("mix", "load")]
    parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def costs(rows):
    """Give what each contender takes, and how exact what it delivers is."""
    columns = {
        "job": "kind", "who": "name", "reads → writes": "formats", "workers": "workers", "CPU ms each": "cpu_ms",
        "of it in the kernel": "kernel_ms", "CPU ms each with start-up": "whole_cpu_ms", "each/s": "per_s", "MB/s": "mb_per_s", "peak MB": "peak_rss_mb",
        "SNR error dB": "snr_error_db", "sum error": "sum_error_steps",
    }  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(cell(row.get(key, '')) for key in columns.values())} |" for row in rows]
    return "\n".join(lines)


def cell(value):
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def grid(compared):
    """Give ratios of CPU time: sepbench's rows down, peers across."""
    if not compared:
        return ""
    names = list(dict.fromkeys(one["peer"] for one in compared))
    columns = ["so many times less CPU time takes", "reads → writes", "workers", *(f"than {name}" for name in names)]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    by_row = {}
    for one in compared:
        by_row.setdefault(one["sepbench"], {})[one["peer"]] = f"{one['cpu_ratio']:.1f}"
    lines += [f"| {row} | {' | '.join(found.get(name, '') for name in names)} |" for row, found in by_row.items()]
    return "\n".join(lines)


def notes_on(options, rows):
    """Say what the table does not."""
    notes = [f"{name}: {words}." for name, words in PEERS.items() if any(row["name"] == name for row in rows)]
    if not options.scaper_python:
        notes.append("scaper: not installed (`--scaper-python` names an interpreter that has it).")
    notes += [
        "sepbench: hashes every source, stem and mixture, resamples and scales exactly, checks the peak, measures SNR, "
        "active SNR and loudness, writes each file under a temporary name first, and a manifest.",
        "SNR error: worst difference between the SNR asked for and that of the files, by energy; sum error: worst "
        "difference between the mixture and the sum of its stems, in steps of 16 bits.",
        "CPU ms each: without imports and the start of workers; with start-up: all CPU time of a process that makes "
        "just this many, divided by their number. Peak: of the largest process.",
        "Quick ones (warm pack, plain writes, batches) make eight times as many, so that there is something to measure.",
    ]
    for row in rows:
        if row["kind"] == "plan":
            notes.append(f"plan: {row['items']:,} rows in {row['wall_s']:.1f} s, peak {row['peak_rss_mb']:.0f} MB.")
    return notes


def environment(options):
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "packages": versions, "items": options.items}


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, help="mixtures of each contender (400)")
    parser.add_argument("--repeat", type=int, help="repetitions (3)")
    parser.add_argument("--rows", type=int, help="rows of the plan (1,000,000)")
    parser.add_argument("--quick", action="store_true", help="few of everything: does the script work?")
    parser.add_argument("--only", nargs="+", help="run contenders with one of these in their kind, name or formats")
    parser.add_argument("--work", type=Path, help="keep inputs and pack in this folder, and use them again")
    parser.add_argument("--scaper-python", default="", help="an interpreter that can import scaper")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    options = parser.parse_args(arguments)
    options.items = options.items or (24 if options.quick else 400)
    options.repeat = options.repeat or (1 if options.quick else 3)
    options.rows = options.rows or (2000 if options.quick else 1_000_000)
    return options


def main(arguments=None):
    options = parsed(arguments)
    with tempfile.TemporaryDirectory(prefix="sepbench-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        (work / "inputs").mkdir(parents=True, exist_ok=True)
        settings = settings_of(options)
        complaint = child([HERE / "inputs.py", work / "inputs", json.dumps(settings)])
        if complaint:
            raise SystemExit(f"the inputs could not be made\n{complaint}")
        features = json.loads((work / "inputs" / "inputs.json").read_text())["features"]
        if options.scaper_python and child(["-c", IMPORT_SCAPER], options.scaper_python):
            options.scaper_python = ""
        found = contenders(options, features)
        if features["pack"]:
            fill_pack(found, options, settings, work)
        for results in run_all(found, options, settings, work):
            text = report(options, [table_row(*pair) for pair in zip(found, results, strict=True)])
    print(text)


def report(options, rows):
    """Write what is known so far: a run that is stopped has the repetitions that it finished."""
    compared = ratios(rows)
    text = markdown(rows, compared, notes_on(options, rows))
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        figures = {"environment": environment(options), "rows": rows, "ratios": compared}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return text


if __name__ == "__main__":
    main()
