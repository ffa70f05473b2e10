"""Access tokens: algorithms and keys, from outside."""

import base64
import json
import os
import threading

import jwt
import pytest

from client import Client, wait_for

SECRET_32 = "0123456789abcdefghijklmnopqrstuv"
SECRET_64 = SECRET_32 + SECRET_32.upper()


def header(token):
    return jwt.get_unverified_header(token)


def key_ids(ceo):
    return [key["key_id"] for key in ceo.get("auth/keys").data]


def rotate(ceo, **how):
    return ceo.post("auth/keys/rotate", how or None)


@pytest.mark.parametrize(
    ("algorithm", "secret"),
    [("EdDSA", ""), ("HS256", ""), ("HS512", ""),
     ("HS256", SECRET_32), ("HS512", SECRET_64)],
)
def test_configured_algorithm_signs(start, algorithm, secret):
    server = start(api__auth__jwt_algorithm=algorithm, api__auth__jwt_secret=secret)
    ceo = Client(server)
    assert ceo.setup().status == 201
    assert ceo.me().status == 200
    assert header(ceo.token)["alg"] == algorithm
    assert header(ceo.token)["kid"] == key_ids(ceo)[0]
    if secret:
        said = jwt.decode(ceo.token, secret, [algorithm], audience="troupe-api")
        assert said["sub"] == ceo.me().data["id"]
        forged = jwt.encode(said, secret[::-1], algorithm, header(ceo.token))
        assert Client(server, forged).me().brief == (401, 1000)


@pytest.mark.parametrize(
    ("algorithm", "secret"),
    [("HS256", SECRET_32[:31]), ("HS512", SECRET_64[:63]), ("HS256", "x" * 64)],
)
def test_weak_secret_does_not_start(start, algorithm, secret):
    with pytest.raises(RuntimeError):
        start(api__auth__jwt_algorithm=algorithm, api__auth__jwt_secret=secret)


def test_algorithm_changes_at_a_restart_and_old_tokens_live_on(start):
    server = start()
    ceo = Client(server)
    ceo.setup()
    assert server.stop() == 0
    server.settings["api.auth.jwt_algorithm"] = "HS512"
    server.restart()
    ceo.disconnect()
    assert ceo.me().status == 200
    fresh = Client(server)
    assert fresh.login().status == 200
    assert header(fresh.token)["alg"] == "HS512"
    assert fresh.me().status == 200


def test_keys_rest_with_their_owner_alone(ceo):
    keys = ceo.server.data / "keys"
    assert os.stat(keys / "tokens.keys").st_mode & 0o777 == 0o600
    assert not (keys / "tokens.keys.new").exists()


def test_rotation_refuses_no_valid_token(ceo):
    """People go on with old and new tokens while the keys change."""
    server = ceo.server
    stop = threading.Event()
    wrong = []

    def go_on():
        person = Client(server, ceo.token)
        while not stop.is_set():
            answer = person.me()
            if answer.status != 200:
                wrong.append(answer.brief)

    def log_in():
        while not stop.is_set():
            person = Client(server)
            if person.login().status != 200 or person.me().status != 200:
                wrong.append("a fresh token")

    people = [threading.Thread(target=work) for work in (go_on, go_on, log_in)]
    for thread in people:
        thread.start()
    before = key_ids(ceo)
    for _ in range(3):
        assert rotate(ceo).status == 200
    stop.set()
    for thread in people:
        thread.join()
    assert wrong == []
    after = key_ids(ceo)
    assert after[3:] == before and len(set(after)) == 4
    assert ceo.me().status == 200


def test_dropped_keys_let_nobody_in(ceo):
    fresh = ceo.twin()
    assert rotate(ceo, drop_old=True).status == 200
    assert fresh.me().brief == (401, 1000)
    assert fresh.login().status == 200
    assert fresh.me().status == 200
    assert len(key_ids(fresh)) >= 1


def test_rotation_is_audited_and_rotates_refresh_keys(ceo):
    """Old refresh tokens live on under the old key, unless it is dropped."""
    people = [Client(ceo.server) for _ in range(2)]
    tokens = [
        p.enter("auth/login", refresh=True).data["refresh_token"]
        for p in people
    ]
    file = ceo.server.data / "keys" / "tokens.keys"
    before = file.read_text().count("\nrefresh ")
    assert rotate(ceo).status == 200
    assert file.read_text().count("\nrefresh ") == before + 1

    def refresh(token):
        return Client(ceo.server).post("auth/refresh", {"refresh_token": token})

    assert refresh(tokens[0]).status == 200
    assert rotate(ceo, drop_old=True).status == 200
    assert ceo.login().status == 200
    assert refresh(tokens[1]).brief == (401, 1000)

    def noted(action, result):
        found = ceo.get(f"audit?action={action}&result={result}")
        return found.data["entries"]

    refused = wait_for(lambda: noted("session.refresh", "refused"))
    assert refused[0]["detail"] == "refresh_invalid"
    details = [e["detail"] for e in noted("token.rotate", "ok")]
    assert details == [
        "older keys are dropped", "older keys live on until they end"]


def test_keys_survive_a_kill(ceo):
    """kill -9 after a rotation: old and new tokens are still good."""
    old = ceo.twin()
    assert rotate(ceo).status == 200
    assert ceo.login().status == 200
    ids = key_ids(ceo)
    ceo.server.kill()
    ceo.server.restart()
    for person in (old, ceo):
        person.disconnect()
        assert person.me().status == 200
    assert key_ids(ceo) == ids


def test_kid_is_required(ceo):
    """A good signature under no name, or another's, is none."""
    head, body, tail = ceo.token.split(".")
    said = json.loads(base64.urlsafe_b64decode(head + "=="))
    for kid in (None, "", "0" * 32, said["kid"] + "0", said["kid"].upper() + "x"):
        other = {**said, "kid": kid}
        if kid is None:
            del other["kid"]
        text = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=")
        forged = f"{text.decode()}.{body}.{tail}"
        assert Client(ceo.server, forged).me().brief == (401, 1000)
