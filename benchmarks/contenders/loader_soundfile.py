"""Training batches as most people make them: a torch DataLoader that seeks in WAV files, 16 kHz already, and mixes."""

import numpy as np
import soundfile
import torch
from torch.utils.data import DataLoader, Dataset


class Mixtures(Dataset):
    """Reads and mixes one item at a time."""

    def __init__(self, task, items):
        self.task, self.items = task, items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        speech = self.read("speech", item, item["speech_frames"])
        noise = self.read("noise", item, item["frames"])
        speech = np.pad(speech, (0, item["frames"] - len(speech)))
        noise *= np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * np.float32(10 ** (-item["snr_db"] / 20))
        return speech + noise, speech, noise

    def read(self, kind, item, frames):
        path = f"{self.task['inputs']}/at16k/{kind}/{item[kind]}.wav"
        return soundfile.read(path, start=item[f"{kind}_start"], frames=frames, dtype="float32")[0]


def run(task, items, out):
    torch.set_num_threads(1)
    loader = DataLoader(Mixtures(task, items), batch_size=task["batch"], shuffle=True, num_workers=task["workers"])
    assert sum(len(mixture) for mixture, _, _ in loader) == len(items)
