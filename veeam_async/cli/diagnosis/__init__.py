"""Look into why a server cannot be used, or how well it can: one step after another.

Each step says what was found and, where that is not as it should be, what to do. What
depends on a step that failed is not tried. The password is sent once at most, since
accounts lock, and not before what answers is known to be Enterprise Manager. Nothing
that is found holds a secret.

`way` goes from the name of the server to what answers there, `access` from the logon
to what its user sees, `steps` is what both speak in, `diagnosis` takes them in turn.
"""
