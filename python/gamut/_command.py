# SPDX-License-Identifier: Apache-2.0
"""The command `gamut` of the wheel: starts the program inside it, which runs with the LibTorch of installed torch.

The program needs no Python; this only finds torch and says so in one line when it is missing or another version.
"""
import importlib.metadata
import importlib.util
import os
import pathlib
import sys

TORCH = "@TORCH@"  # that the program was built with; its C++ interface changes with the minor version
OLDEST = (2, 11)  # in the sources, where TORCH is not yet filled in
HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT_ERROR = 4


def check_torch():
    """The folder of torch's libraries; RuntimeError with what to install."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        version = "" if TORCH.startswith("@") else f"=={TORCH}"
        raise RuntimeError("gamut runs with torch's libraries; got no torch in this Python environment; run: "
                           f"pip install torch{version}")
    found = importlib.metadata.version("torch")
    if TORCH.startswith("@"):
        if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
            raise RuntimeError(f"gamut needs torch 2.11 or newer; got torch {found}; run: pip install --upgrade torch")
    else:
        wanted = TORCH.rsplit(".", 1)[0]
        if not found.startswith(wanted + "."):
            raise RuntimeError(f"this gamut was built with torch {wanted}; got torch {found}; run: pip install torch=={TORCH}, "
                               "or build the wheel anew in this environment (make wheel in gamut's sources)")
    return pathlib.Path(list(spec.submodule_search_locations)[0]) / "lib"


def main():
    try:
        libraries = check_torch()
    except RuntimeError as error:
        print(f"error: [setup] {error}", file=sys.stderr)
        sys.exit(ENVIRONMENT_ERROR)
    environment = dict(os.environ)
    if libraries.resolve() != (HERE.parent / "torch/lib").resolve():  # where the program itself looks
        paths = [str(libraries)] + [path for path in [environment.get("LD_LIBRARY_PATH")] if path]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(paths)
    os.execve(HERE / "bin/gamut", ["gamut"] + sys.argv[1:], environment)
