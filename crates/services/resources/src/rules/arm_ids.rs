//! Ids of things in ARM, checked by their form.

use http::StatusCode;
use trunkline_web::ApiError;
use uuid::Uuid;

/// The longest id kept, in bytes; ARM's own limits add up to less.
const ID_BYTES_MAX: usize = 1024;

/// E-mail domains linked to one resource; ACS allows 100.
const LINKED_DOMAINS_MAX: usize = 100;

/// Whether `id` names something of the given provider, at `types` from the outermost in.
///
/// **Shape**: `/subscriptions/GUID/resourceGroups/NAME/providers/PROVIDER/TYPE/NAME[/TYPE/NAME…]`; the words
/// in any case.
pub(crate) fn is_id_of(id: &str, provider: &str, types: &[&str]) -> bool {
    let segments: Vec<&str> = id.strip_prefix('/').unwrap_or_default().split('/').collect();
    let is =
        |index: usize, word: &str| segments.get(index).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let is_name =
        |name: &&str| !name.is_empty() && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    let has_types = types.iter().enumerate().all(|(index, word)| is(6 + 2 * index, word));
    id.len() <= ID_BYTES_MAX
        && segments.len() == 6 + 2 * types.len()
        && is(0, "subscriptions")
        && segments.get(1).is_some_and(|text| Uuid::try_parse(text).is_ok())
        && is(2, "resourceGroups")
        && is(4, "providers")
        && is(5, provider)
        && has_types
        && segments.iter().all(is_name)
}

/// Whether a resource may be linked to these e-mail domains. That the domains exist is not asked: this server
/// has no e-mail service that could hold them.
///
/// **Errors**: 400 that names `properties.linkedDomains`.
pub(crate) fn check_linked_domains(domains: &[String]) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::invalid("properties.linkedDomains", message));
    if domains.len() > LINKED_DOMAINS_MAX {
        return invalid(format!("A resource has at most {LINKED_DOMAINS_MAX} linked domains."));
    }
    let types = ["emailServices", "domains"];
    if !domains.iter().all(|id| is_id_of(id, "Microsoft.Communication", &types)) {
        return invalid(
            "A linked domain is the id of a Microsoft.Communication/emailServices/domains resource, beginning \
             with /subscriptions/."
                .to_owned(),
        );
    }
    let mut folded: Vec<String> = domains.iter().map(|id| id.to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    if folded.len() < domains.len() {
        return invalid("A domain is linked twice.".to_owned());
    }
    Ok(())
}

/// Whether `hub` can be linked with `connection_string`.
///
/// **Errors**: 400 that names the field at fault; the connection string is not quoted.
pub(crate) fn check_notification_hub(hub: &str, connection_string: &str) -> Result<(), ApiError> {
    if !is_id_of(hub, "Microsoft.NotificationHubs", &["namespaces", "notificationHubs"]) {
        return Err(ApiError::invalid(
            "resourceId",
            "resourceId is the id of a Microsoft.NotificationHubs/namespaces/notificationHubs resource.",
        ));
    }
    let has = |name: &str| {
        connection_string.split(';').any(|part| {
            part.split_once('=')
                .is_some_and(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty())
        })
    };
    let is_good = connection_string.len() <= ID_BYTES_MAX
        && ["Endpoint", "SharedAccessKeyName", "SharedAccessKey"].into_iter().all(has);
    if is_good {
        return Ok(());
    }
    Err(ApiError::invalid(
        "connectionString",
        "connectionString has the parts Endpoint, SharedAccessKeyName and SharedAccessKey.",
    ))
}

/// 400 for a name that no resource can have.
pub(crate) fn invalid_resource_name(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "InvalidResourceName", message)
        .with_target("communicationServiceName")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                          Microsoft.Communication/emailServices/mail/domains/contoso.com";

    #[test]
    fn domains_are_told_by_the_form_of_their_id() {
        let is_good = |ids: &[&str]| {
            check_linked_domains(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(is_good(&[]));
        assert!(is_good(&[DOMAIN]));
        assert!(is_good(&[&DOMAIN.replace("resourceGroups", "resourcegroups")]));
        assert!(!is_good(&[DOMAIN, &DOMAIN.to_uppercase()]));
        for bad in [
            "",
            "contoso.com",
            &DOMAIN[1..],
            &DOMAIN.replace("2dee53b4", "x"),
            &DOMAIN.replace("/rg/", "//"),
            &DOMAIN.replace("domains", "domain"),
            &DOMAIN.replace("contoso", "con toso"),
            &format!("{DOMAIN}/x"),
            &format!("{DOMAIN}{}", "x".repeat(1024)),
        ] {
            assert!(!is_good(&[bad]), "{bad}");
        }
        let many: Vec<String> = (0..101).map(|number| format!("{DOMAIN}{number}")).collect();
        assert!(check_linked_domains(&many).is_err());
        assert!(check_linked_domains(&many[..100]).is_ok());
    }

    #[test]
    fn hubs_need_their_id_and_a_whole_connection_string() {
        let hub = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                   Microsoft.NotificationHubs/namespaces/n/notificationHubs/h";
        let connection = "Endpoint=sb://n.example/;SharedAccessKeyName=full;SharedAccessKey=a2V5";
        assert!(check_notification_hub(hub, connection).is_ok());
        assert!(check_notification_hub(DOMAIN, connection).is_err());
        for bad in ["", "x", "Endpoint=sb://n/", "Endpoint=;SharedAccessKeyName=a;SharedAccessKey=b"] {
            assert!(check_notification_hub(hub, bad).is_err(), "{bad}");
        }
    }
}
