"""Troupe's main job on real input, a line per step.

    demo.py URL    a Troupe without accounts, or with ada's from an earlier run
"""
import asyncio
import json
import sys
import urllib.error
import urllib.request

import websockets

USER = {"username": "ada", "password": "a long enough password"}
PATIENCE_S = 10


def step(name, what):
    print(f"  {name:<10} {what}", flush=True)


class Api:
    """The REST side, as one user."""

    def __init__(self, url):
        self.url = url
        self.token = None

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
                text = reply.read()
                return reply.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def want(self, status, method, path, body=None):
        got, reply = self.call(method, path, body)
        if got != status:
            sys.exit(f"{method} {path}: {got} instead of {status}: {reply}")
        return reply["data"] if reply else None


def sign_in(api):
    status, _ = api.call("POST", "/api/v1/auth/setup", USER)
    step("set-up", "the first account, ada, a ceo" if status == 201
         else "done in an earlier run")
    api.token = api.want(200, "POST", "/api/v1/auth/login", USER)["token"]
    me = api.want(200, "GET", "/api/v1/auth/me")
    step("log-in", f"{me['username']}, {me['role']}")


async def hear(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))


async def live(api):
    ticket = api.want(200, "POST", "/api/v1/auth/ws-ticket")
    step("ticket", f"good once, for {ticket['expires_in']} s")
    address = api.url.replace("http", "ws", 1) + "/api/v1/ws"
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps(
            {"action": "auth", "ticket": ticket["ticket"]}))
        step("socket", (await hear(socket))["action"])
        await socket.send(json.dumps(
            {"action": "subscribe", "channels": ["tasks"]}))
        step("subscribe", ", ".join((await hear(socket))["channels"]))
        task = api.want(201, "POST", "/api/v1/tasks", {
            "title": "Say hello", "description": "To whoever reads this.",
            "project": "demo", "type": "research"})
        step("task", f"{task['id']} made over REST")
        event = await hear(socket)
        if event["payload"]["id"] != task["id"]:
            sys.exit(f"another event came: {event}")
        step("event", f"{event['event_type']} on {event['channel']}, "
                      f"offset {event['offset']} of its history")
        api.want(204, "POST", "/api/v1/auth/logout")
        try:
            await hear(socket)
        except websockets.ConnectionClosed as closed:
            step("log-out", f"the socket is closed: {closed.code}")
    status, reply = api.call("GET", "/api/v1/auth/me")
    code = reply["error_detail"]["error_code"]
    if (status, code) != (401, 1002):
        sys.exit(f"the token still works: {status} {code}")
    step("token", f"refused: {status}, error {code}")


def main():
    api = Api(sys.argv[1])
    step("url", api.url)
    sign_in(api)
    asyncio.run(live(api))


main()
