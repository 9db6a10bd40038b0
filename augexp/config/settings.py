"""Resolved settings by their dotted names: which decide numbers, how two runs differ, how a value is shown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from augexp.config import schema, yamlfile
from augexp.config.schema import Experiment, Section
from augexp.errors import brief


def _marked(section: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        if isinstance(field.default, Section):
            yield from _marked(type(field.default), f"{name}.")
        elif schema.WITHOUT_EFFECT in field.metadata:
            yield prefix + name


# By their dotted names: the settings that change no number.
WITHOUT_EFFECT = frozenset(_marked(Experiment))
# Keys that cannot tell two runs of one group apart: runs that differ in nothing else are one group.
FREE_KEYS = frozenset({"seed", "name"}) | WITHOUT_EFFECT
UNSET = "unset"
# What stands for another value unless the data says otherwise, which its fingerprint tells: earlier versions wrote that
# value, or did so, and their runs are of the same settings.
STANDS_FOR: Mapping[str, Sequence[tuple[Any, Any]]] = {
    "data.validation": [(None, schema.VALIDATION_SHARE)],
    "data.duplicates": [("drop", "keep"), ("refuse", "keep")],
}
# By section, where a stored configuration lacks them.
BEFORE: Mapping[str, Mapping[str, Any]] = {
    "train": {
        "score": "best",
        "ema": None,
        "loss": "cross_entropy",
        "balance": "none",
        "clip_norm": None,
        "early_stopping": None,
    },
    "model": {"drop_path": None},
    "data": {
        "antialias": False,
        "eval_size": None,
        "duplicates": "keep",
        "split_seed": 0,
        "folds": None,
        "image_key": None,
        "label_key": None,
    },
}
# Not part of the hash of a study: it was the same before there was a choice.
UNSAID = {
    "train.loss": "cross_entropy",
    "train.balance": "none",
    "model.drop_path": None,
    "train.clip_norm": None,
    "train.early_stopping": None,
    "data.eval_size": None,
    "data.duplicates": "keep",
    "data.split_seed": 0,
    "data.folds": None,
    "data.image_key": None,
    "data.label_key": None,
}


def as_made(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration with what its version didn't say because there was no choice yet.

    That version scored the best epoch, which is not the default of today, averaged no weights, clipped no gradients,
    stopped no run early, left drop path as it was, knew one loss, took classes as often as they come, evaluated at the
    size of training, reduced images without antialiasing, and knew nothing of copies across splits.
    """
    sections = {name: config.get(name, {}) for name in BEFORE}
    return dict(config) | {
        name: {**BEFORE[name], **section} for name, section in sections.items() if isinstance(section, Mapping)
    }


def differences(there: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """The settings that decide numbers and are not what they were, such as `train.epochs: 5 there, 20 here`.

    Args:
        there: a resolved configuration, nested; what an older version didn't know yet has its default.
        experiment: here.
    """
    theirs = _by_section(Experiment().model_dump(mode="json")) | _by_section(there)
    ours = _by_section(experiment.model_dump(mode="json"))
    return [
        _changed_file(key, theirs.get(key), ours.get(key))
        or f"{key}: {brief(theirs.get(key))} there, {brief(ours.get(key))} here"
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key) and key not in WITHOUT_EFFECT
    ]


def _changed_file(key: str, there: Any, here: Any) -> str:
    """How two strategies or networks differ that are alike but for the files of own ones; nothing of any others."""
    if key == "model.backbone_digest" and there is not None and here is not None:
        return f"model.backbone: its file has changed: {there} there, {here} here"
    if key != "strategy" or not isinstance(there, list) or len(there) != len(here):
        return ""
    changed = []
    for one, other in zip(there, here, strict=True):
        if one != other:
            if not isinstance(one, Mapping) or "digest" not in one or {**one, "digest": other.get("digest")} != other:
                return ""
            changed.append(f"the file of {other['name']} has changed: {one['digest']} there, {other['digest']} here")
    return f"{key}: {', '.join(changed)}"


def _by_section(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the sections by their dotted names: `train.epochs`."""
    sections = {name for name, field in Experiment.model_fields.items() if isinstance(field.default, Section)}
    return _spelt_out({
        (f"{name}.{key}" if name in sections else name): setting
        for name, value in settings.items()
        for key, setting in (value.items() if name in sections and isinstance(value, Mapping) else [("", value)])
    })  # fmt: skip


def _spelt_out(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names, with the values that defaults stand for."""
    for key, pairs in STANDS_FOR.items():
        for value, stands_for in pairs:
            if key in settings and settings[key] == value:
                settings[key] = stands_for
    return settings


def deciding(config: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """What decides the numbers of a resolved configuration, or of one section of it, by dotted names; seed included."""
    return {
        key: value
        for key, value in _by_section(config).items()
        if key not in WITHOUT_EFFECT and key.startswith(f"{section}." if section else "")
    }


def flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections -> dotted keys; `strategy` becomes its op names joined by +, and `strategy.OP.PARAMETER`s."""
    ops = config["strategy"]
    parameters = {
        f"strategy.{name}.{key}": value
        for name, op in zip(yamlfile.names_of(ops), ops, strict=True)
        for key, value in op.items()
        if key != "name"
    }
    others = _dotted({key: value for key, value in config.items() if key != "strategy"})
    return _spelt_out({"strategy": "+".join(op["name"] for op in ops) or "none"} | parameters | dict(others))


def about_copies(config: Mapping[str, Any]) -> str:
    """`data.duplicates` as a stored configuration says it; `keep` where it says nothing, as earlier versions did."""
    data = config.get("data")
    return str(data.get("duplicates", "keep")) if isinstance(data, Mapping) else "keep"


def divides_by_seed(flat: Mapping[str, Any]) -> bool:
    """Whether flattened settings give each seed a division of its own, as `schema.Data.divides_by_seed` says."""
    return flat.get("data.folds") is not None or flat.get("data.split_seed") == schema.FROM_SEED


def _dotted(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def show(value: object) -> str:
    """A value as a configuration would hold it: `null`, `true`, bare strings."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
