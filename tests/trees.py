"""Tiny public sets in their true layouts, made anew for each test.

Each builder fills an empty folder and returns it: the root to give to `sepbench.catalog.index`. The audio is noise,
a function of the file's own path and of nothing else, so it is the same on every machine and in every version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

SECONDS = 0.1


def audio(
    root: Path,
    name: str,
    *,
    seconds: float = SECONDS,
    sample_rate: int = 16000,
    channels: int = 1,
    silent: bool = False,
) -> Path:
    """Write 16-bit noise of about -16 dBFS; no two names have the same samples."""
    import soundfile

    frames = round(seconds * sample_rate)
    noise = np.frombuffer(hashlib.shake_128(name.encode()).digest(2 * frames * channels), "<i2") >> 2
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise.reshape(frames, channels) * (not silent), sample_rate, subtype="PCM_16")
    return path


def text(root: Path, name: str, *lines: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


SPEAKERS = (
    "; Some pipe(|) separated metadata about all LibriVox readers",
    ";ID  |SEX| SUBSET           |MINUTES| NAME",
    "14   | F | train-clean-360  | 25.03 | Kristin LeMoine",
    "60   | M | train-clean-100  | 20.18 | |CBW|Simon",
    "83   | F | train-clean-100  | 25.14 | Catharine Eastman",
    "1998 | F | test-other       | 8.12  | Sarah LuAnn",
)


def librispeech(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "LibriSpeech"
    text(top, "SPEAKERS.TXT", *SPEAKERS)
    for utterance in ("60-121082-0000", "83-11691-0000", "83-11691-0001"):
        speaker, chapter, _ = utterance.split("-")
        audio(top, f"train-clean-100/{speaker}/{chapter}/{utterance}.flac", seconds=seconds)
    audio(top, "test-other/1998/15444/1998-15444-0000.flac", seconds=seconds)
    text(
        top,
        "train-clean-100/83/11691/83-11691.trans.txt",
        "83-11691-0000 SHE SHELLS SEAS",
        "83-11691-0001 BY THE SEA SHORE",
    )
    return root


def libritts(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "LibriTTS"
    text(top, "SPEAKERS.txt", *SPEAKERS)
    chapter = "train-clean-100/83/11691"
    for number in range(2):
        audio(top, f"{chapter}/83_11691_00000{number}_000000.wav", seconds=seconds, sample_rate=24000)
    text(
        top,
        f"{chapter}/83_11691.trans.tsv",
        "83_11691_000000_000000\tShe's at the shore; 1 shell.\tShe's at the shore; one shell.",
    )
    text(top, f"{chapter}/83_11691_000001_000000.normalized.txt", "By the sea.")
    text(top, f"{chapter}/._83_11691_000001_000000.wav", "a resource fork")
    audio(top, "dev-clean/1092/134562/1092_134562_000013_000003.wav", seconds=seconds, sample_rate=24000)
    text(top, "dev-clean/1092/134562/1092_134562_000013_000004.wav", "corrupt, and known to be")
    return root


SPEAKER_INFO = (
    "ID  AGE  GENDER  ACCENTS  REGION COMMENTS ",
    "p225  23  F    English    Southern  England",
    "p280  25  F    Unknown    France  (mic2 files unavailable)",
    "p315  18  M    American    New  England  (Text and mic2 files unavailable)",
    "p326  26  M    Australian  English  Sydney",
    "p376  22  M    Indian  ",
)


def vctk(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VCTK-Corpus-0.92"
    text(top, "speaker-info.txt", *SPEAKER_INFO)
    text(top, "wav48_silence_trimmed/log.txt", "how the silence was trimmed")
    for utterance in ("p225_001", "p225_002", "p280_001", "p315_001", "p326_001"):
        speaker = utterance[:4]
        audio(top, f"wav48_silence_trimmed/{speaker}/{utterance}_mic1.flac", seconds=seconds, sample_rate=48000)
        if speaker not in ("p280", "p315"):
            audio(top, f"wav48_silence_trimmed/{speaker}/{utterance}_mic2.flac", seconds=seconds, sample_rate=48000)
        if speaker != "p315":
            text(top, f"txt/{speaker}/{utterance}.txt", "Please call Stella.")
    return root


def vctk_080(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VCTK-Corpus"
    text(top, "speaker-info.txt", "ID  AGE  GENDER  ACCENTS  REGION  ", "225  23  F    English    Southern  England")
    audio(top, "wav48/p225/p225_001.wav", seconds=seconds, sample_rate=48000)
    text(top, "txt/p225/p225_001.txt", "Please call Stella.")
    return root


URBAN_ROWS = (
    "slice_file_name,fsID,start,end,salience,fold,classID,class",
    "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark",
    "100263-2-0-117.wav,100263,58.5,62.5,1,5,2,children_playing",
    "100263-2-0-121.wav,100263,60.5,64.5,1,5,2,children_playing",
    "102305-6-0-0.wav,102305,0.0,2.61161,2,1,6,gun_shot",
)


def urbansound8k(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "UrbanSound8K"
    text(top, "metadata/UrbanSound8K.csv", *URBAN_ROWS)
    for row in URBAN_ROWS[1:]:
        name, *_, fold, _, _ = row.split(",")
        audio(top, f"audio/fold{fold}/{name}", seconds=seconds, sample_rate=44100, channels=2)
    return root


ESC_ROWS = (
    "filename,fold,target,category,esc10,src_file,take",
    "1-100032-A-0.wav,1,0,dog,True,100032,A",
    "3-103051-C-19.wav,3,19,thunderstorm,False,103051,C",
    "5-156999-C-19.wav,5,19,thunderstorm,False,156999,C",
)


def esc50(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "ESC-50-master"
    text(top, "meta/esc50.csv", *ESC_ROWS)
    for row in ESC_ROWS[1:]:
        audio(top, f"audio/{row.split(',')[0]}", seconds=seconds, sample_rate=44100)
    return root


SONGS = ("train/Music Delta - 80s Rock", "train/Meaxic - Take A Step", "test/PR - Oh No")


def musdb18hq(root: Path, seconds: float = SECONDS) -> Path:
    for song in SONGS:
        for stem in ("mixture", "drums", "bass", "other", "vocals"):
            audio(root / "musdb18hq", f"{song}/{stem}.wav", seconds=seconds, sample_rate=44100, channels=2)
    return root


def folder(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("street/rain.wav", "street/rail.flac", "kitchen/kettle.aiff", "tone.WAV"):
        audio(root, name, seconds=seconds)
    text(root, "readme.txt", "not audio")
    text(root, ".cache/hidden.wav", "not audio either")
    text(root, "street/._rain.wav", "a resource fork")
    return root


def libritts_r(root: Path, seconds: float = SECONDS) -> Path:
    (libritts(root, seconds) / "LibriTTS").rename(root / "LibriTTS_R")
    (root / "LibriTTS_R/dev-clean/1092/134562/1092_134562_000013_000004.wav").unlink()
    return root


def voicebank_demand(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VoiceBank-DEMAND"
    for subset, names in {"trainset_28spk": ("p226_001", "p287_003"), "testset": ("p232_001", "p257_002")}.items():
        for name in names:
            for kind in ("clean", "noisy"):
                audio(top, f"{kind}_{subset}_wav/{name}.wav", seconds=seconds, sample_rate=48000)
            text(top, f"{subset}_txt/{name}.txt", "Please call Stella. ")
    text(top, "log_testset.txt", "p232_001 bus 17.5", "p257_002 cafe 2.5")
    return root


def ljspeech(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "LJSpeech-1.1"
    rows = ("LJ001-0001|Printing, in 1|Printing, in one", 'LJ001-0002|"in being|"in being', "LJ002-0001|For|For")
    text(top, "metadata.csv", *rows)
    for row in rows:
        audio(top, f"wavs/{row.split('|')[0]}.wav", seconds=seconds, sample_rate=22050)
    return root


def cmu_arctic(root: Path, seconds: float = SECONDS) -> Path:
    for speaker in ("bdl", "slt"):
        top = root / "ARCTIC" / f"cmu_us_{speaker}_arctic"
        text(
            top,
            "etc/txt.done.data",
            '( arctic_a0001 "Author of the danger trail." )',
            '( arctic_a0002 "Not at this." )',
        )
        for number in (1, 2):
            audio(top, f"wav/arctic_a000{number}.wav", seconds=seconds)
            audio(top, f"orig/arctic_a000{number}.wav", seconds=seconds, channels=2)
    return root


def vocalset(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VocalSet1-2"
    text(top, "train_singers_technique.txt", "female1", "male3")
    text(top, "test_singers_technique.txt", "male11")
    for name in (
        "female1/arpeggios/belt/f1_arpeggios_belt_c_a", "male3/long_tones/trill/m3_long_trill_e",
        "male11/excerpts/vibrato/m11_caro_vibrato",
    ):  # fmt: skip
        audio(top, f"data_by_singer/{name}.wav", seconds=seconds, sample_rate=44100)
    audio(top, "data_by_technique/belt/f1_arpeggios_belt_c_a.wav", seconds=seconds, sample_rate=44100)
    return root


def vocadito(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "vocadito"
    text(top, "vocadito_metadata.csv", "track_id,singer_id,average_pitch,language", "1,S1,50,Tagalog", "2,S2,65,Spanish",
         "3,S1,52,Tagalog", "4,S3,47,Catalan/Valencian")  # fmt: skip
    for number in (1, 2, 3):
        audio(top, f"Audio/vocadito_{number}.wav", seconds=seconds, sample_rate=44100)
    text(top, "Annotations/Lyrics/vocadito_1_lyrics.txt", "bahay kubo")
    return root


def dagstuhl_choirset(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("LI_QuartetB_Take04_S1_LRX", "LI_QuartetB_Take04_Stereo_STM", "SE_FullChoir_ScaleUpDown06_A2_DYN"):
        audio(root, f"DagstuhlChoirSet_V1.2.3/audio_wav_22050_mono/DCS_{name}.wav", seconds=seconds, sample_rate=22050)
    return root


def mir_1k(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("abjones_1_01", "abjones_1_02", "amy_3_05"):
        audio(root, f"MIR-1K/Wavfile/{name}.wav", seconds=seconds, channels=2)
    return root


def musdb18(root: Path, seconds: float = SECONDS) -> Path:
    for song in SONGS:
        text(root, f"musdb18/{song}.stem.mp4", "five streams of AAC")
    return root


MEDLEY_METADATA = """
artist: Music Delta
title: 80s Rock
genre: Rock
has_bleed: 'no'
stem_dir: MusicDelta_80sRock_STEMS
stems:
  S01: {component: '', filename: MusicDelta_80sRock_STEM_01.wav, instrument: drum set, raw: {}}
  S02: {component: melody, filename: MusicDelta_80sRock_STEM_02.wav, instrument: male singer, raw: {}}
