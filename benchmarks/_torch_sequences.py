"""Full and the Mesh-Transformer in PyTorch: the networks of `emotf.models`, as PyTorch users write them.

Where a choice is free it is the one that is faster for PyTorch: batches in memory beforehand, the streams of a layer
joined; no look for padding or unrated gold; the loss of both targets in one go; fused optimisers; the products of an
attention's queries, keys and values in one, and its weights never in memory (`scaled_dot_product_attention`), which is
a little faster than `nn.TransformerEncoderLayer` and `nn.TransformerDecoderLayer`, the same mathematics.
"""

import math
import os
from collections.abc import Callable

import torch
from _sequences import FRAMES, FULL, TARGETS, WORKLOADS
from _torch_cer import ccc_loss
from _turns import Jobs, rate
from torch import nn

# nn.LSTM has two biases, which are added, where one does: so many parameters more of 256 units
SECOND_BIAS = 4 * 256


class Full(nn.Module):
    """Each layer takes one more modality: linear, ReLU, batch normalisation, dropout; then an LSTM and the outputs."""

    def __init__(self, modalities: tuple[int, ...] = (2048 + 140, 36, 128), units: tuple[int, ...] = (1024, 512, 256)):
        super().__init__()
        below = (0, *units[:-1])
        self.linear = nn.ModuleList(
            nn.Linear(sum(sizes), u) for *sizes, u in zip(below, modalities, units, strict=True)
        )
        self.norm = nn.ModuleList(nn.BatchNorm1d(u, eps=1e-3) for u in units)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(units[-1], 256, batch_first=True)
        self.outputs = nn.Linear(256, len(TARGETS))

    def forward(self, modalities: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """[batch, frames, channels] of each modality -> [batch, frames, targets]."""
        shape, x = modalities[0].shape[:2], None
        for new, linear, norm in zip(modalities, self.linear, self.norm, strict=True):
            new = new.flatten(0, 1)
            x = self.dropout(norm(torch.relu(linear(new if x is None else torch.cat([x, new], dim=1)))))
        return self.outputs(self.lstm(x.unflatten(0, shape))[0])


class Attention(nn.Module):
    """Multi-head attention to the frames themselves, or to a memory."""

    def __init__(self, width: int, heads: int, memory: bool) -> None:
        super().__init__()
        self.heads, self.memory = heads, memory
        self.projections = nn.ModuleList(nn.Linear(width, n * width) for n in ((1, 2) if memory else (3,)))
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, memory: torch.Tensor | None = None) -> torch.Tensor:
        sources = (x, memory) if self.memory else (x,)
        projected = [of(source) for of, source in zip(self.projections, sources, strict=True)]
        parts = [part for several in projected for part in several.split(x.shape[-1], dim=-1)]
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Joined(nn.Module):
    """norm(x + dropout(part(x)))."""

    def __init__(self, part: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.part, self.dropout, self.norm = part, nn.Dropout(dropout), nn.LayerNorm(width, eps=1e-3)

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return self.norm(x + self.dropout(self.part(x, *others)))


class Transformer(nn.Module):
    """Embedding, positions, encoder, and a decoder whose queries are the embeddings."""

    def __init__(self, channels: int = 1404, width: int = 256, heads: int = 4, depth: int = 2, hidden: int = 1024):
        super().__init__()

        def attention(memory: bool) -> Joined:
            return Joined(Attention(width, heads, memory), width, 0.1)

        def feed_forward() -> Joined:
            return Joined(nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)), width, 0.1)

        self.embedding, self.dropout = nn.Linear(channels, width), nn.Dropout(0.1)
        self.encoder = nn.ModuleList(nn.ModuleList([attention(False), feed_forward()]) for _ in range(depth))
        self.decoder = nn.ModuleList(
            nn.ModuleList([attention(False), attention(True), feed_forward()]) for _ in range(depth)
        )
        self.outputs = nn.Linear(width, len(TARGETS))
        angle = torch.arange(FRAMES)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1))

    def forward(self, streams: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """[batch, frames, channels] -> [batch, frames, targets]."""
        embedded = memory = self.dropout(self.embedding(streams[0]) + self.positions)
        for attended, fed_forward in self.encoder:
            memory = fed_forward(attended(memory))
        x = embedded
        for attended, crossed, fed_forward in self.decoder:
            x = fed_forward(crossed(attended(x), memory))
        return self.outputs(x)


def jobs(name: str, batches: int, clock: Callable[[], float], gpu: bool) -> tuple[int, Jobs]:
    """Parameters, and one training epoch: eager on all cores or one thread, and compiled."""
    workload, device = WORKLOADS[name], "cuda" if gpu else "cpu"
    streams, gold = workload.noise(batches)
    x = [torch.from_numpy(stream).to(device) for stream in streams.values()]
    if name == FULL:
        x = [torch.cat(x[:2], dim=-1), *x[2:]]
    y = torch.stack([torch.from_numpy(trace) for trace in gold.values()], dim=-1).to(device).split(workload.batch)
    epoch_of = list(zip(zip(*(stream.split(workload.batch) for stream in x), strict=True), y, strict=True))

    def network() -> nn.Module:
        torch.manual_seed(0)
        return (Full() if name == FULL else Transformer()).to(device)

    def candidate(compiled: bool, threads: int) -> Callable[[], float]:
        trained = network()
        optimizer = (
            torch.optim.SGD(trained.parameters(), workload.learning_rate, 0.9, weight_decay=5e-4, fused=True)
            if name == FULL
            else torch.optim.Adam(trained.parameters(), workload.learning_rate, fused=True)
        )

        def loss(x: tuple[torch.Tensor, ...], y: torch.Tensor) -> torch.Tensor:
            return ccc_loss(y.flatten(0, 1), trained(x).flatten(0, 1))

        step = torch.compile(loss) if compiled else loss

        def epoch() -> None:
            torch.set_num_threads(threads)
            for x, y in epoch_of:
                optimizer.zero_grad()
                value = step(x, y)
                value.backward()
                optimizer.step()
            value.item()  # a GPU has done the work only when a number comes back

        return lambda: rate(workload.frames(batches), epoch, clock)

    cores = len(os.sched_getaffinity(0))
    kinds = {"eager": (False, cores), "eager, one thread": (False, 1), "compiled": (True, cores)}
    if gpu or cores == 1:
        del kinds["eager, one thread"]
    return sum(p.numel() for p in network().parameters()) - (SECOND_BIAS if name == FULL else 0), {
        f"PyTorch {kind}": candidate(*how) for kind, how in kinds.items()
    }
