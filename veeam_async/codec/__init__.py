"""Bytes into models, and models into plain JSON types and back.

A body takes at most two passes, both over the same rules for the same fields:

1. The *fast* pass runs functions that were generated for the body's shape. They check
   each value in place and give up at the first that is not what it nearly always is.
2. The *careful* pass is cattrs. It sees only what the fast pass gave up on, and either
   makes the model after all or names each fault with its path.

Guaranteed, and held by tests:

- The careful pass has the last word. What the fast pass makes, the careful pass would
  make equal in every field; what it gives up on fails only if the careful pass fails.
- A character that XML, JSON or UTF-8 forbid costs no more than itself in a text,
  nothing in a comment or a name that nobody reads, and no more than its row where it
  comes between the bytes of a list. A row that cannot be read is left out of its page,
  which tells of it. Ids, UIDs and Hrefs are never mended.
- A good body is read in UTF-8, UTF-16 and UTF-32, with a mark or without, whatever its
  label says. Bodies in UTF-8 without bad characters and rows pay nothing for all that.
- A body that cannot be decoded raises DecodeError and nothing else, whatever its bytes
  are. No other exception hangs on it as cause or context, and none of its texts shows a
  value of a logon.
- JSON and XML, PascalCase and camelCase, null, empty and absent, one row and many give
  the same model.

No other package knows xmltodict, orjson or cattrs. `parse` reads bytes into plain
values (small XML by `elements`), `mend` makes readable what has bad characters, `kinds`
tells what such a value is and where its rows are, `values` turns single values into
those of fields, `compile` builds the functions of both passes, `decode` runs them,
`foreign` tells what a body is that is none of the API's, and `plain` handles plain JSON
types.
"""

from veeam_async.codec.decode import XML_ASIDE_ABOVE, decode, decode_aside, decode_short
from veeam_async.codec.foreign import (
    LONGEST,
    compressed,
    compression_of,
    title_of,
    words_of,
)
from veeam_async.codec.plain import from_dict, to_dict, to_saved

__all__ = [
    "LONGEST",
    "XML_ASIDE_ABOVE",
    "compressed",
    "compression_of",
    "decode",
    "decode_aside",
    "decode_short",
    "from_dict",
    "title_of",
    "to_dict",
    "to_saved",
    "words_of",
]
