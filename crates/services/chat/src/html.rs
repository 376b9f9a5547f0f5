//! HTML from users, made harmless: an allow-list of elements, attributes, styles and addresses.
//!
//! A message is shown by clients that may put it into a page as it is. What comes out here is written anew from a
//! parsed document, so that no two readers see different elements in it.

mod bound;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

pub(crate) use bound::is_bounded;

/// What the sanitiser lets through beside the elements of its default list.
static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let image: HashSet<&str> = ["id", "itemscope", "alt", "width", "height", "src"].into();
    let styled: HashSet<&str> = ["style"].into();
    let named: HashSet<&str> = ["id"].into();
    let mut attributes: HashMap<&str, HashSet<&str>> = Builder::default().clone_tag_attributes();
    attributes.insert("img", image);
    for element in ["span", "p", "div"] {
        attributes.entry(element).or_default().extend(&styled);
    }
    for element in ["at", "attachment"] {
        attributes.insert(element, named.clone());
    }
    let mut cleaner = Builder::default();
    cleaner
        .add_tags(["at", "attachment"])
        .tag_attributes(attributes)
        .filter_style_properties(["color", "background-color", "font-weight", "text-decoration"].into())
        .url_schemes(["http", "https", "mailto", "tel"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .attribute_filter(without_foreign_sources);
    cleaner
});

/// Nothing is fetched for showing a message but over TLS: no `http:` image tells a network who reads it.
fn without_foreign_sources<'u>(element: &str, attribute: &str, value: &'u str) -> Option<Cow<'u, str>> {
    let is_source = element == "img" && attribute == "src";
    let is_https = value.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    (!is_source || is_https).then_some(Cow::Borrowed(value))
}

/// `html` with nothing in it that could run or load anything. Only for what [`is_bounded`].
pub(crate) fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

/// Whether cleaned HTML shows nothing: neither text nor an image.
pub(crate) fn is_blank(cleaned: &str) -> bool {
    !cleaned.contains("<img") && !cleaned.contains("<attachment") && to_text(cleaned).trim().is_empty()
}

/// The text of cleaned HTML, for searching: elements fall away, with a space where one could part two words.
///
/// Only what [`clean`] wrote is understood: every attribute in double quotes, five entities.
pub(crate) fn to_text(cleaned: &str) -> String {
    let mut text = String::with_capacity(cleaned.len());
    let mut rest = cleaned;
    while let Some(start) = rest.find(['<', '&']) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        rest = if rest.starts_with('<') { skip_element(rest, &mut text) } else { decode(rest, &mut text) };
    }
    text.push_str(rest);
    text
}

/// Elements inside a line; every other one parts words.
const INSIDE_LINES: [&str; 14] =
    ["a", "abbr", "at", "b", "code", "del", "em", "font", "i", "ins", "span", "strong", "sub", "sup"];

fn skip_element<'a>(element: &'a str, text: &mut String) -> &'a str {
    let mut is_quoted = false;
    let end = element.find(|character| {
        is_quoted ^= character == '"';
        character == '>' && !is_quoted
    });
    let Some(end) = end else { return "" };
    let name = element[1..end].trim_start_matches('/');
    let name = name.split(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or_default();
    if !INSIDE_LINES.contains(&name) {
        text.push(' ');
    }
    &element[end + 1..]
}

