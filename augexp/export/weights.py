"""Under which licences initial weights were published, as far as it is known."""

from augexp.config.schema import Model

# By the beginning of a backbone's name: what the documentation of keras.applications said of each.
LICENCES = {
    "VGG": "CC BY 4.0, by the Visual Geometry Group at Oxford",
    "ResNet": "MIT, by Kaiming He",
    "ResNetV2": "BSD, by Facebook (fb.resnet.torch)",
    "Inception": "Apache-2.0, by Google (tensorflow/models)",
    "MobileNet": "Apache-2.0, by Google (tensorflow/models)",
    "NASNet": "Apache-2.0, by Google (tensorflow/models)",
    "DenseNet": "BSD 3-clause, by the authors of DenseNet",
    "Xception": "MIT, by the Keras team",
}
PHOTOS = (
    "The photos of ImageNet are for research that is not commercial; whether that binds weights made from them is not "
    "settled"
)


def provenance(settings: Model, digest: str | None) -> str:
    """Where the initial weights of a network are from, and their licence.

    Args:
        settings: of the network.
        digest: of the file of initial weights, where they were one.
    """
    if settings.weights is None:
        return "None: trained from random weights."
    if settings.weights != "imagenet":
        known = f" (SHA-256 {digest}...)" if digest else ""
        return f"A file of the user's{known}: augexp doesn't know whose they are; see where the file came from."
    licence = _licence(settings.backbone)
    told = f"published under {licence}" if licence else "the documentation of keras.applications names no licence"
    return f"ImageNet weights of {settings.backbone} from keras.applications: {told}. {PHOTOS}."


def _licence(backbone: str) -> str | None:
    if backbone.startswith("ResNet") and backbone.endswith("V2"):
        return LICENCES["ResNetV2"]
    if backbone.startswith("MobileNetV3"):  # came later, and the documentation says nothing of it
        return None
    return next((licence for name, licence in LICENCES.items() if backbone.startswith(name)), None)
