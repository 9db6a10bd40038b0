"""`make bench`: images/s of every op, of the input path and of decoding, beside what others offer, in one run.

    python -m tests.tools.bench [ops] [input] [decode] [--batch 64 256] [--only cutmix mixup]

A table for the reader, and `runs/bench.json` with every single time for whoever wants to look closer.
"""

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from augexp.network import device

device.load_tensorflow()

import tensorflow as tf

from augexp.config.ops import OPS
from tests.tools.bench import decode, input_path, ops
from tests.tools.bench.rivals import OPTIONAL

OUT = Path("runs/bench.json")
PACKAGES = ("tensorflow", "keras", "numpy", "torch", *OPTIONAL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench")
    parser.add_argument("parts", nargs="*", help="of ops, input and decode; all by default")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--only", nargs="+", default=["none", "basic", *OPS])
    chosen = parser.parse_args()
    parts = chosen.parts or ["ops", "input", "decode"]
    machine = describe()
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    missing = [name for name in OPTIONAL if not _version(name)]
    if missing:
        print(f"not installed, so not measured: {', '.join(missing)}", flush=True)
    found: dict[str, Any] = {"machine": machine}
    if "ops" in parts:
        found["ops"] = ops.run(chosen.only, chosen.batch)
    if "input" in parts:
        found["input"] = input_path.run()
    if "decode" in parts:
        found["decode"] = decode.run()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"wrote {OUT}")


def describe() -> dict[str, str]:
    """Processor, cores, threads and versions."""
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "TensorFlow threads": str(threads or "one a core"),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
