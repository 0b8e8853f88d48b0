"""CER-MTL in PyTorch: the network and loss of `emotf.models.cer` and `emotf.losses.ccc`, as PyTorch users write them.

Where a choice is free it is the one that is faster for PyTorch: all batches gathered in memory beforehand, channels
first, streams joined; no masking of unrated gold; the loss of all targets in one go; the fused Adam.
"""

import os
from collections.abc import Callable

import _workload
import numpy as np
import torch
from _turns import Jobs, rate
from torch import nn


class Cer(nn.Module):
    """Standardisation, convolution, ReLU, max-pooling, and a GRU with two dense layers a target.

    Args:
        mean, spread: of the channels.
        targets: how many.
    """

    def __init__(self, mean: np.ndarray, spread: np.ndarray, targets: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[:, None])
        self.register_buffer("scale", 1 / torch.tensor(spread, dtype=torch.float32)[:, None])
        self.convolution = nn.Conv1d(len(mean), 25, 3)
        self.pool = nn.MaxPool1d(2)
        self.grus = nn.ModuleList(nn.GRU(25, 5, batch_first=True) for _ in range(targets))
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(5, 2), nn.Tanh(), nn.Linear(2, 1)) for _ in range(targets))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, channels, N] -> [batch, targets]."""
        x = self.pool(torch.relu(self.convolution((x - self.mean) * self.scale))).transpose(1, 2)
        return torch.cat([head(gru(x)[1][0]) for gru, head in zip(self.grus, self.heads, strict=True)], dim=1)


def ccc_loss(y: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Mean over the targets of 1 - CCC, moments over the batch; y, p: [batch, targets]."""
    y_mean, p_mean = y.mean(0), p.mean(0)
    dy, dp = y - y_mean, p - p_mean
    cov, y_var, p_var = (dy * dp).mean(0), (dy * dy).mean(0), (dp * dp).mean(0)
    return (1 - 2 * cov / (y_var + p_var + (y_mean - p_mean) ** 2)).mean()


def jobs(recordings: int, seconds: float, frames: int, batch: int) -> tuple[int, Jobs]:
    """Parameters, and one training epoch: eager or compiled, on all cores or one thread."""
    tracks = _workload.noise(recordings, seconds)
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in _workload.gathered(tracks, frames, batch)]
    examples = sum(len(y) for _, y in batches)
    channels, targets = sum(_workload.STREAMS.values()), len(_workload.TARGETS)

    def network() -> Cer:
        torch.manual_seed(0)
        return Cer(np.zeros(channels), np.ones(channels), targets)  # mean and spread of the noise

    def candidate(compiled: bool, threads: int) -> Callable[[], float]:
        trained = network()
        optimizer = torch.optim.Adam(trained.parameters(), lr=5e-5, fused=True)

        def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return ccc_loss(y, trained(x))

        step = torch.compile(loss) if compiled else loss

        def epoch() -> None:
            torch.set_num_threads(threads)
            for x, y in batches:
                optimizer.zero_grad()
                step(x, y).backward()
                optimizer.step()

        return lambda: rate(examples, epoch)

    return sum(p.numel() for p in network().parameters()), {
        f"PyTorch {kind}, threads: {threads}": candidate(kind == "compiled", threads)
        for threads in dict.fromkeys((os.cpu_count() or 1, 1))
        for kind in ("eager", "compiled")
    }
