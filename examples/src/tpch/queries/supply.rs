//! Parts and who has them: Q16, Q21.

use epilog::prelude::*;

use crate::tpch::answer::Question;
use crate::tpch::{LineItem, PartSupplier};

/// Q16: how many suppliers without complaints have parts of some sizes, by brand, kind and size.
pub fn parts_and_suppliers() -> impl Question {
    PartSupplier::query()
        .filter(|ps| {
            ps.part().brand.ne("Brand#45")
                & !ps.part().kind.starts_with("MEDIUM POLISHED")
                & ps.part().size.in_([49, 14, 23, 45, 19, 3, 36, 9])
                & !ps.supplier().comment.like("%Customer%Complaints%")
        })
        .group_by(|ps| (ps.part().brand, ps.part().kind, ps.part().size))
        .order_by(|g| {
            let (brand, kind, size) = g.key();
            (g.count_distinct(|ps| ps.supplier).desc(), brand.asc(), kind.asc(), size.asc())
        })
        .select(|g| {
            let (brand, kind, size) = g.key();
            (brand, kind, size, g.count_distinct(|ps| ps.supplier))
        })
}

/// Q21: the suppliers of Saudi Arabia who most often were the only ones of an order to be late.
pub fn waiting_orders() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.supplier().nation().name.eq("SAUDI ARABIA")
                & l.order().status.eq('F')
                & l.receipt_date.gt(l.commit_date)
                & l.exists::<LineItem>(|(l, other)| other.order.eq(l.order) & other.supplier.ne(l.supplier))
                & !l.exists::<LineItem>(|(l, other)| {
                    other.order.eq(l.order)
                        & other.supplier.ne(l.supplier)
                        & other.receipt_date.gt(other.commit_date)
                })
        })
        .group_by(|l| l.supplier().name)
        .order_by(|g| (g.count().desc(), g.key().asc()))
        .select(|g| (g.key(), g.count()))
        .limit(100)
}
