//! How many elements a parser makes of some HTML, before one makes them.
//!
//! A paragraph repeats every formatting element that was not closed before it, as HTML's rules of parsing have it:
//! 28 KiB of the wrong kind become a million elements. They are counted by the same parser with nothing behind it,
//! which stops at a bound.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName, local_name, ns, parse_fragment};

/// The most elements of a message. A message of words and links has hundreds; the shortest elements that are closed
/// are 4,000 in the largest message.
const ELEMENTS_MAX: usize = 5_000;

/// With so few tags even the worst order makes fewer than [`ELEMENTS_MAX`]: each repeats at most all others, before
/// the text behind it once more. Nearly every message is of this kind and is parsed once only.
const TAGS_HARMLESS: usize = 48;
const _: () = assert!(TAGS_HARMLESS * (2 * TAGS_HARMLESS + 1) <= ELEMENTS_MAX);

/// What is read between two looks at the count, in bytes.
const PIECE_BYTES: usize = 64;

/// Whether a parser makes a bounded number of elements of `html`.
pub(crate) fn is_bounded(html: &str) -> bool {
    if html.bytes().filter(|byte| *byte == b'<').count() <= TAGS_HARMLESS {
        return true;
    }
    let created = Rc::new(Cell::new(0));
    let counter = Counter { created: Rc::clone(&created) };
    // The element that the sanitiser's parser stands in, too.
    let context = QualName::new(None, ns!(html), local_name!("div"));
    let mut parser = parse_fragment(counter, ParseOpts::default(), context, Vec::new(), false);
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        parser.process(StrTendril::from_slice(piece));
        if created.get() > ELEMENTS_MAX {
            return false;
        }
        rest = behind;
    }
    true
}

/// Takes what the parser makes and keeps nothing but the number.
struct Counter {
    created: Rc<Cell<usize>>,
}

/// What the parser asks of an element later.
struct Node {
    name: QualName,
    /// What is inside of a `template`, which is a document of its own.
    contents: Option<Rc<Node>>,
    is_integration_point: bool,
}

impl Counter {
    fn node(name: QualName) -> Rc<Node> {
        Rc::new(Node { name, contents: None, is_integration_point: false })
    }

    /// A node that has no name: the document, a comment.
    fn nameless() -> Rc<Node> {
        Self::node(QualName::new(None, ns!(), local_name!("")))
    }
}

impl TreeSink for Counter {
    type Handle = Rc<Node>;
    type Output = ();
    type ElemName<'a> = &'a QualName;

    fn finish(self) {}

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Rc<Node> {
        Self::nameless()
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<Node>) -> &'a QualName {
        &target.name
    }

    fn create_element(&self, name: QualName, _: Vec<Attribute>, flags: ElementFlags) -> Rc<Node> {
        self.created.set(self.created.get() + 1);
        Rc::new(Node {
            name,
            contents: flags.template.then(Self::nameless),
            is_integration_point: flags.mathml_annotation_xml_integration_point,
        })
    }

    fn create_comment(&self, _: StrTendril) -> Rc<Node> {
        Self::nameless()
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<Node> {
        Self::nameless()
    }

    fn append(&self, _: &Rc<Node>, _: NodeOrText<Rc<Node>>) {}

    fn append_based_on_parent_node(&self, _: &Rc<Node>, _: &Rc<Node>, _: NodeOrText<Rc<Node>>) {}

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Rc<Node>) -> Rc<Node> {
        target.contents.clone().unwrap_or_else(Self::nameless)
    }

    fn same_node(&self, one: &Rc<Node>, other: &Rc<Node>) -> bool {
        Rc::ptr_eq(one, other)
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, _: &Rc<Node>, _: NodeOrText<Rc<Node>>) {}

    fn add_attrs_if_missing(&self, _: &Rc<Node>, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, _: &Rc<Node>) {}

    fn reparent_children(&self, _: &Rc<Node>, _: &Rc<Node>) {}

    fn is_mathml_annotation_xml_integration_point(&self, target: &Rc<Node>) -> bool {
        target.is_integration_point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 28 * 1024;

    fn up_to(bytes: usize, part: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for number in 0.. {
            let part = part(number);
            if text.len() + part.len() > bytes {
                break;
            }
            text.push_str(&part);
        }
        text
    }

    #[test]
    fn what_people_write_is_bounded() {
        assert!(is_bounded(""));
        assert!(is_bounded("<p>Hello <b>you</b></p>"));
        assert!(is_bounded(&up_to(BYTES_MAX, |_| "<b>x</b>".to_owned())));
        assert!(is_bounded(&up_to(BYTES_MAX, |n| format!("<p><a href=\"https://h/{n}\">ü{n}</a><br></p>"))));
        assert!(is_bounded(&up_to(BYTES_MAX, |n| format!(
            "<tr><td><font color=\"{n}\">{n}</font></td></tr>"
        ))));
    }

    #[test]
    fn what_repeats_itself_is_not() {
        for part in [
            |n| format!("<b a{n}><p>"),
            |n| format!("<font color={n}><p>"),
            |n| format!("<!--</b>--><b a{n}><p title='</b>'>"),
        ] {
            assert!(!is_bounded(&up_to(BYTES_MAX, part)), "{}", part(0));
        }
        assert!(!is_bounded(&"<b>".repeat(BYTES_MAX / 3)));
    }

    #[test]
    fn few_tags_stay_below_the_bound_in_the_worst_order() {
        let half = TAGS_HARMLESS / 2 + 1;
        let worst: String = (0..half).map(|number| format!("<b a{number}>")).collect();
        assert!(is_bounded(&(worst + &"<p>x".repeat(half))));
    }
}
