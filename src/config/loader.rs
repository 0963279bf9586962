//! Reading files: the main one, what it includes, and what of it changed since the last load.
//!
//! A file is cut into blocks at its `[[services]]`, `[[routes]]` and `[[upstreams]]` headers, and each block is
//! read by itself. A loader that is kept remembers blocks by their hash, so a reload of a file of
//! 15,000 services parses only what was edited. Where cutting could change the meaning of a text (multi-line
//! strings) or a block is not TOML, the file is read as a whole.

mod include;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::base::limits;
use crate::plugin::Compiler;

use super::Loaded;
use super::code::Code;
use super::fault::Fault;
use super::fault::Faults;
use super::fault::Sink;
use super::resolve::join;
use super::resolve::join::Placed;
use super::resolve::part::Part;
use super::source::File;
use super::source::Place;
use super::source::Sources;

/// Loads configurations, each faster if it resembles the one before.
#[derive(Debug, Default)]
pub struct Loader {
    known: Known,
}

/// What does not have to be read again.
#[derive(Debug, Default)]
struct Known {
    /// Parts by the hash of their text; boxed, because a table has more places than entries.
    parts: HashMap<u128, Box<Part>>,
    compiler: Compiler,
}

/// What one load has read so far.
#[derive(Debug, Default)]
struct Reading {
    sources: Sources,
    /// The blocks in order, each with the hash of its text.
    blocks: Vec<(u128, Placed)>,
    sink: Sink,
    /// Main file, included files, and directories that include patterns look into.
    watched: Vec<PathBuf>,
    /// Whether every text could be read and is TOML.
    complete: bool,
}

impl Loader {
    /// Loads the file at `path` with all that it includes.
    ///
    /// # Errors
    /// Everything that is wrong with it, if anything is.
    pub fn load(&mut self, path: &Path) -> Result<Loaded, Faults> {
        let mut reading = Reading {
            complete: true,
            ..Reading::default()
        };
        include::read_main(path, &mut self.known, &mut reading);
        self.finish(reading)
    }

    /// Loads a text that is in no file; faults call it `name`. It cannot include files.
    ///
    /// # Errors
    /// Everything that is wrong with it, if anything is.
    pub fn parse_str(&mut self, name: &str, text: &str) -> Result<Loaded, Faults> {
        let mut reading = Reading {
            complete: true,
            ..Reading::default()
        };
        let includes = reading.add_file(PathBuf::from(name), text.to_owned(), &mut self.known);
        for (place, _) in includes {
            let message = "a configuration that is not a file cannot include files";
            reading.sink.add(Code::BadInclude, place, message);
        }
        self.finish(reading)
    }

    fn finish(&mut self, reading: Reading) -> Result<Loaded, Faults> {
        let Reading {
            sources,
            blocks,
            mut sink,
            mut watched,
            complete,
        } = reading;
        let (hashes, mut placed): (Vec<u128>, Vec<Placed>) = blocks.into_iter().unzip();
        let (model, spots) = join::join(&mut placed, &sources, complete, &mut sink);
        let faults = finished(sink, &sources);
        let is_good = complete && faults.iter().all(|fault| fault.code.is_warning());
        if is_good {
            self.known.parts.clear();
        }
        let parts = placed.into_iter().map(|placed| placed.part);
        self.known.parts.extend(hashes.into_iter().zip(parts));
        if !is_good {
            return Err(Faults(faults));
        }
        watched.extend(model.files().cloned());
        watched.sort();
        watched.dedup();
        Ok(Loaded {
            model,
            warnings: faults,
            places: Arc::new(sources.lines(spots)),
            files: watched,
        })
    }
}

impl Reading {
    /// Reads the blocks of a text; what it includes is returned with its places.
    fn add_file(&mut self, path: PathBuf, text: String, known: &mut Known) -> Vec<(Place, String)> {
        let file = u32::try_from(self.sources.files.len()).unwrap_or(u32::MAX);
        let mut blocks = Vec::new();
        let mut remember = |start: usize, text: &str| {
            let hash = xxh3_128(text.as_bytes());
            let part = known.parts.remove(&hash);
            let part = part.unwrap_or_else(|| Box::new(Part::read(text, &mut known.compiler)));
            let start = Place::of(start..start).start;
            let base = Place {
                file,
                start,
                end: start,
            };
            blocks.push((hash, Placed { base, part }));
        };
        for (start, block) in blocks_of(&text) {
            remember(start, block);
        }
        let mixed = blocks.len() > 1 && blocks[0].1.part.has_entities;
        if mixed || blocks.iter().any(|(_, placed)| !placed.part.is_toml) {
            // The text as a whole has the faults that count.
            for (hash, placed) in blocks.drain(..) {
                known.parts.insert(hash, placed.part);
            }
            let part = Box::new(Part::read(&text, &mut known.compiler));
            let base = Place {
                file,
                start: 0,
                end: 0,
            };
            let hash = xxh3_128(text.as_bytes());
            blocks.push((hash, Placed { base, part }));
        }
        let mut includes = Vec::new();
        for (_, placed) in &blocks {
            self.complete &= placed.part.is_toml;
            let place = |(at, pattern): &(Place, String)| (at.moved(placed.base), pattern.clone());
            includes.extend(placed.part.includes.iter().map(place));
        }
        self.sources.files.push(File::new(path, text));
        self.blocks.append(&mut blocks);
        includes
    }
}

/// Where a text may be cut: before a header of these at the start of a line.
const HEADERS: [&str; 5] = [
    "[[services]]",
    "[[routes]]",
    "[[upstreams]]",
    "[[consumers]]",
    "[[plugins]]",
];

/// The blocks of a text with their places in it.
fn blocks_of(text: &str) -> Vec<(usize, &str)> {
    let has_long_strings = text.contains("\"\"\"") || text.contains("'''");
    let mut cuts = vec![0];
    if !has_long_strings {
        let lines = memchr::memmem::find_iter(text.as_bytes(), "\n[[").map(|at| at + 1);
        cuts.extend(
            lines.filter(|at| HEADERS.iter().any(|header| text[*at..].starts_with(header))),
        );
    }
    let ends = cuts.iter().skip(1).copied().chain([text.len()]);
    let block = |(start, end): (&usize, usize)| (*start, &text[*start..end]);
    cuts.iter().zip(ends).map(block).collect()
}

/// The faults with lines and columns, in the order of files and lines, no more than anyone would read.
fn finished(mut sink: Sink, sources: &Sources) -> Vec<Fault> {
    sink.drafts
        .sort_by_key(|draft| (draft.code.is_warning(), draft.place, draft.code));
    sink.drafts.dedup();
    let found = sink.drafts.len();
    if found > limits::CONFIG_FAULTS {
        sink.drafts.truncate(limits::CONFIG_FAULTS);
        let last = sink.drafts[limits::CONFIG_FAULTS - 1].place;
        let is_warning = sink.drafts[limits::CONFIG_FAULTS - 1].code.is_warning();
        let message = format!("and {} more faults", found - limits::CONFIG_FAULTS);
        let errors_left = sink.drafts.iter().any(|draft| !draft.code.is_warning());
        if !is_warning || errors_left {
            sink.add(Code::TooMuch, last, message);
        }
    }
    let mut faults: Vec<Fault> = Vec::with_capacity(sink.drafts.len());
    sink.drafts.sort_by_key(|draft| draft.place);
    faults.extend(sink.drafts.into_iter().map(|draft| draft.finish(sources)));
    faults
}
