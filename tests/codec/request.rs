//! Request heads.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use silverback::base::clock;
use silverback::http::Cause;
use silverback::http::RequestHead;
use silverback::http1::HeadLimits;
use silverback::http1::request::Parsed;
use silverback::http1::request::Progress;
use silverback::http1::request::parse;

use crate::corpus;
use crate::mutation;
use crate::oracle::request::Verdict;
use crate::oracle::request::check;
use crate::oracle::request::check_cut;
use crate::oracle::request::ours;

/// The messages of the corpus, and some that are longer than a vector in all their parts.
fn specimens() -> Vec<Vec<u8>> {
    let mut specimens: Vec<Vec<u8>> = corpus::load("smuggling")
        .into_iter()
        .map(|specimen| specimen.bytes)
        .collect();
    let long = "abcdefghijklmnopqrstuvwxyz-0123456789".repeat(3);
    for line in [
        format!("GET /{long}?{long}?%20{long} HTTP/1.1\r\nHost: {long}.test:8080\r\nX-{long}: {long}\r\n\r\n"),
        format!("OPTIONS http://{long}/{long} HTTP/1.1\r\nHost: [2001:db8::1]\r\nX-A:\t{long}\t\t\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nX: \r\nY:\r\nConnection: Keep-Alive\r\n\r\n".to_owned(),
    ] {
        specimens.push(line.into_bytes());
    }
    specimens
}

#[test]
fn corpus_agrees_with_the_second_opinion() {
    for specimen in specimens() {
        check(&specimen);
        for end in 0..specimen.len() {
            check(&specimen[..end]);
        }
    }
}

#[test]
fn every_split_point_gives_the_same_verdict() {
    for specimen in specimens() {
        let whole = ours(&specimen, &[]);
        for cut in 0..specimen.len() {
            assert_eq!(ours(&specimen, &[cut]), whole, "cut at {cut}");
        }
        let every: Vec<usize> = (0..specimen.len()).collect();
        assert_eq!(ours(&specimen, &every), whole, "byte by byte");
    }
}

#[test]
fn bytes_behind_a_head_do_not_matter() {
    for specimen in specimens() {
        if let Verdict::Complete(facts) = ours(&specimen, &[]) {
            let head = &specimen[..facts.length];
            for behind in ["\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\0\0"] {
                let more = [head, behind.as_bytes()].concat();
                assert_eq!(ours(&more, &[]), Verdict::Complete(facts.clone()));
            }
        }
    }
}

#[test]
fn head_that_comes_byte_by_byte_costs_little_more() {
    let limits = HeadLimits {
        head_bytes: 65_535,
        line_bytes: 65_535,
        fields: 1_000,
    };
    // One line of 65,000 bytes and some before it: a parser that began anew would look at two billion bytes.
    let lines = "X-Some: value\r\n".repeat(30);
    let long = "a".repeat(64_000);
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}X-Long: {long}\r\n\r\n").into_bytes();
    let began = clock::now();
    let (mut progress, mut head) = (Progress::default(), RequestHead::default());
    for end in 1..bytes.len() {
        let parsed = parse(&bytes[..end], &limits, &mut progress, &mut head);
        assert_eq!(parsed, Ok(Parsed::Partial));
    }
    let parsed = parse(&bytes, &limits, &mut progress, &mut head);
    assert_eq!(parsed, Ok(Parsed::Complete));
    assert_eq!(head.fields.lines().len(), 32);
    let took = Duration::from_nanos(clock::now().nanos_since(began));
    assert!(took < Duration::from_secs(2), "{took:?} byte by byte");
}

