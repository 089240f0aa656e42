//! The whole way on real data: creates a database file, loads the Chinook music store in one transaction, asks typed
//! questions, changes things, and opens the file again.
//!
//! `cargo run --release -p epilog-examples --example quickstart [directory]`: without a directory the file is made in
//! a temporary one and removed at the end.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use epilog::prelude::*;
use epilog_examples::chinook::{Chinook, Source, load};
use epilog_examples::questions::catalogue::Search;
use epilog_examples::questions::{catalogue, changes, day, people, playlists, sales};
use epilog_examples::table::{Row, table};

fn main() -> Result<(), Box<dyn Error>> {
    let (directory, _temporary) = directory()?;
    let path = directory.join("chinook.epilog");
    if path.exists() {
        return Err(
            format!("{} is there already: remove it, or give another directory", path.display()).into()
        );
    }

    let (source, parsing) = timed(Source::read);
    let source = source?;
    let rows = source.rows();
    let db = Chinook::open(&path)?;
    let (loaded, loading) = timed(|| db.write(|tx| load(tx, source)));
    loaded?;
    println!("{}", path.display());
    println!(
        "{rows} records of 11 collections, one transaction: parsed in {parsing:.1?}, stored in {loading:.1?}\n"
    );

    let mut report = Report::default();
    let tx = db.read()?;
    catalogue(&mut report, &tx)?;
    playlists(&mut report, &tx)?;
    people(&mut report, &tx)?;
    sales(&mut report, &tx)?;

    println!("How is \"Which are Iron Maiden's longest tracks?\" answered?\n");
    println!("{}\n", catalogue::long_tracks_query("Iron Maiden").explain(&tx)?);
    println!("How is \"Which playlists hold jazz?\" answered?\n");
    println!("{}\n", playlists::playlists_with_genre_query("Jazz").explain(&tx)?);

    drop(tx);
    changes(&mut report, &db)?;
    drop(db);
    report
        .ask("What is in the file, opened again?", &["collection", "records"], || changes::reopened(&path))?;

    println!("{} questions, {:.1?} for their answers", report.questions, report.answering);
    println!("file: {} KiB", path.metadata()?.len() / 1024);
    Ok(())
}

fn catalogue(report: &mut Report, tx: &ReadTransaction<'_, Chinook>) -> Result<(), epilog::Error> {
    let long = ["track", "milliseconds"];
    report.ask("Which tracks are the longest?", &long, || catalogue::longest_tracks(tx))?;
    report.ask("Which are Iron Maiden's longest tracks?", &long, || {
        catalogue::long_tracks_of(tx, "Iron Maiden")
    })?;
    report.ask("Which albums does Led Zeppelin have?", &["album", "tracks"], || {
        catalogue::albums_of(tx, "Led Zeppelin")
    })?;
    report.ask("Which tracks begin with \"Black\", by whom?", &["track", "composer"], || {
        catalogue::tracks_beginning_with(tx, "Black")
    })?;
    report.ask("Where is love in the blues?", &["track"], || {
        let form = Search { name: Some("Love".into()), genre: Some("Blues".into()), milliseconds_max: None };
        Ok(catalogue::search(tx, &form)?.into_iter().map(|name| (name,)).collect())
    })?;
    report.ask("What is on page 251 of the list?", &["track", "id"], || {
        catalogue::page_of_tracks(tx, 1_000, 4)
    })?;
    report.ask("Which artists have no album here?", &["artist"], || {
        Ok(catalogue::artists_without_albums(tx)?.into_iter().map(|name| (name,)).collect())
    })?;
    report.ask("Which artists have six albums or more?", &["artist", "albums"], || {
        catalogue::prolific_artists(tx, 6)
    })?;
    report.ask("Which artists have three albums, one of them live?", &["id", "artist"], || {
        Ok(catalogue::artists_with_a_live_album(tx)?.into_iter().map(|a| (a.id, a.name)).collect())
    })?;
    report.ask("In which genres is every track over 15 minutes?", &["genre"], || {
        Ok(catalogue::long_winded_genres(tx)?.into_iter().map(|name| (name,)).collect())
    })?;
    let columns = ["tracks", "milliseconds", "average", "shortest", "largest", "price of all"];
    report.ask("How large is the catalogue?", &columns, || {
        let t = catalogue::totals(tx)?;
        Ok(vec![(t.tracks, t.milliseconds, t.average, t.shortest, t.largest, t.price)])
    })?;
    report.ask("How many tracks has nobody bought?", &["tracks"], || {
        Ok(vec![(catalogue::unsold_tracks(tx)?,)])
    })?;
    report.ask("Who is Metallica?", &["id", "artist"], || {
        Ok(catalogue::artist_called(tx, "Metallica")?.into_iter().map(|a| (a.id, a.name)).collect())
    })?;
    report.ask("Which track is number 2820?", &["track", "bytes", "price"], || {
        let track = catalogue::track(tx, Id::new(2820))?;
        Ok(track.into_iter().map(|t| (t.name, t.bytes, t.unit_price)).collect())
    })
}

fn playlists(report: &mut Report, tx: &ReadTransaction<'_, Chinook>) -> Result<(), epilog::Error> {
    report.ask("Which playlists hold jazz?", &["id", "playlist", "tracks"], || {
        playlists::playlists_with_genre(tx, "Jazz")
    })?;
    report.ask("What is on the playlist \"Grunge\"?", &["track", "album", "artist"], || {
        playlists::tracks_on(tx, "Grunge")
    })?;
    report
        .ask("Which tracks are on five playlists?", &["track", "playlists"], || playlists::favourites(tx))?;
    report.ask("Which playlists are empty?", &["id", "playlist"], || {
        Ok(playlists::empty_playlists(tx)?.into_iter().map(|p| (p.id, p.name)).collect())
    })?;
    report.ask("Is track 3402 on playlist 1?", &["answer"], || {
        Ok(vec![(playlists::is_on(tx, Id::new(1), Id::new(3402))?,)])
    })
}

