//! SQLite, bundled, in memory.

use std::io;
use std::time::Duration;

use cpu_time::ProcessTime;
use epilog_examples::tpch::{TABLES, for_each_line};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{Outcome, Peer};

const SCHEMA: &str = "
    create table region (r_regionkey integer primary key, r_name text, r_comment text);
    create table nation (n_nationkey integer primary key, n_name text, n_regionkey integer, n_comment text);
    create table supplier (
        s_suppkey integer primary key, s_name text, s_address text, s_nationkey integer, s_phone text, s_acctbal real,
        s_comment text);
    create table customer (
        c_custkey integer primary key, c_name text, c_address text, c_nationkey integer, c_phone text, c_acctbal real,
        c_mktsegment text, c_comment text);
    create table part (
        p_partkey integer primary key, p_name text, p_mfgr text, p_brand text, p_type text, p_size integer,
        p_container text, p_retailprice real, p_comment text);
    create table partsupp (
        ps_partkey integer, ps_suppkey integer, ps_availqty integer, ps_supplycost real, ps_comment text,
        primary key (ps_partkey, ps_suppkey));
    create table orders (
        o_orderkey integer primary key, o_custkey integer, o_orderstatus text, o_totalprice real, o_orderdate text,
        o_orderpriority text, o_clerk text, o_shippriority integer, o_comment text);
    create table lineitem (
        l_orderkey integer, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity real,
        l_extendedprice real, l_discount real, l_tax real, l_returnflag text, l_linestatus text, l_shipdate text,
        l_commitdate text, l_receiptdate text, l_shipinstruct text, l_shipmode text, l_comment text,
        primary key (l_orderkey, l_linenumber));";

/// As Epilog has one for each relation.
const INDEXES: &str = "
    create index nation_region on nation (n_regionkey);
    create index supplier_nation on supplier (s_nationkey);
    create index customer_nation on customer (c_nationkey);
    create index partsupp_part on partsupp (ps_partkey);
    create index partsupp_supplier on partsupp (ps_suppkey);
    create index orders_customer on orders (o_custkey);
    create index lineitem_order on lineitem (l_orderkey);
    create index lineitem_part on lineitem (l_partkey);
    create index lineitem_supplier on lineitem (l_suppkey);
    analyze;";

pub struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub fn load(scale: f64) -> Outcome<Sqlite> {
        let mut connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        for table in TABLES {
            let columns = transaction.prepare(&format!("select * from {table}"))?.column_count();
            let places = vec!["?"; columns].join(", ");
            let mut insert = transaction.prepare(&format!("insert into {table} values ({places})"))?;
            // Texts become numbers where the column's type is one.
            for_each_line(table, scale, |line| {
                match insert.execute(rusqlite::params_from_iter(line.split('|'))) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(io::Error::other(error)),
                }
            })?;
        }
        transaction.commit()?;
        connection.execute_batch(INDEXES)?;
        Ok(Sqlite { connection })
    }
}

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn answer(&mut self, _: u8, sql: &str) -> Outcome<Vec<String>> {
        let mut statement = self.connection.prepare_cached(&dialect(sql))?;
        let columns = statement.column_count();
        let mut lines = Vec::new();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let cells: Result<Vec<String>, _> =
                (0..columns).map(|column| row.get_ref(column).map(text)).collect();
            lines.push(cells?.join("|"));
        }
        Ok(lines)
    }

    fn time(&mut self, _: u8, sql: &str) -> Outcome<Duration> {
        let mut statement = self.connection.prepare_cached(&dialect(sql))?;
        let columns = statement.column_count();
        let start = ProcessTime::try_now()?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column)?);
            }
        }
        Ok(start.try_elapsed()?)
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

/// SQLite has no `extract(year from column)`.
fn dialect(sql: &str) -> String {
    let mut parts = sql.split("extract(year from ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(')').unwrap_or((part, ""));
        out.push_str(&format!("cast(substr({column}, 1, 4) as integer){rest}"));
    }
    out
}
