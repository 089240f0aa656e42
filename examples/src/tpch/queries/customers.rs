//! Who orders what: Q10, Q13, Q18, Q22.

use epilog::collection::Expr;
use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{day, volume};
use crate::tpch::answer::Question;
use crate::tpch::{Customer, CustomerFields, LineItem};

/// Q10: the twenty customers who sent back most of what they ordered in a quarter.
pub fn returned_items() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.return_flag.eq('R') & l.order().date.ge(day(1993, 10, 1)) & l.order().date.lt(day(1994, 1, 1))
        })
        .group_by(|l| {
            let c = l.order().customer();
            (c.id, c.name, c.account_balance, c.nation().name, c.address, c.phone, c.comment)
        })
        .order_by(|g| g.sum(volume).desc())
        .select(|g| {
            let (id, name, balance, nation, address, phone, comment) = g.key();
            (id, name, g.sum(volume), balance, nation, address, phone, comment)
        })
        .limit(20)
}

/// Q13: how many customers have so many orders, but for those with a special request.
pub fn customer_distribution() -> impl Question {
    Customer::query()
        .group_by(|c| c.orders().filter(|o| !o.comment.like("%special%requests%")).count())
        .order_by(|g| (g.count().desc(), g.key().desc()))
        .select(|g| (g.key(), g.count()))
}

/// Q18: the hundred dearest orders of more than 300 pieces, and whose they are.
pub fn large_volume() -> impl Question {
    let large =
        LineItem::query().group_by(|l| l.order).having(|g| g.sum(|l| l.quantity).gt(Decimal::from(300)));
    LineItem::query()
        .filter(|l| l.order.in_query(large))
        .group_by(|l| {
            let (order, customer) = (l.order(), l.order().customer());
            (customer.name, customer.id, order.id, order.date, order.total_price)
        })
        .order_by(|g| (g.key().4.desc(), g.key().3.asc()))
        .select(|g| {
            let (name, customer, order, date, total) = g.key();
            (name, customer, order, date, total, g.sum(|l| l.quantity))
        })
        .limit(100)
}

/// Q22: those of seven countries, by the first two digits of the telephone, who have more than usual on the account and never
/// ordered: how many, and what they have.
pub fn sales_opportunity() -> impl Question {
    fn code<S>(c: CustomerFields<S>) -> Expr<S, String> {
        c.phone.left(2)
    }
    let there = Customer::query().filter(|c| code(c).in_(["13", "31", "23", "29", "30", "18", "17"]));
    let usual = there
        .clone()
        .filter(|c| c.account_balance.gt(Decimal::ZERO))
        .aggregate(|g| g.avg(|c| c.account_balance));
    there
        .filter(|c| usual.scalar().lt(c.account_balance) & c.orders().is_empty())
        .group_by(code)
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.count(), g.sum(|c| c.account_balance)))
}
