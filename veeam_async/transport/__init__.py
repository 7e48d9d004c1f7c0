"""One HTTP exchange: a Request goes out, a Response comes back.

Nothing here knows Enterprise Manager. Tokens, retries, the limit on requests in flight
and what a status means exist once, above, so that another transport changes none of it.
`DirectTransport` is the fast one, `AiohttpTransport` the one that can use a proxy; one
suite of tests holds both to what every transport promises:

- *One exchange.* `send` gives the whole response to its own request, whatever its
  status, or raises one error. It follows no redirect, keeps no cookie, inflates no body
  and adds no header but Host. Only a GET or DELETE is repeated, once, where a kept
  connection turns out to be closed (RFC 9112, section 9.3.1).
- *Limits.* Connecting ends after `Timeout.connect` seconds, everything together after
  `Timeout.request`, each with RequestTimeout. A head above some 64 KiB or 128 headers
  is no HTTP, nor is one whose lines, or those of chunks, can be read in two ways:
  folded, or without CR and LF. A body above `max_body_size` is BodyTooLarge before it
  is in memory.
- *Trust first.* Nothing of a request leaves before the server's certificate is trusted.
- *Errors.* What server or network cause is a ConnectionFailed, but for BodyTooLarge.
  `sent` False means that the server cannot have seen the request, so that even a POST
  may be sent again; True means that it may have carried it out. `passing` False means
  that the same request will fare no better later: the certificate is not trusted, or
  the proxy refused the password. Neither text nor cause shows a header or a body, in
  which a token may stand.
- *Nothing half-read.* An exchange that is cancelled, or fails, closes its connection.
  A body that ends with it was cut where TLS ends within a record (aiohttp's TLS, which
  is asyncio's, does not tell).
- *Nothing unasked for.* Bytes that come on an idle connection close it, and so do those
  that follow an answer, also where TLS cannot decrypt them yet. A response carries what
  closes the connection that it came on, for whoever finds that it is about something
  else.
"""
