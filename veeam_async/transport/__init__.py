"""One HTTP exchange: a Request goes out, a Response comes back.

Nothing here knows Enterprise Manager. Tokens, retries, limits and what a status means
exist once, above, so that a second transport changes none of it.
"""
