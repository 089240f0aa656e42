//! Parts and who has them: Q2, Q11, Q15, Q16, Q20, Q21.

use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{day, volume};
use crate::tpch::answer::Question;
use crate::tpch::{LineItem, PartSupplier, Supplier};

/// Q2: which Europeans have brass parts of a size for the least money, and who of those has most on the account.
pub fn minimum_cost() -> impl Question {
    PartSupplier::query()
        .filter(|ps| {
            let european =
                ps.part().supplies().filter(|ps| ps.supplier().nation().region().name.eq("EUROPE"));
            ps.part().size.eq(15)
                & ps.part().kind.ends_with("BRASS")
                & ps.supplier().nation().region().name.eq("EUROPE")
                & european.min(|ps| ps.supply_cost).eq(ps.supply_cost)
        })
        .order_by(|ps| {
            let (s, nation) = (ps.supplier(), ps.supplier().nation());
            (s.account_balance.desc(), nation.name.asc(), s.name.asc(), ps.part.asc())
        })
        .select(|ps| {
            let (s, p) = (ps.supplier(), ps.part());
            (s.account_balance, s.name, s.nation().name, p.id, p.manufacturer, s.address, s.phone, s.comment)
        })
        .limit(100)
}

/// Q11: which parts are most of the value that Germans have in stock: at scale factor `scale`, more than a ten-thousandth of it,
/// divided by that.
pub fn important_stock(scale: f64) -> impl Question {
    let part_of_all = Decimal::try_from(0.0001 / scale).expect("a scale factor is neither zero nor infinite");
    let stock = PartSupplier::query()
        .filter(|ps| ps.supplier().nation().name.eq("GERMANY"))
        .select(|ps| (ps.part, ps.supply_cost * ps.available.cast::<Decimal>()))
        .common();
    let all = stock.clone().aggregate(|all| all.sum(|(_, value)| value) * part_of_all);
    stock
        .group_by(|(part, _)| part)
        .having(|g| g.sum(|(_, value)| value).gt(all.scalar()))
        .order_by(|g| g.sum(|(_, value)| value).desc())
        .select(|g| (g.key(), g.sum(|(_, value)| value)))
}

/// Q15: who delivered for most in a quarter.
pub fn top_supplier() -> impl Question {
    let revenue = LineItem::query()
        .filter(|l| l.ship_date.ge(day(1996, 1, 1)) & l.ship_date.lt(day(1996, 4, 1)))
        .group_by(|l| l.supplier)
        .select(|g| (g.key(), g.sum(volume)))
        .common();
    let most = revenue.clone().aggregate(|all| all.max(|(_, revenue)| revenue));
    Supplier::query()
        .join_query(revenue, |(s, (supplier, _))| s.id.eq(supplier))
        .filter(|(_, (_, revenue))| most.scalar().eq(revenue))
        .order_by(|(s, _)| s.id)
        .select(|(s, (_, revenue))| (s.id, s.name, s.address, s.phone, revenue))
}

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

/// Q20: the Canadians who have more of a forest part than twice what they delivered of it in a year, if they delivered any.
pub fn potential_promotion() -> impl Question {
    Supplier::query()
        .filter(|s| s.nation().name.eq("CANADA"))
        .filter(|s| {
            s.supplies().any(|ps| {
                let delivered = ps.from::<LineItem>().filter(|(ps, l)| {
                    l.part.eq(ps.part)
                        & l.supplier.eq(ps.supplier)
                        & l.ship_date.ge(day(1994, 1, 1))
                        & l.ship_date.lt(day(1995, 1, 1))
                });
                ps.part().name.starts_with("forest")
                    & delivered.clone().exists()
                    & (delivered.sum(|(_, l)| l.quantity) / Decimal::TWO).lt(ps.available.cast::<Decimal>())
            })
        })
        .order_by(|s| s.name)
        .select(|s| (s.name, s.address))
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
