"""`augexp init`."""

import os
import re
import shlex
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augexp.errors import UserError, counted, remedy

if TYPE_CHECKING:
    from augexp.audit.glance import Glance
    from augexp.config.schema import Data, Experiment
    from augexp.data.examples import Source
    from augexp.study.design import Photos
    from augexp.study.propose import Proposal

MOST_HOURS = 8760.0  # a year
LOOK_SECONDS = 45.0  # of decoding, that a look at every image may take
BUSY = 1.5  # programs to a core
SIDE = 96  # pixels, at which a sample is decoded
TOLD = ("classes", "files", "left out", "copies", "near-copies")  # of the facts of `augexp data`


def init(
    photos: Annotated[
        str, typer.Argument(metavar="PHOTOS", help="A folder, a table, or a set of TFDS.", show_default=False)
    ],
    hours: Annotated[float, typer.Option("--hours", help="That the whole study may take on this machine.")] = 3.0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; never one that is there.")] = Path(
        "study.yaml"
    ),
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="FILE", help="ImageNet weights, where they can't be downloaded.")
    ] = None,
) -> None:
    """Look at photos, time this machine, and write a study of them that fits the hours.

    Example: augexp init photos --hours 3
    """
    from augexp.errors import Terminated, stop_on_sigterm

    if not 0 < hours <= MOST_HOURS:
        raise UserError(f"--hours {hours:g}: hours above 0 are needed, at most {MOST_HOURS:g}, such as 3")
    _refuse_unwritable(out)
    _refuse_another_base()
    source = _source(photos)
    stop_on_sigterm()
    try:
        _init(source, hours, out, weights)
    except KeyboardInterrupt as error:
        print("interrupted: nothing was written", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None


def _refuse_unwritable(out: Path) -> None:
    """Before a minute is spent on what could not be kept."""
    if os.path.lexists(out):
        raise _is_there(out)
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise UserError(f"--out {out}: a name that ends in .yaml is needed")
    folder = next(parent for parent in out.absolute().parents if os.path.lexists(parent))
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        reason = "can't be written" if folder.is_dir() else "is no folder"
        raise UserError(f"--out {out}: {folder} {reason}; give another place")


def _refuse_another_base() -> None:
    """What the study says nothing of comes from the shipped configuration, and was timed so."""
    from augexp.config import load
    from augexp.study.draft import BASE

    found = load.find_config(BASE)
    if found.read_bytes() != (load.shipped_configs() / BASE).read_bytes():
        raise UserError(
            f"{found}: the study is built on the {BASE} that comes with augexp, and this one would be read in its "
            "place; rename it, or start augexp in another folder"
        )


def _is_there(out: Path) -> UserError:
    return UserError(f"{out}: it is there, and nothing is overwritten; give another name: --out other.yaml")


def _source(photos: str) -> str:
    """`data.source` of what was typed: what is there goes before a set of the same name."""
    if re.search("[\ud800-\udfff]", photos):
        raise UserError(f"{photos}: a study can't hold a name that is not UTF-8; rename it, or link to it")
    if photos.startswith(("folder:", "csv:")):
        return photos
    path = Path(photos).expanduser()
    if path.is_dir():
        return f"folder:{photos}"
    if path.exists():
        return f"csv:{photos}"
    if re.fullmatch(r"\w+([:/][\w.*-]+)*", photos):  # as TFDS names sets, their configurations and versions
        return photos
    raise UserError(f"{photos}: no such folder or table ({path.absolute()})")


def _init(source: str, hours: float, out: Path, weights: str | None) -> None:
    from augexp.network import device

    device.load_tensorflow()
    from augexp.audit.glance import glance
    from augexp.config import load
    from augexp.network import whose
    from augexp.study import draft
    from augexp.study.propose import propose

    model = None if weights is None else whose.of_file(weights)
    settings = load.experiment(None, settings={"data.source": source, "data.image_size": SIDE})
    opened = _opened(settings.data)
    photos, of_a_class = _counted(settings)
    seen = glance(opened, settings.data)
    photos = replace(photos, short=seen.short)
    decoding = 0.0 if seen.rate is None else seen.images / seen.rate
    machine = _machine()
    proposal = propose(photos, hours, model, decoding=decoding)
    if decoding <= LOOK_SECONDS:
        photos = _look(photos, proposal)
        proposal = proposal.of(photos)
    else:
        _say_unread(photos, of_a_class, decoding)
    _say_machine(machine, proposal, seen)
    _say_study(proposal, photos, decoding, out)
    design = proposal.design
    text = draft.text(design, photos, hours=hours, machine=machine, out=out, runs_dir=_runs_dir(opened))
    _refuse_unlike(text)
    _write(out, text)


def _opened(data: "Data") -> "Source":
    from augexp.data import sources

    try:
        return sources.open_source(data)
    except UserError as error:
        if data.source.startswith(("folder:", "csv:")):
            raise
        raise UserError(f"{data.source}: no such folder or table here; {error}") from error


def _counted(settings: "Experiment") -> "tuple[Photos, tuple[int, int]]":
    """The sizes of the splits, and the fewest and the most train images of a class; decodes nothing.

    Raises:
        UserError: if nothing can be trained on them.
    """
    from augexp.data.splits import expected_splits
    from augexp.study.design import Photos

    source, splits = settings.data.source, expected_splits(settings)
    if splits is None:
        raise UserError(f"{source}: it was prepared, and is gone; type the command again")
    counts = Counter(splits.train.labels.tolist()).values()
    sizes = (len(splits.train), len(splits.val), len(splits.test))
    return Photos(source, len(splits.class_names), *sizes, short=0), (min(counts), max(counts))


# --- what is said --------------------------------------------------------------------------------------------------


def _look(photos: "Photos", proposal: "Proposal") -> "Photos":
    """Says what `augexp data` finds, but for labels in doubt; the photos as training will have them."""
    from augexp import console
    from augexp.audit.look import look
    from augexp.report import advice, audit
    from augexp.study import propose

    design = proposal.design
    found = look(propose.experiment(photos, design.recipe, design.image_size, design.epochs), per_class=0)
    console.answer(audit.title(found))
    console.out.print(audit.table(found))
    facts = dict(audit.facts(found))
    for name in TOLD:
        console.tell(f"{name}: {facts[name]}")
    for sentence in advice.doubtful(found):
        console.tell(f"- {sentence}")
    sizes = {split: int(counts.sum()) for split, counts in found.counts.items()}
    return replace(photos, train=sizes["train"], val=sizes.get("val", sizes["test"]), test=sizes["test"])


def _say_unread(photos: "Photos", of_a_class: tuple[int, int], decoding: float) -> None:
    from augexp import console
    from augexp.study import watch

    least, most = of_a_class
    console.tell(
        f"{photos.source}: {photos.classes:,} classes, {photos.train:,} train, {photos.val:,} val and {photos.test:,} "
        f"test images; {least:,} to {most:,} train images of a class; half of a sample are {photos.short:.0f} px or "
        "less on their shorter side"
    )
    console.tell(
        f"not every image was decoded, which takes about {watch.duration(decoding)} and is part of the hours: what "
        "can't be is named then, and so are copies"
    )
    console.quote(f"augexp data --config none.yaml {shlex.quote(f'data.source={photos.source}')}")


def _machine() -> str:
    """The device, and whether other programs use it, which is said before it is timed."""
    from augexp import console
    from augexp.network import device

    name, load = device.find().name, _load()
    if load < BUSY * (os.cpu_count() or 1):
        return name
    console.say(f"other programs keep this machine busy (load {load:.0f}): the hours are those of a machine as busy")
    return f"{name}, busy with other programs: load {load:.0f}"


def _load() -> float:
    """Programs that want a core, over the last minute; 0 where the system doesn't tell."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def _say_machine(machine: str, proposal: "Proposal", seen: "Glance") -> None:
    from augexp import console

    design, rates = proposal.design, proposal.rates
    decodes = "" if seen.rate is None else f"decodes {seen.rate:,.0f} images/s, "
    console.tell("")
    console.tell(
        f"this machine ({machine}): {decodes}trains {_network(proposal)} at {rates.image_size} px on "
        f"{1 / rates.full:,.0f} images/s; a run of {counted(design.epochs, 'epoch')} takes about "
        f"{design.seconds:,.0f} s"
    )


def _network(proposal: "Proposal") -> str:
    model = proposal.design.recipe.model
    told = "".join(f" ({name} {value})" for name, value in model.backbone_args.items())
    return f"{model.backbone}{told}"


def _say_study(proposal: "Proposal", photos: "Photos", decoding: float, out: Path) -> None:
    from augexp import console
    from augexp.study import draft, watch

    design = proposal.design
    (least, most), (soonest, latest) = design.runs, (60 * 60 * one + decoding for one in design.hours)
    console.tell(
        f"{out}: {counted(len(design.candidates), 'strategy')} ({', '.join(design.candidates)}), looks at "
        f"{', '.join(map(str, design.looks))} seeds, {_network(proposal)} at {design.image_size} px, "
        f"{counted(design.epochs, 'epoch')}: {least} to {most} runs, about {watch.duration(soonest)} to "
        f"{watch.duration(latest)}"
    )
    console.tell(draft.settles(design, photos))
    if proposal.note:
        console.tell(proposal.note)


# --- what is written -----------------------------------------------------------------------------------------------


def _runs_dir(opened: "Source") -> str:
    """A folder that no runs are in yet."""
    name = re.sub(r"[^\w.-]+", "-", opened.name).strip("-.") or "photos"
    numbered = (f"runs/{name}" if number == 1 else f"runs/{name}-{number}" for number in range(1, 10**6))
    return next(folder for folder in numbered if not os.path.lexists(folder))


def _refuse_unlike(text: str) -> None:
    """Raises UserError where `augexp sweep` would not take the study."""
    from augexp.study import plan as study_plan
    from augexp.study.grid import read_study

    with tempfile.TemporaryDirectory(prefix="augexp-init-") as folder:
        file = Path(folder) / "study.yaml"
        file.write_text(text, "utf-8")
        study_plan.refuse_others(study_plan.plan(read_study(str(file))))


def _write(out: Path, text: str) -> None:
    from augexp import console

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
            except BaseException:
                out.unlink()
                raise
    except FileExistsError:
        raise _is_there(out) from None
    except OSError as error:
        raise UserError(f"{out}: can't be written ({error.strerror}); {remedy(error)}, or give another --out") from None
    console.answer(f"wrote {out}")
    console.quote(f"next: augexp sweep --study {shlex.quote(str(out))}")
