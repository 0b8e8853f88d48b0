"""The networks that classify pictures have as many parameters as their authors' and libraries' print."""

from functools import cache

import keras
import numpy as np
import pytest

from emotf import classifiers
from emotf.classifiers.base import CLASSIFIER, body, named

# All that a network of 1000 classes keeps, as the table of Keras' documentation of its applications prints it.
KERAS = {
    "resnet50": 25_636_712,
    "resnet101": 44_707_176,
    "resnet152": 60_419_944,
    "densenet121": 8_062_504,
    "densenet169": 14_307_880,
    "densenet201": 20_242_984,
}
# What training changes: `num_params` of torchvision's weights; of SE-ResNeXt the table of imgclsmob (osmr) for the
# networks of pretrainedmodels (Cadene). Their ResNets have no biases before batch normalisation.
PYTORCH = {
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "se_resnext50": 27_559_896,
    "se_resnext101": 48_955_416,
}
BLOCKS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
DENSE = {"121": (32, (6, 12, 24, 16)), "161": (48, (6, 12, 36, 24)), "169": (32, (6, 12, 32, 32)),
         "201": (32, (6, 12, 48, 32))}  # fmt: skip
NETWORKS = ("resnet18", *(f"{family}{depth}" for family in ("resnet", "se_resnext") for depth in BLOCKS),
            *(f"densenet{depth}" for depth in DENSE))  # fmt: skip


# ---- the networks, layer by layer, as their papers' tables list them -------------------------------------------------


# Each gives (kernel side, channels in, channels out) of its convolutions; channels that are normalised; channels with
# biases that Keras adds before that; features; of squeeze and excitation, its outer and inner channels.


def resnet18():
    """He et al., table 1."""
    convolutions, before = [(7, 3, 64)], 64
    for filters in (64, 128, 256, 512):
        convolutions += [(3, before, filters), *[(3, filters, filters)] * 3]
        convolutions += [(1, before, filters)] if before != filters else []
        before = filters
    return convolutions, [out for _, _, out in convolutions], [], 512, []


def bottlenecks(depth, grouped):
    """He et al., table 1; in 32 groups Xie et al., table 1, twice as wide inside, with Hu et al.'s layers a block."""
    convolutions, squeezed, before = [(7, 3, 64)], [], 64
    for stage, blocks in enumerate(BLOCKS[depth]):
        inner, outer = (128 if grouped else 64) * 2**stage, 256 * 2**stage
        for block in range(blocks):
            convolutions += [(1, before, inner), (3, inner // (32 if grouped else 1), inner), (1, inner, outer)]
            convolutions += [(1, before, outer)] if block == 0 else []
            squeezed += [(outer, outer // 16)]
            before = outer
    norms = [out for _, _, out in convolutions]
    return convolutions, norms, [] if grouped else norms, 2048, squeezed if grouped else []


def dense(depth):
    """Huang et al., table 1."""
    growth, stages = DENSE[depth]
    channels = 2 * growth
    convolutions, norms = [(7, 3, channels)], [channels]
    for stage, layers in enumerate(stages):
        for _ in range(layers):
            norms += [channels, 4 * growth]
            convolutions += [(1, channels, 4 * growth), (3, 4 * growth, growth)]
            channels += growth
        if stage < 3:
            norms.append(channels)
            convolutions.append((1, channels, channels // 2))
            channels //= 2
    return convolutions, [*norms, channels], [], channels, []


def by_hand(name, classes, biases=True):
    """(trained, all): kernels, Keras' biases, scales and offsets, the last layer; and moving means and variances."""
    family, depth = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz_")
    if name == "resnet18":
        made = resnet18()
    else:
        made = dense(depth) if family == "densenet" else bottlenecks(depth, grouped=family == "se_resnext")
    convolutions, norms, idle, features, squeezed = made
    trained = sum(side * side * before * out for side, before, out in convolutions)
    trained += sum(idle) * biases + 2 * sum(norms) + (features + 1) * classes
    trained += sum(2 * outer * inner + inner + outer for outer, inner in squeezed)
    return trained, trained + 2 * sum(norms)


@cache
def counted(name, classes):
    """(trained, all) of the network itself, features of its body; then it is let go."""
    network = named(name, weights="random").build((32, 32, 3), classes)
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    counts = trained, network.count_params(), body(network).output.shape[-1]
    assert network.get_layer(CLASSIFIER).count_params() == (counts[2] + 1) * classes
    keras.backend.clear_session()
    return counts


@pytest.mark.parametrize("name", NETWORKS)
def test_1000_classes(name):
    trained, kept, _ = counted(name, 1000)
    assert (trained, kept) == by_hand(name, 1000)
    assert name not in KERAS or kept == KERAS[name]
    assert name not in PYTORCH or by_hand(name, 1000, biases=False)[0] == PYTORCH[name]
    assert name in KERAS or name in PYTORCH or (name, trained) == ("se_resnext152", 66_580_440)


@pytest.mark.parametrize("name", NETWORKS)
def test_7_classes(name):
    trained, kept, features = counted(name, 1000)
    assert (trained - 993 * (features + 1), kept - 993 * (features + 1)) == by_hand(name, 7)


@pytest.mark.parametrize("name", ["resnet18", "se_resnext50", "densenet121"])
def test_7_classes_are_as_many_outputs(name):
    assert counted(name, 7)[:2] == by_hand(name, 7)


def test_the_printed_table_is_of_these_networks():
    lines = [line.replace(",", "").split() for line in classifiers.__doc__.splitlines()]
    printed = {words[0]: tuple(map(int, words[1:])) for words in lines if words and words[0] in NETWORKS}
    features = {name: counted(name, 1000)[2] for name in NETWORKS}
    assert printed == {name: (*by_hand(name, 1000), *by_hand(name, 7), features[name]) for name in NETWORKS}


def test_the_small_network_has_the_printed_parameters_of_a_task():
    """Orgil (2022, table 4.4): 605 of a new task of 5 classes."""
    network = named("small_cnn").build((8, 8, 1), 5)
    assert network.get_layer(CLASSIFIER).count_params() == 605 == 120 * 5 + 5
    convolutions = 9 * (1 * 32 + 32 * 64 + 64 * 120)
    assert network.count_params() == convolutions + 4 * (32 + 64 + 120) + 605
