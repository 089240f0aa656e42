//! Orders and how they were handled: Q3, Q4, Q12.

use epilog::prelude::*;

use super::{day, volume};
use crate::tpch::answer::Question;
use crate::tpch::{LineItem, Order};

/// Q3: the ten orders of builders, not shipped on a day, that are worth most.
pub fn shipping_priority() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.order().customer().market_segment.eq("BUILDING")
                & l.order().date.lt(day(1995, 3, 15))
                & l.ship_date.gt(day(1995, 3, 15))
        })
        .group_by(|l| (l.order, l.order().date, l.order().ship_priority))
        .order_by(|g| (g.sum(volume).desc(), g.key().1))
        .select(|g| {
            let (order, date, priority) = g.key();
            (order, g.sum(volume), date, priority)
        })
        .limit(10)
}

/// Q4: how many orders of a quarter had a line that came late, by priority.
pub fn order_priority() -> impl Question {
    Order::query()
        .filter(|o| o.date.ge(day(1993, 7, 1)) & o.date.lt(day(1993, 10, 1)))
        .filter(|o| o.lines().any(|l| l.commit_date.lt(l.receipt_date)))
        .group_by(|o| o.priority)
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.count()))
}

/// Q12: of the lines that were shipped in time and came late, how many were of urgent orders, by the way they went.
pub fn shipping_modes() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.ship_mode.in_(["MAIL", "SHIP"])
                & l.commit_date.lt(l.receipt_date)
                & l.ship_date.lt(l.commit_date)
                & l.receipt_date.ge(day(1994, 1, 1))
                & l.receipt_date.lt(day(1995, 1, 1))
        })
        .group_by(|l| l.ship_mode)
        .order_by(|g| g.key())
        .select(|g| {
            let urgent = g.filter(|l| l.order().priority.in_(["1-URGENT", "2-HIGH"]));
            let other = g.filter(|l| !l.order().priority.in_(["1-URGENT", "2-HIGH"]));
            (g.key(), urgent.count(), other.count())
        })
}
