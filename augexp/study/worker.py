"""One run of a sweep in a process of its own, started by `augexp.study.processes` and told on stdin what to train.

The first line is a job; the end of stdin means that whoever started the process is gone, and ends it too.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from augexp.config import load
from augexp.config.decide import Registered
from augexp.config.schema import Experiment
from augexp.errors import UserError, stop_on_sigterm
from augexp.network import device

PATIENCE = 30.0  # seconds between the end of the sweep and that of a run which doesn't end by itself


def main() -> None:
    """Trains, going on from a checkpoint where there is one; exit status 2 for a mistake of the user's."""
    stop_on_sigterm()
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        study = Registered.model_validate(told["study"]) if "study" in told else None
        _train(load.known_again(told["config"]), told["command"], study)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(143)
    finally:
        gc.freeze()  # else Python would look through all of TensorFlow for garbage as it ends


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)  # TensorFlow may be in a long step, which no signal ends
    os.kill(os.getpid(), signal.SIGKILL)


def _train(experiment: Experiment, command: list[str], study: Registered | None) -> None:
    device.load_tensorflow(deterministic=experiment.train.deterministic)
    from augexp.train.run import train

    train(experiment, resume=True, command=command, study=study)


if __name__ == "__main__":
    main()
