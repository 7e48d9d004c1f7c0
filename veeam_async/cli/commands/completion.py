"""Print a script by which a shell completes commands and options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal, TypeAlias

from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.render.streams import say

Shell: TypeAlias = Literal["bash", "zsh", "fish", "powershell"]

_NAME = "veeam-async"
_FUNCTION = f"_cyclopts_{_NAME}"
"""What cyclopts calls the function for zsh."""

_FILE_OPTIONS = ("ca-file", "password-file", "file", "checkpoint", "record")

_HOW_TO_INSTALL = {
    "bash": """\
To complete from the next shell on:
    mkdir -p ~/.local/share/bash-completion/completions
    veeam-async completion bash > ~/.local/share/bash-completion/completions/veeam-async
Without the package bash-completion put this into ~/.bashrc instead:
    source <(veeam-async completion bash)""",
    "zsh": """\
To complete from the next shell on:
    mkdir -p ~/.zfunc
    veeam-async completion zsh > ~/.zfunc/_veeam-async
and in ~/.zshrc, before compinit:
    fpath=(~/.zfunc $fpath)
    autoload -Uz compinit && compinit""",
    "fish": """\
To complete from the next shell on:
    mkdir -p ~/.config/fish/completions
    veeam-async completion fish > ~/.config/fish/completions/veeam-async.fish""",
    "powershell": """\
To complete from the next shell on put this into the file that $PROFILE names:
    veeam-async completion powershell | Out-String | Invoke-Expression""",
}


def completion(shell: Shell, /) -> Exit:
    """Print a script by which a shell completes commands, options and their values.

    How to install it is said above the script, and on a terminal below it.

    Example: `veeam-async completion bash`

    Args:
        shell: The shell.
    """
    # Here, since the commands themselves are to be found from there.
    from veeam_async.cli.dispatch import app_of_all  # noqa: PLC0415 - as said

    try:
        script = app_of_all().generate_completion(prog_name=_NAME, shell=shell)
    except ValueError as error:
        raise Refusal(
            f"this cyclopts knows no {shell}: pip install --upgrade cyclopts",
            Exit.ERROR,
        ) from error
    how = _HOW_TO_INSTALL[shell]
    sys.stdout.write(_with_comment(_MENDED.get(shell, str)(script), how))
    if sys.stdout.isatty():
        for line in how.splitlines():
            say(line)
    return Exit.DONE


def _with_comment(script: str, comment: str) -> str:
    """*script* with a *comment* above it; zsh reads its first line, which stays so."""
    lines = script.splitlines()
    place = 1 if lines[0].startswith("#compdef") else 0
    told = [f"# {line}" for line in comment.splitlines()]
    return "\n".join([*lines[:place], *told, *lines[place:], ""])


def _bash(script: str) -> str:
    """Complete files where there is nothing else to complete."""
    return script.replace("complete -F", "complete -o bashdefault -o default -F")


def _zsh(script: str) -> str:
    """Complete files, and be of use both sourced and found along fpath."""
    for name in _FILE_OPTIONS:
        script = script.replace(f":{name}'", f":{name}:_files'")
    return f"""{script}
if [[ $funcstack[1] == _{_NAME} ]]; then
  {_FUNCTION} "$@"
else
  compdef {_FUNCTION} {_NAME}
fi
"""


_MENDED: dict[str, Callable[[str], str]] = {"bash": _bash, "zsh": _zsh}
"""What the scripts of cyclopts lack for some shells."""
