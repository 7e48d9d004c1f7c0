"""On what was measured: processor, system and versions."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    *("veeam-async", "httptools", "orjson", "attrs", "cattrs", "xmltodict"),
    *("aiohttp", "uvloop", "httpx", "niquests", "requests", "urllib3", "pycurl"),
    *("wreq", "pyreqwest", "aiosonic", "veeam-em", "pydantic"),
)


def describe() -> dict[str, str]:
    """Give names and versions, of what is installed."""
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    known = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{system} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL "),
    }
    for package in _PACKAGES:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            continue
    return known


def _processor() -> str:
    """Give the processor's name as the system tells it."""
    told = Path("/proc/cpuinfo")
    if sys.platform == "linux" and told.exists():
        for line in told.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
