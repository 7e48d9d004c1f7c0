"""A pydantic model that applies the rules of this project's own.

Both spellings of every name, the text `None` for no result, an end before 1970 for none
at all, states and kinds that may be unknown, frozen values, aware times.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import pydantic
from pydantic import BaseModel, BeforeValidator, Field
from pydantic.alias_generators import to_pascal

from veeam_async import JobType, SessionResult, SessionState

_TIMES = {"creation_time": "CreationTimeUTC", "end_time": "EndTimeUTC"}


def _spellings(name: str) -> pydantic.AliasChoices:
    """Spell a name as versions before EM 13 do, and as that does."""
    if name == "uid":
        return pydantic.AliasChoices("UID", "uid")
    pascal = _TIMES.get(name) or to_pascal(name)
    return pydantic.AliasChoices(pascal, pascal[0].lower() + pascal[1:])


def _not_never(given: object) -> object:
    return None if isinstance(given, str) and given[:4] < "1970" else given


def _not_none(given: object) -> object:
    return None if given == "None" else given


_NAMES = pydantic.AliasGenerator(validation_alias=_spellings)


class Model(BaseModel):
    """What all of them have in common."""

    model_config = pydantic.ConfigDict(frozen=True, alias_generator=_NAMES)


class PydanticLink(Model):
    """A link."""

    rel: str
    href: str
    name: str | None = None
    type: str | None = None


class PydanticSession(Model):
    """A backup job session."""

    uid: str
    name: str
    href: str
    links: tuple[PydanticLink, ...]
    job_uid: str
    job_name: str
    job_type: Annotated[JobType | str, Field(union_mode="left_to_right")]
    creation_time: datetime
    end_time: Annotated[datetime | None, BeforeValidator(_not_never)] = None
    state: Annotated[SessionState | str, Field(union_mode="left_to_right")]
    result: Annotated[
        Annotated[SessionResult | str, Field(union_mode="left_to_right")] | None,
        BeforeValidator(_not_none),
    ] = None
    progress: int
    is_retry: bool
    failure_message: str | None = None