fn decode<'a>(entity: &'a str, text: &mut String) -> &'a str {
    let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", ' ')];
    let found = known.iter().find(|(name, _)| entity.starts_with(name));
    let (length, character) = found.map_or((1, '&'), |(name, character)| (name.len(), *character));
    text.push(character);
    &entity[length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(clean(input), expected, "{input}");
        // What is clean stays as it is, whoever reads it again.
        assert_eq!(clean(expected), expected, "{input}");
    }

    #[test]
    fn what_people_write_is_kept() {
        check("<p>Hello <b>you</b> &amp; <i>me</i></p>", "<p>Hello <b>you</b> &amp; <i>me</i></p>");
        check("a < b", "a &lt; b");
        check("Grüße 😀", "Grüße 😀");
        check("<at id=\"0\">Bob</at>", "<at id=\"0\">Bob</at>");
        check("<attachment id=\"x\"></attachment>", "<attachment id=\"x\"></attachment>");
        let link = "<a href=\"https://example.com\" rel=\"noopener noreferrer\">y</a>";
        check("<a href='https://example.com'>y</a>", link);
        check("<a href=\"tel:+1\">y</a>", "<a href=\"tel:+1\" rel=\"noopener noreferrer\">y</a>");
        check("<img id=\"i\" alt=\"a\" width=\"2\">", "<img id=\"i\" alt=\"a\" width=\"2\">");
        check("<img src=\"https://h/i.png\">", "<img src=\"https://h/i.png\">");
        check("<p style=\"color:red\">x</p>", "<p style=\"color:red\">x</p>");
        check("<ul><li>1</li></ul>", "<ul><li>1</li></ul>");
    }

    #[test]
    fn what_could_run_is_gone() {
        check("<script>alert(1)</script>", "");
        check("<p onclick=\"alert(1)\">x</p>", "<p>x</p>");
        check("<img src=x onerror=alert(1)>", "<img>");
        check("<svg onload=alert(1)><circle/></svg>", "");
        check("<iframe src=\"https://h\"></iframe>", "");
        check("<style>p{color:red}</style>", "");
        check("<object data=\"x\"></object><embed src=\"x\">", "");
        check("<form action=\"https://h\"><input name=x></form>", "");
        check("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "");
        check("<base href=\"https://h\"><meta http-equiv=refresh content=0><link rel=stylesheet href=x>", "");
        check("<!-- --!><img src=x onerror=alert(1)> -->", "<img> --&gt;");
    }

    #[test]
    fn addresses_that_run_or_tell_are_gone() {
        let bare = "<a rel=\"noopener noreferrer\">x</a>";
        for address in [
            "javascript:alert(1)",
            " java\nscript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "&#106;avascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "/relative",
            "//host/x",
            "blob:x",
        ] {
            check(&format!("<a href=\"{address}\">x</a>"), bare);
        }
        for source in
            ["http://h/i.png", "data:image/png;base64,AAAA", "/i.png", "//h/i.png", "cid:x", "mailto:x"]
        {
            check(&format!("<img src=\"{source}\">"), "<img>");
        }
    }

    #[test]
    fn styles_that_load_or_cover_are_gone() {
        check("<div style=\"background:url(https://h)\">x</div>", "<div style=\"\">x</div>");
        let covering = "<div style=\"position:fixed;color:red;top:0\">x</div>";
        check(covering, "<div style=\"color:red\">x</div>");
        check("<b style=\"color:red\">x</b>", "<b>x</b>");
    }

    #[test]
    fn markup_that_changes_when_read_again_is_harmless_both_times() {
        for input in [
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
            "<math><annotation-xml encoding=\"text/html\"><style><img src=x onerror=alert(1)>",
            "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<table><td><select><img src=x onerror=alert(1)>",
            "<title><img title=\"</title><img src=x onerror=alert(1)>\">",
            "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
            "<p title=\"&lt;img src=x onerror=alert(1)&gt;\">x",
        ] {
            let once = clean(input);
            // A quoted text may speak of it, an element may not have it.
            assert!(!once.replace("&lt;img src=x onerror", "").contains(" onerror"), "{once}");
            assert!(!once.contains("<style") && !once.contains("<svg") && !once.contains("<math"), "{once}");
            assert_eq!(clean(&once), once, "{input}");
        }
    }

    #[test]
    fn deep_nesting_neither_overflows_nor_grows() {
        let deep = "<b>".repeat(9_000);
        assert!(clean(&deep).len() <= 9_000 * 7);
        let mixed = "<table><b><a>".repeat(500);
        let _ = clean(&mixed);
    }

    #[test]
    fn the_text_of_a_message_is_found() {
        let text = |html: &str| to_text(&clean(html));
        assert_eq!(text("<p>one</p><p>two</p>").split_whitespace().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(text("<b>o</b>ne &amp; t<i>w</i>o"), "one & two");
        assert_eq!(text("a<br>b"), "a b");
        assert_eq!(text("<a href=\"https://h/?a>b\">x</a> &lt;y&gt;"), "x <y>");
        assert!(is_blank(&clean("<p> &nbsp;</p><script>x</script>")));
        assert!(!is_blank(&clean("<img id=\"i\">")));
    }
}
