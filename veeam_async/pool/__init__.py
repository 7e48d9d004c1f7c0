"""The one way of every request: a slot, a token, the exchange, its status, a retry.

*Sent at most once.* An action (any POST but the logon) that may have been carried out:
it is repeated only where the server cannot have seen it. A wrong password: once a user
and password were refused, no further request sends them again, since accounts lock.

*Sent again.* GET and DELETE, and the logon, on errors that may pass, as `Retry` says;
and whatever met a dead token, with a fresh one, a few times. Whoever asks with `once`
decides himself when to ask again.

What one request goes through, in `client`: a slot of the `limiter`, so that waiting for
it is in no time-out; the token of the `logon`, one for everybody; one exchange of the
transport; and in `responses` what its status means. Nothing else sends anything.
"""
