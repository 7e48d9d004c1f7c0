"""Find among jobs the one that somebody means by a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from veeam_async.errors import ApiError, JobNotFound
from veeam_async.jobs.kinds import WORDS
from veeam_async.models import Job

_NEAREST = 3
"""Names that an error tells of."""


def called(name: str, jobs: Iterable[Job]) -> list[Job]:
    """Those of *jobs* that are called *name*; if none is so exactly, in other case."""
    folded = name.casefold()
    found = [job for job in jobs if job.name.strip().casefold() == folded]
    return [job for job in found if job.name.strip() == name] or found


def not_found(
    name: str, jobs: Sequence[Job], left_out: Mapping[type[Job], ApiError]
) -> JobNotFound:
    """The error for a *name* that none of *jobs* has; *left_out* are not among them."""
    unread = "; ".join(f"the {WORDS[kind]}: {left_out[kind]}" for kind in left_out)
    near = nearest(name, (job.name for job in jobs))
    return JobNotFound(name, nearest=near, unread=unread or None)


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.5) -> tuple[str, ...]:
    """Those of *names* that are most like *name* in any case; *cutoff* is difflib's."""
    # Only a name that is wrong needs it.
    from difflib import get_close_matches  # noqa: PLC0415 - see above

    by_folded = {each.casefold(): each for each in names}
    wanted = name.casefold()
    parts = [each for each in by_folded if wanted in each]
    like = get_close_matches(wanted, by_folded, n=_NEAREST, cutoff=cutoff)
    found = dict.fromkeys([*like, *parts])
    return tuple(by_folded[each] for each in found)[:_NEAREST]
