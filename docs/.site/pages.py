"""What MkDocs adds to the pages of `docs/`: the README as the first one, and a reference made from the code."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from typer.main import get_command

from augexp.cli.main import program
from augexp.config.ops import OPS, MixingSpec, Spec
from augexp.config.schema import Experiment
from augexp.config.settings import WITHOUT_EFFECT, show

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".readme"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages and pictures that don't lie in `docs/`."""
    pages = {
        "index.md": _from_the_root((ROOT / "README.md").read_text(encoding="utf-8")),
        "security.md": _from_the_root((ROOT / "SECURITY.md").read_text(encoding="utf-8")),
        "contributing.md": _from_the_root((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")),
        "changes.md": _from_the_root((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")),
        "reference/commands.md": "\n".join(_commands()),
        "reference/keys.md": "\n".join(_keys()),
        "reference/ops.md": "\n".join(_ops()),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for path in sorted(PICTURES.iterdir()):
        files.append(File.generated(config, f"pictures/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links of a page of `docs/` to what lies above it."""
    moved = markdown.replace("](../.readme/", "](pictures/")
    return re.sub(r"\]\(\.\./(SECURITY|CONTRIBUTING)\.md", lambda found: f"]({found[1].lower()}.md", moved)


def _from_the_root(text: str) -> str:
    """A page that lies above `docs/`, as a page within."""
    moved = text.replace("](docs/", "](").replace("](.readme/", "](pictures/")
    for name, page in (("SECURITY", "security"), ("CONTRIBUTING", "contributing"), ("CHANGELOG", "changes")):
        moved = moved.replace(f"]({name}.md", f"]({page}.md")
    return moved


# --- commands ------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "# Commands\n\nWhat `augexp COMMAND --help` says.\n"
    commands: Any = get_command(program())
    for name, command in commands.commands.items():
        yield f"## augexp {name}\n\n{_paragraphs(command.help or '')}\n"
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option"]
        if arguments:
            yield "| argument | is |\n|---|---|"
            yield from (f"| `{(one.metavar or one.name).upper()}` | {_cell(one.help or '')} |" for one in arguments)
            yield ""
        yield "| option | is |\n|---|---|"
        for option in options:
            names = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
            yield f"| {names} | {_cell(option.help or '')} |"
        yield "| `-h`, `--help` | Shows this and ends. |\n"


def _paragraphs(text: str) -> str:
    return re.sub(r"^(Example: )(.*)$", r"\1`\2`", inspect.cleandoc(text).replace("\b\n", ""), flags=re.MULTILINE)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


# --- keys of a configuration ---------------------------------------------------------------------------------------


def _keys() -> Iterator[str]:
    yield "# Keys of a configuration\n"
    yield "Every key and its default; [what it does](../configuration.md). Those with * change no number.\n"
    yield "| key | may be | default |\n|---|---|---|"
    for key, annotation, default in _fields(Experiment):
        mark = " *" if key in WITHOUT_EFFECT else ""
        yield f"| `{key}`{mark} | {_cell(_kind(annotation))} | `{_shown(default)}` |"


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name, field in section.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _fields(type(field.default), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.annotation, field.default


def _shown(default: Any) -> str:
    return show(list(default)) if default == () else show(default) or '""'


def _kind(annotation: Any) -> str:
    """A type as a reader would say it: `int`, `none, basic`."""
    origin, inner = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    if "Literal[" in str(annotation) and origin is not None and all(isinstance(one, str) for one in inner):
        return ", ".join(inner)
    if origin is tuple:
        return "a list"
    if inner and origin is not dict:
        return " or ".join(dict.fromkeys(_kind(one) for one in inner if not _is_note(one)))
    names = {"NoneType": "null", "str": "text", "bool": "true, false", "dict": "keys and values"}
    name = getattr(origin or annotation, "__name__", str(annotation))
    return names.get(name, name)


def _is_note(value: Any) -> bool:
    return not isinstance(value, type) and not hasattr(value, "__origin__") and "Literal" not in str(value)


# --- ops -----------------------------------------------------------------------------------------------------------


def _ops() -> Iterator[str]:
    yield "# Ops\n"
    yield "Every op; [what they share](../strategies.md), and [a picture of all](../pictures/ops.jpg).\n"
    for name, spec in OPS.items():
        kind = "mixes images and labels" if spec.mixes else ""
        yield f"## {name}\n\n{inspect.getdoc(spec) or ''}\n"
        paper = getattr(spec, "paper", "")
        if paper or kind:
            yield f"*{'; '.join(filter(None, (paper, kind)))}*\n"
        yield "| parameter | default |\n|---|---|"
        yield from (f"| `{key}` | `{value}` |" for key, value in _parameters(spec))
        yield ""


def _parameters(spec: type[Spec]) -> Iterator[tuple[str, str]]:
    common = MixingSpec.model_fields if issubclass(spec, MixingSpec) else Spec.model_fields
    for key, field in spec.model_fields.items():
        if key != "name" and (key not in Spec.model_fields or (key in common and key != "only")):
            yield key, show(field.default)