"""


def medleydb(root: Path, seconds: float = SECONDS) -> Path:
    song = "MusicDelta_80sRock"
    top = root / "MedleyDB" / "Audio" / song
    text(top, f"{song}_METADATA.yaml", *MEDLEY_METADATA.splitlines())
    for name in ("MIX", "STEMS/STEM_01", "STEMS/STEM_02", "RAW/RAW_01_01"):
        path = "/".join(f"{song}_{piece}" for piece in name.split("/"))
        audio(top, f"{path}.wav", seconds=seconds, sample_rate=44100, channels=2)
    return root


def moisesdb(root: Path, seconds: float = SECONDS) -> Path:
    for song, tracks in {"0a1b": {"vocals": "v1", "bass": "b1"}, "2c3d": {"drums": "d1"}}.items():
        top = root / "moisesdb" / "moisesdb_v0.1" / song
        stems = [
            {
                "stemName": stem,
                "tracks": [{"id": track, "trackType": f"lead {stem}", "extension": "wav", "has_bleed": False}],
            }
            for stem, track in tracks.items()
        ]
        text(
            top,
            "data.json",
            json.dumps({"song": "A Title", "artist": f"Artist {song}", "genre": "rock", "stems": stems}),
        )
        for stem, track in tracks.items():
            audio(top, f"{stem}/{track}.wav", seconds=seconds, sample_rate=44100, channels=2)
    return root


SLAKH_METADATA = """
UUID: 3a4b
audio_dir: stems
stems:
  S00: {audio_rendered: true, inst_class: Piano, is_drum: false, midi_program_name: Bright Acoustic Piano}
  S01: {audio_rendered: false, inst_class: Bass, is_drum: false, midi_program_name: Electric Bass (pick)}
  S02: {audio_rendered: true, inst_class: Drums, is_drum: true, midi_program_name: Drums}
