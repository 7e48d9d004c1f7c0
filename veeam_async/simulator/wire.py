"""How the fields of a class are spelt and placed in XML and JSON, for each product."""

import functools
import re
from typing import Any, Literal, TypeAlias

import attrs

Product: TypeAlias = Literal["11", "12", "13"]
"""Major version whose spelling is imitated: 13 writes JSON in camelCase."""

NAMESPACE = "http://www.veeam.com/ent/v1.0"
SCHEMAS = (
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)

# Samples differ in the order of attributes, so the products do.
_ATTRIBUTES_12 = ("Rel", "Type", "Href", "Name", "UID")
_ATTRIBUTES_13 = ("Href", "Type", "Name", "UID")
_LINK_ATTRIBUTES_13 = ("Href", "Name", "Type", "Rel")


def attribute(wire: str) -> dict[str, Any]:
    """Metadata of a field that XML carries as an attribute."""
    return {"wire": wire, "place": "attribute", "absent": False, "flat": False}


def element(wire: str, *, absent: bool = False, flat: bool = False) -> dict[str, Any]:
    """Metadata of a field that XML carries as an element.

    With `absent` JSON leaves the key out when there is no value, where it writes null
    otherwise: .NET does so for values that cannot be null. With `flat` XML has a
    list's items where JSON names the list.
    """
    return {"wire": wire, "place": "element", "absent": absent, "flat": flat}


@attrs.frozen
class Member:
    """Spelling of one field."""

    field: str
    xml: str
    json: str
    absent: bool
    flat: bool


@attrs.frozen
class Layout:
    """Members of a class in wire order: all for JSON; attributes, elements for XML."""

    members: tuple[Member, ...]
    attributes: tuple[Member, ...]
    elements: tuple[Member, ...]


def camel(name: str) -> str:
    """`name` with its leading capitals lowered, as .NET's camelCase policy does.

    The last capital of a run stays when a small letter follows it: `UID` gives
    `uid`, `VAppReplicas` gives `vAppReplicas`, `NASJobs` gives `nasJobs`.
    """
    run = re.match(r"[A-Z]+(?![a-z])|[A-Z]", name)
    end = run.end() if run else 0
    return name[:end].lower() + name[end:]


@functools.cache
def json_key(name: str, product: Product) -> str:
    """`name` as that product's JSON spells it."""
    return camel(name) if product == "13" else name


def layout(value: Any, product: Product) -> Layout:
    """Layout of the class of `value`, an attrs class, for `product`."""
    return _layout(value.__class__, product)


# Kept for each class and product: rendering thousands of entities looks up nothing.
@functools.cache
def _layout(cls: Any, product: Product) -> Layout:
    members = [(field, _member(field, product)) for field in attrs.fields(cls)]
    attributes = [
        member for field, member in members if field.metadata["place"] == "attribute"
    ]
    elements = [
        member for field, member in members if field.metadata["place"] == "element"
    ]
    order = _attribute_order(cls, product)
    return Layout(
        members=tuple(member for _, member in members),
        attributes=tuple(sorted(attributes, key=lambda m: _rank(m.xml, order))),
        elements=tuple(sorted(elements, key=_element_rank)),
    )


def _member(field: "attrs.Attribute[Any]", product: Product) -> Member:
    wire: str = field.metadata["wire"]
    key = json_key(wire, product)
    absent, flat = field.metadata["absent"], field.metadata["flat"]
    return Member(field.name, wire, key, absent, flat)


def _attribute_order(cls: Any, product: Product) -> tuple[str, ...]:
    if product != "13":
        return _ATTRIBUTES_12
    return _LINK_ATTRIBUTES_13 if cls.__name__ == "Link" else _ATTRIBUTES_13


def _rank(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


def _element_rank(member: Member) -> int:
    # The schema writes base types first: links, the session's own elements, and only
    # then what a derived type adds.
    return {"Links": 0, "IsRetry": 2}.get(member.xml, 1)
