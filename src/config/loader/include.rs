//! Include patterns: which files they name, each read once, none within itself.

use std::path::Path;
use std::path::PathBuf;

use crate::base::limits;
use crate::config::code::Code;
use crate::config::source::File;
use crate::config::source::Place;

use super::Known;
use super::Reading;

/// Reads the main file and all that it includes.
pub(super) fn read_main(path: &Path, known: &mut Known, reading: &mut Reading) {
    let mut chain = Vec::new();
    let mut done = Vec::new();
    visit(path, None, &mut chain, &mut done, known, reading);
}

/// Reads one file, then what it includes. `asked` is the include that names it; `chain` are the files that are
/// being included right now, `done` all that were read.
fn visit(
    path: &Path,
    asked: Option<Place>,
    chain: &mut Vec<PathBuf>,
    done: &mut Vec<PathBuf>,
    known: &mut Known,
    reading: &mut Reading,
) {
    let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let Some(place) = asked.filter(|_| chain.contains(&identity)) {
        let message = format!("{} includes itself", path.display());
        reading.sink.add(Code::BadInclude, place, message);
        return;
    }
    if done.contains(&identity) {
        return;
    }
    if done.len() >= limits::CONFIG_FILES || chain.len() >= limits::CONFIG_INCLUDE_DEPTH {
        let place = asked.unwrap_or_default();
        let message =
            "too many files: the configuration is limited in number and depth of includes";
        reading.sink.add(Code::TooMuch, place, message);
        return;
    }
    done.push(identity.clone());
    reading.watched.push(path.to_owned());
    let text = match read(path) {
        Ok(text) => text,
        Err(problem) => {
            unreadable(path, asked, problem, reading);
            return;
        }
    };
    let includes = reading.add_file(path.to_owned(), text, known);
    chain.push(identity);
    for (place, pattern) in includes {
        for file in expand(path, &pattern, place, reading) {
            visit(&file, Some(place), chain, done, known, reading);
        }
    }
    chain.pop();
}

/// What keeps a file from being read.
enum Problem {
    Io(std::io::Error),
    TooLarge,
    NotUtf8(Vec<u8>, usize),
}

fn read(path: &Path) -> Result<String, Problem> {
    let length = std::fs::metadata(path).map_err(Problem::Io)?.len();
    if length > limits::CONFIG_FILE_BYTES {
        return Err(Problem::TooLarge);
    }
    let bytes = std::fs::read(path).map_err(Problem::Io)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::NotUtf8(error.into_bytes(), at)
    })
}

fn unreadable(path: &Path, asked: Option<Place>, problem: Problem, reading: &mut Reading) {
    reading.complete = false;
    let file = u32::try_from(reading.sources.files.len()).unwrap_or(u32::MAX);
    let mut add = |code, text: String, at: usize, message: String| {
        reading.sources.files.push(File::new(path.to_owned(), text));
        let own = Place {
            file,
            ..Place::of(at..at)
        };
        // A file that cannot be opened has no text to show; the include that names it has.
        let place = asked.filter(|_| code != Code::Syntax).unwrap_or(own);
        reading.sink.add(code, place, message);
    };
    let shown = path.display();
    match problem {
        Problem::Io(error) => {
            let message = format!("cannot read {shown}: {error}");
            add(Code::Unreadable, String::new(), 0, message);
        }
        Problem::TooLarge => {
            let message = format!("{shown} is larger than {} bytes", limits::CONFIG_FILE_BYTES);
            add(Code::TooMuch, String::new(), 0, message);
        }
        Problem::NotUtf8(bytes, at) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            add(Code::Syntax, text, at, "the text is not UTF-8".to_owned());
        }
    }
}

/// The files that `pattern` names, sorted, seen from the directory of `from`.
fn expand(from: &Path, pattern: &str, place: Place, reading: &mut Reading) -> Vec<PathBuf> {
    let directory = from.parent().unwrap_or(Path::new(""));
    let whole = directory.join(pattern);
    let (Some(parent), Some(last)) = (whole.parent(), whole.file_name()) else {
        let message = "an include names a file, or files by a pattern";
        reading.sink.add(Code::BadInclude, place, message);
        return Vec::new();
    };
    let is_wild = |text: &str| text.contains(['*', '?']);
    if is_wild(&parent.to_string_lossy()) {
        let message = "`*` and `?` may stand only in the last component of an include";
        reading.sink.add(Code::BadInclude, place, message);
        return Vec::new();
    }
    let last = last.to_string_lossy();
    if !is_wild(&last) {
        return vec![whole];
    }
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    reading.watched.push(parent.to_owned());
    let listing = match std::fs::read_dir(parent) {
        Ok(listing) => listing,
        Err(error) => {
            let message = format!("cannot read {}: {error}", parent.display());
            reading.sink.add(Code::Unreadable, place, message);
            return Vec::new();
        }
    };
    let mut found: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .filter(|entry| matches(&last, &entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        let message = format!("no file matches {}", whole.display());
        reading
            .sink
            .add(Code::IncludeMatchesNothing, place, message);
    }
    found
}

/// Whether a file name fits a pattern. As in a shell, `*` does not begin with a dot.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            Some(_) | None => {
                let Some((star_p, star_n)) = star else {
                    return false;
                };
                star = Some((star_p, star_n + 1));
                p = star_p + 1;
                n = star_n + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_like_a_shell() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", ".a.toml", false),
            ("*.toml", "a.toml.bak", false),
            ("a?c*", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
