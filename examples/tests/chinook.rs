//! The answers to all questions, against literal values.
//!
//! The expected values come from the `sqlite3` program on `data/Chinook_Sqlite.sqlite`, by the SQL that stands beside
//! each question in `src/questions`. Where the data of the file is changed first, the SQL ran on a copy.

use std::sync::OnceLock;

use epilog::prelude::*;
use epilog_examples::chinook::{Album, Artist, Chinook, Source, Track, load};
use epilog_examples::questions::catalogue::{Search, Totals};
use epilog_examples::questions::people::StaffLine;
use epilog_examples::questions::sales::Sale;
use epilog_examples::questions::{Read, catalogue, changes, day, people, playlists, sales};
use pretty_assertions::assert_eq;
use rust_decimal::Decimal;

/// How many records each collection holds after loading.
const COUNTS: [(&str, u64); 11] = [
    ("Artist", 275),
    ("Album", 347),
    ("Genre", 25),
    ("MediaType", 5),
    ("Track", 3503),
    ("Playlist", 18),
    ("PlaylistTrack", 8715),
    ("Employee", 8),
    ("Customer", 59),
    ("Invoice", 412),
    ("InvoiceLine", 2240),
];

fn loaded(db: Database<Chinook>) -> Database<Chinook> {
    let source = Source::read().unwrap();
    db.write(|tx| load(tx, source)).unwrap();
    db
}

