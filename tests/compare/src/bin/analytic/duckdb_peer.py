"""DuckDB as a process: `duckdb_peer.py ROWS`, where ROWS is the directory of the tables as CSV.

Loads them, says so, and answers a line each, `rows SQL`, `records SQL`, `lent SQL` or `columns SQL`, with the seconds of CPU that it
takes and the numbers of the answer: all of its rows, or what whole records (*lent*: every field of them), or a key and a score of each,
add up to.
"""

import pathlib
import sys
import time

import duckdb

TABLES = {
    "person": "id ubigint, name text, email text, age utinyint, score double, active boolean, bio text",
    "purchase": "id ubigint, buyer ubigint, amount bigint",
    "buyer": "id ubigint, kind utinyint",
}


def main():
    rows = pathlib.Path(sys.argv[1])
    db = duckdb.connect(config={"threads": 1})
    for table, columns in TABLES.items():
        db.execute(f"create table {table} ({columns})")
        db.execute(f"copy {table} from '{rows / table}.csv' (format csv, header false)")
    print("ready", flush=True)
    for request in sys.stdin:
        kind, sql = request.rstrip("\n").split(" ", 1)
        start = time.process_time()
        if kind == "rows":
            found = db.execute(sql).fetchall()
            took = time.process_time() - start
            numbers = [cell for row in found for cell in row]
        else:
            found = db.execute(sql).fetchnumpy()
            took = time.process_time() - start
            texts = {"records": ["bio"], "lent": ["name", "email", "bio"]}.get(kind, [])
            lengths = sum(sum(map(len, found[text])) for text in texts)
            if kind == "lent":
                lengths += int(found["age"].sum(dtype=int)) + int(found["active"].sum())
            numbers = [len(found["id"]), found["id"].astype(float).sum(), found["score"].sum(), lengths]
        print(took, *(repr(float(number)) for number in numbers), flush=True)


main()
