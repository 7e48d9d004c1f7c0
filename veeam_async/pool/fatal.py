"""Errors that would meet every other request as well."""

from __future__ import annotations

from veeam_async.errors import (
    AuthenticationFailed,
    CertificateError,
    NotEnterpriseManager,
    PermissionDenied,
    VeeamError,
)


def is_fatal(error: VeeamError, *, proven: bool) -> bool:
    """Tell whether *error* leaves nothing to hope for.

    *proven*: a logon has succeeded, so that it is the right server that was asked.
    """
    if isinstance(error, AuthenticationFailed):
        return True
    if isinstance(error, PermissionDenied):
        return error.method == "POST"  # the logon's
    return not proven and isinstance(error, NotEnterpriseManager | CertificateError)
