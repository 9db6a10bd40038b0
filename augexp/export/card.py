"""The card of an exported file: what it is, what it was made of, how good it is, and what isn't known. Markdown."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.stats import binomtest

from augexp.config.settings import show
from augexp.errors import counted
from augexp.export import calibration, check, weights
from augexp.export.calibration import Fitted
from augexp.export.check import Deviation
from augexp.export.facts import Facts
from augexp.export.formats import FACTS, Format
from augexp.network.trained import Trained
from augexp.runs import evaluation, predictions
from augexp.runs.evaluation import Unreadable
from augexp.runs.predictions import Unusable
from augexp.runs.read import Run
from augexp.tables import escaped


@dataclass(frozen=True)
class Card:
    """What a card is made of.

    Attributes:
        run: that was exported.
        opened: its network and settings.
        about: what the file says of itself.
        format: of the file.
        file: its name.
        deviation: what the check before it was written has found.
        fitted: its temperature, if it has one.
        verdict: what the study of the run says; empty where it belongs to none.
    """

    run: Run
    opened: Trained
    about: Facts
    format: Format
    file: str
    deviation: Deviation
    fitted: Fitted | None
    verdict: str


def text(card: Card) -> str:
    """The whole card."""
    sections = {
        "Input and output": _input(card),
        "Classes": _classes(card.about),
        "Meant for": _purpose(card.about),
        "Data": _data(card),
        "Training": _training(card),
        "Accuracy": _accuracy(card.run),
        "Calibration": _calibration(card),
        "Study": [escaped(card.verdict or NO_STUDY)],
        "Weights it began with": [
            escaped(weights.provenance(card.opened.experiment.model, card.run.environment.weights))
        ],
        "Check": checked(card.deviation),
        "Versions": _versions(card),
    }
    title = escaped(card.about.run)
    head = f"# {title}\n\nAn image classifier. This card is of {escaped(card.file)} ({card.format.title})."
    parts = [f"## {name}\n\n" + "\n".join(f"- {line}" for line in lines) for name, lines in sections.items()]
    return "\n\n".join([head, *parts]) + "\n"


NO_STUDY = "The run belongs to no registered study: nothing says that its strategy is better than another."


def checked(found: Deviation) -> Iterator[str]:
    """What was compared before the file was written, and how far apart it was."""
    yield (
        f"{counted(found.images, 'validation image')}: its probabilities are at most {found.converted:.1g} from those "
        f"of the run's network, and these at most {found.stored:.1g}, on average {found.usual:.1g}, from what the run "
        f"stored as float16 ({check.allowed(found)} is allowed)"
    )
    yield f"right on {found.right} of them in float32; as the run was scored, on {found.was_right}"
    if found.jpeg is not None:
        yield f"JPEGs of several sizes, turned in every way: at most {found.jpeg:.1g} from augexp's own decoder"


def calibrated(fitted: Fitted) -> str:
    """What a temperature does where it was fitted."""
    on = "test images, as val is test" if fitted.on_test else "validation images"
    return (
        f"temperature {fitted.temperature:.3f}, fitted on {fitted.images:,} {on}: calibration error there "
        f"{100 * fitted.before:.2f} % before and {100 * fitted.after:.2f} % after, which is optimistic"
    )


def _input(card: Card) -> Iterator[str]:
    about = card.about
    size, decoded = about.image_size, about.decoded_size
    yield (
        f"Input: `images`, (batch, {size}, {size}, 3) float32, RGB from 0 to 255. What else the network expects is "
        "done inside."
    )
    kept = "the whole photo" if about.resize == "squash" else "the central square of the photo"
    middle = f", of which the middle {size} x {size} is taken" if decoded > size else ""
    how = "every pixel counting (antialiased)" if about.antialias else "bilinear, without antialiasing"
    yield f"A photo is turned upright as EXIF says, and {kept} brought to {decoded} x {decoded}{middle}; {how}."
    yield f"Output: `probabilities`, (batch, {len(about.class_names)}) float32; each row sums to 1."
    if card.format.is_folder:
        yield (
            "Signature `jpeg` takes the contents of JPEG files, (batch) strings, and does all of that itself. Both "
            "signatures give `classes`, too: the names beside the probabilities."
        )


def _classes(about: Facts) -> Iterator[str]:
    yield ", ".join(escaped(name) for name in about.class_names)
    yield f"{counted(len(about.class_names), 'class')} in this order; the file holds their names in `{FACTS}`."


def _purpose(about: Facts) -> Iterator[str]:
    yield "Photos of the kind that it was trained on, each of which shows one of the classes."
    yield (
        f"It names one of the {len(about.class_names)} classes for any image, also where none of them is to be seen; "
        "and other cameras, places or times may lower its accuracy by what nothing here says."
    )


def _data(card: Card) -> Iterator[str]:
    result, examples = card.run.result, card.run.environment.train_examples
    kind, is_local, path = card.opened.experiment.data.source.partition(":")
    name = path.rstrip("/").rpartition("/")[2]  # where it lay is nobody else's business
    yield f"Source: {escaped(f'{kind} {name}' if is_local else kind)}"
    yield f"Fingerprint of the decoded images: `{card.about.data_fingerprint or 'not known'}`"
    counts = {"train": examples, "validation": result.val.examples, "test": result.test.examples}
    yield f"Images: {', '.join(f'{part} {count:,}' for part, count in counts.items() if count is not None)}"
    if result.validation == "test":
        yield "The test set was the validation set, too: what it says of accuracy may flatter."


def _training(card: Card) -> Iterator[str]:
    settings, environment = card.opened.experiment, card.run.environment
    ops = "; ".join(_op(op) for op in card.run.config["strategy"])
    averaged = f", averaged with momentum {settings.train.ema:g}" if settings.train.ema else ""
    yield f"Augmentation: {escaped(ops or 'none')}"
    yield f"Network: {settings.model.backbone} with a linear head, at {settings.data.as_evaluated.image_size} px"
    yield (
        f"{counted(card.run.result.epochs, 'epoch')}, seed {settings.seed}, {settings.train.optimizer} with learning "
        f"rate {settings.train.learning_rate:g}, loss {settings.train.loss}; weights of the {card.run.result.score} "
        f"epoch{averaged}"
    )
    made = f"{environment.precision or 'unknown precision'} on {escaped(environment.device or 'an unknown device')}"
    yield f"Trained in {made}; the file computes in float32"
    yield f"SHA-256 of the weights in the run folder: `{card.about.weights}`"


def _op(op: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{key} {show(value)}" for key, value in op.items() if key != "name")
    return f"{op['name']} ({arguments})" if arguments else str(op["name"])


def _accuracy(run: Run) -> Iterator[str]:
    for name, split in (("Test", run.result.test), ("Validation", run.result.val)):
        if split.counted is None:
            yield f"{name}: {100 * split.accuracy:.2f} %"
            continue
        found = binomtest(round(split.accuracy * split.counted), split.counted).proportion_ci(method="wilson")
        yield (
            f"{name}: {100 * split.accuracy:.2f} % of {counted(split.counted, 'image')}, 95 % interval "
            f"{100 * found.low:.2f} to {100 * found.high:.2f} %"
        )
    yield "The interval is for this very network on other images of the kind; other seeds of its training differ, too."


def _calibration(card: Card) -> Iterator[str]:
    try:
        _, labels, shares = predictions.stored(card.run, "test")
    except Unusable as reason:
        yield f"As trained: not known ({escaped(str(reason))})"
    else:
        as_trained = calibration.error(shares.astype(np.float32), labels.astype(np.int32))
        yield f"Calibration error as trained, on test: {100 * as_trained:.2f} %"
    if card.fitted is None:
        yield "The probabilities are as trained: no temperature was asked for."
        return
    yield calibrated(card.fitted)
    after = _calibrated_on_test(card)
    yield (
        "What it gains on test is not known; `augexp evaluate` measures it"
        if after is None
        else f"Calibration error with it, on test: {100 * after:.2f} %"
    )


def _calibrated_on_test(card: Card) -> float | None:
    """What an earlier `augexp evaluate` of these weights has found with this temperature."""
    try:
        found = evaluation.read(card.run.path)
    except Unreadable:
        return None
    section = found.splits.get("test") if found is not None and found.weights == card.about.weights else None
    if section is None or section.temperature_fitted_on != "val":
        return None
    then = (section.model_extra or {}).get("temperature")
    same = isinstance(then, float) and bool(np.isclose(then, card.about.temperature, rtol=ALIKE))
    return section.numbers.get("calibrated_ece") if same else None


ALIKE = 0.02  # temperatures that were fitted to the same logits, on other machines


def _versions(card: Card) -> Iterator[str]:
    told = ", ".join(f"{name} {number}" for name, number in card.run.environment.versions.items())
    yield f"Trained with {escaped(told or 'unknown versions')}"
    names = ("augexp", "tensorflow", "keras", "numpy", *card.format.needs)
    now = ", ".join(f"{name} {version(name)}" for name in names)
    yield f"Exported with python {platform.python_version()}, {now}"
