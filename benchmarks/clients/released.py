"""This project as it was in 0.1.0, driven as `ours` is."""

from __future__ import annotations

import sys

from benchmarks.released import PLACE

if "veeam_async" in sys.modules:
    raise ImportError("another veeam_async has been imported before")
sys.path.insert(0, str(PLACE))

import veeam_async
from benchmarks.clients.ours import opened

if not str(veeam_async.__file__).startswith(str(PLACE)):
    raise ImportError(f"{veeam_async.__file__} is not 0.1.0")

__all__ = ["opened"]
