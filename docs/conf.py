"""How Sphinx builds these pages: `make docs`."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generated import write_pages  # noqa: E402 - found by the line above

from veeam_async import __version__  # noqa: E402 - the same

project = "veeam_async"
release = version = __version__
author = "The veeam_async maintainers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"veeam_async {release}"
html_copy_source = False
html_static_path: list[str] = []
pygments_style = "default"

myst_heading_anchors = 4

autodoc_typehints = "signature"
# Models have a field `type`, for which it takes the builtin of that name.
suppress_warnings = ["ref.python"]
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": "Exception"}
napoleon_google_docstring = True

_PAGE = re.compile(r"\[([^\]\n]+)\]\(([^)#\s:]+\.md)\)")
_FENCE = re.compile(r"^```(\w*)$")
_TICKS = re.compile(r"(?<!`)`([^`]+)`(?!`)")


def as_rst(_app, _what, _name, _object, _options, lines: list[str]) -> None:  # noqa: ANN001 - Sphinx's own signature
    """Turn a docstring's Markdown into what Sphinx reads."""
    found: list[str] = []
    fence = ""
    for number, line in enumerate(lines):
        if fenced := _FENCE.match(line.strip()):
            fence = "" if fence else fenced[1] or "text"
            found += ["", f".. code-block:: {fence}", ""] if fence else [""]
        elif fence:
            found.append(f"    {line}")
        else:
            text = _TICKS.sub(r"``\1``", line)
            if not begins_code(lines[number : number + 3]):
                found.append(text)
            elif text.endswith(":"):
                found.append(f"{text}:")
            else:
                found += [text, "", "::"]
    lines[:] = found


def with_files(app, name: str, source: list[str]) -> None:  # noqa: ANN001 - as above
    """Have links to pages of the checkout that are none of these lead to their text."""
    page = Path(app.env.doc2path(name))

    def led(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        if target.is_relative_to(HERE) or not target.is_file():
            return link[0]
        return f"{{download}}`{link[1]} <{link[2]}>`"

    source[0] = _PAGE.sub(led, source[0])


def begins_code(lines: list[str]) -> bool:
    """The first of three *lines* is the last one before an indented block of code."""
    first, *following = lines
    is_text = bool(first) and not first.startswith((" ", ":", ".."))
    return is_text and following[:1] == [""] and "".join(following[1:])[:4] == "    "


def setup(app) -> None:  # noqa: ANN001 - Sphinx's own class, which checks need not know
    """Have the pages written that are made of the code."""
    write_pages()
    app.connect("source-read", with_files)
    app.connect("autodoc-process-docstring", as_rst)
