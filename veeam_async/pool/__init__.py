"""The path of every request: a slot, a token, the exchange, its status, a retry.

*Sent at most once.* An action (any POST but the logon) is repeated only where the
server cannot have seen it or refused its token. A password that was refused is not sent
a second time, since accounts lock.

*Sent again.* GET, DELETE and the logon are repeated on errors that may pass, as `Retry`
says. Any request that met a dead token is repeated with a fresh one, a few times. A
caller that passes `once` decides itself when to ask again.

In `client` a request waits for a slot of the `limiter`, outside every time-out; takes
the token of the `logon`, which all requests share; makes one exchange over the
transport; and has `responses` say what the status means. Nothing else sends requests.
"""
