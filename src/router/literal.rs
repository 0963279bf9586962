//! The literal beginning of a regex, which the tree of paths compares instead of a program.

/// Splits an expression that is anchored at its beginning into the bytes that every match begins with
/// and the expression that follows them. Errs on the side of fewer bytes.
pub(crate) fn split_literal(regex: &str) -> (String, &str) {
    let mut literal = String::new();
    // Where the last character of `literal` begins, in `literal` and in `regex`: a repetition takes it back.
    let mut last = (0, 0);
    let mut at = 0;
    if has_alternative(regex) {
        return (literal, regex);
    }
    while let Some((character, length)) = literal_at(&regex[at..]) {
        last = (literal.len(), at);
        literal.push(character);
        at += length;
    }
    if regex[at..].starts_with(['?', '*', '+', '{']) {
        literal.truncate(last.0);
        at = last.1;
    }
    (literal, &regex[at..])
}

/// The literal character at the beginning of an expression and the length of its spelling.
fn literal_at(regex: &str) -> Option<(char, usize)> {
    let mut characters = regex.chars();
    match characters.next()? {
        '\\' => {
            let escaped = characters.next().filter(char::is_ascii_punctuation)?;
            // `\<` and `\>` are word boundaries.
            (escaped != '<' && escaped != '>').then_some((escaped, 2))
        }
        '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => None,
        character => Some((character, character.len_utf8())),
    }
}

/// Whether the expression may have an alternative outside of all groups, in which case no byte is common
/// to all matches. Verbose expressions, whose comments may hold anything, are said to have one.
fn has_alternative(regex: &str) -> bool {
    let mut characters = regex.chars().peekable();
    // Open groups, and open classes, which nest and inside of which nothing else counts.
    let (mut groups, mut classes) = (0_u32, 0_u32);
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '[' => {
                classes += 1;
                characters.next_if_eq(&'^');
                // A bracket that would close an empty class is a member of it.
                characters.next_if_eq(&']');
            }
            ']' => classes = classes.saturating_sub(1),
            _ if classes > 0 => {}
            '(' => groups += 1,
            ')' => groups = groups.saturating_sub(1),
            '|' if groups == 0 => return true,
            _ => {}
        }
    }
    regex.contains('|') && is_verbose(regex)
}

/// Whether a group sets the flag `x`.
fn is_verbose(regex: &str) -> bool {
    let is_flag = |character: &char| character.is_ascii_alphabetic() || *character == '-';
    let mut groups = regex.split("(?").skip(1);
    groups.any(|group| group.chars().take_while(is_flag).any(|flag| flag == 'x'))
}

#[cfg(test)]
mod tests {
    use super::split_literal;

    #[test]
    fn literal_prefixes_are_split_off() {
        let cases = [
            ("/rx/\\d+$", "/rx/", "\\d+$"),
            ("/a\\.b/x?", "/a.b/", "x?"),
            ("/ab+", "/a", "b+"),
            ("/é*", "/", "é*"),
            ("/a{2}", "/", "a{2}"),
            ("/foo", "/foo", ""),
            ("/(?<a>[a-z]+)/x", "/", "(?<a>[a-z]+)/x"),
            ("/a(b|c)d", "/a", "(b|c)d"),
            ("/a|/b", "", "/a|/b"),
            ("/[)]|b", "", "/[)]|b"),
            ("/a([]|(]|b)c", "/a", "([]|(]|b)c"),
            ("/a[[:alpha:](]|c", "", "/a[[:alpha:](]|c"),
            ("/(?x)#(\n|b", "", "/(?x)#(\n|b"),
            ("/a\\<b", "/a", "\\<b"),
            ("/re%20g/\\w+", "/re%20g/", "\\w+"),
        ];
        for (regex, literal, rest) in cases {
            assert_eq!(split_literal(regex), (literal.to_owned(), rest), "{regex}");
        }
    }
}
