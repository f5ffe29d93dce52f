"""Measure one contender in a process of its own: ``python measure.py JOB.json``.

Three calls: a warm-up, whose imports and first calls count as start-up; the same small job again, as the base; the
whole job. What one item costs is the difference of the last two over the difference of their items, so neither
imports, nor the start of worker processes, nor reading a table of recordings is in it. ``whole`` is start-up and the
whole job together: what somebody pays who makes just this many.

CPU time is user and system time of the process and of the children that it waited for.
"""

import importlib
import json
import multiprocessing
import resource
import shutil
import sys
import time
from pathlib import Path

CHECKED = 100  # so many mixtures of each run are read again and looked at


def cpu_s():
    """Give the CPU time so far: all of it, and that in the kernel, where files are made and written."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    kernel = sum(usage.ru_stime for usage in usages)
    return kernel + sum(usage.ru_utime for usage in usages), kernel


def peak_rss_mb():
    """Give the peak of the largest process: this one or a child."""
    try:
        status = Path("/proc/self/status").read_text()
        own = int(status.split("VmHWM:")[1].split()[0]) / 1024
    except OSError:  # not Linux; there, ru_maxrss would also count what the parent held when it forked
        own = _maxrss_mb(resource.RUSAGE_SELF)
    return max(own, _maxrss_mb(resource.RUSAGE_CHILDREN))


def _maxrss_mb(who):
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(who).ru_maxrss / unit


def measured(run, task, items, out):
    """Run a job into a new folder; give its cost, and keep what it wrote."""
    staying = set(multiprocessing.active_children())
    before, wall = cpu_s(), time.perf_counter()
    run(task, items, out)
    wall = time.perf_counter() - wall
    for child in set(multiprocessing.active_children()) - staying:
        child.join(30)  # children that nobody has waited for are not counted
    cpu, kernel = (now - then for now, then in zip(cpu_s(), before, strict=True))
    return {"wall_s": wall, "cpu_s": cpu, "kernel_s": kernel, "items": len(items)}


def written_mb(out):
    return sum(path.stat().st_size for path in out.rglob("*") if path.suffix in (".wav", ".flac", ".bin")) / 1e6


def per_item(base, whole, key):
    """Take the base off, unless the whole job is too short for a difference."""
    if whole["items"] < 3 * base["items"]:
        return whole[key] / whole["items"]
    return (whole[key] - base[key]) / (whole["items"] - base["items"])


def measure(job):
    """Run a contender as the module's docstring says."""
    task, outs = job["task"], [Path(job["out"]) / str(number) for number in range(3)]
    few, all_ = items_of(job, "valid", job["warm_count"]), items_of(job, "train", job["count"])
    module = importlib.import_module(f"contenders.{job['module']}")
    runs = [measured(module.run, task, items, out) for out, items in zip(outs, (few, few, all_), strict=True)]
    whole_cpu, rss = cpu_s()[0] - 2 * runs[1]["cpu_s"], peak_rss_mb()
    _, base, whole = (run | {"mb": written_mb(out)} for run, out in zip(runs, outs, strict=True))
    wall = per_item(base, whole, "wall_s")
    result = {
        "items": whole["items"],
        "wall_s": whole["wall_s"],
        "cpu_ms": 1000 * per_item(base, whole, "cpu_s"),
        "kernel_ms": 1000 * per_item(base, whole, "kernel_s"),
        "whole_cpu_ms": 1000 * whole_cpu / whole["items"],
        "per_s": 1 / wall,
        "mb_per_s": per_item(base, whole, "mb") / wall,
        "peak_rss_mb": rss,
    }
    if hasattr(module, "outputs"):
        result |= delivered([(item, module.outputs(outs[2], item, task)) for item in all_[:CHECKED]])
    return result


def items_of(job, split, count):
    """Give the mixtures to make; jobs that mix nothing get numbers."""
    return json.loads(Path(job["items"]).read_text())[split][:count] if job["items"] else list(range(count))


def delivered(outputs):
    """Look at what was written: is everything there, is the SNR the one asked for, do the stems sum to the mixture?"""
    import numpy as np
    import soundfile

    snr_errors, sum_errors = [], []
    for item, paths in outputs:
        mixture, speech, noise = (soundfile.read(path, dtype="int16")[0].astype(np.int64) for path in paths)
        assert len(mixture) == len(speech) == len(noise) == item["frames"], f"{paths}: wrong length"
        snr_db = 10 * np.log10(np.sum(speech**2) / np.sum(noise**2))
        snr_errors.append(abs(float(snr_db) - item["snr_db"]))
        sum_errors.append(int(np.abs(mixture - speech - noise).max()))
    return {"snr_error_db": max(snr_errors), "sum_error_steps": max(sum_errors)}


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    result = measure(job)
    Path(job["result"]).write_text(json.dumps(result))
    shutil.rmtree(job["out"], ignore_errors=True)
