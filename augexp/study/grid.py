"""A grid of settings -> experiments with readable names; every mistake is found before anything starts."""

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from augexp.config import load, overrides, yamlfile
from augexp.config.decide import Decide
from augexp.config.overrides import SettingError
from augexp.config.schema import MAX_NAME, NOT_IN_A_NAME, Experiment
from augexp.errors import MOST_MISTAKES, UserError, all_of, brief, cut, did_you_mean
from augexp.network import device  # noqa: F401 - own ops may import TensorFlow, which it loads

RANGE = re.compile(r"([0-9]+)\.\.([0-9]+)")
MOST = 10_000  # runs; more is a slip of the keyboard

Axes = dict[str, list[Any]]  # dotted key -> its values


@dataclass(frozen=True)
class Study:
    """What a sweep is told.

    Attributes:
        config: what all runs have in common: a file, or the name of a shipped one.
        axes: the values of the settings that replace its own; every combination is a run.
        decide: how it decides; None where all runs are trained.
        candidates: by name, settings that make one; each is combined with all of `axes`. Without any, the combinations
            name themselves.
    """

    config: str
    axes: Axes = field(default_factory=dict)
    decide: Decide | None = None
    candidates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_study(name: str) -> Study:
    """The study of a YAML file with `config`, `grid`, `candidates` (or one of the two) and, where it decides, `decide`.

    Raises:
        UserError: if the file can't be read or holds something else.
    """
    path = load.find_config(name)
    raw, _, mistakes = yamlfile.read(path)
    for key in sorted(raw.keys() - set(load.STUDY_KEYS)):
        hint = did_you_mean(key, load.STUDY_KEYS)
        mistakes.append(f"{path.name}: {cut(key)}: unknown key{hint}; known: {', '.join(load.STUDY_KEYS)}")
    if not isinstance(raw.get("config"), str):
        mistakes.append(f"{path.name}: config: the name of a configuration is needed, such as none.yaml")
    if not isinstance(raw.get("grid", {} if "candidates" in raw else None), Mapping):
        mistakes.append(f"{path.name}: grid: a mapping such as {{strategy: [none, cutmix], seed: 0..4}} is needed")
    candidates, unlike = _candidates(raw.get("candidates", {}), f"{path.name}: candidates")
    mistakes += unlike
    decide, wrong = _decide(raw["decide"] or {}, f"{path.name}: decide") if "decide" in raw else (None, [])
    if mistakes := [*mistakes, *wrong]:
        raise UserError(*all_of(mistakes))
    axes = {key: _of_file(key, value, path.name) for key, value in raw.get("grid", {}).items()}
    return Study(raw["config"], axes, decide, candidates)


