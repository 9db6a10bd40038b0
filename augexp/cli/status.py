"""`augexp status`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from augexp.errors import UserError


def status(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, such as runs/*.", show_default=False)],
) -> None:
    """How runs stand, whoever trains them: epoch, val accuracy, images/s, time left; of a study, who is out."""
    from augexp import console
    from augexp.report import wording
    from augexp.runs import status
    from augexp.runs.records import BrokenRun
    from augexp.study import rounds, watch

    standings = []
    for folder in _runs(folders):
        try:
            found = status.of(folder)
            if found.state == "waiting":  # for a sweep to begin it; here it is a slip
                raise BrokenRun("no such folder")  # noqa: TRY301
            standings.append(found)
        except BrokenRun as error:
            console.say(f"{folder}: {error}")
    if not standings:
        raise UserError("there is no run folder among these; give some, such as runs/*")
    console.tabulate(watch.table(standings))
    for line in watch.reasons(standings):
        console.answer(line)
    at_once = max(1, sum(now.state == "running" for now in standings))
    console.answer(watch.summary(standings, at_once))
    for race, members in rounds.found_in([now.folder for now in standings]):
        console.tell(f"study {race.study.hash}, by these runs: {wording.race_sentence(race)}")
        if race.ended:
            console.tell(wording.outcome(race, rounds.decided(members)))


def _runs(folders: list[Path]) -> list[Path]:
    """The folders; in place of that of a study, such as runs/which-digits, the runs in it."""
    from augexp.runs import read

    found = []
    for folder in folders:
        inside = []
        with suppress(OSError):  # a folder out of reach is named where it is read
            inside = [] if (folder / "config.yaml").is_file() else read.runs_in(folder)
        found += inside or [folder]
    return list(dict.fromkeys(found))
