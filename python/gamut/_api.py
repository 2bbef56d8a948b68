# SPDX-License-Identifier: Apache-2.0
"""What `import gamut` offers, once torch is there."""
import json

from . import _command

try:
    _command.check_torch()
except RuntimeError as error:
    raise ImportError(str(error)) from None
import torch  # noqa: F401, E402  (its libraries come first, so that both use the same)

from . import _gamut  # noqa: E402
from . import credit, diversity  # noqa: E402, F401

for _error in ("Error", "ConfigError", "DataError", "EnvironmentError", "NumericalError", "InternalError"):
    globals()[_error] = getattr(_gamut, _error)
    globals()[_error].__module__ = "gamut"


def read_run(path):
    """(metrics, evals) of a run folder: a dict per iteration and per evaluation, as docs/metrics.md names their keys.

    ConfigError for a folder that is no run; a row that a kill cut short is left out.
    """
    metrics, evals = _gamut.read_run(path)
    return [json.loads(row) for row in metrics], [json.loads(row) for row in evals]
