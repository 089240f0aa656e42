#!/usr/bin/env python3
"""Writes the expected answers: `expected.py ROWS SCALE`, where ROWS is a directory of `--dump` at scale factor SCALE.

Runs `queries.sql` in DuckDB (PyPI's `duckdb`), whose decimals are exact, and in SQLite (Python's own), whose are floats. The
answers are DuckDB's; a row that SQLite has otherwise, a number by more than a part in a thousand million, ends the run.
"""

import decimal
import pathlib
import re
import sqlite3
import sys

import duckdb

HERE = pathlib.Path(__file__).parent
MONEY = "decimal(15, 2)"
TABLES = {
    "region": [("r_regionkey", "bigint"), ("r_name", "text"), ("r_comment", "text")],
    "nation": [("n_nationkey", "bigint"), ("n_name", "text"), ("n_regionkey", "bigint"), ("n_comment", "text")],
    "supplier": [("s_suppkey", "bigint"), ("s_name", "text"), ("s_address", "text"), ("s_nationkey", "bigint"),
                 ("s_phone", "text"), ("s_acctbal", MONEY), ("s_comment", "text")],
    "customer": [("c_custkey", "bigint"), ("c_name", "text"), ("c_address", "text"), ("c_nationkey", "bigint"),
                 ("c_phone", "text"), ("c_acctbal", MONEY), ("c_mktsegment", "text"), ("c_comment", "text")],
    "part": [("p_partkey", "bigint"), ("p_name", "text"), ("p_mfgr", "text"), ("p_brand", "text"), ("p_type", "text"),
             ("p_size", "integer"), ("p_container", "text"), ("p_retailprice", MONEY), ("p_comment", "text")],
    "partsupp": [("ps_partkey", "bigint"), ("ps_suppkey", "bigint"), ("ps_availqty", "integer"),
                 ("ps_supplycost", MONEY), ("ps_comment", "text")],
    "orders": [("o_orderkey", "bigint"), ("o_custkey", "bigint"), ("o_orderstatus", "text"), ("o_totalprice", MONEY),
               ("o_orderdate", "date"), ("o_orderpriority", "text"), ("o_clerk", "text"),
               ("o_shippriority", "integer"), ("o_comment", "text")],
    "lineitem": [("l_orderkey", "bigint"), ("l_partkey", "bigint"), ("l_suppkey", "bigint"), ("l_linenumber", "integer"),
                 ("l_quantity", MONEY), ("l_extendedprice", MONEY), ("l_discount", MONEY), ("l_tax", MONEY),
                 ("l_returnflag", "text"), ("l_linestatus", "text"), ("l_shipdate", "date"), ("l_commitdate", "date"),
                 ("l_receiptdate", "date"), ("l_shipinstruct", "text"), ("l_shipmode", "text"), ("l_comment", "text")],
}


def queries(scale):
    """Number and text of each question."""
    text = (HERE / "queries.sql").read_text()
    parts = re.split(r"^-- Q(\d+)\n", text, flags=re.MULTILINE)[1:]
    return [(int(number), sql.replace(":scale", scale)) for number, sql in zip(parts[::2], parts[1::2])]


def in_duckdb(rows):
    db = duckdb.connect()
    db.execute("set threads to 1")
    for table, columns in TABLES.items():
        db.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
        db.execute(f"copy {table} from '{rows / table}.tbl' (delimiter '|', header false, quote '')")
    return db


def in_sqlite(rows):
    """Money is `real`, a day its text."""
    types = {MONEY: "real", "bigint": "integer", "date": "text"}
    db = sqlite3.connect(":memory:")
    for table, columns in TABLES.items():
        db.execute(f"create table {table} ({', '.join(f'{name} {types.get(kind, kind)}' for name, kind in columns)})")
        with open(rows / f"{table}.tbl") as file:
            lines = (line.rstrip("\n").split("|") for line in file)
            db.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", lines)
    for table, columns in [("lineitem", "l_orderkey"), ("lineitem", "l_partkey, l_suppkey"), ("orders", "o_custkey"),
                           ("orders", "o_orderkey"), ("partsupp", "ps_partkey, ps_suppkey"), ("partsupp", "ps_suppkey"),
                           ("supplier", "s_suppkey"), ("part", "p_partkey"), ("customer", "c_custkey")]:
        db.execute(f"create index {table}_{re.sub(', ', '_', columns)} on {table} ({columns})")
    db.execute("analyze")
    return db


def for_sqlite(sql):
    return re.sub(r"extract\(year from (\w+)\)", r"cast(substr(\1, 1, 4) as integer)", sql)


def cell(value):
    """As `tpch::answer` writes it."""
    if value is None:
        return ""
    if isinstance(value, (float, decimal.Decimal)):
        exact = decimal.Decimal(repr(value)) if isinstance(value, float) else value
        rounded = exact.quantize(decimal.Decimal("1e-6"), rounding=decimal.ROUND_HALF_EVEN)
        text = f"{rounded:f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    return str(value)


def agree(one, other):
    if one == other:
        return True
    try:
        one, other = float(one), float(other)
    except ValueError:
        return False
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1)


def main():
    rows, scale = pathlib.Path(sys.argv[1]), sys.argv[2]
    decimal.getcontext().prec = 50
    directory = HERE / f"sf{scale}"
    directory.mkdir(exist_ok=True)
    duck, lite = in_duckdb(rows), in_sqlite(rows)
    for number, sql in queries(scale):
        first = [[cell(value) for value in row] for row in duck.execute(sql).fetchall()]
        second = [[cell(value) for value in row] for row in lite.execute(for_sqlite(sql)).fetchall()]
        same = len(first) == len(second) and all(
            len(one) == len(other) and all(map(agree, one, other)) for one, other in zip(first, second))
        if not same:
            sys.exit(f"Q{number} differs\nDuckDB: {first[:5]}\nSQLite: {second[:5]}")
        (directory / f"q{number:02}.csv").write_text("".join("|".join(row) + "\n" for row in first))
        print(f"Q{number}: {len(first)} rows, the same in DuckDB {duckdb.__version__} and SQLite {sqlite3.sqlite_version}")


if __name__ == "__main__":
    main()
