"""Where the API is, and what of a server's links counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import EnterpriseManager
from veeam_async.pool.endpoint import Endpoint


@pytest.mark.parametrize(
    ("url", "origin", "root"),
    [
        ("https://em.example.com:9398", "https://em.example.com:9398", "/api"),
        ("https://em.example.com:9398/", "https://em.example.com:9398", "/api"),
        ("https://em.example.com:9398/api", "https://em.example.com:9398", "/api"),
        ("https://em.example.com:9398/api/", "https://em.example.com:9398", "/api"),
        ("https://em/API", "https://em", "/API"),
        ("http://em", "http://em", "/api"),
        ("  HTTPS://EM.Example.Com  ", "https://em.example.com", "/api"),
        ("https://proxy/veeam/em", "https://proxy", "/veeam/em/api"),
        ("https://proxy/a b%20c/api", "https://proxy", "/a%20b%20c/api"),
        ("http://127.0.0.1:9399", "http://127.0.0.1:9399", "/api"),
        ("https://[::1]:9398", "https://[::1]:9398", "/api"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]", "/api"),
        ("https://bücher.example:1", "https://xn--bcher-kva.example:1", "/api"),
        ("https://em_01.corp.:9398", "https://em_01.corp.:9398", "/api"),
        ("https://em:", "https://em", "/api"),
    ],
)
def test_a_url_gives_origin_and_root(url: str, origin: str, root: str) -> None:
    """`/api` is added where it is absent."""
    assert Endpoint.parse(url) == Endpoint(origin, root)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "em.example.com",
        "em.example.com:9398",
        "//em",
        "ftp://em",
        "https://",
        "https://:9398",
        "https:em",
        "https://em:port",
        "https://em:99999",
        "https://em:0",
        "https://em:-1",
        "https://[::1",
        "https://e m",
        "https://e\\m",
        "https://e<m>",
        "https://a..b",
        "https://\u2024:1",
        "https://" + "a" * 64,
        "https://em?x=1",
        "https://em/api#top",
    ],
)
def test_what_is_no_url_of_a_server_is_refused_at_once(url: str) -> None:
    """Making the client says so, before anything is sent."""
    with pytest.raises(ValueError, match="URL"):
        EnterpriseManager(url, username="u", password="p")


@pytest.mark.parametrize("url", ["https://u:pw@em", "https://u@em", "https://:pw@em"])
def test_credentials_do_not_belong_into_a_url(url: str) -> None:
    """The error does not repeat them."""
    with pytest.raises(ValueError, match="as arguments") as caught:
        Endpoint.parse(url)
    assert "pw" not in str(caught.value)


def test_targets_and_urls_hang_below_the_root() -> None:
    """One to send, the other to show."""
    endpoint = Endpoint.parse("https://em:9398/x")

    assert endpoint.target("/jobs?a=b") == "/x/api/jobs?a=b"
    assert endpoint.url("/jobs?a=b") == "https://em:9398/x/api/jobs?a=b"
    assert endpoint.is_tls
    assert not Endpoint.parse("http://em").is_tls


ID = "88b395e2-81ff-439c-558c-188d97274c15"


@pytest.mark.parametrize(
    ("href", "path"),
    [
        (f"https://em.internal:9398/api/jobs/{ID}", f"/jobs/{ID}"),
        (f"http://other/api/jobs/{ID}?format=Entity", f"/jobs/{ID}?format=Entity"),
        (f"/api/backupSessions/{ID}", f"/backupSessions/{ID}"),
        ("https://em/api/query?a=1&b=%22x%22;c", "/query?a=1&b=%22x%22;c"),
        ("https://em/api/x y?z=ü", "/x%20y?z=%C3%BC"),
        ("https://em/api/x?a=http://evil/api/y", "/x?a=http://evil/api/y"),
    ],
)
def test_of_a_link_only_what_follows_api_counts(href: str, path: str) -> None:
    """The server's idea of its own host is often unreachable."""
    assert Endpoint.parse("https://em").rebase(href) == path


@pytest.mark.parametrize(
    "href", ["", "https://em/", f"https://em/logonSessions/{ID}", "https://em?/api/x"]
)
def test_a_link_that_leads_elsewhere_is_refused_without_being_shown(href: str) -> None:
    """It may be the link of a logon session, whose id is a secret."""
    with pytest.raises(ValueError, match="does not lead into the API") as caught:
        Endpoint.parse("https://em").rebase(href)
    assert ID not in str(caught.value)


@given(st.text())
def test_a_rebased_link_stays_at_the_callers_host(tail: str) -> None:
    """Whatever a server writes into a link, what is sent is one line of ASCII."""
    endpoint = Endpoint.parse("https://em")
    try:
        target = endpoint.target(endpoint.rebase(f"https://em.internal/api/{tail}"))
    except (ValueError, UnicodeError):
        return

    assert target.startswith("/api/")
    assert target.isascii()
    assert not set(target) & set(" \r\n\t\x00")


@given(st.text())
def test_any_text_is_an_endpoint_or_a_value_error(text: str) -> None:
    """And an endpoint can be read again."""
    try:
        endpoint = Endpoint.parse(f"https://{text}")
    except ValueError:
        return

    assert Endpoint.parse(endpoint.url("")) == endpoint
