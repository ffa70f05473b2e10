"""A browser's log-in: cookies, and who may send them."""

import http.cookies
import json

import pytest

from client import PASSWORD, USERNAME, Client

ACCESS = "__Host-troupe_access"
REFRESH = "__Host-troupe_refresh"
SAME = {"Sec-Fetch-Site": "same-origin"}
APP = "https://app.example"


class Browser(Client):
    """Keeps cookies as a browser does, and says where it is."""

    def __init__(self, server, site=SAME):
        super().__init__(server)
        self.jar = {}
        self.site = site

    def request(self, method, path, body=None, headers=None):
        sent = {**self.site, **(headers or {})}
        if self.jar and "Cookie" not in sent:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.jar.items())
        answer = super().request(method, path, body, sent)
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.take(line)
        return answer

    def take(self, line):
        [(name, morsel)] = http.cookies.SimpleCookie(line).items()
        assert morsel["secure"] and morsel["httponly"]
        assert morsel["path"] == "/" and morsel["samesite"] == "Strict"
        assert not morsel["domain"]
        if morsel["max-age"] == "0":
            self.jar.pop(name, None)
        else:
            self.jar[name] = morsel.value

    def enter_by_cookie(self, **extra):
        body = {"username": USERNAME, "password": PASSWORD, "cookies": True, **extra}
        return self.post("auth/login", body)


@pytest.fixture(scope="module")
def ceo(start_shared):
    client = Client(start_shared(api__auth__max_concurrent_sessions=0))
    assert client.setup().status == 201
    return client


@pytest.fixture(scope="module")
def listed(start_shared):
    """Pages of APP may ask."""
    client = Client(start_shared(api__auth__max_concurrent_sessions=0,
                                 api__cors__origins=APP))
    assert client.setup().status == 201
    return client


@pytest.fixture
def browser(ceo):
    person = Browser(ceo.server)
    assert person.enter_by_cookie(refresh=True).status == 200
    return person


def test_tokens_are_in_cookies_alone(ceo):
    person = Browser(ceo.server)
    answer = person.enter_by_cookie(refresh=True)
    assert answer.data["token"] == "" and answer.data["refresh_token"] is None
    assert set(person.jar) == {ACCESS, REFRESH}
    for value in person.jar.values():
        assert value not in answer.body.decode()
    assert person.me().data["username"] == USERNAME
    assert person.post("auth/ws-ticket").status == 200


def test_none_are_set_unless_asked_for(ceo):
    answer = Client(ceo.server).login()
    assert answer.headers.get_all("Set-Cookie") is None


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "https://HOST"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://HOST"}, 403),
        ({}, 403),
    ],
)
def test_other_sites_change_nothing(browser, site, status):
    host = "%s:%d" % browser.server.address
    browser.site = {k: v.replace("HOST", host) for k, v in site.items()}
    answer = browser.post("auth/ws-ticket")
    assert answer.status == status
    if status == 403:
        assert answer.code == 1020
        assert browser.get("auth/me").status == 200  # reading is safe
        path = "settings/api/ticket_cleanup_interval_seconds"
        assert browser.put(path, {"value": "61"}).brief == (403, 1020)
        assert browser.get(path).data["value"] == "60"


def test_log_in_by_another_site_is_refused(ceo):
    other = Browser(ceo.server, {"Sec-Fetch-Site": "cross-site"})
    assert other.enter_by_cookie().brief == (403, 1020)
    assert other.jar == {}


@pytest.mark.parametrize(
    ("site", "passes"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://HOST"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://HOST"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": APP}, True),
        ({"Origin": APP}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://HOST"}, False),
    ],
)
def test_pages_of_other_sites_begin_no_session(listed, site, passes):
    """Without a cookie too; a client that is no browser says nothing."""
    host = "%s:%d" % listed.server.address
    page = Browser(listed.server, {k: v.replace("HOST", host) for k, v in site.items()})
    body = {"username": USERNAME, "password": PASSWORD}
    for path, status, sent in (("auth/login", 200, body), ("auth/setup", 409, body),
                               ("auth/refresh", 401, {"refresh_token": "x" * 43})):
        answer = page.post(path, sent)
        assert answer.status == (status if passes else 403), (path, answer.body)
        assert passes or answer.code == 1020
    assert page.get("/readyz").status == 200


def test_bearer_wins_over_a_cookie(browser, ceo):
    """A header is judged alone: good or bad, whatever cookies there are."""
    browser.site = {}
    good = {"Authorization": f"Bearer {ceo.token}"}
    assert browser.request("POST", "auth/ws-ticket", headers=good).status == 200
    for bad in ("Bearer x", "Basic eDp5", "Bearer", ""):
        answer = browser.request("GET", "auth/me", headers={"Authorization": bad})
        assert answer.brief == (401, 1000), bad


def test_cookie_that_comes_twice_is_nobodys(browser):
    value = browser.jar[ACCESS]
    for line in (f"{ACCESS}=x; {ACCESS}={value}", f"{ACCESS}={value}; {ACCESS}={value}",
                 f"{ACCESS}=", f'{ACCESS}="{value}"', f"{ACCESS.lower()}={value}"):
        answer = browser.request("GET", "auth/me", headers={"Cookie": line})
        assert answer.brief == (401, 1000), line


def test_refresh_by_cookie(browser):
    before = dict(browser.jar)
    answer = browser.post("auth/refresh")
    assert answer.status == 200
    assert answer.data["token"] == "" and answer.data["refresh_token"] is None
    assert browser.jar[REFRESH] != before[REFRESH]
    assert browser.me().status == 200
    browser.site = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("auth/refresh").brief == (403, 1020)


def test_logout_takes_the_cookies_back(browser):
    old = dict(browser.jar)
    answer = browser.logout()
    assert answer.status == 204
    assert browser.jar == {}
    assert answer.headers["Clear-Site-Data"] == '"cookies"'
    browser.jar = dict(old)
    assert browser.me().brief == (401, 1002)
    answer = browser.logout()
    assert answer.brief == (401, 1002)
    assert browser.jar == {}
    browser.jar = dict(old)
    assert browser.post("auth/refresh").status == 401
    assert browser.jar == {}


def test_no_token_is_in_the_log(browser):
    browser.logout()
    text = browser.server.log_text()
    assert ACCESS not in text and json.dumps(browser.jar) not in text.split("\n")
