# SPDX-License-Identifier: Apache-2.0
from typing import Any

# The compiled part, which only this package's files use.
def __getattr__(name: str) -> Any: ...
