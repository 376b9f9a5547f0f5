//! Conditions on fields: `data.from StringBeginsWith +49,+43`.

use serde_json::{Value, json};

use super::CliError;

/// What follows an operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Nothing,
    Truth,
    Number,
    Numbers,
    Ranges,
    Texts,
}

/// Every operator and what it takes.
const OPERATORS: &[(&str, Operand)] = &[
    ("NumberIn", Operand::Numbers),
    ("NumberNotIn", Operand::Numbers),
    ("NumberLessThan", Operand::Number),
    ("NumberGreaterThan", Operand::Number),
    ("NumberLessThanOrEquals", Operand::Number),
    ("NumberGreaterThanOrEquals", Operand::Number),
    ("NumberInRange", Operand::Ranges),
    ("NumberNotInRange", Operand::Ranges),
    ("BoolEquals", Operand::Truth),
    ("StringIn", Operand::Texts),
    ("StringNotIn", Operand::Texts),
    ("StringBeginsWith", Operand::Texts),
    ("StringNotBeginsWith", Operand::Texts),
    ("StringEndsWith", Operand::Texts),
    ("StringNotEndsWith", Operand::Texts),
    ("StringContains", Operand::Texts),
    ("StringNotContains", Operand::Texts),
    ("IsNullOrUndefined", Operand::Nothing),
    ("IsNotNull", Operand::Nothing),
];

/// Reads `KEY OPERATOR VALUES` into the JSON of an advanced filter.
pub(super) fn parse(written: &str) -> Result<Value, CliError> {
    let refuse = |reason: &str| CliError::Usage(format!("--filter {written:?}: {reason}"));
    let mut parts = written.trim().splitn(3, ' ');
    let (key, name, values) = (parts.next(), parts.next(), parts.next().unwrap_or_default().trim());
    let (Some(key), Some(name)) = (key.filter(|key| !key.is_empty()), name) else {
        return Err(refuse("it is KEY OPERATOR VALUE, such as 'data.from StringBeginsWith +49'"));
    };
    let found = OPERATORS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((operator, operand)) = found else {
        let names: Vec<_> = OPERATORS.iter().map(|(name, _)| *name).collect();
        return Err(refuse(&format!("there is no operator {name}; there are {}", names.join(", "))));
    };
    let mut filter = json!({ "operatorType": operator, "key": key });
    match operand {
        Operand::Nothing if values.is_empty() => {}
        Operand::Nothing => return Err(refuse("this operator takes no value")),
        _ if values.is_empty() => return Err(refuse("a value is missing")),
        Operand::Truth => {
            filter["value"] =
                json!(values.parse::<bool>().map_err(|_| refuse("the value is true or false"))?);
        }
        Operand::Number => filter["value"] = number(values).ok_or_else(|| refuse("the value is a number"))?,
        Operand::Numbers => {
            filter["values"] = each(values, number).ok_or_else(|| refuse("the values are numbers"))?;
        }
        Operand::Ranges => {
            let ranges = each(values, range);
            filter["values"] = ranges.ok_or_else(|| refuse("the values are ranges such as 1..5,10..20"))?;
        }
        Operand::Texts => filter["values"] = each(values, |text| Some(json!(text))).unwrap_or_default(),
    }
    Ok(filter)
}

fn each(values: &str, read: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    values.split(',').map(|value| read(value.trim())).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().ok().map(Value::from);
    let real = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from);
    whole.or_else(real)
}

fn range(text: &str) -> Option<Value> {
    let (from, to) = text.split_once("..")?;
    Some(json!([number(from)?, number(to)?]))
}

/// A condition as people read it, from its JSON.
pub(super) fn describe(filter: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(pair) => pair.iter().map(ToString::to_string).collect::<Vec<_>>().join(".."),
        other => other.to_string(),
    };
    let values = match (&filter["value"], &filter["values"]) {
        (Value::Null, Value::Array(values)) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        (Value::Null, _) => String::new(),
        (value, _) => plain(value),
    };
    let word = |name: &str| filter[name].as_str().unwrap_or_default();
    format!("{} {} {values}", word("key"), word("operatorType")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        let check = |written: &str| parse(written).map(|filter| filter.to_string());
        let read = |written: &str| check(written).expect("a condition");
        insta::assert_snapshot!(read("data.from StringBeginsWith +49, +43"), @r#"{"key":"data.from","operatorType":"StringBeginsWith","values":["+49","+43"]}"#);
        insta::assert_snapshot!(read("data.a numberin 1,2.5,-3"), @r#"{"key":"data.a","operatorType":"NumberIn","values":[1,2.5,-3]}"#);
        insta::assert_snapshot!(read("data.a NumberInRange -5..-1,1..2"), @r#"{"key":"data.a","operatorType":"NumberInRange","values":[[-5,-1],[1,2]]}"#);
        insta::assert_snapshot!(read("data.a NumberLessThan 5"), @r#"{"key":"data.a","operatorType":"NumberLessThan","value":5}"#);
        insta::assert_snapshot!(read("data.a BoolEquals false"), @r#"{"key":"data.a","operatorType":"BoolEquals","value":false}"#);
        insta::assert_snapshot!(read("data.a IsNotNull"), @r#"{"key":"data.a","operatorType":"IsNotNull"}"#);
        insta::assert_snapshot!(read("Subject StringContains two words"), @r#"{"key":"Subject","operatorType":"StringContains","values":["two words"]}"#);
        for wrong in [
            "",
            "data.a",
            "data.a Is 5",
            "data.a NumberIn",
            "data.a NumberIn x",
            "data.a NumberLessThan NaN",
            "data.a NumberInRange 5",
            "data.a BoolEquals maybe",
            "data.a IsNotNull 5",
        ] {
            let error = check(wrong).expect_err("refused");
            assert_eq!(error.exit_code(), 2, "{wrong}: {error}");
        }
    }

    #[test]
    fn conditions_are_shown_as_they_are_written() {
        for written in
            ["data.a NumberInRange 1..5,7..9", "a StringIn x,y", "a BoolEquals true", "a IsNotNull"]
        {
            assert_eq!(describe(&parse(written).expect("a condition")), written);
        }
    }
}
