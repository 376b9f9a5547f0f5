//! Usage as CSV (RFC 4180), for spreadsheets.

use crate::UsageLine;

/// The names of the columns, in order.
pub const COLUMNS: [&str; 8] =
    ["period", "resource", "resource_id", "operation", "meter", "quantity", "cost", "currency"];

/// The lines as a file: UTF-8, one line of names first, lines end with CR LF, quotes where needed.
///
/// A field that a spreadsheet would take for a formula gets an apostrophe in front.
pub fn write(lines: &[UsageLine]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let in_memory = "a writer in memory takes rows of equal length";
    writer.write_record(COLUMNS).expect(in_memory);
    for line in lines {
        let quantity = line.quantity.to_string();
        let fields = [
            line.period.as_str(),
            &line.resource,
            &line.resource_id,
            &line.operation,
            &line.meter,
            &quantity,
            line.cost.as_deref().unwrap_or_default(),
            line.currency.as_deref().unwrap_or_default(),
        ];
        writer.write_record(fields.map(harmless)).expect(in_memory);
    }
    writer.into_inner().unwrap_or_default()
}

/// The text, which no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let starts_a_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if starts_a_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(resource: &str) -> UsageLine {
        UsageLine {
            period: "2026-11-21".to_owned(),
            resource: resource.to_owned(),
            resource_id: "id".to_owned(),
            operation: "Op_Do".to_owned(),
            meter: "op.do".to_owned(),
            quantity: 3,
            cost: Some("0.5".to_owned()),
            currency: Some("EUR".to_owned()),
        }
    }

    fn shown(resource: &str) -> String {
        let file = String::from_utf8(write(&[line(resource)])).expect("UTF-8");
        let names = "period,resource,resource_id,operation,meter,quantity,cost,currency\r\n2026-11-21,";
        let rest = file.strip_prefix(names).expect("the names stand first");
        rest.strip_suffix(",id,Op_Do,op.do,3,0.5,EUR\r\n").expect("one line").to_owned()
    }

    #[test]
    fn fields_are_quoted_where_needed() {
        assert_eq!(shown("dev"), "dev");
        assert_eq!(shown("a,b"), "\"a,b\"");
        assert_eq!(shown("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(shown("two\nlines"), "\"two\nlines\"");
    }

    #[test]
    fn formulas_are_only_text() {
        for first in ["=", "+", "-", "@", "\t", "\r", "\n", "＝"] {
            let text = format!("{first}cmd|' /C calc'!A0");
            assert!(shown(&text).trim_start_matches('"').starts_with(&format!("'{first}")), "{first:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_can_be_read_back(resource in "[^\u{0}]{0,20}") {
            let file = write(&[line(&resource)]);
            let mut reader = csv::Reader::from_reader(file.as_slice());
            let rows: Vec<_> = reader.records().collect::<Result<_, _>>().expect("readable");
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(&rows[0][1], harmless(&resource));
        }
    }
}
