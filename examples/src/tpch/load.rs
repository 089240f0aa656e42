//! From the generator into a database, or into files for other engines.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::NaiveDate;
use epilog::Error;
use epilog::prelude::*;
use rust_decimal::Decimal;
use tpchgen::dates::TPCHDate;
use tpchgen::decimal::TPCHDecimal;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

use super::{Customer, LineItem, Nation, Order, Part, PartSupplier, Region, Supplier, Tpch};

/// Inserts all rows of scale factor `scale`, what is pointed at before what points. Scale factor 1 has some 8,661,000 rows; below
/// 0.008 the generator gives out pairs of part and supplier twice, which is refused.
///
/// # Errors
///
/// When the database is not empty, or the change cannot be written.
pub fn load(tx: &mut WriteTransaction<'_, Tpch>, scale: f64) -> Result<(), Error> {
    tx.insert_all(RegionGenerator::new(scale, 1, 1).iter().map(|row| Region {
        id: Id::new(number(row.r_regionkey) + 1),
        name: row.r_name.to_string(),
        comment: row.r_comment.to_string(),
    }))?;
    tx.insert_all(NationGenerator::new(scale, 1, 1).iter().map(|row| Nation {
        id: Id::new(number(row.n_nationkey) + 1),
        name: row.n_name.to_string(),
        region: Id::new(number(row.n_regionkey) + 1),
        comment: row.n_comment.to_string(),
    }))?;
    tx.insert_all(SupplierGenerator::new(scale, 1, 1).iter().map(|row| Supplier {
        id: Id::new(number(row.s_suppkey)),
        name: row.s_name.to_string(),
        address: row.s_address.to_string(),
        nation: Id::new(number(row.s_nationkey) + 1),
        phone: row.s_phone.to_string(),
        account_balance: money(row.s_acctbal),
        comment: row.s_comment,
    }))?;
    tx.insert_all(CustomerGenerator::new(scale, 1, 1).iter().map(|row| Customer {
        id: Id::new(number(row.c_custkey)),
        name: row.c_name.to_string(),
        address: row.c_address.to_string(),
        nation: Id::new(number(row.c_nationkey) + 1),
        phone: row.c_phone.to_string(),
        account_balance: money(row.c_acctbal),
        market_segment: row.c_mktsegment.to_string(),
        comment: row.c_comment.to_string(),
    }))?;
    tx.insert_all(PartGenerator::new(scale, 1, 1).iter().map(|row| Part {
        id: Id::new(number(row.p_partkey)),
        name: row.p_name.to_string(),
        manufacturer: row.p_mfgr.to_string(),
        brand: row.p_brand.to_string(),
        kind: row.p_type.to_string(),
        size: row.p_size,
        container: row.p_container.to_string(),
        retail_price: money(row.p_retailprice),
        comment: row.p_comment.to_string(),
    }))?;
    tx.insert_all(PartSuppGenerator::new(scale, 1, 1).iter().map(|row| PartSupplier {
        part: Id::new(number(row.ps_partkey)),
        supplier: Id::new(number(row.ps_suppkey)),
        available: row.ps_availqty,
        supply_cost: money(row.ps_supplycost),
        comment: row.ps_comment.to_string(),
    }))?;
    tx.insert_all(OrderGenerator::new(scale, 1, 1).iter().map(|row| Order {
        id: Id::new(number(row.o_orderkey)),
        customer: Id::new(number(row.o_custkey)),
        status: letter(row.o_orderstatus.as_str()),
        total_price: money(row.o_totalprice),
        date: date(row.o_orderdate),
        priority: row.o_orderpriority.to_string(),
        clerk: row.o_clerk.to_string(),
        ship_priority: row.o_shippriority,
        comment: row.o_comment.to_string(),
    }))?;
    tx.insert_all(LineItemGenerator::new(scale, 1, 1).iter().map(|row| LineItem {
        order: Id::new(number(row.l_orderkey)),
        number: u8::try_from(row.l_linenumber).expect("an order has seven lines at most"),
        part: Id::new(number(row.l_partkey)),
        supplier: Id::new(number(row.l_suppkey)),
        quantity: Decimal::from(row.l_quantity),
        extended_price: money(row.l_extendedprice),
        discount: money(row.l_discount),
        tax: money(row.l_tax),
        return_flag: letter(row.l_returnflag),
        status: letter(row.l_linestatus),
        ship_date: date(row.l_shipdate),
        commit_date: date(row.l_commitdate),
        receipt_date: date(row.l_receiptdate),
        ship_instruct: row.l_shipinstruct.to_string(),
        ship_mode: row.l_shipmode.to_string(),
        comment: row.l_comment.to_string(),
    }))?;
    Ok(())
}

/// The tables by their names in the specification, what is pointed at before what points.
pub const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

/// Writes all rows of scale factor `scale` into `directory`, for other engines: a file for each table, `region.tbl` and so on, a
/// line for each row. The directory is made if need be.
///
/// # Errors
///
/// When a file cannot be written.
pub fn dump(directory: &Path, scale: f64) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for table in TABLES {
        let mut file = BufWriter::new(File::create(directory.join(table).with_extension("tbl"))?);
        for_each_line(table, scale, |line| writeln!(file, "{line}"))?;
        file.flush()?;
    }
    Ok(())
}

/// Calls `then` with each row of a table as text: the columns in the order of the specification, `|` between them, which no
/// value has.
///
/// # Errors
///
/// What `then` returns; `InvalidInput` when `table` is none of [`TABLES`].
pub fn for_each_line(
    table: &str,
    scale: f64,
    mut then: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    // The generator ends lines, too, with the sign.
    let mut each = |row: &dyn Display| then(row.to_string().trim_end_matches('|'));
    match table {
        "region" => RegionGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "nation" => NationGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "supplier" => SupplierGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "customer" => CustomerGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "part" => PartGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "partsupp" => PartSuppGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "orders" => OrderGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        "lineitem" => LineItemGenerator::new(scale, 1, 1).iter().try_for_each(|row| each(&row)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no table `{table}`"))),
    }
}

/// A key of the generator's, which are never negative.
fn number(key: i64) -> u64 {
    key.unsigned_abs()
}

/// The generator counts hundredths.
fn money(hundredths: TPCHDecimal) -> Decimal {
    Decimal::new(hundredths.into_inner(), 2)
}

fn date(date: TPCHDate) -> NaiveDate {
    NaiveDate::from_epoch_days(date.to_unix_epoch()).expect("the generator's dates are of seven years")
}

fn letter(text: &str) -> char {
    text.chars().next().expect("the generator's flags are one letter")
}