#[test]
fn bounds_are_exact() {
    let limits = HeadLimits {
        head_bytes: 100,
        line_bytes: 40,
        fields: 2,
    };
    let verdict = |text: &str| {
        let (mut progress, mut head) = (Progress::default(), RequestHead::default());
        let mut pieces = Ok(Parsed::Partial);
        for end in 0..=text.len() {
            if pieces == Ok(Parsed::Partial) {
                pieces = parse(&text.as_bytes()[..end], &limits, &mut progress, &mut head);
            }
        }
        let whole = parse(
            text.as_bytes(),
            &limits,
            &mut Progress::default(),
            &mut head,
        );
        assert_eq!(pieces, whole, "byte by byte and whole");
        whole.map_err(|fault| fault.cause())
    };
    let line = |length: usize| format!("GET /{} HTTP/1.1", "a".repeat(length - 14));
    let head = |length: usize| {
        let begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{begin}{}\r\n\r\n", "a".repeat(length - begin.len() - 4))
    };
    assert_eq!(
        verdict(&format!("{}\r\nHost: a\r\n\r\n", line(40))),
        Ok(Parsed::Complete)
    );
    let too_long = Err(Cause::RequestLineTooLong);
    assert_eq!(
        verdict(&format!("{}\r\nHost: a\r\n\r\n", line(41))),
        too_long
    );
    assert_eq!(verdict(&line(41)), too_long);
    assert_eq!(verdict(&line(40)), Ok(Parsed::Partial));
    assert_eq!(verdict(&head(100)), Ok(Parsed::Complete));
    let too_large = Err(Cause::RequestHeadTooLarge);
    assert_eq!(verdict(&head(101)), too_large);
    assert_eq!(verdict(&head(101)[..100]), too_large);
    assert_eq!(verdict(&head(101)[..99]), Ok(Parsed::Partial));
    let many = "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nX: b\r\n\r\n";
    assert_eq!(verdict(many), too_large);
}

fn token() -> impl Strategy<Value = String> {
    "[!#$%&'*+.^`|~0-9A-Za-z-]{1,40}"
}

/// Values without white space around them; bytes beyond ASCII come as two.
fn value() -> impl Strategy<Value = String> {
    "([!-~é]([ -~\té]{0,90}[!-~é])?)?"
}

proptest! {
    #[test]
    fn mutated_corpus_agrees_with_the_second_opinion(
        index in any::<proptest::sample::Index>(),
        changes in mutation::changes(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let specimens = specimens();
        let specimen = mutation::apply(index.get(&specimens).clone(), &changes);
        check(&specimen);
        check_cut(&specimen, cut.index(specimen.len() + 1));
    }

    #[test]
    fn anything_agrees_with_the_second_opinion(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn what_is_written_is_read(
        method in "[A-Z]{1,32}".prop_filter("its target has another form", |m| m != "CONNECT"),
        path in "/[a-z0-9/._~!$&'()*+,;=:@-]{0,80}",
        query in proptest::option::of("[a-z0-9/?=&._-]{0,80}"),
        fields in vec((token(), value()), 0..20),
        cut in any::<proptest::sample::Index>(),
    ) {
        // `X-` keeps them clear of the names that have rules of their own.
        let name = |token: &str| format!("X-A-{token}");
        let mut text = format!("{method} {path}");
        if let Some(query) = &query {
            text.push('?');
            text.push_str(query);
        }
        text.push_str(" HTTP/1.1\r\nHost: a.test\r\n");
        for (token, value) in &fields {
            text.push_str(&format!("{}: {value} \r\n", name(token)));
        }
        text.push_str("\r\n");
        let bytes = text.into_bytes();
        let Verdict::Complete(facts) = ours(&bytes, &[cut.index(bytes.len())]) else {
            panic!("a well-formed head is refused");
        };
        prop_assert_eq!(facts.method, method);
        prop_assert_eq!(facts.path, path);
        prop_assert_eq!(facts.query, query);
        let expected: Vec<(Vec<u8>, Vec<u8>)> = fields
            .iter()
            .map(|(token, value)| (name(token).into_bytes(), value.clone().into_bytes()))
            .collect();
        prop_assert_eq!(&facts.lines[1..], &expected[..]);
    }
}
