//! Faults as text, in the manner of rustc: headline, file:line:column, excerpt, caret, help.

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;
use annotate_snippets::renderer::DecorStyle;

use super::fault::Fault;
use super::fault::Spot;

/// Each fault with its excerpt, then a line that counts errors and warnings.
pub(super) fn text(faults: &[Fault], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for fault in faults {
        out.push_str(&renderer.render(&[group(fault)]));
        out.push_str("\n\n");
    }
    out.push_str(&tally(faults));
    out.push('\n');
    out
}

/// "2 errors, 1 warning".
fn tally(faults: &[Fault]) -> String {
    let warnings = faults.iter().filter(|f| f.code.is_warning()).count();
    let errors = faults.len() - warnings;
    let count = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    };
    match (errors, warnings) {
        (_, 0) => count(errors, "error"),
        (0, _) => count(warnings, "warning"),
        (_, _) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn group(fault: &Fault) -> Group<'_> {
    let level = if fault.code.is_warning() {
        Level::WARNING
    } else {
        Level::ERROR
    };
    let title = level
        .primary_title(fault.message.as_str())
        .id(fault.code.number());
    let mut group = title.element(snippet(&fault.spot, AnnotationKind::Primary, None));
    if let Some((spot, how)) = &fault.related {
        group = group.element(snippet(spot, AnnotationKind::Context, Some(how)));
    }
    if let Some(hint) = &fault.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    group
}

fn snippet<'a>(
    spot: &'a Spot,
    kind: AnnotationKind,
    label: Option<&'static str>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    Snippet::source(spot.excerpt.as_str())
        .line_start(spot.line)
        .path(spot.file.to_string_lossy())
        .annotation(kind.span(spot.marked.clone()).label(label))
}
