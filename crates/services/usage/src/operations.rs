//! The operations of this service, as data. All are our own.

use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, Role};

use crate::api::list::UsageLine;
use crate::api::spend::SpendReply;

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];

const fn text(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, kind: "string", description }
}

const RESOURCE: QueryParameter =
    text("resource", "The name a resource has or had, or its id; all when left out.");

/// Lists usage by day or month.
pub static USAGE_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<UsageLine>>),
    query: &[
        RESOURCE,
        text(
            "from",
            "The first day (UTC), such as 2026-11-01; the first of the last day's month when left out.",
        ),
        text("to", "The last day (UTC); today when left out."),
        text("groupBy", "`day` (also when left out) or `month`."),
        text("format", "`json`, or `csv` for the whole list as one file; decides before the header Accept."),
        MAX_PAGE_SIZE,
        CONTINUATION_TOKEN,
    ],
    summary: "Lists what resources used, by day or month, as JSON or CSV.",
    ..Operation::own("Usage_List", Method::Get, "/trunkline/usage", READER)
};

/// Shows what a month costs.
pub static USAGE_GET_SPEND: Operation = Operation {
    reply: Some(schema_of::<SpendReply>),
    query: &[
        RESOURCE,
        text("month", "The month (UTC), such as 2026-11; the present one when left out."),
        MAX_PAGE_SIZE,
        CONTINUATION_TOKEN,
    ],
    summary: "Shows what each resource costs in a month, and the spend limit.",
    ..Operation::own("Usage_GetSpend", Method::Get, "/trunkline/usage/spend", READER)
};

/// Every operation of this service.
pub static ALL: &[&Operation] = &[&USAGE_LIST, &USAGE_GET_SPEND];