fn people(report: &mut Report, tx: &ReadTransaction<'_, Chinook>) -> Result<(), epilog::Error> {
    report.ask("Who works here?", &["name", "title", "manager", "reports", "customers"], || {
        let lines = people::staff(tx)?;
        Ok(lines.into_iter().map(|e| (e.name, e.title, e.manager, e.reports, e.customers)).collect())
    })?;
    report
        .ask("Who reports to nobody?", &["first name", "last name"], || Ok(vec![people::at_the_top(tx)?]))?;
    report.ask("Who is two levels below Adams?", &["first name", "last name", "manager"], || {
        people::two_levels_below(tx, "Adams")
    })?;
    report.ask("Whom does Jane look after in two countries?", &["customer", "country", "company"], || {
        people::customers_of(tx, "jane@chinookcorp.com", ["Canada", "Germany"])
    })?;
    report.ask("Who has this address?", &["customer", "city", "looked after by"], || {
        let found = people::customer_with_email(tx, "luisg@embraer.com.br")?;
        Ok(found.into_iter().map(|(c, rep)| (c.last_name, c.city, rep.map(|e| e.last_name))).collect())
    })?;
    report
        .ask("Does anybody live in Prague?", &["answer"], || Ok(vec![(people::lives_in(tx, "Prague")?,)]))?;
    report.ask("Who has bought science fiction?", &["first name", "last name"], || {
        people::buyers_of_genre(tx, "Science Fiction")
    })?;
    report.ask("Who has bought nothing since March 2025?", &["id", "customer"], || {
        people::inactive_since(tx, day(2025, 3, 1))
    })
}

fn sales(report: &mut Report, tx: &ReadTransaction<'_, Chinook>) -> Result<(), epilog::Error> {
    report.ask("How much was sold in 2024?", &["invoices", "sum", "average", "largest"], || {
        Ok(vec![
            sales::turnover(tx, 2024)
                .map(|(n, sum, avg, max)| (n, sum, avg.map(|avg| avg.round_dp(2)), max))?,
        ])
    })?;
    report.ask(
        "Which invoices are the largest?",
        &["date", "customer", "looked after by", "lines", "total"],
        || {
            let sales = sales::largest_invoices(tx)?;
            Ok(sales.into_iter().map(|s| (s.date, s.customer, s.rep, s.lines, s.total)).collect())
        },
    )?;
    report.ask("How much of Iron Maiden was sold?", &["tracks", "sum"], || {
        Ok(vec![sales::sold_of(tx, "Iron Maiden")?])
    })?;
    report.ask("Which invoices of 2022 were for videos only?", &["invoice", "total"], || {
        sales::video_only(tx, day(2022, 1, 1), day(2022, 12, 31))
    })?;
    report.ask("Which invoices have an odd address?", &["invoice", "city"], || sales::odd_addresses(tx))
}

fn changes(report: &mut Report, db: &Database<Chinook>) -> Result<(), epilog::Error> {
    report.ask("Classical music costs a tenth more.", &["tracks", "sum of prices"], || {
        Ok(vec![changes::raise_prices(db, "Classical")?])
    })?;
    report.ask("The playlists \"Music\" are deleted.", &["playlists", "entries left"], || {
        Ok(vec![changes::delete_playlists(db, "Music")?])
    })?;
    report.ask("Steve leaves.", &["customers without anyone"], || {
        Ok(vec![(changes::employee_leaves(db, "steve@chinookcorp.com")?,)])
    })?;
    report.ask("AC/DC cannot be deleted.", &["album left"], || {
        let refusal = changes::delete_artist_with_albums(db, "AC/DC")?;
        println!("  {}\n", refusal.unwrap_or_default());
        let tx = db.read()?;
        Ok(catalogue::albums_of(&tx, "AC/DC")?.into_iter().map(|(album, _)| (album,)).collect())
    })?;
    report.ask("An import fails in its middle.", &["artists before", "inside", "after"], || {
        let import = changes::failing_import(db)?;
        println!("  {}\n", import.reason);
        Ok(vec![(import.before, import.inside, import.after)])
    })?;
    report.ask("An album gets its name.", &["id", "album"], || {
        let album = changes::retitle(db, Id::new(131), "Led Zeppelin IV")?;
        Ok(album.into_iter().map(|album| (album.id, album.title)).collect())
    })
}

/// Prints answers, and adds up what they took.
#[derive(Default)]
struct Report {
    questions: u32,
    answering: Duration,
}

impl Report {
    fn ask<R: Row>(
        &mut self,
        question: &str,
        headings: &[&str],
        answer: impl FnOnce() -> Result<Vec<R>, epilog::Error>,
    ) -> Result<(), epilog::Error> {
        println!("{question}\n");
        let (rows, took) = timed(answer);
        self.questions += 1;
        self.answering += took;
        println!("{}  ({took:.1?})\n", table(headings, &rows?, 15));
        Ok(())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// The directory asked for, made if need be, or a temporary one with what keeps it.
fn directory() -> Result<(PathBuf, Option<tempfile::TempDir>), std::io::Error> {
    match std::env::args_os().nth(1) {
        Some(given) => {
            let directory = Path::new(&given).to_owned();
            std::fs::create_dir_all(&directory)?;
            Ok((directory, None))
        }
        None => {
            let temporary = tempfile::tempdir()?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}
