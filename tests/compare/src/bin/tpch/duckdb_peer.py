"""DuckDB as a process: `duckdb_peer.py EXPECTED ROWS SCALE`, where EXPECTED is the directory of `expected.py`.

Loads ROWS, says so, and answers a line each: `answer N` with how many rows question N has and the rows, `time N` with the
seconds of CPU that it takes, its rows fetched.
"""

import sys
import time

sys.path.insert(0, sys.argv[1])
import expected  # noqa: E402


def main():
    rows, scale = expected.pathlib.Path(sys.argv[2]), sys.argv[3]
    queries = dict(expected.queries(scale))
    db = expected.in_duckdb(rows)
    print("ready", flush=True)
    for request in sys.stdin:
        kind, number = request.split()
        start = time.process_time()
        found = db.execute(queries[int(number)]).fetchall()
        took = time.process_time() - start
        if kind == "time":
            print(took, flush=True)
        else:
            lines = ["|".join(map(expected.cell, row)) for row in found]
            print("\n".join([str(len(lines)), *lines]), flush=True)


main()
