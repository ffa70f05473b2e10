"""What /metrics tells: every line of every metric.def, and that it moves."""

import re
import socket
import subprocess

import pytest

from client import Client, Gone
from server import TROUPE
from test_money import cost

LABEL = r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
ROW = re.compile(rf"([a-z0-9_]+)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+(?:\.\d{{6}})?)")
LE = re.compile(r'(?:^|,)le="([^"]*)"')
BUCKETS_MAX = 22  # of one histogram, with +Inf


def doors(server):
    found = re.findall(r" metrics=([^ ]+):(\d+)", "\n".join(server.lines.out))
    return [(host, int(port)) for host, port in found]


def ask(door, request):
    with socket.create_connection(door, 10) as s:
        s.sendall(request)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    head, body = answer.split(b"\r\n\r\n", 1)
    return head, body


def check_histogram(page, name):
    """Its three names agree, for each set of labels."""
    found = {}
    for labels, value in page[f"{name}_bucket"].items():
        bound = LE.search(labels).group(1)
        found.setdefault(LE.sub("", labels) or None, []).append((bound, value))
    assert found.keys() == page[f"{name}_sum"].keys() == page[f"{name}_count"].keys()
    for labels, buckets in found.items():
        bounds = [float(bound) for bound, _ in buckets]
        values = [value for _, value in buckets]
        assert 2 < len(buckets) <= BUCKETS_MAX, name
        assert buckets[-1][0] == "+Inf"
        assert bounds == sorted(set(bounds)) and bounds[0] > 0, name
        assert values == sorted(values), f"{name} is not cumulative"
        assert values[-1] == page[f"{name}_count"][labels]
        least = sum(low * (values[i + 1] - values[i]) for i, low in enumerate(bounds[:-1]))
        assert page[f"{name}_sum"][labels] >= least * 0.999999, name


def scrape(door):
    """{name: {labels: value}}, checked as Prometheus would."""
    head, body = ask(door, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK"), head
    assert b"Content-Type: text/plain; version=0.0.4" in head
    assert f"Content-Length: {len(body)}".encode() in head
    page, names, histograms = {}, [], []
    for line in body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, now, kind = line.split()
            histogram = [f"{now}_bucket", f"{now}_sum", f"{now}_count"]
            names = histogram if kind == "histogram" else [now]
            histograms += [now] if kind == "histogram" else []
            assert not page.keys() & set(names), f"{now} is told in two places"
            page.update({name: {} for name in names})
        elif not line.startswith("# HELP "):
            name, labels, value = ROW.fullmatch(line).groups()
            assert name in names and labels not in page[name], line
            assert name.endswith("_sum") or "." not in value, line
            page[name][labels] = float(value) if "." in value else int(value)
    for name in histograms:
        check_histogram(page, name)
    return page


def scrape_all(server):
    return [scrape(door) for door in doors(server)]


def total(pages, name, having=""):
    return sum(
        value
        for page in pages
        for labels, value in page.get(name, {}).items()
        if having in (labels or "")
    )


def listed():
    text = subprocess.run(
        [TROUPE, "describe", "--metrics"], check=True, capture_output=True, text=True
    ).stdout
    rows = re.findall(
        r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]*) \|", text, re.M
    )
    assert len(rows) > 60
    listed = {}
    for name, kind, labels in rows:
        words = set(labels.replace(",", " ").split())
        if kind == "histogram":
            listed[f"{name}_bucket"] = words | {"le"}
            listed[f"{name}_sum"] = listed[f"{name}_count"] = words
        else:
            listed[name] = words
    return listed


def test_every_listed_metric_is_served(start, topology):
    server = start(api__metrics__listen="127.0.0.1:0")
    assert Client(server).setup().status == 201
    pages = scrape_all(server)
    assert len(pages) == (1 if topology == "one" else 3)
    served = {}
    for page in pages:
        for name, rows in page.items():
            for labels in rows:
                words = set(re.findall(r"([a-z]+)=", labels or ""))
                served.setdefault(name, set()).update(words)
    wanted = listed()
    for name in ("last_proven_age_seconds", "last_success_timestamp_seconds",
                 "ship_lag_seconds", "shipped_txid", "second_behind",
                 "second_lag_seconds"):  # none was made, shipped or copied
        wanted.pop(f"troupe_backup_{name}")
    if topology == "one":  # which has no peers
        wanted = {n: words for n, words in wanted.items() if words != {"peer"}}
    assert served == wanted
    nodes = {labels for page in pages for labels in page["troupe_node_info"]}
    assert len(nodes) == len(pages)
    actors = "".join(labels for page in pages for labels in page["troupe_actor_handled_total"])
    for name in ("gateway", "store", "session-registry", "event-hub", "scheduler"):
        assert f'actor="{name}"' in actors
    assert total(pages, "troupe_metrics_dropped") == 0


