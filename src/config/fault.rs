//! What is wrong with a configuration, and where: for people as text, for editors and CI as JSON.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::code::Code;
use super::render;
use super::source::Place;
use super::source::Sources;

/// A place as a person or an editor counts it. Every fault has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file, as it was named to the loader or found by an include.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters are meant, at least 1; all on one line.
    pub length: usize,
    /// The line, or the part of a long line around the place.
    pub excerpt: String,
    /// The bytes of `excerpt` that are meant.
    pub marked: Range<usize>,
}

impl Default for Spot {
    /// The start of a file that has no text.
    fn default() -> Self {
        Self {
            file: PathBuf::new(),
            line: 1,
            column: 1,
            length: 1,
            excerpt: String::new(),
            marked: 0..0,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// Where.
    pub spot: Spot,
    /// What: a phrase without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The other place that has to do with it, and how: "first defined here".
    pub related: Option<(Spot, &'static str)>,
}

impl fmt::Display for Fault {
    /// One line: `file:line:column: code: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spot = &self.spot;
        let number = self.code.number();
        let file = spot.file.display();
        write!(
            f,
            "{file}:{}:{}: {number}: {}",
            spot.line, spot.column, self.message
        )
    }
}

/// Everything that is wrong, in the order of files and lines; never empty. Warnings come along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// For people: each fault with its excerpt, carets and help, then a line that counts them.
    pub fn render_text(&self, color: bool) -> String {
        render::text(&self.0, color)
    }

    /// For editors and CI: an array of objects with `code`, `severity`, `file`, `line`, `column`, `length`,
    /// `message`, `hint` and `related`.
    pub fn render_json(&self) -> String {
        render_json(&self.0)
    }
}

impl fmt::Display for Faults {
    /// The first fault in one line, and how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => write!(f, "no fault"),
            [only] => only.fmt(f),
            [first, rest @ ..] => write!(f, "{first} (and {} more)", rest.len()),
        }
    }
}

impl std::error::Error for Faults {}

/// A fault as JSON has it.
#[derive(Serialize)]
struct JsonFault<'a> {
    code: &'static str,
    severity: &'static str,
    #[serde(rename = "file")]
    file: String,
    line: usize,
    column: usize,
    length: usize,
    message: &'a str,
    hint: Option<&'a str>,
    related: Option<JsonRelated>,
}

/// The other place of a fault as JSON has it.
#[derive(Serialize)]
struct JsonRelated {
    file: String,
    line: usize,
    column: usize,
    message: &'static str,
}

/// The JSON form of `faults`; also for warnings alone.
pub fn render_json(faults: &[Fault]) -> String {
    let rows: Vec<JsonFault<'_>> = faults.iter().map(json).collect();
    // Strings and numbers always serialise.
    serde_json::to_string_pretty(&rows).unwrap_or_default()
}

/// The same as data.
pub fn values(faults: &[Fault]) -> Vec<Value> {
    let rows = faults.iter().map(json);
    // Strings and numbers always serialise.
    rows.map(|row| serde_json::to_value(row).unwrap_or_default())
        .collect()
}

fn json(fault: &Fault) -> JsonFault<'_> {
    let related = fault.related.as_ref().map(|(spot, message)| JsonRelated {
        file: spot.file.display().to_string(),
        line: spot.line,
        column: spot.column,
        message,
    });
    JsonFault {
        code: fault.code.number(),
        severity: severity(fault.code),
        file: fault.spot.file.display().to_string(),
        line: fault.spot.line,
        column: fault.spot.column,
        length: fault.spot.length,
        message: &fault.message,
        hint: fault.hint.as_deref(),
        related,
    }
}

fn severity(code: Code) -> &'static str {
    if code.is_warning() {
        "warning"
    } else {
        "error"
    }
}

/// A fault while its file is still a range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) code: Code,
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) related: Option<(Place, &'static str)>,
}

impl Draft {
    /// Adds what to do about it.
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the place of the first of two.
    pub(super) fn first_at(&mut self, place: Place) -> &mut Self {
        self.related = Some((place, "first defined here"));
        self
    }

    /// The same fault with places seen from `base`.
    pub(super) fn moved(&self, base: Place) -> Self {
        let mut moved = self.clone();
        moved.place = self.place.moved(base);
        moved.related = self.related.map(|(place, how)| (place.moved(base), how));
        moved
    }

    /// The fault as people see it.
    pub(super) fn finish(self, sources: &Sources) -> Fault {
        Fault {
            code: self.code,
            spot: sources.spot(self.place),
            message: self.message,
            hint: self.hint,
            related: self.related.map(|(place, how)| (sources.spot(place), how)),
        }
    }
}

/// Where faults are gathered.
#[derive(Debug, Default)]
pub(super) struct Sink {
    pub(super) drafts: Vec<Draft>,
}

impl Sink {
    /// Adds a fault; what it returns takes a hint and a second place.
    pub(super) fn add(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
    ) -> &mut Draft {
        self.drafts.push(Draft {
            code,
            place,
            message: message.into(),
            hint: None,
            related: None,
        });
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }
}
