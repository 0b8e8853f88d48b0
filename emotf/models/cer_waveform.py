"""CER with ears of its own: two convolutions make channels of the samples of each frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.cer import Cer

SECOND_KERNEL = 3  # pooled steps that a filter of the second convolution spans


@dataclass
class CerWaveform(Cer):
    """CER whose streams of samples pass a small learned front end, frame by frame, before the shared convolution.

    An extension, in no table of the paper, which feeds no sound as it was recorded. Raw sound then lies beside raw
    motion where the paper has MFCCs beside raw motion. Per frame of S samples:

        Conv1D (filters) → ReLU → max-pool → log(x + 0.01) → Conv1D (channels) → ReLU → mean over the frame

    The frames of all feature images share its weights; it sees one frame at a time, so that its output stands where the
    frame stood. Where no stream of `waveforms` is among the inputs, the network is plain `Cer`: both sides of a
    comparison can be one recipe.

    Like every stream the samples are standardised channel by channel, that is place by place within the frame. Places
    differ by chance only (1 to 3 % in spread where train has 16,000 frames), so this is nearly one gain for all.

    Attributes:
        waveforms: streams whose channels are the samples of a frame (`emotf.features.waveform`).
        front_end_filters: of the first convolution.
        front_end_kernel: samples that its filters span: 80 at 16 kHz are 5 ms.
        front_end_stride: samples between its steps.
        front_end_pool: steps that a max-pooling takes together.
        front_end_channels: filters of the second convolution, over 3 pooled steps: channels of a frame.

    Example:
        >>> cer, targets = CerWaveform(), ["arousal", "valence", "dominance"]
        >>> cer.build({"waveform": 640, "body": 24}, targets, frames=20).count_params()
        7582
        >>> cer.build({"mfcc39": 39, "body": 24}, targets, frames=20).count_params()
        6235

    Reference:
        Trigeorgis et al. 2016, "Adieu features? End-to-end speech emotion recognition using a deep convolutional
        recurrent network", ICASSP: convolutions over samples, the first 5 ms wide, rectified and pooled. Sainath et al.
        2015, "Learning the speech front-end with raw waveform CLDNNs", Interspeech: pooling within the frame, then
        log(x + 0.01).
    """

    waveforms: tuple[str, ...] = ("waveform",)
    front_end_filters: int = 16
    front_end_kernel: int = 80
    front_end_stride: int = 10
    front_end_pool: int = 4
    front_end_channels: int = 24

    printed_parameters: ClassVar[int | None] = None

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        super().check_settings(streams, frames)
        needed = self.front_end_kernel + (SECOND_KERNEL * self.front_end_pool - 1) * self.front_end_stride
        for name in self.waveforms:
            if streams.get(name, needed) < needed:
                raise UserError(
                    f"The front end of {name!r} needs frames of {needed} samples, received {streams[name]}; choose a "
                    "smaller model.front_end_kernel, _stride or _pool, or fewer frames a second."
                )

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        heard = {name: self._front_end(name, x) if name in self.waveforms else x for name, x in streams.items()}
        return super().trace(heard, targets, present)

    def _front_end(self, name: str, x: Any) -> Any:
        """[batch, frames, samples] -> [batch, frames, front_end_channels]."""
        from keras import layers, ops

        _, frames, samples = x.shape
        x = ops.reshape(x, (-1, samples, 1))  # every frame of every image by itself
        size, step = self.front_end_kernel, self.front_end_stride
        x = layers.Conv1D(self.front_end_filters, size, step, name=f"{name}_filters")(x)
        x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling1D(self.front_end_pool, name=f"{name}_pool")(x)
        x = ops.log(x + 0.01)
        x = layers.Conv1D(self.front_end_channels, SECOND_KERNEL, activation="relu", name=f"{name}_channels")(x)
        x = layers.GlobalAveragePooling1D(name=f"{name}_mean")(x)
        return ops.reshape(x, (-1, frames, self.front_end_channels))
