"""Catalogs without audio and recipes of every kind, for what is frozen about planning.

A recording's numbers come from a hash of its name, so the catalogs are the same everywhere and need no files.
"""

import hashlib

import pyarrow as pa

from sepbench import catalog
from sepbench import recipe as recipes

SPEECH = {"name": "speech", "role": "target", "set": "librispeech"}
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop"}
VOCALS = {"name": "vocals", "role": "target", "set": "musdb18hq", "where": {"stem": "vocals"}}
REST = {
    "name": "accompaniment", "role": "target", "set": "musdb18hq", "where": {"stem": {"not": "vocals"}},
    "coherent_with": "vocals", "pick": "all",
}  # fmt: skip
ANY = {"distinct": "none"}
SHARES = {"train": 6, "valid": 2, "test": 2}
# JSON escapes each of these in a way of its own
ODD = ("plain", 'quo"ted', "back\\slash", "Ünïcôdé", "日本語", "tab\tnew\nline", "😀", "del\x7f", "", "nul\x00")


def numbers(name):
    """Give a stream of numbers that depend on a name."""
    digest = hashlib.shake_128(name.encode()).digest(256)
    return iter([int.from_bytes(digest[at : at + 4], "little") for at in range(0, 256, 4)])


def recording(set_, item, split, group, labels, *, rates, channels=(1,), seconds=(1, 9), licences=("CC0-1.0",)):
    """Make the row of a recording; one in forty can't be used."""
    draw = numbers(f"{set_}/{item}")
    rate = rates[next(draw) % len(rates)]
    low, high = (round(rate * end) for end in seconds)
    frames = low + next(draw) % (high - low)
    row = dict.fromkeys(catalog.SCHEMA.names) | {
        "set": set_, "set_version": "1", "item": item, "path": f"{split}/{item}.flac", "split": split, "group": group,
        "labels": [{"name": name, "value": labels[name]} for name in sorted(labels)],
        "licence": licences[next(draw) % len(licences)],
    }  # fmt: skip
    if next(draw) % 40 == 0:
        return row | {"status": "unreadable", "reason": "damaged"}
    profile = [-60 + next(draw) % 50 for _ in range(min(10, -(-frames // rate)))]
    profile += [-55] * (-(-frames // rate) - len(profile))
    return row | {
        "status": "ok", "sample_rate": rate, "channels": channels[next(draw) % len(channels)], "frames": frames,
        "bits": 16, "peak_dbfs": -float(next(draw) % 20), "loudness_lufs": -20.5 - next(draw) % 10,
        "level_profile_dbfs": profile, "pcm_sha256": f"sha256:{hashlib.sha256(item.encode()).hexdigest()}",
        "file_bytes": 1,
    }  # fmt: skip


def speech(set_, count, *, rates):
    splits = ("train-clean-100", "train-clean-100", "train-clean-360", "dev-clean", "test-clean")
    for number in range(count):
        speaker = number % 45
        labels = {"speaker": f"{speaker}", "sex": "FM"[speaker % 2], "odd": ODD[number % len(ODD)]}
        item = f"{splits[speaker % 5]}/{speaker}-{number:05d}"
        licences = ("CC-BY-4.0", 'own "words"', "CC0-1.0 OR MIT")
        yield recording(set_, item, splits[speaker % 5], f"{speaker}", labels, rates=rates, licences=licences)


def noises(set_, count, *, folds):
    classes = ("siren", "children_playing", "drilling", "street_music", "Straßenlärm")
    for number in range(count):
        place = number // 2  # two slices of each original recording
        fold = f"fold{1 + place % folds}"
        labels = {
            "class": classes[place // folds % 5],
            "salience": str(1 + number % 2),
            "outdoors": str(number % 3 == 0),
        }
        yield recording(
            set_, f"{fold}/{ODD[place % 6]}-{number:04d}", fold, f"fs{place}", labels,
            rates=(8000, 16000, 22050, 44100, 48000), channels=(1, 1, 2), seconds=(0.05, 4),
            licences=("CC-BY-NC-3.0", "CC-BY-4.0"),
        )  # fmt: skip


def songs(set_, count, stems=("bass", "drums", "other", "vocals")):
    for number in range(count):
        split = ("train", "train", "valid", "test")[number % 4]
        for stem in stems:
            # stems of one song are equally long: their numbers come from the song
            row = recording(set_, f"{split}/song {number}", split, f"song {number}", {"stem": stem}, rates=(44100,),
                            channels=(2,), seconds=(5, 30))  # fmt: skip
            name = f"{row['item']}/{stem}"
            yield row | {"item": name, "path": f"{name}.wav"}


def tables():
    """Make the catalogs of all sets that the recipes below, and those on the shelf, take from."""
    rows = {
        "librispeech": speech("librispeech", 300, rates=(16000,)),
        "libritts": speech("libritts", 500, rates=(24000,)),
        "esc50": noises("esc50", 60, folds=5),
        "urbansound8k": noises("urbansound8k", 400, folds=10),
        "folder-noise": noises("folder", 150, folds=3),
        "musdb18hq": songs("musdb18hq", 40),
        "folder": songs("folder", 24, ("backing", "guitar", "vocals")),
    }
    return {name: pa.Table.from_pylist(list(content), schema=catalog.SCHEMA) for name, content in rows.items()}


def recipe(**changes):
    content = {
        "name": "planned", "version": 1, "sample_rate": 16000, "length": 2.0,
        "splits": {"train": 60, "valid": 20, "test": 20}, "levels": {"snr_db": {"uniform": [-5, 10]}},
        "sources": [SPEECH | {"shares": SHARES}, NOISE | {"shares": SHARES}],
    }  # fmt: skip
    return recipes.parse(content | changes)


def _one(source, **changes):
    return recipe(**{"sources": [source], "splits": {"test": 50}, "levels": {}} | changes)


# name: (recipe, seed, epoch)
KINDS = {
    "shares": (recipe(), None, 0),
    "another seed": (recipe(), 2**40 + 1, 0),
    "the recipe's own seed": (recipe(seed=77), None, 0),
    "epoch 1": (recipe(), None, 1),
    "epoch 12": (recipe(splits={"valid": 200}), 5, 12),
    "one source, again and again": (_one(SPEECH, splits={"train": 3000}), None, 0),
    "loop": (_one(SPEECH | {"set": "esc50", "when_short": "loop"}, length=3.3), None, 0),
    "pad": (_one(SPEECH | {"when_short": "pad"}, length=6.7, bits=24), None, 0),
    "exclude": (_one(SPEECH, length=5.0), None, 0),
    "as long as the target": (recipe(length="target"), None, 0),
    "as long as the target that comes second": (
        recipe(length="target", sources=[NOISE | {"shares": SHARES}, SPEECH | {"shares": SHARES}]), None, 0,
    ),
    "as long as the shortest": (recipe(length="min"), None, 0),
    "as long as the longest, looped": (recipe(length="max"), None, 0),
    "as long as the longest, padded": (
        recipe(length="max", sources=[SPEECH | {"shares": SHARES}, NOISE | {"shares": SHARES, "when_short": "pad"}]),
        None, 0,
    ),
    "at least a level": (_one(SPEECH | {"min_level_dbfs": -18}, length=1.0), None, 0),
    "a level that is hardly reached": (
        _one(SPEECH | {"min_level_dbfs": -12, "when_short": "pad"}, length=3.0, splits={"test": 300}), None, 0,
    ),
    "a level in short, looped recordings": (
        recipe(sources=[SPEECH | {"shares": SHARES}, NOISE | {"shares": SHARES, "min_level_dbfs": -30}]), None, 0,
    ),
    "coherent, all": (
        recipe(sources=[VOCALS, REST], splits={"test": 40}, levels={}, sample_rate=44100, channels=2), None, 0,
    ),
    "coherent, one, with levels of their own": (
        recipe(
            sources=[VOCALS, REST | {"pick": "one", "snr_db": {"choice": [-2.5, 0, 3]}, "role": "interferer"}],
            splits={"test": 40}, levels={}, sample_rate=22050, length=4.5,
        ), None, 0,
    ),
    "coherent, at a level": (
        recipe(sources=[VOCALS | {"min_level_dbfs": -35}, REST], splits={"test": 40}, levels={}, channels=2), None, 0,
    ),
    "coherent with a coherent one": (
        recipe(
            sources=[
                VOCALS, REST | {"name": "drums", "where": {"stem": "drums"}, "pick": "one"},
                REST | {"name": "rest", "where": {"stem": ["bass", "other"]}, "coherent_with": "drums"},
            ],
            splits={"train": 30}, levels={}, length=3.0,
        ), None, 0,
    ),
    "four speakers of one name and two noises": (
        recipe(
            sources=[
                *[SPEECH | ANY, *[SPEECH | ANY | {"role": "interferer"}] * 3],
                NOISE | {"snr_db": {"uniform": [0, 20]}}, NOISE | {"name": "hum", "set": "folder-noise", "snr_db": 12},
            ],
            splits={"train": 700}, levels={},
        ), None, 0,
    ),
    "three noises, dealt in many rounds": (
        recipe(
            sources=[SPEECH, *[NOISE | ANY | {"name": f"noise{n}", "snr_db": {"choice": [0, 6]}} for n in range(3)]],
            splits={"test": 500}, levels={},
        ), 3, 0,
    ),
    "levels of each source": (
        recipe(
            sources=[
                SPEECH | {"level_dbfs": {"uniform": [-33.333, -20.0005]}},
                NOISE | {"level_dbfs": -40.0, "downmix": "first"},
            ],
            levels={"clipping": "fail", "peak_dbfs": -3.0005}, splits={"test": 50},
        ), None, 0,
    ),
    "conditions": (
        recipe(
            sources=[
                SPEECH | {"where": {"sex": "F", "duration_s": {"min": 2.5, "max": 8}, "odd": {"not": "plain"}}},
                NOISE | {"set": "urbansound8k", "where": {
                    "class": ["siren", "Straßenlärm"], "salience": 1, "outdoors": True, "sample_rate": [16000, 44100],
                }},
            ],
            splits={"test": 80},
        ), None, 0,
    ),
    "splits of the sets": (
        recipe(
            sources=[
                SPEECH | {"splits": {"train": ["train-clean-100", "train-clean-360"], "test": ["test-clean"]}},
                NOISE | {"splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}},
            ],
            splits={"train": 90, "test": 30},
        ), None, 0,
    ),
    "one noise for two roles, in stereo": (
        recipe(sources=[SPEECH, NOISE, NOISE | ANY | {"name": "more", "when_short": "pad"}], channels=2, splits={"test": 90}),
        None, 0,
    ),
    "one to three talkers that overlap, and noise before and after": (
        recipe(
            sources=[
                SPEECH | {"name": "speaker{n}", "count": {"uniform": [1, 3]}, "overlap": {"uniform": [0, 1]}, "when_short": "pad"},
                NOISE | {"count": {"choice": [1, 2]}},
            ],
            splits={"train": 90}, length="targets", levels={"active_snr_db": {"normal": [5, 4]}},
            padding={"before_s": {"uniform": [0, 2]}, "after_s": 0.5},
        ), None, 0,
    ),
    "talkers of two lists, anywhere": (
        recipe(
            sources=[
                SPEECH | {"groups": {"train": [str(n) for n in range(20)], "test": [str(n) for n in range(20, 45)]}},
                SPEECH | {"name": "babble", "role": "interferer", "duration_s": {"uniform": [0.5, 1.5]}, "offset_s": "anywhere",
                          "groups": {"train": [str(n) for n in range(20)], "test": [str(n) for n in range(20, 45)]}},
            ],
            splits={"train": 50, "test": 50},
        ), None, 0,
    ),
    "more rows than a batch": (recipe(splits={"train": 4097, "valid": 1, "test": 4096}), None, 0),
}  # fmt: skip
