//! What lines bring in: Q1, Q6, Q14, Q17, Q19.

use epilog::collection::Expr;
use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{day, hundredths, volume};
use crate::tpch::answer::Question;
use crate::tpch::{LineItem, LineItemFields};

/// Q1: what was shipped until ninety days before the end, summed up by flag and status.
pub fn pricing_summary() -> impl Question {
    LineItem::query()
        .filter(|l| l.ship_date.le(day(1998, 9, 2)))
        .group_by(|l| (l.return_flag, l.status))
        .order_by(|g| g.key())
        .select(|g| {
            let (flag, status) = g.key();
            (
                flag,
                status,
                g.sum(|l| l.quantity),
                g.sum(|l| l.extended_price),
                g.sum(volume),
                g.sum(|l| volume(l) * (l.tax + Decimal::ONE)),
                g.avg(|l| l.quantity),
                g.avg(|l| l.extended_price),
                g.avg(|l| l.discount),
                g.count(),
            )
        })
}

/// Q6: what more would have come in without the small discounts of a year.
pub fn revenue_change() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.ship_date.ge(day(1994, 1, 1))
                & l.ship_date.lt(day(1995, 1, 1))
                & l.discount.between(hundredths(5), hundredths(7))
                & l.quantity.lt(Decimal::from(24))
        })
        .aggregate(|g| g.sum(|l| l.extended_price * l.discount))
}

/// Q14: how much of a month's revenue, in percent, was for parts of promotions.
pub fn promotion_effect() -> impl Question {
    LineItem::query()
        .filter(|l| l.ship_date.ge(day(1995, 9, 1)) & l.ship_date.lt(day(1995, 10, 1)))
        .aggregate(|g| {
            let promoted = g.filter(|l| l.part().kind.starts_with("PROMO"));
            promoted.sum(volume) * Decimal::ONE_HUNDRED / g.sum(volume)
        })
}

/// Q17: what a year would lose without the orders of less than a fifth of what is usual for a part, for some parts.
pub fn small_orders() -> impl Question {
    LineItem::query()
        .filter(|l| {
            let usual = l.part().lines().avg(|other| other.quantity);
            l.part().brand.eq("Brand#23")
                & l.part().container.eq("MED BOX")
                & (usual * Decimal::new(2, 1)).gt(l.quantity)
        })
        .aggregate(|g| g.sum(|l| l.extended_price) / Decimal::from(7))
}

/// Q19: what came in for three kinds of parts, each in its containers, sizes and quantities.
pub fn discounted_revenue() -> impl Question {
    fn offered<S>(
        l: LineItemFields<S>,
        brand: &str,
        containers: [&str; 4],
        largest: i32,
        least: i64,
    ) -> Expr<S, bool> {
        let part = l.part();
        part.brand.eq(brand)
            & part.container.in_(containers)
            & part.size.between(1, largest)
            & l.quantity.between(Decimal::from(least), Decimal::from(least + 10))
    }
    LineItem::query()
        .filter(|l| {
            l.ship_mode.in_(["AIR", "AIR REG"])
                & l.ship_instruct.eq("DELIVER IN PERSON")
                & (offered(l, "Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 5, 1)
                    | offered(l, "Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10)
                    | offered(l, "Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 15, 20))
        })
        .aggregate(|g| g.sum(volume))
}
