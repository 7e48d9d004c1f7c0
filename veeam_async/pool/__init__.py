"""The path of every request: a slot, a token, the exchange, its status, a retry.

*Sent at most once.* An action (any POST but the logon) that may have been carried out:
it is repeated only where the server cannot have seen it. A wrong password: once a
password was refused, by a 401 or 403 of whatever form, no further request sends it
again, since accounts lock; one that has worked gets one more try, a minute later. Two
failed logons in a minute are the most, whatever passwords there are.

*Sent again.* GET and DELETE, and the logon, on errors that may pass, as `Retry` says;
and whatever met a dead token, with a fresh one, a few times. So is a GET whose answer
is about something else, which whoever asks tells by *belongs*. Whoever asks with `once`
decides himself when to ask again.

In `client` a request waits for a slot of the `limiter`, outside every time-out; takes
the token of the `logon`, which all requests share; makes one exchange over the
transport; and has `responses` say what the status means. Nothing else sends requests.
`instrumentation` tells of each exchange: to `on_request`, and to the logger
`veeam_async.requests`, whose name stays.
"""
