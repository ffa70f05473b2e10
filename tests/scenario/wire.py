"""A bare TCP connection, for what no client would send."""

import http.client
import socket

from client import Answer, an_address

WIRE_S = 5


class Wire:
    """Bytes to and from the HTTP port, as a liar may send them."""

    def __init__(self, server):
        self.stream = socket.create_connection(
            server.address, WIRE_S, (an_address(), 0)
        )
        self.buffer = b""

    def send(self, data):
        """False when the server has hung up meanwhile."""
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def more(self):
        try:
            data = self.stream.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                return None
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def take(self, size):
        while len(self.buffer) < size:
            assert self.more(), "closed within a body"
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def answer(self, head_only=False):
        """The next answer; None when the connection has ended."""
        head = self.until(b"\r\n\r\n")
        if head is None:
            assert self.buffer == b"", "closed within a head"
            return None
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = http.client.HTTPMessage()
        for line in rest:
            name, value = line.split(":", 1)
            headers[name] = value.strip()
        status = int(first.split(" ")[1])
        bodiless = head_only or status < 200 or status in (204, 304)
        body = b"" if bodiless else self.take(int(headers["Content-Length"]))
        return Answer(status, headers, body)

    def answers(self):
        """Everything up to the end of the connection."""
        found = []
        while (answer := self.answer()) is not None:
            found.append(answer)
        return found

    def close(self):
        self.stream.close()
