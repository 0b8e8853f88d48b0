"""What the benchmarks of sequence models work on: noise in the sizes of Orgil et al. (2021) and Orgil (2022)."""

from dataclasses import dataclass

import numpy as np

TARGETS = ("arousal", "valence")
FRAMES = 128


@dataclass(frozen=True)
class Workload:
    """Streams with their channels, the sequences of a batch, and the learning rate."""

    streams: dict[str, int]
    batch: int
    learning_rate: float

    def frames(self, batches: int) -> int:
        """Of an epoch."""
        return batches * self.batch * FRAMES

    def noise(self, batches: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """An epoch: streams [batches * batch, FRAMES, channels] and gold [batches * batch, FRAMES]."""
        rng = np.random.default_rng(0)

        def normal(*channels: int) -> np.ndarray:
            return rng.normal(size=(batches * self.batch, FRAMES, *channels)).astype(np.float32)

        return {name: normal(count) for name, count in self.streams.items()}, {name: normal() for name in TARGETS}


FULL = "Full"
MESH = "Mesh-Transformer"
WORKLOADS = {
    FULL: Workload({"resnet50": 2048, "landmarks140": 140, "pose36": 36, "mel128": 128}, 16, 0.01),
    MESH: Workload({"face_mesh": 1404}, 8, 1e-5),
}
