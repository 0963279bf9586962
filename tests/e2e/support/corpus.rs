//! Messages as data. A corpus file is named `ROW-what.VERDICT.http`; its lines that begin with `#` say why
//! (with the RFC's clause) and may set properties as `# name: value`; the other lines are the message, with
//! the escapes `\r \n \t \0 \\ \xHH`, and the line ends of the file itself do not count.

use std::collections::HashMap;
use std::path::PathBuf;

/// One message with what must become of it.
pub(crate) struct Specimen {
    /// The file's name without `.VERDICT.http`.
    pub(crate) name: String,
    /// The requirement row, the name's first word.
    pub(crate) row: String,
    /// What must happen, the name's last word but one.
    pub(crate) verdict: String,
    /// The message's bytes.
    pub(crate) bytes: Vec<u8>,
    /// `# name: value` lines.
    pub(crate) properties: HashMap<String, String>,
}

impl Specimen {
    /// A property's value.
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }
}

/// Every specimen of a corpus below `tests/e2e`, by name.
pub(crate) fn load(corpus: &str) -> Vec<Specimen> {
    let directory: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "e2e", corpus]
        .iter()
        .collect();
    let mut specimens = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "http"))
        .map(|path| {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            parse(&file, &std::fs::read_to_string(&path).unwrap())
        })
        .collect::<Vec<_>>();
    specimens.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        !specimens.is_empty(),
        "no specimen in {}",
        directory.display()
    );
    specimens
}

fn parse(file: &str, text: &str) -> Specimen {
    let (name, verdict) = file
        .trim_end_matches(".http")
        .rsplit_once('.')
        .unwrap_or_else(|| panic!("{file}: not named ROW-what.VERDICT.http"));
    let row = name.split('-').next().unwrap_or_default();
    let mut properties = HashMap::new();
    let mut bytes = Vec::new();
    let mut cited = false;
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            cited |= comment.contains("RFC ");
            if let Some((key, value)) = comment.split_once(": ") {
                properties.insert(key.trim().to_owned(), unescape_text(value));
            }
        } else {
            bytes.extend(unescape(line));
        }
    }
    assert!(cited, "{file} cites no RFC");
    Specimen {
        name: name.to_owned(),
        row: row.to_owned(),
        verdict: verdict.to_owned(),
        bytes,
        properties,
    }
}

fn unescape_text(value: &str) -> String {
    unescape(value).into_iter().map(char::from).collect()
}

/// Resolves the escapes.
pub(crate) fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            let mut encoded = [0; 4];
            bytes.extend_from_slice(c.encode_utf8(&mut encoded).as_bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => panic!("unknown escape {other:?} in {line:?}"),
        }
    }
    bytes
}