def test_what_happens_is_counted(start, topology):
    server = start(api__metrics__listen="127.0.0.1:0")
    client = Client(server)
    assert client.setup().status == 201
    before = scrape_all(server)
    stranger = Client(server)
    for _ in range(3):
        assert stranger.get("/api/v1/auth/me").status == 401
    for n in range(5):
        task = {"title": f"t{n}", "description": "d", "project": "p",
                "type": "research"}
        assert client.post("/api/v1/tasks", task).status == 201
    with socket.create_connection(server.address, 10) as s:
        s.sendall(b"rubbish\r\n\r\n")
        assert s.recv(12) == b"HTTP/1.1 400"
    assert client.post("/api/v1/auth/logout").status == 204
    after = scrape_all(server)

    def moved(name, having=""):
        return total(after, name, having) - total(before, name, having)

    assert moved("troupe_gateway_requests_total") == 10
    assert moved("troupe_gateway_request_seconds_count") == 10
    assert moved("troupe_gateway_request_seconds_sum") > 0
    groups = moved("troupe_store_groups_total")
    assert moved("troupe_store_commit_seconds_count") == groups
    assert moved("troupe_store_read_seconds_count") == moved("troupe_store_reads_total")
    assert moved("troupe_gateway_unauthorized_total") == 3
    assert moved("troupe_gateway_malformed_total") == 1
    assert moved("troupe_store_jobs_total") >= 6
    assert moved("troupe_store_groups_total") >= 6
    assert moved("troupe_store_jobs_total") >= moved("troupe_store_groups_total")
    assert moved("troupe_actor_handled_total", 'actor="store"') >= 1
    assert moved("troupe_net_accepted_total", "shard=") >= 1
    frames = moved("troupe_link_frames_sent_total")
    assert frames >= 2 if topology == "split" else frames == 0
    assert moved("troupe_bridge_sent_total") >= frames
    assert total(after, "troupe_books_unbalanced") == 0


def test_records_of_costs_are_counted_by_what_became_of_them(start):
    server = start(api__metrics__listen="127.0.0.1:0", cost__max_window_records=2)
    client = Client(server)
    assert client.setup().status == 201
    body = cost("1", record_id="00000000-0000-0000-0000-000000000001")
    statuses = [client.post("costs", b).status for b in (
        body, body, cost("1"), cost("1"), cost("1", currency="USD"))]
    assert statuses == [201, 201, 201, 201, 409]
    pages = scrape_all(server)
    counted = {
        name: total(pages, f"troupe_cost_{name}")
        for name in ("applied_total", "duplicates_total", "refused_total", "queued_total",
                     "lost_total", "window_evicted_total", "window_records", "outbox")
    }
    assert counted == {"applied_total": 3, "duplicates_total": 1, "refused_total": 1,
                       "queued_total": 0, "lost_total": 0, "window_evicted_total": 2,
                       "window_records": 1, "outbox": 0}
    assert total(pages, "troupe_cost_increment_seconds_count") == 3
    assert total(pages, "troupe_cost_increment_seconds_sum") > 0


def test_live_sockets_are_counted(start):
    server = start(
        api__metrics__listen="127.0.0.1:0", api__ws_max_connections_per_user="1"
    )
    ceo = Client(server)
    assert ceo.setup().status == 201
    live = ceo.socket()
    live.subscribe("agents")
    with pytest.raises(Gone) as gone:
        ceo.socket()
    assert gone.value.code == 4008
    event = {"event_type": "x", "payload": {}, "durable": False,
             "event_id": "6f1c5a52-5f0e-4a0d-9a43-0c4f6a7b8c9d"}
    for _ in range(2):
        assert ceo.post("/api/v1/events/agents", event).status == 201
    live.event()
    assert ceo.post("/api/v1/events/agents",
                    {"event_type": "x", "payload": {}}).status == 201
    live.event()
    rooms = live.subscribe(*(f"project:{n}" for n in range(50)))["channels"]
    assert sum(name.startswith("project:") for name in rooms) == 42
    pages = scrape_all(server)
    assert total(pages, "troupe_gateway_channels_refused_total") == 8
    assert total(pages, "troupe_gateway_sockets_open") == 1
    assert total(pages, "troupe_gateway_sockets_refused_total") == 1
    assert total(pages, "troupe_hub_users_online") == 1
    assert total(pages, "troupe_hub_sockets_online") == 1
    assert total(pages, "troupe_hub_duplicates_total") == 1
    assert total(pages, "troupe_hub_events_total") == 2
    assert total(pages, "troupe_hub_delivery_seconds_count") == 1  # the durable one


def test_the_door_has_nothing_else(start):
    server = start(api__metrics__listen="127.0.0.1:0")
    assert Client(server).get("/metrics").status == 404
    door = doors(server)[0]
    for request, status in (
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5000, b"400"),
    ):
        with socket.create_connection(door, 10) as s:
            s.sendall(request)
            assert s.recv(12) == b"HTTP/1.1 " + status
    head, body = ask(door, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and body == b""


def scrape_when_there_is_room(door):
    """The page, and how often the door was still full."""
    for again in range(1000):
        try:
            return scrape(door), again
        except (OSError, ValueError):
            continue
    raise AssertionError("the door stays full")


def test_scrapes_at_once_share_a_reading_and_the_crowd_is_refused(start):
    server = start(api__metrics__listen="127.0.0.1:0")
    door = doors(server)[0]
    crowd = [socket.create_connection(door, 10) for _ in range(20)]
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    served = 0
    for s in crowd:
        try:
            s.sendall(request)
        except OSError:
            pass
    for s in crowd:
        try:
            served += s.recv(12) == b"HTTP/1.1 200"
        except OSError:
            pass
        s.close()
    assert served >= 16
    name = "troupe_net_refused_total"
    page, again = scrape_when_there_is_room(door)
    refused = [v for labels, v in page[name].items() if "shard" not in labels]
    assert refused == [20 - served + again]


def test_a_peer_that_closes_its_side_is_answered(start):
    server = start(api__metrics__listen="127.0.0.1:0")
    with socket.create_connection(doors(server)[0], 10) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    assert answer.endswith(b"\n") and b"troupe_node_info" in answer
