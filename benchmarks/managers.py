"""What fifty managers cost to make, in a fresh process: `managers '<its case>'`."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.affinity import pin
from veeam_async import EnterpriseManager

COUNT = 50


def main() -> None:
    """Print seconds of CPU of the constructors; they trust the system's CAs."""
    pin(json.loads(sys.argv[1])["core"])
    began = time.process_time()
    made = [
        EnterpriseManager(f"https://em{n}.example.com:9398", username="u", password="p")
        for n in range(COUNT)
    ]
    print(time.process_time() - began)
    assert len(made) == COUNT  # noqa: S101 - all of them lived until now


if __name__ == "__main__":
    main()
