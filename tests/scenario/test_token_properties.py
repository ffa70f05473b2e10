"""Malformed tokens and claims, generated: one answer to all of them.

What differs from a good token in any way is refused with the same bytes,
but for the answer's own id, and changes nothing.
"""

import base64
import json
import os
import re
import time

import jwt
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from client import Client

EXAMPLES = int(os.environ.get("TROUPE_EXAMPLES", "20"))
SECRET = "0123456789abcdefghijklmnopqrstuv"
INSTANCE = re.compile(rb'"instance":"[0-9a-f-]{36}"')

examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def known(start_shared):
    """A server whose secret we know, so that we can sign what we like."""
    server = start_shared(
        api__auth__jwt_algorithm="HS256", api__auth__jwt_secret=SECRET)
    ceo = Client(server)
    assert ceo.setup().status == 201
    return ceo


def ask(ceo, token):
    other = ceo.twin()
    other.token = None
    try:
        return other.get("auth/me", Authorization=b"Bearer " + token)
    finally:
        other.disconnect()


def told(answer):
    """The bytes of a refusal, without the id that each has for itself."""
    return answer.status, INSTANCE.sub(b"", answer.body)


def refused(ceo, token):
    plain = ask(ceo, b"x.y.z")
    assert plain.brief == (401, 1000)
    assert told(ask(ceo, token)) == told(plain), token
    assert ceo.me().status == 200


def sign(ceo, claims, **header):
    head = {**jwt.get_unverified_header(ceo.token), **header}
    body = json.dumps(claims) if not isinstance(claims, str) else claims
    text = ".".join(
        base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode()
        for part in (json.dumps(head), body))
    key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mac = key.sign(text.encode(), SECRET.encode())
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}".encode()


def good_claims(ceo):
    return jwt.decode(ceo.token, options={"verify_signature": False})


def test_what_we_sign_ourselves_is_let_in(known):
    assert ask(known, sign(known, good_claims(known))).status == 200


printable = st.characters(min_codepoint=33, max_codepoint=126)


@examples
@given(st.text(printable, min_size=1, max_size=200))
def test_any_text(known, text):
    refused(known, text.encode() + b".")  # a dot, or it were an API key


@examples
@given(st.data())
def test_any_change_of_a_good_one(known, data):
    token = bytearray(known.token.encode())
    at = data.draw(st.integers(0, len(token) - 1))
    how = data.draw(st.sampled_from(["cut", "change", "insert", "double"]))
    if how == "cut":
        token = token[:at]
    elif how == "change":
        token[at:at + 1] = data.draw(printable.filter(
            lambda c: ord(c) != token[at])).encode()
    elif how == "insert":
        token[at:at] = data.draw(printable).encode()
    else:
        token += token[at:]
    refused(known, bytes(token) if b"." in token else bytes(token) + b".")


other_values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(),
    st.text(max_size=40), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@examples
@given(st.sampled_from(["sub", "jti", "iat", "exp", "iss", "aud", "pwd_sig"]),
       other_values)
def test_any_claim_of_another_kind(known, name, value):
    """3, D-11: well signed, but not what the claim must be."""
    claims = good_claims(known)
    now = int(time.time())
    if name in ("iat", "exp") and isinstance(value, int) and value > now - 9**9:
        value = -abs(value) - 1
    if value == claims[name]:
        return
    refused(known, sign(known, {**claims, name: value}))


@examples
@given(st.sampled_from(["sub", "jti", "iat", "exp", "iss", "aud", "pwd_sig"]))
def test_any_claim_missing_or_twice(known, name):
    claims = good_claims(known)
    value = json.dumps(claims.pop(name))
    refused(known, sign(known, claims))
    text = json.dumps(claims)[:-1] + f', "{name}": {value}, "{name}": {value}' + "}"
    refused(known, sign(known, text))


@examples
@given(st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "x5u", "b64", "zip"]),
       other_values)
def test_any_header_of_another_kind(known, name, value):
    if name == "typ" and value in ("JWT", None):
        return
    refused(known, sign(known, good_claims(known), **{name: value}))


@examples
@given(st.dictionaries(
    st.sampled_from(["iat", "exp"]), st.integers(-10, 10), min_size=2))
def test_times_in_disorder(known, shifts):
    now = int(time.time())
    claims = {**good_claims(known), "iat": now + shifts["iat"],
              "exp": now + shifts["iat"] - abs(shifts["exp"])}
    refused(known, sign(known, claims))


refresh_chars = st.sampled_from(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@examples
@given(st.text(refresh_chars, min_size=75, max_size=75))
def test_any_refresh_token(known, text):
    def use(token):
        answer = Client(known.server).post("auth/refresh", {"refresh_token": token})
        return told(answer)

    assert use(text) == use("x")
    assert use(text)[0] == 401
