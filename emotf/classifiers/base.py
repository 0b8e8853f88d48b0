"""What every classifier of pictures shares: its preprocessing inside, a body, pooled features, one linear layer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from emotf import catalog
from emotf.errors import UserError
from emotf.files import written_aside
from emotf.weights import fetched

if TYPE_CHECKING:
    import keras

# The layer whose output is the features, and the layer that classifies them.
FEATURES, CLASSIFIER = "features", "classifier"

# Of the running means of batch normalisation, all networks': torchvision's, with which the published ones were trained.
# Keras' 0.99 needs some five hundred batches before it stands near what a short training has reached.
MOMENTUM = 0.9


@dataclass
class Classifier(ABC):
    """Which network, and what it starts from; `build` makes it.

    Attributes:
        weights: what the body starts from. `imagenet`: what Keras offers, fetched from the network once; `random`: from
            scratch; or the path of a .keras or .weights.h5 file of the same network, whole or its body alone. The layer
            that classifies always starts from scratch.
        dropout: share of the features that training leaves out before they are classified.
        frozen: the body stays as it started, batch normalisation included; training changes the last layer only.
        depths: that a family has, of which its field `depth` is one; none where it has no such field.
        smallest: pixels that a side of a picture must have.
    """

    weights: str = "imagenet"
    dropout: float = 0.0
    frozen: bool = False

    depths: ClassVar[tuple[int, ...]] = ()
    smallest: ClassVar[int] = 32

    @property
    def name(self) -> str:
        """Of the network: the family and its depth, as `named` takes it."""
        return f"{type(self).__module__.rpartition('.')[2]}{getattr(self, 'depth', '')}"

    @property
    def preprocessing(self) -> str:
        """What the network does to pictures first: a mode of `preprocess_input` of `keras.applications`.

        `caffe`: blue first, less the mean colour of ImageNet; `torch`: scaled to 0..1, less that mean, by its standard
        deviation; `tf`: scaled to -1..1. It is part of the network: pictures go in as they are, in 0..255.
        """
        return "torch"

    @property
    def offered(self) -> bool:
        """Whether Keras offers ImageNet weights of the network."""
        return False

    @abstractmethod
    def maps(self, pictures: Any, weights: str | None) -> Any:
        """The convolutions.

        Args:
            pictures: preprocessed, [batch, height, width, channels].
            weights: `imagenet`, where they are offered, or None.

        Returns:
            [batch, rows, columns, features]: of each place of a picture its features.
        """

    def build(self, shape: tuple[int, int, int], classes: int) -> "keras.Model":
        """The network from pictures to classes.

        Args:
            shape: (height, width, channels) of the pictures.
            classes: how many there are.

        Returns:
            A functional model: float32 [batch, height, width, channels] in 0..255, rgb -> logits, float32
            [batch, classes], of which softmax makes probabilities: train it by cross-entropy `from_logits=True`.

        Raises:
            UserError: fields do not fit, or the weights cannot be had.
        """
        import keras

        from emotf.classifiers._preprocessing import preprocessed
        from emotf.classifiers._started import start

        self.check(shape, classes)
        pictures = keras.Input(shape, name="pictures")
        x = preprocessed(pictures, self.preprocessing)
        if self.weights == "imagenet":
            instead = "or choose weights=<a .keras file of yours>, or weights=random to train from scratch"
            x = fetched(self.name, lambda: self.maps(x, "imagenet"), instead)
        else:
            x = self.maps(x, None)
        features = keras.layers.GlobalAveragePooling2D(name=FEATURES)(x)
        trunk = keras.Model(pictures, features)
        for layer in trunk.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = MOMENTUM
        if self.weights not in ("imagenet", "random"):
            start(trunk, Path(self.weights), self.name)
        trunk.trainable = not self.frozen
        if self.dropout:
            features = keras.layers.Dropout(self.dropout, name="dropout")(features)
        logits = keras.layers.Dense(classes, dtype="float32", name=CLASSIFIER)(features)
        return keras.Model(pictures, logits, name=self.name)

    def check(self, shape: tuple[int, int, int], classes: int) -> None:
        """What can be said before a network is built.

        Raises:
            UserError: a field, the pictures or the classes do not fit.
        """
        depth = getattr(self, "depth", None)
        if depth not in (self.depths or (None,)):
            raise UserError(f"classifier.depth is {depth}; expected one of {', '.join(map(str, self.depths))}.")
        if classes < 2:
            raise UserError(f"A classifier tells 2 classes or more apart, received {classes}.")
        if not 0 <= self.dropout < 1:
            raise UserError(f"classifier.dropout is {self.dropout}; expected at least 0 and below 1.")
        if len(shape) != 3 or min(shape[:2]) < self.smallest:
            raise UserError(
                f"{self.name} takes pictures [height, width, channels] of {self.smallest} pixels a side or more, "
                f"received {list(shape)}; enlarge them first."
            )
        if self.preprocessing != "tf" and shape[2] != 3:
            raise UserError(
                f"{self.name} takes rgb pictures, of 3 channels, received {list(shape)}; repeat a grey channel thrice "
                "(view.channels=3)."
            )
        if self.weights == "imagenet" and not self.offered:
            raise UserError(
                f"Keras offers no ImageNet weights of {self.name}; choose weights=<a .keras file of yours>, or "
                "weights=random to train from scratch."
            )


def names() -> tuple[str, ...]:
    """The networks of all families."""
    return tuple(_fields_of_networks())


def named(name: str, **fields: Any) -> Classifier:
    """A classifier by the name of its network.

    Args:
        name: one of `names()`.
        fields: of its class, `depth` apart.

    Raises:
        UserError: there is no such network.

    Example:
        >>> named("densenet121", weights="random")
        Densenet(weights='random', dropout=0.0, frozen=False, depth=121)
    """
    known = _fields_of_networks()
    if name not in known:
        raise UserError(f"No network {name!r}: {', '.join(known)}.{catalog.suggestion(name, list(known))}")
    family, depth = known[name]
    part: Classifier = family(**depth, **fields)
    return part


def _fields_of_networks() -> dict[str, tuple[type[Any], dict[str, int]]]:
    """The name of each network -> its family, and its depth, where the family has several."""
    known: dict[str, tuple[type[Any], dict[str, int]]] = {}
    for name in catalog.names("classifiers"):
        family = catalog.find("classifiers", name)
        known |= {f"{name}{depth}": (family, {"depth": depth}) for depth in family.depths} or {name: (family, {})}
    return known


def body(network: "keras.Model") -> "keras.Model":
    """The network without its classifier: pictures, as `build` takes them -> features [batch, features].

    It shares its layers with the network: trained together, frozen together.
    """
    import keras

    return keras.Model(network.input, network.get_layer(FEATURES).output, name=f"{network.name}_body")


def save(network: "keras.Model", path: Path) -> None:
    """Writes a classifier, or a body, as a .keras file of Keras' own layers only, whole or not at all.

    Keras loads it where emotf is not installed. To train on, build the network with the file as its `weights`, because
    groups of Keras' own train slowly on a CPU. The file, of a body or of a classifier, is what the feature `resnet50`
    takes as its `weights`, if the network takes rgb pictures: its channels are the features of the body.
    """
    from emotf.classifiers._grouped import with_layers_of_keras

    with written_aside(path) as aside:
        with_layers_of_keras(network).save(aside)
