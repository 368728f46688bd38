"""What a user of clickhouse-connect does: DDL, inserts, parameters, a large selection, errors. Fails by an assertion."""

import gzip
import sys
from datetime import date, datetime
from urllib.parse import urlparse

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

url = urlparse(sys.argv[1])


def connect(**more):
    return clickhouse_connect.get_client(host=url.hostname, port=url.port, **more)


def fails(code, call):
    try:
        call()
    except DatabaseError as error:
        assert f"code {code}" in str(error).lower() or f"code: {code}" in str(error).lower(), str(error)
    else:
        raise AssertionError(f"no error {code}")


client = connect()
client.command("CREATE DATABASE py")
client = connect(database="py")
client.command(
    "CREATE TABLE t (day Date, at DateTime('UTC'), name LowCardinality(String), n Int64, tags Array(String), m Nullable(Float64))"
    " ENGINE = MergeTree ORDER BY (name, n) SETTINGS non_replicated_deduplication_window = 100"
)
assert client.command("SELECT count() FROM t") == 0

# Inserts: native and compressed by the client's own choice, then raw in several formats.
rows = [[date(2026, 6, 1), datetime(2026, 6, 1, 12, n % 60), f"name {n % 7}", n, ["a", "b"], None] for n in range(10_000)]
columns = ["day", "at", "name", "n", "tags", "m"]
summary = client.insert("t", rows, column_names=columns)
assert summary.written_rows == 10_000, summary.summary
client.raw_insert("t", ["name", "n"], b'{"name": "json", "n": 20000}\n', fmt="JSONEachRow")
client.raw_insert("t", ["name", "n"], gzip.compress(b"csv,20001\n"), fmt="CSV", compression="gzip")
assert client.query("SELECT count(), sum(n) FROM t").result_rows == [(10_002, 49_995_000 + 40_001)]

# The same token twice is once.
for _ in range(2):
    client.insert("t", [["token", 1]], column_names=["name", "n"], settings={"insert_deduplication_token": "one"})
assert client.command("SELECT count() FROM t WHERE name = 'token'") == 1

# Values come back as they went in, through every compression the client knows.
for number, compress in enumerate((False, True, "lz4", "gzip")):
    other = connect(database="py", compress=compress)
    found = other.query("SELECT * FROM t WHERE n = 42 AND name LIKE 'name%'").result_rows
    assert found == [(date(2026, 6, 1), datetime(2026, 6, 1, 12, 42), "name 0", 42, ["a", "b"], None)], found
    other.insert("t", [["compressed", 30_000 + number]], column_names=["name", "n"])
assert client.command("SELECT count() FROM t WHERE name = 'compressed'") == 4

# Parameters, bound by the server and by the client.
asked = {"name": "it's a \\ 'name'\n", "list": ["x", "y"], "n": 5}
found = client.query("SELECT {name:String}, {list:Array(String)}, {n:Int32} + 1", parameters=asked).result_rows
assert found == [(asked["name"], ["x", "y"], 6)], found
assert client.query("SELECT %(n)s", parameters={"n": 7}).result_rows == [(7,)]

# Settings of one query, and a session with a temporary table.
assert client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 99}).result_rows[0][0] == 99
assert client.query("SELECT getSetting('max_block_size')").result_rows[0][0] != 99
client.command("CREATE TEMPORARY TABLE scratch (x Int32)")
client.insert("scratch", [[1], [2]], column_names=["x"])
assert client.command("SELECT sum(x) FROM scratch") == 3

# A large selection, as a stream of blocks and of bytes.
count = total = 0
with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1000000)") as blocks:
    for block in blocks:
        count += len(block)
        total += sum(row[0] for row in block)
assert (count, total) == (1_000_000, 499_999_500_000), (count, total)
with client.raw_stream("SELECT number FROM numbers(1000000)", fmt="CSV") as stream:
    assert sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(65_536), b"")) == 1_000_000

# Errors by their codes.
fails(60, lambda: client.query("SELECT * FROM nowhere"))
fails(62, lambda: client.command("SELEC 1"))
fails(81, lambda: connect(database="nowhere").query("SELECT 1"))
fails(60, lambda: client.raw_insert("nowhere", ["x"], b"1\n" * 1_000_000, fmt="CSV"))
fails(27, lambda: client.raw_insert("t", ["n"], b'{"n": "x"}\n', fmt="JSONEachRow"))
fails(516, lambda: connect(username="default", password="wrong").query("SELECT 1"))
client.command("DROP DATABASE py")
