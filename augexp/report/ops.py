"""The list of ops for the terminal, from the specs themselves."""

import inspect
import json
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions
from rich.text import Span, Text

from augexp import console
from augexp.config.ops import OPS, OneOf, default_op
from augexp.errors import first_line

LEAST_BESIDE = 70  # columns of a screen


class Listing:
    """Of each op: its name; beside it, or beneath where there is no room, what it does, its paper, its parameters."""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        beside = 2 + max(map(len, OPS))
        indent = " " * (beside if options.max_width >= LEAST_BESIDE else 2)
        for name, spec in OPS.items():
            says = first_line(spec.__doc__ or "")
            paper = f" ({spec.paper})" if spec.paper else ""
            told = (f"{says.removesuffix('.')}{paper}.", _defaults(name))
            shown = "\n".join(console.shown(line, options.encoding) for line in told)
            first, *rest = console.folded(shown, options.max_width - len(indent), "")
            head = [f"{name:<{beside}}{first}"] if len(indent) == beside else [name, f"{indent}{first}"]
            lines = [*head, *(indent + line for line in rest), ""]
            yield Text("\n".join(lines), no_wrap=True, overflow="ignore", spans=[Span(0, len(name), "bold")])


def _defaults(name: str) -> str:
    spec = default_op(name)
    own = list(inspect.get_annotations(OPS[name]))
    # Asked one by one: a dump leaves out defaults that came later.
    values = {key: getattr(spec, key) for key in type(spec).model_fields if key not in ("name", "only")}
    if isinstance(spec, OneOf):
        values["ops"] = [inner.name for inner in spec.ops]
    # The op's own parameters come before those it shares with others.
    keys = [key for key in own if key in values] + [key for key in values if key not in own]
    return ", ".join(f"{key}: {_written(values[key])}" for key in keys)


def _written(value: object) -> str:
    """As YAML would have it in one line, rounded."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
