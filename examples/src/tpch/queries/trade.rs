//! Trade within nations and between them: Q5, Q7, Q8, Q9.

use epilog::prelude::*;

use super::{day, volume};
use crate::tpch::answer::Question;
use crate::tpch::{LineItem, PartSupplier};

/// Q5: what came in where customer and supplier are of one Asian nation, by nation.
pub fn local_supplier_volume() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.order().customer().nation.eq(l.supplier().nation)
                & l.supplier().nation().region().name.eq("ASIA")
                & l.order().date.ge(day(1994, 1, 1))
                & l.order().date.lt(day(1995, 1, 1))
        })
        .group_by(|l| l.supplier().nation().name)
        .order_by(|g| g.sum(volume).desc())
        .select(|g| (g.key(), g.sum(volume)))
}

/// Q7: what was shipped from France to Germany and back, by year.
pub fn volume_shipping() -> impl Question {
    LineItem::query()
        .filter(|l| {
            let (from, to) = (l.supplier().nation().name, l.order().customer().nation().name);
            l.ship_date.between(day(1995, 1, 1), day(1996, 12, 31))
                & ((from.eq("FRANCE") & to.eq("GERMANY")) | (from.eq("GERMANY") & to.eq("FRANCE")))
        })
        .group_by(|l| (l.supplier().nation().name, l.order().customer().nation().name, l.ship_date.year()))
        .order_by(|g| g.key())
        .select(|g| {
            let (from, to, year) = g.key();
            (from, to, year, g.sum(volume))
        })
}

/// Q8: Brazil's share of what was sold of a kind of steel in America, by year.
pub fn market_share() -> impl Question {
    LineItem::query()
        .filter(|l| {
            l.part().kind.eq("ECONOMY ANODIZED STEEL")
                & l.order().customer().nation().region().name.eq("AMERICA")
                & l.order().date.between(day(1995, 1, 1), day(1996, 12, 31))
        })
        .group_by(|l| l.order().date.year())
        .order_by(|g| g.key())
        .select(|g| {
            let brazil = g.filter(|l| l.supplier().nation().name.eq("BRAZIL"));
            (g.key(), brazil.sum(volume) / g.sum(volume))
        })
}

/// Q9: what was earned with green parts, by the supplier's nation and year.
pub fn product_profit() -> impl Question {
    LineItem::query()
        .filter(|l| l.part().name.contains("green"))
        .join::<PartSupplier>(|(l, ps)| ps.part.eq(l.part) & ps.supplier.eq(l.supplier))
        .group_by(|(l, _)| (l.supplier().nation().name, l.order().date.year()))
        .order_by(|g| (g.key().0.asc(), g.key().1.desc()))
        .select(|g| {
            let (nation, year) = g.key();
            (nation, year, g.sum(|(l, ps)| volume(l) - ps.supply_cost * l.quantity))
        })
}
