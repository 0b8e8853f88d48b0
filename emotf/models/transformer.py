"""A Transformer over sequences, one value a target and frame (after Vaswani et al. 2017)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.base import Model, check_rates, linear_output, lost_at_times

DECODERS = ("embedding", "none")


@dataclass
class Transformer(Model):
    """Encoder and decoder over the frames of a sequence, and one linear value a target and frame.

    A frame is embedded by one linear layer a stream, and the embeddings are added, each at the same scale whatever the
    number of its channels; so several streams are fused. (A layer over the streams side by side could represent
    no more and no less.) Its position in the sequence is added. Every sub-layer, attention or feed-forward, is
    x ← norm(x + dropout(sub-layer(x))). Padding is never attended to.

    What a decoder asks for, its query, is in translation the sentence so far. In frame-wise regression every frame has
    an output of its own, so the query is the frame's own embedding: the decoder starts from what is seen in the frame
    and takes from the encoder what the other frames say about it. Neither gold nor earlier outputs are fed back, so
    all frames are predicted at once, in training as in serving. `decoder="none"` reads the outputs off the encoder.

    The thesis states neither width nor heads nor depth: the defaults give its Mesh-Transformer, 4.0 million weights,
    about the size of the Full network that it is compared with, 3.5 million. Time and memory grow with the square of
    the frames of a sequence.

    Attributes:
        width: of all layers; even, and a multiple of `heads`.
        heads: of every attention.
        depth: layers of the encoder, and as many of the decoder.
        feed_forward: units between the two layers of each feed-forward network, with ReLU.
        dropout: of embeddings and sub-layers.
        decoder: `embedding` or `none`.
        causal: whether a frame sees only itself and earlier ones.
        modality_dropout: probability that a sequence loses a stream in training; each stream by itself.

    Example:
        >>> Transformer().build({"face_mesh": 468 * 3}, ["arousal", "valence"], frames=None).count_params()
        4046594

    Reference:
        Orgil 2022, "A study on human emotion recognition in video images using deep learning", doctoral thesis: Mesh-,
        Feature-, EVM- and Multi-Transformer; Vaswani et al. 2017, "Attention is all you need".
    """

    width: int = 256
    heads: int = 4
    depth: int = 2
    feed_forward: int = 1024
    dropout: float = 0.1
    decoder: str = "embedding"
    causal: bool = False
    modality_dropout: float = 0.0

    sequences: ClassVar[bool] = True

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        embedded = self._embedded(streams)
        x = embedded
        for number in range(1, self.depth + 1):
            x = self._attended(f"encoder{number}_attention", x, x, present)
            x = self._fed_forward(f"encoder{number}", x)
        if self.decoder == "embedding":
            memory, x = x, embedded
            for number in range(1, self.depth + 1):
                x = self._attended(f"decoder{number}_attention", x, x, present)
                x = self._attended(f"decoder{number}_cross", x, memory, present)
                x = self._fed_forward(f"decoder{number}", x)
        return {target: linear_output(target, x) for target in targets}

    def _embedded(self, streams: Mapping[str, Any]) -> Any:
        """Sum of the streams' embeddings and positions, [batch, frames, width]."""
        from keras import layers

        from emotf.models._transformer import Positions

        parts = []
        for name, stream in streams.items():
            x = lost_at_times(stream, self.modality_dropout, name=f"{name}_dropout")
            # of standardised channels, however many, it makes a variance of 1: positions have ½
            parts.append(layers.Dense(self.width, kernel_initializer="lecun_normal", name=f"{name}_embedding")(x))
        x = parts[0] if len(parts) == 1 else layers.Add(name="streams")(parts)
        return layers.Dropout(self.dropout, name="embedding_dropout")(Positions(name="positions")(x))

    def _attended(self, name: str, x: Any, memory: Any, present: Any) -> Any:
        from emotf.models._transformer import Attention

        return self._joined(name, x, Attention(self.heads, self.causal, name=name)(x, memory, present))

    def _fed_forward(self, name: str, x: Any) -> Any:
        from keras import layers

        hidden = layers.Dense(self.feed_forward, activation="relu", name=f"{name}_hidden")(x)
        return self._joined(f"{name}_feed_forward", x, layers.Dense(self.width, name=f"{name}_feed_forward")(hidden))

    def _joined(self, name: str, x: Any, new: Any) -> Any:
        """norm(x + dropout(new))."""
        from keras import layers

        new = layers.Dropout(self.dropout, name=f"{name}_dropout")(new)
        return layers.LayerNormalization(name=f"{name}_norm")(layers.Add(name=f"{name}_sum")([x, new]))

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        check_rates(dropout=self.dropout, modality_dropout=self.modality_dropout)
        if self.modality_dropout and len(streams) == 1:
            raise UserError("model.modality_dropout would take all that a network of one stream sees; set it to 0.")
        if self.width % 2 or self.width % self.heads:
            raise UserError(
                f"model.width is {self.width}, expected an even multiple of model.heads, {self.heads}; change either."
            )
        if self.decoder not in DECODERS:
            raise UserError(f"model.decoder is {self.decoder!r}, expected one of {', '.join(DECODERS)}.")
