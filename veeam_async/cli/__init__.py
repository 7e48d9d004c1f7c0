"""The `veeam-async` command: arguments in, text on a terminal or lines in a pipe out.

It uses the library as any other program would, nearly always by its public names.
What holds for every command:

- Data goes to standard output; progress, messages and questions go to standard error.
- An error is one line, without a traceback, and decides the exit code (`exits`);
  `check` answers as monitoring systems expect it of their plugins (`plugin`).
- No password or token is ever printed, except the simulated server's.
- What a server sent reaches a terminal only after its control characters were replaced.
- Ctrl-C, Ctrl-Break, SIGTERM and SIGHUP log out and save the checkpoint before the
  end; no signal raises anything while a loop runs (`interrupts`).
- A file that is written is its user's own, whoever can write beside it (`own_files`).
- A password is neither taken from the command line nor handed on to a hook.

`app` finds the command, `commands` holds one module for each, `options` is what they
take, `pipeline` what happens to each event of a watch, and `render` what they show.
"""
