"""Talks to Troupe as its users do, with clients that are not ours.

Client   a person's HTTP connection, by http.client
Patient  one who repeats what a restart interrupts
Socket   a live socket, by the websockets package
"""

import asyncio
import base64
import concurrent.futures
import functools
import http.client
import itertools
import json
import threading
import time
import urllib.parse

import msgpack
import websockets

PREFIX = "/api/v1"
USERNAME = "ada"
PASSWORD = "correct horse battery"
JSON_V1 = "troupe.json.v1"
MSGPACK_V1 = "troupe.msgpack.v1"

ANSWER_S = 15
PATIENCE_S = 30
RETRY_S = 0.05

# The store failed; the same request is still in flight.
PASSING_CODES = (8002, 4004)

# Each client has an address of its own, so that limits per address are not
# shared between tests.  The whole of 127.0.0.0/8 is this machine.
_addresses = itertools.count()


def an_address():
    n = next(_addresses)
    return f"127.1.{n // 250 % 250}.{n % 250 + 1}"


class Gone(Exception):
    """The live socket has been closed."""

    def __init__(self, code, reason):
        super().__init__(f"closed: {code} {reason!r}")
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The upgrade to a live socket was answered with a status."""

    def __init__(self, status):
        super().__init__(f"refused: {status}")
        self.status = status


def check_place(server, said):
    """Where the server keeps its things is for its log alone."""
    said = said.encode() if isinstance(said, str) else said
    assert str(server.home).encode() not in said, said


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        assert self.status < 300, (self.status, self.body)
        return self.json["data"]

    @property
    def code(self):
        """The error code, in either format."""
        body = self.json
        return (body.get("error_detail") or body)["error_code"]

    @property
    def etag(self):
        return self.headers["ETag"]

    @property
    def brief(self):
        """Status and error code, for comparisons that show themselves."""
        return self.status, None if self.status < 400 else self.code


class Client:
    """One person: a keep-alive connection and, once logged in, a token."""

    def __init__(self, server, token=None):
        self.server = server
        self.token = token
        self.session_id = None
        self.source = an_address()
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """One exchange; the connection is kept, and made anew if lost."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                *self.server.address,
                timeout=ANSWER_S,
                source_address=(self.source, 0),
            )
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        if not path.startswith("/"):
            path = f"{PREFIX}/{path}"
        try:
            self.connection.request(method, path, body, sent)
            reply = self.connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read())
        except (OSError, http.client.HTTPException):
            self.disconnect()
            raise
        if reply.will_close:
            self.disconnect()
        if "/settings" not in path:
            check_place(self.server, answer.body)
        return answer

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=None, **headers):
        return self.request("POST", path, body, headers)

    def put(self, path, body=None, headers=None):
        return self.request("PUT", path, body, headers)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers=headers)

    def twin(self):
        """The same person on another connection."""
        other = type(self)(self.server, self.token)
        other.session_id = self.session_id
        return other

    def enter(self, path, **extra):
        body = {"username": USERNAME, "password": PASSWORD, **extra}
        answer = self.post(path, body)
        if answer.status < 300:
            self.token = answer.data["token"]
            self.session_id = answer.data["session_id"]
        return answer

    def setup(self):
        return self.enter("auth/setup")

    def login(self):
        return self.enter("auth/login")

    def logout(self):
        return self.post("auth/logout")

    def me(self):
        return self.get("auth/me")

    def create_task(self, title, key=None, **fields):
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.post("tasks", task(title, **fields), **headers)

    def tasks(self):
        """Every task there is, page by page."""
        found, cursor = [], None
        while True:
            query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            path = "tasks?" + urllib.parse.urlencode(query)
            page = self.get(path).data
            found += page["tasks"]
            cursor = page.get("next")
            if not cursor:
                return found

    def ticket(self):
        return self.post("auth/ws-ticket").data["ticket"]

    def socket(self, *subprotocols):
        """A live socket of this person, authenticated."""
        live = Socket(self.server, *subprotocols)
        assert live.authenticate(self.ticket()) == {"action": "auth_ok"}
        return live