/// Calls `question` with a snapshot of the store, loaded once for all tests that only read.
fn read<T>(question: impl FnOnce(&Read<'_>) -> Result<T, epilog::Error>) -> T {
    static DB: OnceLock<Database<Chinook>> = OnceLock::new();
    let db = DB.get_or_init(|| loaded(Chinook::in_memory().unwrap()));
    question(&db.read().unwrap()).unwrap()
}

/// A store of its own, for a test that changes it.
fn fresh() -> Database<Chinook> {
    loaded(Chinook::in_memory().unwrap())
}

fn cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn text(text: &str) -> Option<String> {
    Some(text.into())
}

fn pairs<T: Clone>(rows: &[(&str, T)]) -> Vec<(String, T)> {
    rows.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

fn names(rows: &[&str]) -> Vec<String> {
    rows.iter().map(ToString::to_string).collect()
}

#[test]
fn every_row_of_the_source_is_there() {
    assert_eq!(changes::counts(&fresh()).unwrap(), COUNTS);
}

#[test]
fn longest_tracks() {
    let expected = [
        ("Occupation / Precipice", 5_286_953),
        ("Through a Looking Glass", 5_088_838),
        ("Greetings from Earth, Pt. 1", 2_960_293),
        ("The Man With Nine Lives", 2_956_998),
        ("Battlestar Galactica, Pt. 2", 2_956_081),
    ];
    assert_eq!(read(catalogue::longest_tracks), pairs(&expected));
}

#[test]
fn long_tracks_of_an_artist() {
    let expected = [
        ("Rime of the Ancient Mariner", 816_509),
        ("Rime Of The Ancient Mariner", 789_472),
        ("Sign Of The Cross", 678_008),
        ("Sign Of The Cross", 649_116),
        ("Seventh Son of a Seventh Son", 593_580),
        ("The Angel And The Gambler", 592_744),
        ("Dream Of Mirrors", 578_324),
        ("For the Greater Good of God", 564_893),
        ("The Legacy", 562_966),
        ("Dream Of Mirrors", 561_162),
    ];
    assert_eq!(read(|tx| catalogue::long_tracks_of(tx, "Iron Maiden")), pairs(&expected));
}

#[test]
fn albums_of_an_artist() {
    let expected = [
        ("BBC Sessions [Disc 1] [Live]", 14),
        ("BBC Sessions [Disc 2] [Live]", 10),
        ("Coda", 8),
        ("Houses Of The Holy", 8),
        ("IV", 8),
        ("In Through The Out Door", 7),
        ("Led Zeppelin I", 9),
        ("Led Zeppelin II", 9),
        ("Led Zeppelin III", 10),
        ("Physical Graffiti [Disc 1]", 6),
        ("Physical Graffiti [Disc 2]", 9),
        ("Presence", 7),
        ("The Song Remains The Same (Disc 1)", 5),
        ("The Song Remains The Same (Disc 2)", 4),
    ];
    assert_eq!(read(|tx| catalogue::albums_of(tx, "Led Zeppelin")), pairs(&expected));
}

#[test]
fn tracks_beginning_with_a_word() {
    let expected = [
        ("Black", text("Stone Gossard & Eddie Vedder")),
        ("Black", text("Dave Krusen/Stone Gossard")),
        ("Black Capricorn Day", text("Jay Kay")),
        ("Black Country Woman", text("Robert Plant")),
        ("Black Diamond", text("Paul Stanley")),
        ("Black Dog", text("John Paul Jones/Robert Plant")),
        ("Black Dog", text("Jimmy Page, Robert Plant, John Paul Jones")),
        ("Black Hole Sun", text("Soundgarden")),
        ("Black Light Syndrome", text("Terry Bozzio, Steve Stevens, Tony Levin")),
        ("Black Moon Creeping", text("Chris Robinson/Rich Robinson")),
        ("Black Mountain Side", text("Jimmy Page")),
        ("Black Night", text("Richie Blackmore, Ian Gillian, Roger Glover, Jon Lord, Ian Paice")),
        ("Black Satin", text("Miles Davis")),
        ("Black Velveteen", text("Lenny Kravitz")),
        ("Blackened", text("James Hetfield, Lars Ulrich & Jason Newsted")),
    ];
    assert_eq!(read(|tx| catalogue::tracks_beginning_with(tx, "Black")), pairs(&expected));
}

#[test]
fn a_search_uses_the_boxes_that_are_filled_in() {
    let love = Search { name: text("Love"), genre: text("Blues"), milliseconds_max: None };
    let expected = [
        "Let Me Love You Baby",
        "Let Me Love You Baby",
        "Love Me Darlin'",
        "Old Love",
        "Sunshine Of Your Love",
    ];
    assert_eq!(read(|tx| catalogue::search(tx, &love)), names(&expected));

    // SELECT t.Name FROM Track t JOIN Genre g USING (GenreId)
    // WHERE g.Name = 'Metal' AND t.Milliseconds <= 120000 ORDER BY t.Name, t.TrackId
    let short = Search { name: None, genre: text("Metal"), milliseconds_max: Some(120_000) };
    let expected = [
        "Bite The Bullet",
        "FX",
        "Intro",
        "My World",
        "Soldier Side - Intro",
        "The Awakening",
        "The Hellion",
    ];
    assert_eq!(read(|tx| catalogue::search(tx, &short)), names(&expected));

    // SELECT COUNT(*) FROM Track
    assert_eq!(read(|tx| catalogue::search(tx, &Search::default())).len(), 3503);
}

#[test]
fn a_page_of_all_tracks() {
    let expected = [
        ("February Stars", Id::new(1029)),
        ("Feel It", Id::new(3315)),
        ("Feel Your Love Tonight", Id::new(3088)),
        ("Feira Moderna", Id::new(2059)),
    ];
    assert_eq!(read(|tx| catalogue::page_of_tracks(tx, 1_000, 4)), pairs(&expected));
    assert_eq!(read(|tx| catalogue::page_of_tracks(tx, 3_503, 4)), []);
}

#[test]
fn artists_without_albums() {
    let artists = read(catalogue::artists_without_albums);
    assert_eq!(artists.len(), 71);
    assert_eq!(artists[0], text("A Cor Do Som"));
    let second = "Academy of St. Martin in the Fields, Sir Neville Marriner & William Bennett";
    assert_eq!(artists[1], text(second));
    assert_eq!(artists[70], text("Youssou N'Dour"));
}

#[test]
fn prolific_artists() {
    let expected = [
        (text("Iron Maiden"), 21),
        (text("Led Zeppelin"), 14),
        (text("Deep Purple"), 11),
        (text("Metallica"), 10),
        (text("U2"), 10),
        (text("Ozzy Osbourne"), 6),
    ];
    assert_eq!(read(|tx| catalogue::prolific_artists(tx, 6)), expected);
}

#[test]
fn artists_with_a_live_album() {
    let expected = [
        (27, "Gilberto Gil"),
        (90, "Iron Maiden"),
        (22, "Led Zeppelin"),
        (118, "Pearl Jam"),
        (59, "Santana"),
    ]
    .map(|(id, name)| Artist { id: Id::new(id), name: text(name) });
    assert_eq!(read(catalogue::artists_with_a_live_album), expected);
}

#[test]
fn long_winded_genres() {
    let expected = ["Comedy", "Sci Fi & Fantasy", "Science Fiction", "TV Shows"].map(text);
    assert_eq!(read(catalogue::long_winded_genres), expected);
}

#[test]
fn totals_of_the_catalogue() {
    let totals = read(catalogue::totals);
    let average = totals.average.unwrap();
    assert!((average - 393_599.212_103_910_9).abs() < 1e-6, "{average}");
    let expected = Totals {
        tracks: 3_503,
        milliseconds: 1_378_778_040,
        average: Some(average),
        shortest: Some(1_071),
        largest: Some(1_059_546_140),
        price: cents(368_097),
    };
    assert_eq!(totals, expected);
}

#[test]
fn unsold_tracks() {
    assert_eq!(read(catalogue::unsold_tracks), 1_519);
}

#[test]
fn an_artist_by_unique_name() {
    let metallica = Artist { id: Id::new(50), name: text("Metallica") };
    assert_eq!(read(|tx| catalogue::artist_called(tx, "Metallica")), Some(metallica));
    assert_eq!(read(|tx| catalogue::artist_called(tx, "metallica")), None);
}

#[test]
fn a_track_by_id() {
    let expected = Track {
        id: Id::new(2820),
        name: "Occupation / Precipice".into(),
        album: Some(Id::new(227)),
        media_type: Id::new(3),
        genre: Some(Id::new(19)),
        composer: None,
        milliseconds: 5_286_953,
        bytes: Some(1_054_423_946),
        unit_price: cents(199),
    };
    assert_eq!(read(|tx| catalogue::track(tx, Id::new(2820))), Some(expected));
    assert_eq!(read(|tx| catalogue::track(tx, Id::new(3504))), None);
}

#[test]
fn playlists_with_a_genre() {
    let expected = [
        (Id::new(1), text("Music"), 3290),
        (Id::new(5), text("90’s Music"), 1477),
        (Id::new(8), text("Music"), 3290),
        (Id::new(18), text("On-The-Go 1"), 1),
    ];
    assert_eq!(read(|tx| playlists::playlists_with_genre(tx, "Jazz")), expected);
}

#[test]
fn tracks_on_a_playlist() {
    let expected = [
        ("Alive", "Ten", "Pearl Jam"),
        ("Black Hole Sun", "A-Sides", "Soundgarden"),
        ("Come As You Are", "Nevermind", "Nirvana"),
        ("Daughter", "Vs.", "Pearl Jam"),
        ("Drain You", "Nevermind", "Nirvana"),
        ("Evenflow", "Ten", "Pearl Jam"),
        ("Hunger Strike", "Temple of the Dog", "Temple of the Dog"),
        ("In Bloom", "Nevermind", "Nirvana"),
        ("Jeremy", "Ten", "Pearl Jam"),
        ("Lithium", "Nevermind", "Nirvana"),
        ("Man In The Box", "Facelift", "Alice In Chains"),
        ("On A Plain", "Nevermind", "Nirvana"),
        ("Outshined", "A-Sides", "Soundgarden"),
        ("Plush", "Core", "Stone Temple Pilots"),
        ("Smells Like Teen Spirit", "Nevermind", "Nirvana"),
    ]
    .map(|(track, album, artist)| (track.to_string(), text(album), text(artist)));
    assert_eq!(read(|tx| playlists::tracks_on(tx, "Grunge")), expected);
}

#[test]
fn tracks_on_many_playlists() {
    let favourites = read(playlists::favourites);
    assert_eq!(favourites.len(), 41);
    assert!(favourites.iter().all(|(_, playlists)| *playlists == 5));
    assert_eq!(favourites[0].0, "A Midsummer Night's Dream, Op.61 Incidental Music: No.7 Notturno");
    assert_eq!(favourites[2].0, "Ave Maria");
    assert_eq!(
        favourites[40].0,
        "Wellington's Victory or the Battle Symphony, Op.91: 2. Symphony of Triumph"
    );
}

#[test]
fn empty_playlists() {
    let empty = read(playlists::empty_playlists);
    let found: Vec<_> = empty.iter().map(|p| (p.id.get(), p.name.as_deref().unwrap())).collect();
    assert_eq!(found, [(2, "Movies"), (4, "Audiobooks"), (6, "Audiobooks"), (7, "Movies")]);
}

#[test]
fn an_entry_by_its_compound_key() {
    assert!(read(|tx| playlists::is_on(tx, Id::new(1), Id::new(3402))));
    assert!(!read(|tx| playlists::is_on(tx, Id::new(2), Id::new(3402))));
}

#[test]
fn staff_with_managers_reports_and_customers() {
    let expected = [
        ("Adams", "General Manager", None, 2, 0),
        ("Edwards", "Sales Manager", text("Adams"), 3, 0),
        ("Peacock", "Sales Support Agent", text("Edwards"), 0, 21),
        ("Park", "Sales Support Agent", text("Edwards"), 0, 20),
        ("Johnson", "Sales Support Agent", text("Edwards"), 0, 18),
        ("Mitchell", "IT Manager", text("Adams"), 2, 0),
        ("King", "IT Staff", text("Mitchell"), 0, 0),
        ("Callahan", "IT Staff", text("Mitchell"), 0, 0),
    ]
    .map(|(name, title, manager, reports, customers)| StaffLine {
        name: name.into(),
        title: text(title),
        manager,
        reports,
        customers,
    });
    assert_eq!(read(people::staff), expected);
}

#[test]
fn one_employee_reports_to_nobody() {
    assert_eq!(read(people::at_the_top), ("Andrew".into(), "Adams".into()));
}

#[test]
fn two_steps_along_an_optional_relation() {
    let expected = [
        ("Laura", "Callahan", "Mitchell"),
        ("Steve", "Johnson", "Edwards"),
        ("Robert", "King", "Mitchell"),
        ("Margaret", "Park", "Edwards"),
        ("Jane", "Peacock", "Edwards"),
    ]
    .map(|(first, last, manager)| (first.to_string(), last.to_string(), text(manager)));
    assert_eq!(read(|tx| people::two_levels_below(tx, "Adams")), expected);
}

#[test]
fn customers_of_an_employee() {
    let expected = [
        ("Brown", "Canada", None),
        ("Francis", "Canada", None),
        ("Peterson", "Canada", text("Rogers Canada")),
        ("Sullivan", "Canada", None),
        ("Tremblay", "Canada", None),
        ("Schröder", "Germany", None),
        ("Zimmermann", "Germany", None),
    ]
    .map(|(name, country, company)| (name.to_string(), text(country), company));
    let found = read(|tx| people::customers_of(tx, "jane@chinookcorp.com", ["Canada", "Germany"]));
    assert_eq!(found, expected);
}

#[test]
fn a_customer_by_unique_address_with_their_employee() {
    let (customer, rep) =
        read(|tx| people::customer_with_email(tx, "luisg@embraer.com.br")).expect("the customer is there");
    assert_eq!(customer.id, Id::new(1));
    assert_eq!((customer.first_name.as_str(), customer.last_name.as_str()), ("Luís", "Gonçalves"));
    assert_eq!(customer.company, text("Embraer - Empresa Brasileira de Aeronáutica S.A."));
    assert_eq!(customer.state, text("SP"));
    let rep = rep.expect("somebody looks after them");
    assert_eq!((rep.id, rep.last_name.as_str()), (Id::new(3), "Peacock"));
    assert_eq!(rep.birth_date, Some(day(1973, 8, 29)));
    assert_eq!(rep.hire_date, Some(day(2002, 4, 1)));
    assert_eq!(read(|tx| people::customer_with_email(tx, "nobody@example.com")), None);
}

#[test]
fn whether_anybody_lives_in_a_city() {
    assert!(read(|tx| people::lives_in(tx, "Prague")));
    assert!(!read(|tx| people::lives_in(tx, "Reykjavík")));
}

#[test]
fn buyers_of_a_genre() {
    let expected = [("Helena", "Holý"), ("Luis", "Rojas"), ("Jack", "Smith"), ("Fynn", "Zimmermann")]
        .map(|(first, last)| (first.to_string(), last.to_string()));
    assert_eq!(read(|tx| people::buyers_of_genre(tx, "Science Fiction")), expected);
}

#[test]
fn customers_inactive_since_a_day() {
    let expected = [
        (2, "Köhler"),
        (9, "Nielsen"),
        (13, "Ramos"),
        (15, "Peterson"),
        (17, "Smith"),
        (19, "Goyer"),
        (30, "Francis"),
        (32, "Mitchell"),
        (34, "Fernandes"),
        (36, "Schneider"),
        (38, "Schröder"),
        (40, "Lefebvre"),
        (51, "Johansson"),
        (53, "Hughes"),
        (55, "Taylor"),
        (57, "Rojas"),
        (59, "Srivastava"),
    ]
    .map(|(id, name)| (Id::new(id), name.to_string()));
    assert_eq!(read(|tx| people::inactive_since(tx, day(2025, 3, 1))), expected);
}

#[test]
fn turnover_of_a_year() {
    let (invoices, sum, average, largest) = read(|tx| sales::turnover(tx, 2024));
    assert_eq!((invoices, sum, largest), (83, cents(47_753), Some(cents(2_386))));
    assert_eq!(average.unwrap().round_dp(10), Decimal::new(57_533_734_940, 10));
    // No invoice is that old: a sum of nothing is zero, an average or a maximum of nothing is absent.
    assert_eq!(read(|tx| sales::turnover(tx, 1999)), (0, Decimal::ZERO, None, None));
}

#[test]
fn largest_invoices() {
    let expected = [
        (day(2025, 11, 13), "Holý", "Johnson", 2_586),
        (day(2024, 8, 5), "Cunningham", "Park", 2_386),
        (day(2022, 2, 18), "Kovács", "Peacock", 2_186),
        (day(2023, 4, 28), "O'Reilly", "Peacock", 2_186),
    ]
    .map(|(date, customer, rep, total)| Sale {
        date,
        customer: customer.into(),
        rep: text(rep),
        lines: 14,
        total: cents(total),
    });
    assert_eq!(read(sales::largest_invoices), expected);
}

#[test]
fn what_was_sold_of_an_artist() {
    assert_eq!(read(|tx| sales::sold_of(tx, "Iron Maiden")), (140, cents(13_860)));
}

#[test]
fn invoices_for_videos_only() {
    let expected =
        [(88, 1_791), (97, 199), (98, 398), (99, 398)].map(|(id, total)| (Id::new(id), cents(total)));
    assert_eq!(read(|tx| sales::video_only(tx, day(2022, 1, 1), day(2022, 12, 31))), expected);
}

#[test]
fn invoices_with_an_odd_address() {
    let expected = [10, 62, 183, 194, 249, 378, 401].map(|id| (Id::new(id), text("Dublin")));
    assert_eq!(read(sales::odd_addresses), expected);
}

#[test]
fn prices_of_a_genre_are_raised() {
    assert_eq!(changes::raise_prices(&fresh(), "Classical").unwrap(), (74, Decimal::new(80_586, 3)));
}

#[test]
fn entries_go_with_their_playlist() {
    assert_eq!(changes::delete_playlists(&fresh(), "Music").unwrap(), (2, 2_135));
}

#[test]
fn customers_stay_when_their_employee_leaves() {
    assert_eq!(changes::employee_leaves(&fresh(), "steve@chinookcorp.com").unwrap(), 18);
}

#[test]
fn an_artist_with_albums_stays() {
    // The refused deletion names the collection that points, and leaves everything as it was.
    let db = fresh();
    let message = changes::delete_artist_with_albums(&db, "AC/DC").unwrap().expect("the deletion is refused");
    assert!(message.contains("Album"), "{message}");
    assert_eq!(changes::counts(&db).unwrap(), COUNTS);
}

#[test]
fn a_savepoint_that_fails_leaves_nothing() {
    let db = fresh();
    let import = changes::failing_import(&db).unwrap();
    assert_eq!((import.before, import.inside, import.after), (275, 277, 276));
    assert!(import.reason.contains("name"), "{}", import.reason);
    let tx = db.read().unwrap();
    assert_eq!(catalogue::artist_called(&tx, "Nina Simone").unwrap(), None);
    assert!(catalogue::artist_called(&tx, "Cesária Évora").unwrap().is_some());
}

#[test]
fn a_record_is_read_changed_and_written_back() {
    let expected = Album { id: Id::new(131), title: "Led Zeppelin IV".into(), artist: Id::new(22) };
    assert_eq!(changes::retitle(&fresh(), Id::new(131), "Led Zeppelin IV").unwrap(), Some(expected));
    assert_eq!(changes::retitle(&fresh(), Id::new(348), "No such album").unwrap(), None);
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    // Changes, then drops the handle; the file is opened by path, twice.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chinook.epilog");
    let db = loaded(Chinook::open(&path).unwrap());
    changes::delete_playlists(&db, "Music").unwrap();
    drop(db);

    let mut expected = COUNTS;
    expected[5].1 = 16;
    expected[6].1 = 2_135;
    assert_eq!(changes::reopened(&path).unwrap(), expected);
    assert_eq!(changes::reopened(&path).unwrap(), expected);
}
