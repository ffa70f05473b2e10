"""cost_peer - PostgreSQL beside bench/cost.c: the same work, as statements.

A cluster of its own in a folder of its own, reached through a local socket,
synchronous_commit on.  Clients of pgbench each add a cost record, its
project's total, an event and the mark that makes a repeat one record, in one
statement, as bench_cost does in one transaction; then hold and settle.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
CLIENTS = (256, 16)  # as bench_cost, and as many as suit it better
SECONDS = int(os.environ.get("TROUPE_BENCH_SECONDS", "10"))

SCHEMA = """
CREATE TABLE cost_record (seq bigserial PRIMARY KEY, record_id uuid NOT NULL,
  agent text NOT NULL, task text NOT NULL, project text, provider text, model text,
  cost numeric NOT NULL CHECK (cost >= 0), currency char(3), input bigint, output bigint,
  at timestamptz NOT NULL);
CREATE INDEX ON cost_record (agent);
CREATE INDEX ON cost_record (task);
CREATE INDEX ON cost_record (project);
CREATE TABLE project_cost (project text PRIMARY KEY, cost numeric NOT NULL, input bigint,
  output bigint, n bigint, at timestamptz);
CREATE TABLE slot (dim text, id text, at timestamptz, cost numeric, n bigint,
  PRIMARY KEY (dim, id, at));
CREATE TABLE event (id bigserial PRIMARY KEY, payload text);
CREATE TABLE applied (record_id uuid PRIMARY KEY, at timestamptz);
CREATE INDEX ON applied (at);
CREATE TABLE budget (id int PRIMARY KEY, lim numeric, spent numeric, held numeric);
INSERT INTO budget SELECT n, 1e9, 0, 0 FROM generate_series(0, 2) n;
CREATE TABLE hold (id bigint PRIMARY KEY, amount numeric, expires timestamptz, status text);
CREATE INDEX ON hold (expires) WHERE status = 'held';
"""

RECORD = r"""
\set p random(1, 1000)
\set a random(1, 200)
\set t random(1, 100000)
\set c random(0, 1000)
WITH mark AS (
  INSERT INTO applied VALUES (gen_random_uuid(), now()) ON CONFLICT DO NOTHING
  RETURNING record_id
), rec AS (
  INSERT INTO cost_record (record_id, agent, task, project, provider, model, cost, currency,
    input, output, at)
  SELECT record_id, 'agent-' || :a, 'task-' || :t, 'project-' || :p, 'provider',
    'a-model-of-theirs', :c * 0.000001, 'EUR', 1200, 300, now() FROM mark
), total AS (
  INSERT INTO project_cost AS x SELECT 'project-' || :p, :c * 0.000001, 1200, 300, 1, now()
  FROM mark
  ON CONFLICT (project) DO UPDATE SET cost = x.cost + excluded.cost,
    input = x.input + excluded.input, output = x.output + excluded.output, n = x.n + 1,
    at = greatest(x.at, excluded.at) RETURNING cost
), slots AS (
  INSERT INTO slot AS x SELECT d, i, date_bin('15 min', now(), '2000-01-01'),
    :c * 0.000001, 1 FROM mark,
    (VALUES ('agent', 'agent-' || :a), ('project', 'project-' || :p)) AS v (d, i)
  ON CONFLICT (dim, id, at) DO UPDATE SET cost = x.cost + excluded.cost, n = x.n + 1
)
INSERT INTO event (payload) SELECT json_build_object('project', 'project-' || :p,
  'total', total.cost)::text FROM total;
"""

HOLD = r"""
\set id random(1, 9000000000000000)
BEGIN;
UPDATE budget SET held = held + 0.01 WHERE spent + held + 0.01 <= lim;
INSERT INTO hold VALUES (:id, 0.01, now() + '10 min', 'held');
COMMIT;
BEGIN;
UPDATE hold SET status = 'settled' WHERE id = :id AND status = 'held';
UPDATE budget SET held = held - 0.01, spent = spent + 0.005;
INSERT INTO cost_record (record_id, agent, task, project, provider, model, cost, currency,
  input, output, at)
VALUES (gen_random_uuid(), 'agent', 'task', 'p', 'provider', 'model', 0.005, 'EUR', 1, 1, now());
COMMIT;
"""


def main():
    if not (BIN / "initdb").exists():
        print("cost_peer: PostgreSQL 15 is not here (ops/setup --bench): skipped")
        return
    home = pathlib.Path(tempfile.mkdtemp(prefix="troupe-pg-"))
    try:
        measure(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def measure(home):
    # It does not run as root.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    if user is not None:
        os.chown(home, user.pw_uid, user.pw_gid)

    def run(*command, **more):
        return subprocess.run(
            [str(part) for part in command],
            check=True,
            cwd=home,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            capture_output=True,
            text=True,
            **more,
        ).stdout

    data, options = home / "data", f"-k {home} -h '' -c max_connections=300"
    run(BIN / "initdb", "-D", data, "-A", "trust", "-U", "troupe")
    run(BIN / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start")
    try:
        where = ["-h", home, "-U", "troupe", "postgres"]
        run(BIN / "psql", *where, "-q", input=SCHEMA)
        assert run(BIN / "psql", *where, "-Atc", "SHOW synchronous_commit") == "on\n"
        found = {}
        for name, script in [("records_per_s", RECORD), ("pairs_per_s", HOLD)]:
            (home / "script").write_text(script)
            for clients in CLIENTS:
                text = run(
                    BIN / "pgbench", "-n", "-c", clients, "-j", 2,
                    "-T", SECONDS, "-f", home / "script", *where,
                )
                rate = float(re.search(r"tps = ([0-9.]+)", text)[1])
                found[f"{name}_of_{clients}"] = rate
                print(f"PostgreSQL 15, {clients} clients, {name}: {rate:.0f}")
        print(json.dumps({"bench": "cost_peer", **found}))
    finally:
        run(BIN / "pg_ctl", "-D", data, "-m", "immediate", "stop")


if __name__ == "__main__":
    sys.exit(main())