def _candidates(told: object, place: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """By name, a strategy or settings; and what is wrong with them, a line each."""
    if not isinstance(told, Mapping):
        return {}, [f"{place}: a mapping such as {{none: none, crop: [random_resized_crop]}} is needed"]
    found, mistakes = {}, []
    for name, one in told.items():
        settings = dict(one) if isinstance(one, Mapping) else {"strategy": one}
        if not isinstance(name, str) or not name:
            mistakes.append(f"{place}: {brief(name)}: a name is needed; quote it")
        elif not settings:
            mistakes.append(f"{place}.{cut(name)}: a strategy, or settings such as {{strategy: cutmix}}, are needed")
        elif own := [key for key in ("name", "seed") if key in settings]:
            mistakes.append(
                f"{place}.{cut(name)}: {own[0]} can't be set here: every candidate has its name and all seeds"
            )
        found[str(name)] = {str(key): value for key, value in settings.items()}
    return found, mistakes


def _decide(settings: object, place: str) -> tuple[Decide | None, list[str]]:
    """The section, or what is wrong with it, a line each."""
    if not isinstance(settings, Mapping):
        return None, [f"{place}: a mapping such as {{baseline: none, looks: [3, 5, 8], margin: 0.5}} is needed"]
    try:
        return Decide.model_validate(dict(settings)), []
    except ValidationError as error:
        return None, [f"{place}{line}" for line in map(_mistake, error.errors())]


def _mistake(error: ErrorDetails) -> str:
    key = ".".join(map(str, error["loc"][:1]))
    if error["type"] == "extra_forbidden":
        known = list(Decide.model_fields)
        return f".{cut(key)}: unknown key{did_you_mean(key, known)}; known: {', '.join(known)}"
    told = error["msg"] if error["type"] == "expected" else error["msg"].replace("Input should be", "it should be")
    return f".{key}: {told}, not {brief(error['input'])}"


def decided(study: Study, texts: Sequence[str]) -> Study:
    """The study with `key=value`s of `--decide` in place of its own; without any, as it is.

    Raises:
        UserError: if a text is none, or sets no setting of `decide`.
    """
    if not texts:
        return study
    settings = {} if study.decide is None else study.decide.model_dump()
    for text in texts:
        shown = cut(text, overrides.SHOWN)
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--decide {shown}: key=value is needed, such as margin=0.5 or looks=[3,5,8]")
        try:
            settings[key.strip()] = overrides.value_of(key, value, Decide)
        except SettingError as error:
            raise UserError(f"--decide {shown}: {error}") from None
    decide, wrong = _decide(settings, "--decide")
    if wrong:
        raise UserError(*wrong)
    return replace(study, decide=decide)


def _of_file(key: str, value: object, name: str) -> list[Any]:
    parts: list[Any] = value if isinstance(value, list) else [value]
    try:
        return [item for part in parts for item in (_range(key, part) if isinstance(part, str) else []) or [part]]
    except SettingError as error:
        raise UserError(f"{name}: grid: {cut(key)}: {error}") from None


def read_axes(texts: Sequence[str]) -> Axes:
    """Axes as typed: `strategy=none,basic`, `seed=0..4`, `train.epochs=10,40`.

    Each value is read as an override is. A comma separates nothing inside the brackets, braces or quotes that a value
    begins with.

    Raises:
        UserError: with every text that is none, a line each.
    """
    axes: Axes = {}
    mistakes = []
    for text in texts:
        shown = brief(text, overrides.SHOWN)
        key, equals, values = text.partition("=")
        if not equals or not key.strip():
            mistakes.append(f"{shown}: key=value,value is needed, such as seed=0..4 or strategy=none,cutmix")
        elif key.strip() in axes:
            mistakes.append(f"{shown}: {cut(key.strip())} is given twice; write its values in one, with commas")
        else:
            try:
                axes[key.strip()] = [value for part in _split(values) for value in _values(key, part)]
            except SettingError as error:
                mistakes.append(f"{shown}: {error}")
    if mistakes:
        raise UserError(*all_of(mistakes))
    return axes


def _values(key: str, text: str) -> list[Any]:
    """The numbers of a range, or the one value that a text stands for."""
    return _range(key, text) or [overrides.value_of(key, text)]


def _split(text: str) -> list[str]:
    """Splits at the commas outside of lists, mappings and quotes.

    Raises:
        SettingError: if there is nothing between two commas.
    """
    parts, inside, quote = [""], 0, ""
    for letter in text:
        begins = parts[-1].strip() == ""
        if quote:
            quote = "" if letter == quote and not parts[-1].endswith("\\") else quote
        elif letter in "'\"" and (begins or (inside and parts[-1].rstrip()[-1] in "[{,:")):
            quote = letter
        elif begins or inside:
            inside = max(0, inside + (letter in "[{") - (letter in "]}"))
        if letter == "," and not inside and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    if len(parts) > 1 and not all(map(str.strip, parts)):
        raise SettingError("a value is missing beside a comma")
    return [part.strip() for part in parts] if len(parts) > 1 else parts


def _range(key: str, text: str) -> list[int]:
    """The numbers of `0..4`; none where the text is no range, or text is what the setting needs.

    Raises:
        SettingError: if it is too long, or the wrong way round.
    """
    ends = RANGE.fullmatch(text.strip())
    kinds = overrides.kinds_of(key)
    if ends is None or (kinds and not kinds & {int, float}):
        return []
    if max(map(len, ends.groups())) <= yamlfile.LONGEST_NUMBER:
        first, last = map(int, ends.groups())
        if 0 <= last - first < MOST:
            return list(range(first, last + 1))
    raise SettingError(
        f"{cut(text.strip())}: a range such as 0..4 is needed, the lower first, of at most {MOST:,} values"
    )


def experiments(study: Study) -> list[Experiment]:
    """Every combination as an experiment of its own name; the last axis changes fastest.

    Raises:
        UserError: if a combination is not valid, two are the same or would share a folder, or they are too many.
    """
    candidates = study.candidates or {"": {}}
    _refuse_overlaps(study)
    count = len(candidates)
    for key, values in study.axes.items():
        refuse_twice(key, values)
        count *= len(values)
    if count > MOST:
        raise UserError(f"the grid has {count:,} runs; at most {MOST:,} can be swept at once")
    combinations = [dict(zip(study.axes, values, strict=True)) for values in itertools.product(*study.axes.values())]
    found, mistakes = [], []
    for (name, settings), chosen in itertools.product(candidates.items(), combinations):
        try:
            found.append(_experiment(study, {**chosen, **settings}, name))
        except UserError as error:
            mistakes += error.lines
            if len(mistakes) > MOST_MISTAKES:  # hundreds of runs may have the same thousands
                break
    if mistakes:
        raise UserError(*all_of(mistakes))
    _refuse_clashes(found)
    return found


def _refuse_overlaps(study: Study) -> None:
    """Raises UserError where two of a study set one thing: `train: {epochs: 3}` and `train.epochs`."""
    of_candidates, of_axes = _Claims(), _Claims()
    for settings in study.candidates.values():
        of_candidates.add(_set_by(settings), "candidates")
    for name, values in study.axes.items():
        ours = {keys for value in values for keys in _set_by({name: value})}
        if of_candidates.whose(ours) is not None:
            raise UserError(f"{cut(name)}: the candidates of the study set it; leave it out of the grid")
        if (other := of_axes.whose(ours)) is not None:
            raise UserError(f"{cut(other)}: {cut(name)} of the grid sets it too; keep one of the two")
        of_axes.add(ours, name)


def _set_by(settings: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """The keys, part by part, of everything that some settings set."""
    return {keys for key, value in settings.items() for keys, _ in overrides.spread(key.strip().split("."), value)}


class _Claims:
    """Who sets what, so that of thousands of keys each is looked up once."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, ...], str] = {}
        self._around: dict[tuple[str, ...], str] = {}  # what the keys are parts of

    def add(self, some: Iterable[tuple[str, ...]], who: str) -> None:
        """Notes who sets some keys."""
        for keys in some:
            self._keys[keys] = who
            self._around |= {keys[:end]: who for end in range(1, len(keys))}

    def whose(self, some: Iterable[tuple[str, ...]]) -> str | None:
        """Who sets one of some keys, a part of it, or all that it is part of; parameters are no part of a strategy."""
        for keys in sorted(some):
            if keys in self._keys:
                return self._keys[keys]
            around = [keys[:end] for end in range(1, len(keys)) if keys[:end] in self._keys]
            if keys[0] != "strategy" and (around or keys in self._around):
                return self._keys[around[0]] if around else self._around[keys]
        return None


def refuse_twice(key: str, values: Sequence[Any]) -> None:
    """Raises UserError where an axis has no value, or has one twice."""
    if not values:
        raise UserError(f"{cut(key)}: at least one value is needed")
    counts = Counter(json.dumps(value, sort_keys=True, default=str) for value in values)
    if twice := [text for text, times in counts.items() if times > 1]:
        raise UserError(f"{cut(key)}: {', '.join(map(cut, twice[:4]))} is given twice; keep one")


def _experiment(study: Study, chosen: Mapping[str, Any], name: str) -> Experiment:
    settings = {key: value for key, value in chosen.items() if key != "name"}
    if not name:
        named = load.experiment(study.config, settings=settings)
        varied = [key for key, values in study.axes.items() if len(values) > 1]
        name = _name(named, chosen, varied)
    return load.experiment(study.config, settings=settings | {"name": name})


def _name(experiment: Experiment, chosen: Mapping[str, Any], varied: Sequence[str]) -> str:
    """`cutmix-epochs10`: the strategy where it varies, else the name, and every other setting that varies."""
    parts = [str(chosen["name"])] if "name" in chosen else []
    if "strategy" in chosen:
        parts.append(value_text(chosen["strategy"]))
    elif not parts:
        parts = [experiment.name]
    for key in varied:
        if key not in ("strategy", "name", "seed"):
            parts.append(f"{_short(key, varied)}{value_text(chosen[key])}")
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """A name of these parts, cut where it is too long, with what keeps it apart from others."""
    name = NOT_IN_A_NAME.sub("-", "-".join(parts))
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 8]}-{hashlib.sha256(name.encode()).hexdigest()[:7]}"


def _short(key: str, varied: Sequence[str]) -> str:
    last = key.rpartition(".")[2]
    alone = sum(other.rpartition(".")[2] == last for other in varied) == 1
    return last if alone else key.removeprefix("strategy.")


def value_text(value: object) -> str:
    """A value as part of a name: `cutmix-alpha0.5+mixup`, `0.1`, `null`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "+".join(map(value_text, value)) or "none"
    if isinstance(value, Mapping):
        rest = [f"{key}{value_text(item)}" for key, item in value.items() if key != "name"]
        return "-".join([*([str(value["name"])] if "name" in value else []), *rest])
    return json.dumps(value, default=str)


def _refuse_clashes(experiments: Sequence[Experiment]) -> None:
    folders = Counter(experiment.run_dir for experiment in experiments)
    clashes = [str(folder) for folder, times in folders.items() if times > 1]
    if clashes:
        raise UserError(
            f"{', '.join(clashes)}: more than one run of the grid would have this folder; vary what tells them apart, "
            "or leave out name="
        )
    same: dict[str, Experiment] = {}
    for experiment in experiments:
        settings = json.dumps(experiment.model_dump(mode="json", exclude={"name"}), sort_keys=True)
        if settings in same:
            raise UserError(
                f"{same[settings].run_dir} and {experiment.run_dir} would be the same run twice; keep one of the values"
            )
        same[settings] = experiment
