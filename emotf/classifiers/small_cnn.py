"""A few convolutions, for tiny pictures: digits, letters."""

from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.classifiers._blocks import convolved, normalised
from emotf.classifiers.base import Classifier
from emotf.errors import UserError


@dataclass
class SmallCnn(Classifier):
    """Convolutions of 3 x 3, each normalised; after each but the last, the maxima of 2 x 2 places remain.

    It gives 120 features, so that a linear layer to 5 classes has the 605 parameters that Orgil (2022, table 4.4)
    prints; of what network these were made is not stated. The other sizes are ours.

    Attributes:
        filters: of each convolution; the last are the features.

    Example:
        >>> network = SmallCnn().build((8, 8, 1), classes=5)
        >>> network.get_layer("classifier").count_params()
        605

    Reference:
        Orgil 2022, "A study on Human Emotion Recognition in Video Images using Deep Learning", table 4.4.
    """

    weights: str = "random"
    filters: tuple[int, ...] = (32, 64, 120)

    smallest: ClassVar[int] = 8

    @property
    def preprocessing(self) -> str:
        return "tf"

    def check(self, shape: tuple[int, int, int], classes: int) -> None:
        super().check(shape, classes)
        if not self.filters or min(self.filters) < 1 or min(shape[:2]) < 2 ** (len(self.filters) - 1):
            raise UserError(
                f"classifier.filters is {self.filters}; expected one count or more, each above 0, and each but the "
                f"last halves pictures of {shape[0]} x {shape[1]} pixels; choose fewer."
            )

    def maps(self, pictures: Any, weights: str | None) -> Any:
        from keras import layers

        del weights  # there are none
        x = pictures
        for number, filters in enumerate(self.filters, start=1):
            if number > 1:
                x = layers.MaxPooling2D(2, name=f"pool{number - 1}")(x)
            x = normalised(convolved(x, filters, 3, f"conv{number}_conv"), f"conv{number}")
        return x
