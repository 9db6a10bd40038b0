"""The network that is exported: RGB in, probabilities out."""

import keras

from augexp.network.model import Network


def classifier(network: Network, temperature: float) -> keras.Model:
    """(B, S, S, 3) RGB in [0, 255] -> class probabilities (B, K) float32.

    The softmax is right for `train.loss: binary`, too, as `metrics.scores.probabilities` says.

    Args:
        network: with the weights of a run, built in float32.
        temperature: by which the logits are divided.
    """
    cooled = keras.layers.Rescaling(1 / temperature, name="temperature", dtype="float32")(network.model.output)
    shares = keras.layers.Softmax(name="probabilities", dtype="float32")(cooled)
    return keras.Model(network.model.inputs, shares, name="classifier")
