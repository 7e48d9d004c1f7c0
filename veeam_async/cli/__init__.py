"""The `veeam-async` command: arguments in, text on a terminal or lines in a pipe out.

It uses the library as any other program would, nearly always by its public names. `app`
finds the command and turns what goes wrong into an exit code (`exits`); `connection`
and `given` are what commands take, `screen`, `output`, `table`, `board` what they show.
"""