class Patient(Client):
    """Repeats what a restart interrupts, as its users are told to.

    What it repeats must bear it: reads, and writes with a key.
    """

    def request(self, method, path, body=None, headers=None):
        left = deadline(PATIENCE_S)
        while True:
            try:
                answer = super().request(method, path, body, headers)
                if not is_passing(answer):
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            self.server.lines.next(min(left(), RETRY_S))


def is_passing(answer):
    """An answer that promises nothing and asks to be asked again."""
    if answer.status in (429, 502, 503, 504):
        return True
    return answer.status >= 400 and answer.code in PASSING_CODES


def task(title, **fields):
    return {
        "title": title,
        "description": f"What {title} is about.",
        "project": "north",
        "type": "development",
        **fields,
    }


def claims(token):
    """What a token says, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Socket:
    """A live socket.  Frames are dicts, whatever the subprotocol."""

    def __init__(self, server, *subprotocols, query="", **options):
        host, port = server.address
        self.server = server
        self.behind = []
        begin = functools.partial(
            websockets.connect,
            f"ws://{host}:{port}{PREFIX}/ws{query}",
            subprotocols=subprotocols or None,
            ping_interval=None,
            open_timeout=ANSWER_S,
            local_addr=(an_address(), 0),
            **options,
        )
        try:
            self.live = _await(begin)
        except websockets.InvalidStatusCode as error:
            raise Refused(error.status_code) from None
        except websockets.InvalidMessage as error:
            raise ConnectionResetError(str(error)) from error
        self.packed = self.live.subprotocol == MSGPACK_V1

    def send(self, frame):
        self.send_raw(msgpack.packb(frame) if self.packed else json.dumps(frame))

    def send_raw(self, data):
        self.run(lambda: self.live.send(data))

    def run(self, begin):
        try:
            return _await(begin)
        except websockets.ConnectionClosed:
            raise Gone(self.live.close_code, self.live.close_reason) from None

    def receive(self):
        data = self.run(self.live.recv)
        check_place(self.server, data)
        assert isinstance(data, bytes) == self.packed
        return msgpack.unpackb(data) if self.packed else json.loads(data)

    def reply(self):
        """The next frame that is no event; events wait for event()."""
        while True:
            frame = self.receive()
            if "event_type" not in frame:
                return frame
            self.behind.append(frame)

    def event(self):
        if self.behind:
            return self.behind.pop(0)
        frame = self.receive()
        assert "event_type" in frame, frame
        return frame

    def ask(self, frame):
        self.send(frame)
        return self.reply()

    def authenticate(self, ticket):
        return self.ask({"action": "auth", "ticket": ticket})

    def subscribe(self, *channels, **more):
        frame = {"action": "subscribe", "channels": list(channels), **more}
        return self.ask(frame)

    def ping(self):
        return self.ask({"action": "ping"})

    def protocol_ping(self):
        """A ping of the protocol itself, and its pong."""

        async def exchange():
            await (await self.live.ping())

        _await(exchange)

    def wait_closed(self, timeout=ANSWER_S):
        """Waits for the server to close; returns code and reason."""
        _await(self.live.wait_closed, timeout)
        return self.live.close_code, self.live.close_reason

    def close(self):
        _await(self.live.close)


def _start_loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


_loop = _start_loop()


def _await(begin, timeout=ANSWER_S):
    """Begins an awaitable on the sockets' loop and waits here for it."""

    async def run():
        return await asyncio.wait_for(begin(), timeout)

    return asyncio.run_coroutine_threadsafe(run(), _loop).result(timeout + 5)


def together(count, work):
    """Runs work(0) ... work(count - 1) at once; returns what they return."""
    barrier = threading.Barrier(count, timeout=ANSWER_S)

    def run(n):
        barrier.wait()
        return work(n)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def deadline(seconds):
    """A function that tells the seconds left, and raises past the end."""
    end = time.monotonic() + seconds

    def left():
        rest = end - time.monotonic()
        if rest <= 0:
            raise TimeoutError(f"not within {seconds} s")
        return rest

    return left


def wait_for(found, seconds=ANSWER_S):
    """What it finds, asked again until it is true: news take their way."""
    left = deadline(seconds)
    while not (answer := found()):
        left()
    return answer
