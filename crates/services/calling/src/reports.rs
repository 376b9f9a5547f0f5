//! What clients report of their media, and what people say of a call.
//!
//! Reports of a leg that is in a call wait in its actor: the last one is written when the leg ends.

use std::time::Duration;

use trunkline_calling_wire::{ClientReport, Reply};
use trunkline_store::Key;

use crate::CallingService;
use crate::actor::asks::Caller;
use crate::error::CallingError;
use crate::rows::owners;
use crate::rows::reports::{self, Report, View};
use crate::rules::LegId;

/// Lines and layers of a report: as many as an offer may have.
const STREAMS_MAX: usize = 80;
/// A report as text, in bytes: 80 streams of 200.
const REPORT_BYTES_MAX: usize = 16 * 1024;
/// What people say of a call as text, in bytes.
const SURVEY_BYTES_MAX: usize = 4 * 1024;
/// A client says its last numbers just before it hangs up, or just after.
const LATE_REPORT: Duration = Duration::from_secs(10);
/// How long after a call people may say what they think of it.
const SURVEY_WITHIN: Duration = Duration::from_mins(10);

/// A client's report as it is kept.
pub(crate) fn checked(report: &ClientReport) -> Result<String, CallingError> {
    let body = serde_json::to_string(report).expect("numbers and texts");
    if report.received.len() + report.sent.len() > STREAMS_MAX || body.len() > REPORT_BYTES_MAX {
        return Err(CallingError::Malformed("the report is about more than a leg can have".to_owned()));
    }
    Ok(body)
}

impl CallingService {
    /// Keeps a report about a leg that has just ended.
    pub(crate) async fn keep_late_report(
        &self,
        caller: &Caller,
        leg: &LegId,
        body: String,
    ) -> Result<Reply, CallingError> {
        self.keep(caller, leg, View::Client, body, LATE_REPORT).await?;
        Ok(Reply::Done {})
    }

    /// Keeps what somebody says of a call they are or were in.
    pub(crate) async fn keep_survey(
        &self,
        caller: &Caller,
        leg: &LegId,
        survey: &serde_json::Value,
    ) -> Result<Reply, CallingError> {
        let body = survey.to_string();
        if !survey.is_object() || body.len() > SURVEY_BYTES_MAX {
            return Err(CallingError::Malformed("'survey' is an object of at most 4 KB".to_owned()));
        }
        self.keep(caller, leg, View::Survey, body, SURVEY_WITHIN).await?;
        Ok(Reply::Survey { survey: leg.to_string() })
    }

    async fn keep(
        &self,
        caller: &Caller,
        leg: &LegId,
        view: View,
        body: String,
        late: Duration,
    ) -> Result<(), CallingError> {
        let (resource, user, leg) = (caller.resource.id, caller.user.to_string(), leg.to_string());
        let lease = self.registry.lease(resource).ok_or(CallingError::Elsewhere)?;
        let now = self.parts.clock.now();
        self.parts
            .store
            .write(Key::new(resource, format!("calling/report/{leg}")), move |tx| {
                // Of a resource that is being deleted nothing is written any more.
                if !owners::is_good(tx, resource, &lease)? {
                    return Err(CallingError::Elsewhere);
                }
                let found = reports::find_leg(tx, resource, &user, &leg, now.minus(late))?;
                let (call, p) = found.ok_or(CallingError::UnknownCall)?;
                Ok(reports::put(tx, call, &Report { p, view, body: body.clone() }, now)?)
            })
            .await
    }
}
