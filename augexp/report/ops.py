"""The list of ops for the terminal, from the specs themselves."""

import inspect
import json

from rich.table import Table
from rich.text import Text

from augexp.config.ops import OPS, OneOf, default_op
from augexp.errors import first_line


def table() -> Table:
    """A row an op: its name; what it does and its paper; its parameters with their defaults."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for name, spec in OPS.items():
        says = first_line(spec.__doc__ or "")
        paper = f" ({spec.paper})" if spec.paper else ""
        grid.add_row(Text(name, style="bold"), Text(f"{says.removesuffix('.')}{paper}.\n{_defaults(name)}\n"))
    return grid


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
