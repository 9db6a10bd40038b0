"""Which op of a strategy helps, and how much of it: studies that decide, planned from one configuration.

An ablation holds each op alone against no op, and all ops against all without each. A dose study holds the values of
one parameter against the strategy without its op.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from augexp.config import load, overrides, yamlfile
from augexp.config.decide import Decide
from augexp.errors import UserError
from augexp.study.grid import Axes, Study, joined, refuse_twice, value_text

NONE, ALL = "none", "all"

Op = Mapping[str, Any]  # its name and parameters


def study(config: str, axes: Axes) -> Study:
    """The dose study of the axis that is a parameter of an op, `strategy.cutmix.prob`; without one, the ablation.

    Args:
        config: a file, or the name of a shipped one.
        axes: settings of all runs, one value each; more only of `seed` and of the parameter.

    Returns:
        A study whose candidates have names of their own; its baseline is the one without the ops in question.

    Raises:
        UserError: if a setting is none, too much varies, or the strategy has fewer than two ops to tell apart.
    """
    for key, values in axes.items():
        refuse_twice(key, values)
    if "name" in axes:
        raise UserError("name: the candidates have names of their own; leave name= out, and choose a runs_dir= instead")
    varied = [key for key, values in axes.items() if len(values) > 1 and key != "seed"]
    if len(varied) > 1 or not all(map(load.is_of_op, varied)):
        raise UserError(
            f"{', '.join(varied)}: only seed and one parameter of one op, such as strategy.cutmix.prob=0.25,0.5,1, may "
            "have more values than one; `augexp sweep` varies anything"
        )
    first = load.experiment(config, settings={key: values[0] for key, values in axes.items()})
    ops = [op.model_dump(mode="json") for op in first.strategy]
    candidates = _doses(ops, varied[0], axes[varied[0]]) if varied else _ablation(ops, config)
    shared = {key: values for key, values in axes.items() if key != "strategy" and not load.is_of_op(key)}
    return Study(config, shared, Decide(baseline=next(iter(candidates))), candidates)


def _doses(ops: Sequence[Op], key: str, values: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """The strategy without the op, and with each value of its parameter: `none`, `cutmix-prob0.25`."""
    names, keys = yamlfile.names_of(ops), key.strip().split(".")[1:]
    op = overrides.named(names, keys[:-1])
    parameter = ".".join(keys[op.count(".") + 1 :])
    others = _without(ops, names.index(op))
    doses = {joined([_plain(op), f"{parameter}{value_text(value)}"]): {"strategy": ops, key: value} for value in values}
    return {(f"no-{_plain(op)}" if others else NONE): {"strategy": others}, **doses}


def _ablation(ops: Sequence[Op], config: str) -> dict[str, dict[str, Any]]:
    """`none`, `all`, `only-cutmix` and `no-cutmix` for every op; two of one strategy are one."""
    if len(ops) < 2:
        raise UserError(
            f"{config}: strategy: a list of two or more ops is needed, to take each away, and there is "
            f"{ops[0]['name'] if ops else 'none'}; write one such as strategy=[flip_left_right, cutmix], or doses of "
            "one op such as strategy.cutmix.prob=0.25,0.5,1"
        )
    names = [_plain(name) for name in yamlfile.names_of(ops)]
    alone = [(f"only-{name}", [op]) for name, op in zip(names, ops, strict=True)]
    left_out = [(f"no-{name}", _without(ops, place)) for place, name in enumerate(names)]
    candidates: dict[str, dict[str, Any]] = {}
    for name, some in [(NONE, []), (ALL, list(ops)), *alone, *left_out]:
        if {"strategy": some} not in candidates.values():
            candidates[name] = {"strategy": some}
    return candidates


def _without(ops: Sequence[Op], place: int) -> list[Op]:
    return [op for index, op in enumerate(ops) if index != place]


def _plain(name: str) -> str:
    """`rotate[2]` as part of a folder's name: `rotate-2`; `albumentations:lists/photo.json` without its slash."""
    return name.replace("[", "-").replace("/", "-").removesuffix("]")
