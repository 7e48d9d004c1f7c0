"""All targets, by their names."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import answers, bodies, commands, filters, saved

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (bodies, answers, filters, saved, commands)
    for target in module.TARGETS
}
