"""Scaper: one soundscape per mixture, with isolated events and annotation (JAMS).

Its SNR is a difference of loudness (LUFS), not of energy. It hashes nothing; ``disable_sox_warnings`` and a fixed
event without pitch or stretch are its cheapest settings for this job.
"""

import numpy as np

np.Inf = np.inf  # noqa: NPY201  scaper 1.6.5 still says np.Inf, which NumPy 2 has not

import scaper  # noqa: E402

RATE = 16000


def run(task, items, out):
    out.mkdir(parents=True)
    for item in items:
        seconds = item["frames"] / RATE
        scape = scaper.Scaper(seconds, f"{task['recordings']}/speech", f"{task['recordings']}/noise", random_state=0)
        scape.sr, scape.ref_db, scape.n_channels = RATE, -35, 1
        speech, noise = (path(task, kind, item) for kind in ("speech", "noise"))
        scape.add_background(const(noise[0]), const(noise[1]), const(item["noise_start"] / RATE))
        scape.add_event(
            const(speech[0]), const(speech[1]), const(item["speech_start"] / RATE), const(0),
            const(min(seconds, item["speech_frames"] / RATE)), const(item["snr_db"]), None, None,
        )  # fmt: skip
        scape.generate(
            str(out / f"{item['id']}.wav"), str(out / f"{item['id']}.jams"), save_isolated_events=True,
            isolated_events_path=str(out / item["id"]), disable_sox_warnings=True, disable_instantiation_warnings=True,
        )  # fmt: skip


def path(task, kind, item):
    """Give label and file: a label is a folder's name."""
    return item[kind].split("/")[0], f"{task['recordings']}/{kind}/{item[kind]}.{task['source']}"


def const(value):
    return ("const", value)


def outputs(out, item, task):
    label = item["speech"].split("/")[0]
    isolated = out / item["id"]
    return [out / f"{item['id']}.wav", isolated / f"foreground0_{label}.wav", isolated / f"background0_{label}.wav"]
