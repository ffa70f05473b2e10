#!/usr/bin/python3
"""Memory of an idle live socket over TLS, and requests a second over HTTP/2.

    bench/tls.py [--sockets N] [--requests N]

Memory is what the process' resident set grows by, divided by the sockets;
the kernel's buffers are not in it.  Requests come from h2load, with nginx on
the same machine beside us if both are installed; CPU seconds are those of the
server's processes.  Prints one JSON object.
"""

import argparse
import json
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/scenario"))

from certificate import Authority  # noqa: E402
from server import Server  # noqa: E402

UPGRADE = (
    b"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_sockets(address, context, count):
    sockets = []
    for _ in range(count):
        raw = socket.create_connection(address, 30)
        stream = context.wrap_socket(raw, server_hostname="localhost")
        stream.sendall(UPGRADE)
        assert stream.recv(4096).startswith(b"HTTP/1.1 101")
        sockets.append(stream)
    return sockets


def memory(server, context, count):
    pid = server.process.pid
    warm = open_sockets(server.address, context, 64)  # pools are made
    before = resident(pid)
    sockets = open_sockets(server.address, context, count)
    after = resident(pid)
    for s in warm + sockets:
        s.close()
    return round((after - before) / count)


def h2load(url, requests):
    done = subprocess.run(
        ["h2load", "-c32", "-m32", f"-n{requests}", url],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert " 0 failed" in done.stdout, done.stdout
    return float(re.search(r"([\d.]+) req/s", done.stdout).group(1))


def nginx(folder, cert, key, requests):
    (folder / "livez").write_text('{"live":true}')
    config = folder / "nginx.conf"
    config.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
server {{ listen 127.0.0.1:19443 ssl http2;
ssl_certificate {cert}; ssl_certificate_key {key}; root {folder}; }} }}
"""
    )
    folder.chmod(0o755)
    process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", 19443), 1).close()
                break
            except OSError:
                select.select([], [], [], 0.05)
        worker = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
        ).stdout.split()[0]
        before = cpu_seconds(worker)
        rate = h2load("https://127.0.0.1:19443/livez", requests)
        return rate, (cpu_seconds(worker) - before) / requests * 1e6
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sockets", type=int, default=800)
    parser.add_argument("--requests", type=int, default=100000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="troupe-bench-"))
    authority = Authority(folder)
    cert, key = authority.issue("localhost")
    server = Server(
        "one",
        {
            "api.ssl_certfile": cert,
            "api.ssl_keyfile": key,
            "api.server.requests_max": 1000000000,
            "api.ws_auth_timeout_seconds": 120,
        },
    )
    found = {}
    try:
        server.start()
        context = ssl.create_default_context(cafile=str(authority.path))
        found["bytes_per_idle_tls_socket"] = memory(
            server, context, options.sockets
        )
        if shutil.which("h2load"):
            host, port = server.address
            before = cpu_seconds(server.process.pid)
            found["http2_requests_per_s"] = h2load(
                f"https://{host}:{port}/livez", options.requests
            )
            spent = cpu_seconds(server.process.pid) - before
            found["http2_cpu_us_per_request"] = spent / options.requests * 1e6
            if shutil.which("nginx"):
                rate, cpu = nginx(folder, cert, key, options.requests)
                found["nginx_requests_per_s"] = rate
                found["nginx_cpu_us_per_request"] = cpu
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
