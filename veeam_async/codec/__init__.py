"""Between bytes and models, and between models and plain JSON types.

The only room that knows xmltodict, orjson and cattrs. `body` turns bytes into plain
dicts under the eyes of `guard`, `kinds` and `envelopes` find out what such a dict is
and where its rows are, `values` turns plain values into field values and `structures`
dicts into models; `decoding` puts them in a row and says what went wrong.
"""

from veeam_async.codec.decoding import (
    XML_ASIDE_ABOVE,
    decode,
    decode_aside,
    from_dict,
)
from veeam_async.codec.plain import to_dict

__all__ = ["XML_ASIDE_ABOVE", "decode", "decode_aside", "from_dict", "to_dict"]
