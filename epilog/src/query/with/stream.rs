//! [`WithStream`]: rows with what belongs to them, some at a time.

use alloc::boxed::Box;
use alloc::vec::{self, Vec};
use core::fmt;
use core::iter::FusedIterator;
use core::panic::Location;

use super::super::include::{Beside, Includes, Source};
use super::super::run::time_of_stream;
use super::super::selection::DecodeBatch;
use super::super::slow::StreamTime;
use super::super::{Answers, Scope, Snapshot};
use super::{With, read_seed};
use crate::Error;
use crate::engine::{self, Control, OutputBatch, Reading};
use crate::parts::InWhole;

/// Of so many rows what belongs to them is looked for first: few, as few may be wanted.
const ROWS_FIRST: usize = 64;

/// Of so many rows at a time it is looked for at most.
const ROWS_MAX: usize = 1024;

/// What comes out of a query with records that belong to its rows, read as it is asked for. Made by [`With::stream`]; an
/// iterator of `Result`s.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let tx = db.read()?;
/// let query = Artist::query().with(|a| a.albums());
/// let counts: Result<Vec<usize>, Error> = query.stream(&tx)?.map(|row| Ok(row?.1.len())).collect();
/// assert_eq!(counts?, [2, 2, 0]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a stream reads only what is asked of it"]
pub struct WithStream<'s, O, X: Includes> {
    includes: X,
    control: Control,
    reading: &'s dyn Reading,
    rows: engine::Stream<'s>,
    decode: DecodeBatch<O>,
    /// How many columns come before those of `includes`.
    own: usize,
    /// Rows that were read, and of which nothing was looked for yet.
    read: Vec<(O, X::Seed)>,
    ready: vec::IntoIter<X::With<O>>,
    /// Of how many rows it is looked for next time.
    at_once: usize,
    is_over: bool,
    /// How long it took, if that is to be told.
    time: Option<InWhole<Box<StreamTime<'s>>>>,
}

impl<S: Scope, O, X: Includes + Clone> With<S, O, X> {
    /// All rows, in order, with what belongs to them, read as they are asked for: [`Query::stream`](crate::Query::stream).
    ///
    /// What belongs to rows is looked for of 64 of them first, then of twice as many each time, up to 1,024: so many rows with all
    /// that they bring along are in memory at once, and the rows of the pages that were read with them. Records of one
    /// row are together, however many. [`memory`](crate::Query::memory) is about what is there at once.
    ///
    /// # Errors
    ///
    /// As [`Query::all`](crate::Query::all) for beginning; an item is an error when reading it, or one of those that are read together with
    /// it, fails, and then the last.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let tx = db.read()?;
    /// let query = Album::query().order_by(|al| al.title).with(|al| (al.artist(), al.tracks()));
    /// let (album, artist, tracks) = query.stream(&tx)?.next().expect("four albums")?;
    /// assert_eq!((album.title.as_str(), artist.name.as_str(), tracks.len()), ("Crusader", "Saxon", 1));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg_attr(not(feature = "small"), track_caller)]
    pub fn stream<'s, R: Snapshot + Answers<S>>(&self, from: &'s R) -> Result<WithStream<'s, O, X>, Error> {
        let time = time_of_stream(from, &self.query.draft, Location::caller());
        let begun_ns = StreamTime::now_ns(&time);
        let reading = from.reading();
        let (control, _) = self.begin(reading.operation().view(), false);
        let (draft, own) = self.selecting(&self.query.draft);
        let rows = engine::Stream::new(reading, &draft, &control)?;
        let mut stream = WithStream {
            includes: self.includes.clone(),
            control,
            reading,
            rows,
            decode: self.query.decode,
            own,
            read: Vec::new(),
            ready: Vec::new().into_iter(),
            at_once: ROWS_FIRST,
            is_over: false,
            time,
        };
        StreamTime::add(&mut stream.time, begun_ns);
        Ok(stream)
    }
}

impl<O, X: Includes> WithStream<'_, O, X> {
    /// Gets the next rows with what belongs to them; `false` at the end.
    fn refill(&mut self) -> Result<bool, Error> {
        let begun_ns = StreamTime::now_ns(&self.time);
        let more = self.next_rows();
        StreamTime::add(&mut self.time, begun_ns);
        if !matches!(more, Ok(true)) {
            // That was its end, and it is told of now.
            (self.is_over, self.time) = (true, None);
            self.read = Vec::new();
        }
        more
    }

    fn next_rows(&mut self) -> Result<bool, Error> {
        let WithStream { includes, control, reading, rows, decode, own, read, .. } = self;
        let beside = Beside::of(reading.operation().view(), control, false);
        while read.len() < self.at_once {
            let more = rows.next::<Error>(&mut |batch: &OutputBatch<'_>| {
                let mut values = Vec::new();
                decode(batch, &mut values)?;
                for (row, value) in values.into_iter().enumerate() {
                    read.push((value, read_seed::<X>(batch, row, *own, &beside)?));
                }
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        let rest = read.split_off(read.len().min(self.at_once));
        let of_now = core::mem::replace(read, rest);
        if of_now.is_empty() {
            return Ok(false);
        }
        self.at_once = (self.at_once * 2).min(ROWS_MAX);
        let source = Source { reading: *reading, control, beside: &beside };
        self.ready = includes.finish(source, of_now)?.into_iter();
        Ok(true)
    }
}

impl<O, X: Includes> Iterator for WithStream<'_, O, X> {
    type Item = Result<X::With<O>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(one) = self.ready.next() {
                return Some(Ok(one));
            }
            if self.is_over {
                return None;
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<O, X: Includes> FusedIterator for WithStream<'_, O, X> {}

impl<O, X: Includes> fmt::Debug for WithStream<'_, O, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithStream")
            .field("ready", &self.ready.len())
            .field("read", &self.read.len())
            .field("ended", &self.is_over)
            .finish()
    }
}
