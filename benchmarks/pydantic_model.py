"""A pydantic model that applies the rules of this project's own.

Both spellings of every name, the text `None` for no result, an end before 1970 for none
at all, states and kinds that may be unknown, frozen values, aware times.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from veeam_async import JobType, SessionResult, SessionState

_FIRST_YEAR = "1970"


def _not_never(given: object) -> object:
    return None if isinstance(given, str) and given[:4] < _FIRST_YEAR else given


def _not_none(given: object) -> object:
    return None if given == "None" else given


class Model(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(frozen=True)


class PydanticLink(Model):
    """A link."""

    rel: str = Field(validation_alias=AliasChoices("Rel", "rel"))
    href: str = Field(validation_alias=AliasChoices("Href", "href"))
    name: str | None = Field(None, validation_alias=AliasChoices("Name", "name"))
    type: str | None = Field(None, validation_alias=AliasChoices("Type", "type"))


class PydanticSession(Model):
    """A backup job session."""

    uid: str = Field(validation_alias=AliasChoices("UID", "uid"))
    name: str = Field(validation_alias=AliasChoices("Name", "name"))
    href: str = Field(validation_alias=AliasChoices("Href", "href"))
    links: tuple[PydanticLink, ...] = Field(
        validation_alias=AliasChoices("Links", "links")
    )
    job_uid: str = Field(validation_alias=AliasChoices("JobUid", "jobUid"))
    job_name: str = Field(validation_alias=AliasChoices("JobName", "jobName"))
    job_type: Annotated[JobType | str, Field(union_mode="left_to_right")] = Field(
        validation_alias=AliasChoices("JobType", "jobType")
    )
    creation_time: datetime = Field(
        validation_alias=AliasChoices("CreationTimeUTC", "creationTimeUTC")
    )
    end_time: Annotated[datetime | None, BeforeValidator(_not_never)] = Field(
        None, validation_alias=AliasChoices("EndTimeUTC", "endTimeUTC")
    )
    state: Annotated[SessionState | str, Field(union_mode="left_to_right")] = Field(
        validation_alias=AliasChoices("State", "state")
    )
    result: Annotated[
        Annotated[SessionResult | str, Field(union_mode="left_to_right")] | None,
        BeforeValidator(_not_none),
    ] = Field(None, validation_alias=AliasChoices("Result", "result"))
    progress: int = Field(validation_alias=AliasChoices("Progress", "progress"))
    is_retry: bool = Field(validation_alias=AliasChoices("IsRetry", "isRetry"))
    failure_message: str | None = Field(
        None, validation_alias=AliasChoices("FailureMessage", "failureMessage")
    )
