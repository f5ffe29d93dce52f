"""Score items, one file read after the other, or one metric on arrays that are in memory: ours and the usual way."""

import warnings
from functools import cache, partial
from pathlib import Path

import numpy as np

RATE = 16000
SIGNALS = ("speech", "noise", "speech-estimate", "noise-estimate")


def run(task, items, out):
    """Do the job; `measure.py` calls it three times, the last one for the whole of it."""
    out.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=FutureWarning)
    if task["what"] == "loop":
        loop(task, items)
    elif task["what"] == "song":
        images = np.load(task["song"], mmap_mode="r")
        seconds = task["seconds"] if out.name == "2" else 4  # the first two are for imports and caches
        WAYS[task["way"]](*(np.ascontiguousarray(side[:, :, : seconds * 44100]) for side in images))
    else:
        for number in items:
            WAYS[task["way"]](*read(task["items"], number % 8))


def loop(task, items):
    """Score every item by every metric."""
    if not task["workers"]:
        score_some((task, items))
        return
    from sepbench import executors

    shards = [(task, items[first : first + 10]) for first in range(0, len(items), 10)]
    for outcome in executors.run(score_some, shards, workers=task["workers"]):
        if outcome.error:
            raise outcome.error


def score_some(shard):
    """Score these items; a function of its own, so that a worker finds it."""
    task, items = shard
    return [WAYS[task["way"]](*read(task["items"], number, keep=False), pesq=task["pesq"]) for number in items]


def read(folder, number, *, keep=True):
    """Give references and estimates; single metrics are timed on what is in memory."""
    return (remembered if keep else from_disk)(folder, number)


def from_disk(folder, number):
    import soundfile

    signals = [soundfile.read(Path(folder) / f"{number % 64}-{name}.wav")[0] for name in SIGNALS]
    return np.stack(signals[:2]), np.stack(signals[2:])


remembered = cache(from_disk)


def usual(references, estimates, pesq):
    """Do what scripts do: the packages, one after the other."""
    import mir_eval.separation
    import pystoi

    reference, estimate = references[0], estimates[0]
    error = estimate - reference
    projected = (estimate @ reference) / (reference @ reference) * reference
    rest = estimate - projected
    found = [
        10 * np.log10(reference @ reference / (error @ error)),
        10 * np.log10(projected @ projected / (rest @ rest)),
    ]
    found += [part[0] for part in mir_eval.separation.bss_eval_sources(references, estimates)[:3]]
    found.append(pystoi.stoi(reference, estimate, RATE))
    if pesq:
        import pesq as package

        found.append(package.pesq(RATE, reference.astype(np.float32), estimate.astype(np.float32), "wb"))
    return [float(value) for value in found]


def ours(references, estimates, pesq):
    """Do the same with sepbench."""
    from sepbench import metrics

    reference, estimate = references[0], estimates[0]
    found = [metrics.snr(reference, estimate), metrics.si_sdr(reference, estimate)]
    found += [part[0] for part in metrics.bss_eval_sources(references, estimates, compute_permutation=True)[:3]]
    found.append(metrics.stoi(reference, estimate, RATE))
    if pesq:
        found.append(metrics.pesq_wb(reference, estimate, RATE))
    return [float(value) for value in found]


def by_package(name, references, estimates):
    if name == "mir_eval":
        from mir_eval.separation import bss_eval_sources

        return bss_eval_sources(references, estimates)
    if name == "fast_bss_eval":
        from fast_bss_eval import bss_eval_sources

        return bss_eval_sources(references, estimates, use_cg_iter=None)
    from pystoi import stoi

    return stoi(references[0], estimates[0], RATE, extended=name == "pystoi extended")


def by_sepbench(name, references, estimates):
    from sepbench import metrics

    if name == "bss_eval_sources":
        return metrics.bss_eval_sources(references, estimates, compute_permutation=True)
    if name in ("stoi", "estoi"):
        return getattr(metrics, name)(references[0], estimates[0], RATE)
    return getattr(metrics, name)(references, estimates, window=44100, hop=44100)


def by_museval(references, estimates):
    """Its module of metrics alone: the package around it wants ffmpeg."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("museval_metrics", Path(importlib.util.find_spec("museval").origin).with_name("metrics.py"))  # fmt: skip
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.bss_eval(references.transpose(0, 2, 1), estimates.transpose(0, 2, 1), window=44100, hop=44100)


WAYS = {"usual": usual, "ours": ours, "museval": by_museval}
WAYS |= {name: partial(by_package, name) for name in ("mir_eval", "fast_bss_eval", "pystoi", "pystoi extended")}
WAYS |= {
    name: partial(by_sepbench, name)
    for name in ("bss_eval_sources", "stoi", "estoi", "bss_eval_images", "framewise_sdr")
}
