"""The data of many runs, looked at once before the first: what is doubtful is said, what is bad stops them all."""

import json
from collections.abc import Sequence

from augexp import console
from augexp.config.schema import Experiment
from augexp.config.settings import deciding
from augexp.data import cache, doubtful, sources
from augexp.data.splits import Splits, load_splits
from augexp.network import device


def look(experiments: Sequence[Experiment]) -> None:
    """Decodes each set that some runs are trained on, where it isn't yet, and says what is doubtful about it.

    Raises:
        UserError: if a set can't be trained on, or holds what `data.duplicates` refuses.
    """
    kinds = {json.dumps(deciding(one.model_dump(mode="json"), "data"), sort_keys=True): one for one in experiments}
    for settings in kinds.values():
        for line in doubtful.lines(_splits(settings), settings.data):
            console.say(f"{settings.data.source}: {line}" if len(kinds) > 1 else line)


def _splits(settings: Experiment) -> Splits:
    if not sources.is_listed_without_tensorflow(settings.data) or not _is_decoded(settings):
        device.load_tensorflow()
        device.leave_gpus_alone()  # they are for the runs
    return load_splits(settings)


def _is_decoded(settings: Experiment) -> bool:
    return cache.find(sources.open_source(settings.data), settings.data) is not None
