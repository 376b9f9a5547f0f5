//! `trunkline usage`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use trunkline_usage::{Amount, UsageLine, csv};

use super::client::{encode, list, request};
use super::console::{Console, fields, table, text};
use super::{CliError, Session};

/// More lines than people read; the CSV of the operator API has the same bound.
const LINES_MAX: usize = 100_000;

/// More resources than one installation has.
const RESOURCES_MAX: usize = 100_000;

/// `trunkline usage`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct UsageArguments {
    /// What else than the list.
    #[command(subcommand)]
    pub(crate) command: Option<UsageCommand>,
    /// What to list.
    #[command(flatten)]
    pub(crate) list: UsageList,
}

/// The flags of `trunkline usage` without a subcommand.
#[derive(Debug, Default, Args)]
pub(crate) struct UsageList {
    /// Only this resource, by the name it has or had, or by its id
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// The first day in UTC, such as 2026-11-01 [default: the first of the month]
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// The last day in UTC [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<String>,
    /// Over what to sum
    #[arg(long, default_value = "day")]
    pub(crate) by: UsagePeriod,
    /// Prints CSV for spreadsheets
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Over what usage is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsagePeriod {
    /// Each day by itself
    #[default]
    Day,
    /// Whole months
    Month,
}

/// What else `trunkline usage` shows.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Shows what each resource costs in a month, and the spend limit
    #[command(after_help = "Example:\n  trunkline usage spend --month 2026-11")]
    Spend {
        /// The month in UTC [default: the present one]
        #[arg(long, value_name = "MONTH")]
        month: Option<String>,
        /// Only this resource, by the name it has or had, or by its id
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
    },
}

/// Runs a command about usage.
pub(super) async fn usage(
    arguments: &UsageArguments,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match &arguments.command {
        None => lines(&arguments.list, session, console).await,
        Some(UsageCommand::Spend { month, resource }) => {
            spend(month.as_deref(), resource.as_deref(), session, console).await
        }
    }
}

async fn lines(asked: &UsageList, session: &Session<'_>, console: &mut Console<'_>) -> Result<(), CliError> {
    if asked.csv && console.is_json {
        return Err(CliError::Usage("--csv and --json are two forms of one result; say one".to_owned()));
    }
    let period = match asked.by {
        UsagePeriod::Day => "day",
        UsagePeriod::Month => "month",
    };
    let query = query(&[
        ("groupBy", Some(period)),
        ("resource", asked.resource.as_deref()),
        ("from", asked.from.as_deref()),
        ("to", asked.to.as_deref()),
    ]);
    let path = format!("/trunkline/usage?{query}");
    let (found, has_more) = list(session.api, &path, LINES_MAX).await?;
    if has_more && asked.csv {
        return Err(CliError::Usage(format!(
            "there are more than {LINES_MAX} lines; ask for fewer days, for one resource, or with --by month"
        )));
    }
    if asked.csv {
        let lines: Vec<UsageLine> = serde_json::from_value(Value::Array(found))
            .map_err(|cause| CliError::Unreachable(format!("the answer to {path} is no usage: {cause}")))?;
        return Ok(console.output.write_all(&csv::write(&lines))?);
    }
    let row = |line: &Value| {
        let cost = format!("{} {}", text(line, "cost"), text(line, "currency"));
        let names = ["period", "resource", "operation", "meter", "quantity"];
        names.map(|name| text(line, name)).into_iter().chain([cost]).collect()
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let heads = [
        period.to_uppercase(),
        "RESOURCE".into(),
        "OPERATION".into(),
        "METER".into(),
        "QUANTITY".into(),
        "COST".into(),
    ];
    let human = table(&heads.each_ref().map(String::as_str), &rows, "Nothing was used in these days.");
    console.result(&json!({ "value": found, "hasMore": has_more }), &human)?;
    if has_more {
        console.note("There are more; ask for fewer days.");
    }
    Ok(())
}

async fn spend(
    month: Option<&str>,
    resource: Option<&str>,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = format!("/trunkline/usage/spend?{}", query(&[("month", month), ("resource", resource)]));
    let mut spend = request(session.api, "GET", &path, None).await?;
    let (mut resources, _) = list(session.api, &path, RESOURCES_MAX).await?;
    resources.sort_by_key(|resource| text(resource, "resource"));
    let currency = text(&spend, "currency");
    let mut total = Amount::ZERO;
    let mut rows = Vec::new();
    for resource in &resources {
        let cost = text(resource, "cost");
        let sum = cost.parse().ok().and_then(|cost| total.plus(cost).ok());
        total = sum.ok_or_else(|| CliError::Unreachable(format!("{cost:?} is no amount of money")))?;
        let limit = if resource["isLimitReached"] == true { "reached" } else { "" };
        rows.push(vec![text(resource, "resource"), format!("{cost} {currency}"), limit.to_owned()]);
        for meter in resource["meters"].as_array().into_iter().flatten() {
            let used = format!("  {} {}", text(meter, "quantity"), text(meter, "meter"));
            rows.push(vec![used, text(meter, "cost"), String::new()]);
        }
    }
    let limit = text(&spend, "spendLimit");
    let limit = if limit.is_empty() {
        limit
    } else {
        format!("{limit} {currency} a resource, then {}", text(&spend, "spendAction"))
    };
    let head = fields(&[
        ("Month", text(&spend, "month")),
        ("Total", format!("{total} {currency}")),
        ("Limit", limit),
    ]);
    let human = format!("{head}\n\n{}", table(&["RESOURCE", "COST", "LIMIT"], &rows, "Nothing was used."));
    if let Some(members) = spend.as_object_mut() {
        members.remove("nextLink");
        members.insert("value".to_owned(), json!(resources));
        members.insert("total".to_owned(), json!(total.to_string()));
    }
    console.result(&spend, &human)
}

/// A query of the parameters that have a value.
fn query(parameters: &[(&str, Option<&str>)]) -> String {
    let pair = |(name, value): &(&str, Option<&str>)| value.map(|value| format!("{name}={}", encode(value)));
    parameters.iter().filter_map(pair).collect::<Vec<_>>().join("&")
}
