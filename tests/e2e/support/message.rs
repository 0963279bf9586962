//! What was read from a wire, kept byte for byte and also taken apart. Bytes become `char`s one to one
//! (Latin-1), so nothing is lost and everything compares as text.

/// A request's or response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The exact bytes, the empty line included.
    pub(crate) raw: Vec<u8>,
    /// The first line without its CRLF.
    pub(crate) start: String,
    /// The field lines in order: name as written, value without surrounding whitespace.
    pub(crate) fields: Vec<(String, String)>,
}

/// A body with what came after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    /// The decoded bytes.
    pub(crate) bytes: Vec<u8>,
    /// The trailers, where the body was chunked.
    pub(crate) trailers: Vec<(String, String)>,
    /// How many chunks it came in.
    pub(crate) chunks: usize,
}

impl Body {
    pub(crate) fn plain(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            trailers: Vec::new(),
            chunks: 0,
        }
    }
}

/// One byte is one char.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Takes a field line apart.
pub(crate) fn field(line: &[u8]) -> (String, String) {
    let line = text(line);
    let (name, value) = line
        .split_once(':')
        .unwrap_or_else(|| panic!("a field line without colon: {line:?}"));
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

impl Head {
    pub(crate) fn parse(raw: Vec<u8>) -> Self {
        let whole = text(&raw);
        let mut lines = whole.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .map(|line| {
                assert!(!line.contains(['\r', '\n']), "a bare CR or LF in {line:?}");
                field(&line.chars().map(|c| c as u8).collect::<Vec<_>>())
            })
            .collect();
        Self { raw, start, fields }
    }

    /// Every value of the field, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of a field that occurs at most once.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(
            all.len() <= 1,
            "{name} occurs {} times in\n{self}",
            all.len()
        );
        all.first().copied()
    }

    /// Whether a comma-separated field holds the token.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .iter()
            .flat_map(|value| value.split(','))
            .any(|element| element.trim().eq_ignore_ascii_case(token))
    }

    /// The three words of a request line.
    pub(crate) fn request_line(&self) -> (&str, &str, &str) {
        let mut words = self.start.splitn(3, ' ');
        (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        )
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        self.request_line().1
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        let (version, status, _) = self.request_line();
        assert_eq!(
            version, "HTTP/1.1",
            "the gateway answers in its own version"
        );
        status
            .parse()
            .unwrap_or_else(|_| panic!("a status that is no number: {}", self.start))
    }

    /// The length that the head announces.
    pub(crate) fn length(&self) -> Option<usize> {
        self.one("content-length").map(|value| {
            assert!(
                value.bytes().all(|b| b.is_ascii_digit()),
                "Content-Length: {value}"
            );
            value.parse().unwrap()
        })
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text(&self.raw))
    }
}
