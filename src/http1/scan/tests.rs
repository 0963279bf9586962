//! The best scanner of this machine against the tables, and the tables against the definitions.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Everything that a scanner says of every place of `bytes`.
struct Everywhere<'b>(&'b [u8]);

type Answers = Vec<(Option<(usize, Name)>, Option<usize>, usize, usize)>;

impl Job for Everywhere<'_> {
    type Output = Answers;

    fn run<S: Scan>(self, scan: S) -> Answers {
        let answer = |at| {
            (
                scan.name(self.0, at),
                scan.line_end(self.0, at),
                scan.target_end(self.0, at),
                scan.host_end(self.0, at),
            )
        };
        (0..=self.0.len()).map(answer).collect()
    }
}

/// In a buffer of exactly that size, so that a tool which watches memory sees a read beyond it.
fn compare(bytes: &[u8]) {
    let exact: Box<[u8]> = bytes.into();
    assert_eq!(
        with_best(Everywhere(&exact)),
        Everywhere(&exact).run(Tables)
    );
}

#[test]
fn every_byte_has_its_classes() {
    for byte in 0..=u8::MAX {
        for length in [0, 1, 31, 32, 33, 64] {
            let run = [vec![b'a'; length], vec![byte], b"aa".to_vec()].concat();
            let stop = |fine: bool| if fine { run.len() } else { length };
            assert_eq!(Tables.target_end(&run, 0), stop(is_target(byte)));
            assert_eq!(Tables.host_end(&run, 0), stop(is_host(byte)));
            let ends = byte == b':' && length > 0;
            assert_eq!(
                Tables.name(&run, 0).is_some(),
                ends,
                "{byte} after {length}"
            );
            compare(&run);
        }
    }
    let delimiters = b"(),/:;<=>?@[\\]{}\"";
    for byte in 0..=u8::MAX {
        let token = byte.is_ascii_graphic() && !delimiters.contains(&byte);
        assert_eq!(is_token(byte), token, "{byte}");
    }
}

#[test]
fn known_names_are_recognised_at_every_distance_from_the_end() {
    for name in Name::ALL.into_iter().skip(1) {
        for spelling in [name.as_str().to_owned(), name.as_str().to_uppercase()] {
            for behind in [0, 1, 8, 31, 32, 64] {
                let line = format!("{spelling}:{}", " ".repeat(behind));
                assert_eq!(
                    with_best(Everywhere(line.as_bytes()))[0].0,
                    Some((spelling.len(), name))
                );
                compare(line.as_bytes());
            }
        }
    }
}

proptest! {
    #[test]
    fn scanners_agree(
        bytes in vec(prop_oneof![
            8 => proptest::char::range('!', '~').prop_map(|c| c as u8),
            1 => any::<u8>(),
            1 => proptest::sample::select(b":\r\n \t".to_vec()),
        ], 0..150),
    ) {
        compare(&bytes);
    }
}
