import io
import json
import sys

import pytest

from veeam_async import CertificateError, RequestTimeout, Task
from veeam_async.cli.exits import Exit, exit_code_of, explain
from veeam_async.cli.render.output import write_line


def test_json_is_ascii_where_the_stream_is_not_utf8(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe of Windows has an old code page; JSON has escapes for it."""
    for encoding, expected in (("cp1252", "\\u590c"), ("utf-8", "夌")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        write_line(Task(task_id="task-1", state="Running", operation="夌"))
        text = raw.getvalue().decode(encoding)

        assert expected in text
        assert json.loads(text)["operation"] == "夌"


def test_errors_are_told_in_the_terms_of_the_command() -> None:
    """The library's parameters become the command's options."""
    unseen = CertificateError("x is not trusted", fingerprint=None, advice="…")
    slow = RequestTimeout("no answer in 60 s.")

    assert explain(unseen) == "x is not trusted; trust it by --ca-file FILE"
    assert explain(slow) == "no answer in 60 s; --request-timeout gives it more time"
    assert exit_code_of(slow) == Exit.ERROR
    assert exit_code_of(RuntimeError("no cryptography")) == Exit.ERROR
    assert exit_code_of(ValueError("bad")) == Exit.USAGE
