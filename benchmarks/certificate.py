"""A certificate for the loopback address, from an authority made for this run."""

from __future__ import annotations

from pathlib import Path

import trustme


def write_into(folder: Path) -> Path:
    """Write `server.pem` (certificate and key) and `ca.pem`; give the former."""
    authority = trustme.CA()
    pem = folder / "server.pem"
    authority.issue_cert(
        "127.0.0.1", "localhost"
    ).private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return pem