"""


def slakh2100(root: Path, seconds: float = SECONDS) -> Path:
    for track in ("train/Track00001", "validation/Track01501", "test/Track01876", "omitted/Track00049"):
        top = root / "slakh2100_flac_redux" / track
        text(top, "metadata.yaml", *SLAKH_METADATA.replace("3a4b", track).splitlines())
        for name in ("mix", "stems/S00", "stems/S02"):
            audio(top, f"{name}.flac", seconds=seconds, sample_rate=44100)
    return root


def demand(root: Path, seconds: float = SECONDS) -> Path:
    for environment in ("DKITCHEN", "SCAFE", "NPARK"):
        for channel in range(1, 17):
            audio(root / "DEMAND", f"{environment}/ch{channel:02}.wav", seconds=seconds, sample_rate=48000)
    return root


WHAM_HEADER = "utterance_id,Noise Band,File ID,L to R Width (cm),Reverberation Level,Location ID,Location Day ID"


def wham_noise(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "wham_noise"
    for split in ("tr", "cv", "tt"):
        name = f"01to030v_0.76421_20ga010{split}_-0.76421.wav"
        text(top, f"metadata/noise_meta_{split}.csv", WHAM_HEADER, f"{name},2,{split}17,17 cm,m,4,4_1")
        audio(top, f"{split}/{name}", seconds=seconds, channels=2)
    return root


def musan(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "musan"
    text(top, "music/fma/ANNOTATIONS", "music-fma-0000 pop,rock Y The Band", "")
    for name in (
        "music/fma/music-fma-0000",
        "noise/free-sound/noise-free-sound-0000",
        "speech/librivox/speech-librivox-0000",
    ):
        audio(top, f"{name}.wav", seconds=seconds)
    return root


def dns_noise(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("-1x2Y3z4A5b_30000", "door_Freesound_validated_485353_0", "door_Freesound_validated_485353_1"):
        audio(root, f"datasets_fullband/noise_fullband/{name}.wav", seconds=seconds, sample_rate=48000)
    return root


FSD_LICENCES = {
    "64760": "http://creativecommons.org/licenses/by-nc/3.0/", "121351": "http://creativecommons.org/licenses/by/3.0/",
    "37199": "http://creativecommons.org/publicdomain/zero/1.0/",
}  # fmt: skip


def fsd50k(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "FSD50K"
    text(top, "FSD50K.ground_truth/dev.csv", "fname,labels,mids,split",
         '64760,"Electric_guitar,Guitar,Music","/m/02sgy,/m/0342h,/m/04rlf",train', "121351,Bark,/m/05tny_,val")  # fmt: skip
    text(top, "FSD50K.ground_truth/eval.csv", "fname,labels,mids", "37199,Bark,/m/05tny_")
    for part, clips in {"dev": ("64760", "121351"), "eval": ("37199",)}.items():
        infos = {clip: {"title": "a clip", "license": FSD_LICENCES[clip], "uploader": f"user {clip}"} for clip in clips}
        text(top, f"FSD50K.metadata/{part}_clips_info_FSD50K.json", json.dumps(infos))
        for clip in clips:
            audio(top, f"FSD50K.{part}_audio/{clip}.wav", seconds=seconds, sample_rate=44100)
    return root


def rooms(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("kitchen/near.wav", "kitchen/far.wav", "hall.wav"):
        audio(root, name, seconds=seconds, sample_rate=48000)
    return root


def rirs_noises(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "RIRS_NOISES"
    real = "real_rirs_isotropic_noises"
    text(top, f"{real}/rir_list",
         f"--rir-id 00001 --room-id largeroom1 RIRS_NOISES/{real}/RVB2014_type1_rir_largeroom1_far_angla.wav")  # fmt: skip
    text(top, f"{real}/noise_list", "--noise-id isotropic-1 --noise-type isotropic --room-linkage largeroom1 "
         f"RIRS_NOISES/{real}/RVB2014_type1_noise_largeroom1_1.wav")  # fmt: skip
    audio(top, f"{real}/RVB2014_type1_rir_largeroom1_far_angla.wav", seconds=seconds, channels=8)
    audio(top, f"{real}/RVB2014_type1_noise_largeroom1_1.wav", seconds=seconds, channels=8)
    audio(top, "simulated_rirs/smallroom/Room001/Room001-00001.wav", seconds=seconds)
    audio(top, "pointsource_noises/noise-free-sound-0000.wav", seconds=seconds)
    return root


TREES: dict[str, Callable[[Path], Path]] = {
    "cmu-arctic": cmu_arctic,
    "dagstuhl-choirset": dagstuhl_choirset,
    "demand": demand,
    "dns-noise": dns_noise,
    "esc50": esc50,
    "folder": folder,
    "fsd50k": fsd50k,
    "librispeech": librispeech,
    "libritts": libritts,
    "libritts-r": libritts_r,
    "ljspeech": ljspeech,
    "medleydb": medleydb,
    "mir-1k": mir_1k,
    "moisesdb": moisesdb,
    "musan": musan,
    "musdb18": musdb18,
    "musdb18hq": musdb18hq,
    "rirs-noises": rirs_noises,
    "rooms": rooms,
    "slakh2100": slakh2100,
    "urbansound8k": urbansound8k,
    "vctk": vctk,
    "vocadito": vocadito,
    "vocalset": vocalset,
    "voicebank-demand": voicebank_demand,
    "wham-noise": wham_noise,
}
