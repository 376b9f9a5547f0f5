//! The lines a developer pastes so that his programs trust the server.

use crate::TrustBundle;
use crate::bundle::{TRUST_STORE_PASSWORD, path_text};

/// What to paste for one kind of client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasteLines {
    /// The language or platform, such as `Python`.
    pub client: &'static str,
    /// Lines for a POSIX shell.
    pub lines: Vec<String>,
}

impl TrustBundle {
    /// The lines for Node.js, Python, Java and .NET, in this order.
    ///
    /// Node.js adds the named file to its own authorities; the others' settings replace the machine's
    /// authorities, so they get the whole bundle.
    pub fn paste_lines(&self) -> Vec<PasteLines> {
        let export = |name: &str, value: &str| format!("export {name}={}", shell_word(value));
        let bundle = path_text(&self.pem_file());
        let java = [
            format!("-Djavax.net.ssl.trustStore={}", path_text(&self.p12_file())),
            "-Djavax.net.ssl.trustStoreType=PKCS12".to_owned(),
            format!("-Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"),
        ]
        .map(|option| java_option(&option))
        .join(" ");
        vec![
            PasteLines {
                client: "Node.js",
                lines: vec![export("NODE_EXTRA_CA_CERTS", &path_text(&self.authority_file()))],
            },
            PasteLines {
                client: "Python",
                lines: vec![export("REQUESTS_CA_BUNDLE", &bundle), export("SSL_CERT_FILE", &bundle)],
            },
            PasteLines { client: "Java", lines: vec![export("JAVA_TOOL_OPTIONS", &java)] },
            PasteLines { client: ".NET (Linux)", lines: vec![export("SSL_CERT_FILE", &bundle)] },
        ]
    }
}

/// The text as one word of a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The virtual machine splits `JAVA_TOOL_OPTIONS` at blanks and honours double quotes.
fn java_option(option: &str) -> String {
    if option.contains(char::is_whitespace) { format!("\"{option}\"") } else { option.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_shell_are_quoted_only_where_needed() {
        for (text, expected) in [
            ("/srv/trunkline/tls/ca.pem", "/srv/trunkline/tls/ca.pem"),
            ("/my data/ca.pem", "'/my data/ca.pem'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }
}
