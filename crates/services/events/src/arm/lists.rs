//! Lists of subscriptions: of a resource, a system topic, a group, or of everything.

use std::collections::HashMap;
use std::sync::Arc;

use http::StatusCode;
use trunkline_kernel::ResourceId;
use trunkline_web::{ApiError, Context, Reply, Role};

use super::name_filter::NameFilter;
use super::place::{Home, refusal, shown, subscription};
use super::types::EventSubscription;
use crate::EventsService;
use crate::error::EventsError;
use crate::ports::Topic;
use crate::rows::{self, PageKey, Scope, SubscriptionRow};

/// The most entries of a page, and as many as it has without `$top`; published.
const TOP_MAX: u32 = 100;

/// Rows read at once: some milliseconds.
pub(super) const SCAN_ROWS: u32 = 500;

/// Rows looked at for one page. A filter that few names pass gives short pages with a link to the next one
/// instead of a long wait.
const PAGE_SCAN_ROWS_MAX: u32 = 5_000;

/// Resources looked up for one page.
pub(super) type Topics = HashMap<ResourceId, Option<Topic>>;

/// Which entries a page has.
pub(super) struct Selection {
    /// The most entries.
    pub(super) limit: usize,
    filter: NameFilter,
    /// Sorted; `None` for all.
    visible: Option<Vec<ResourceId>>,
}

impl Selection {
    /// What `$top`, `$filter` and the caller's roles select.
    ///
    /// **Errors**: 400 for a bad `$top` or `$filter`.
    pub(super) fn read(context: &Context) -> Result<Self, ApiError> {
        let invalid = |target, message| refusal(EventsError::Invalid(target, message));
        let limit = match context.query("$top") {
            None => TOP_MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|top| (1..=TOP_MAX).contains(top))
                .ok_or_else(|| invalid("$top", format!("$top is a number from 1 to {TOP_MAX}")))?,
        };
        let filter = NameFilter::parse(context.query("$filter").unwrap_or_default())
            .map_err(|broken| invalid("$filter", broken.to_string()))?;
        Ok(Self { limit: limit as usize, filter, visible: context.visible_resources() })
    }

    /// Whether the page may have something of that resource with that name.
    pub(super) fn takes(&self, resource: ResourceId, name: &str) -> bool {
        let may_see = |visible: &Vec<ResourceId>| visible.binary_search(&resource).is_ok();
        self.visible.as_ref().is_none_or(may_see) && self.filter.matches(name)
    }
}

/// Where the resource lies, looked up once for a page; `None` when it is gone.
pub(super) async fn topic_of(
    service: &EventsService,
    known: &mut Topics,
    resource: ResourceId,
) -> Result<Option<Topic>, ApiError> {
    if let Some(topic) = known.get(&resource) {
        return Ok(topic.clone());
    }
    let topic = service.topics.topic(resource).await.map_err(EventsError::from)?;
    known.insert(resource, topic.clone());
    Ok(topic)
}

/// What is listed.
enum Range {
    /// The subscriptions of one resource or system topic.
    Home(Box<Home>),
    /// Those of every resource, or of the resources of one group.
    Resources { group: Option<String> },
}

impl Range {
    fn scope(&self) -> Scope<'_> {
        match self {
            Self::Resources { .. } => Scope::All,
            Self::Home(home) => match &home.system_topic {
                Some(topic) => Scope::SystemTopic(home.resource, &topic.name),
                None => Scope::Resource(home.resource),
            },
        }
    }

    /// The subscription as shown; `None` when it does not belong here.
    async fn show(
        &self,
        service: &EventsService,
        topics: &mut Topics,
        row: SubscriptionRow,
    ) -> Result<Option<EventSubscription>, ApiError> {
        let group = match self {
            Self::Home(home) => return Ok(Some(home.show(row.subscription))),
            Self::Resources { group } => group.as_deref(),
        };
        // Those of a system topic are of another type and have a list of their own.
        if row.subscription.system_topic.is_some() {
            return Ok(None);
        }
        let topic = topic_of(service, topics, row.subscription.resource).await?;
        let is_here = |topic: &Topic| group.is_none_or(|group| topic.group.eq_ignore_ascii_case(group));
        Ok(topic.filter(is_here).map(|topic| shown(row.subscription, &topic)))
    }
}

/// Where a page ended.
type Position = (ResourceId, String, String);

fn position_of(row: &SubscriptionRow) -> Position {
    let PageKey { resource, system_topic, name } = row.page_key();
    (resource, system_topic, name)
}

async fn list(service: &EventsService, context: &Context, range: Range) -> Result<Reply, ApiError> {
    let selection = Selection::read(context)?;
    let mut after: Option<Position> = context.continuation()?;
    let range = Arc::new(range);
    let (mut found, mut topics) = (Vec::new(), HashMap::new());
    for _ in 0..PAGE_SCAN_ROWS_MAX / SCAN_ROWS {
        let chunk = read(service, &range, after.take()).await?;
        let is_end = chunk.len() < SCAN_ROWS as usize;
        after = chunk.last().map(position_of);
        for row in chunk {
            if !selection.takes(row.subscription.resource, &row.subscription.name) {
                continue;
            }
            let position = position_of(&row);
            found.extend(range.show(service, &mut topics, row).await?);
            if found.len() == selection.limit {
                return Ok(Reply::json(StatusCode::OK, &context.page(found, Some(&position))));
            }
        }
        if is_end {
            after = None;
            break;
        }
    }
    Ok(Reply::json(StatusCode::OK, &context.page(found, after.as_ref())))
}

async fn read(
    service: &EventsService,
    range: &Arc<Range>,
    after: Option<Position>,
) -> Result<Vec<SubscriptionRow>, ApiError> {
    let after = after.map(|(resource, system_topic, name)| PageKey { resource, system_topic, name });
    let range = Arc::clone(range);
    let task = move |tx: &mut trunkline_store::Tx<'_>| {
        rows::list_subscriptions(tx, range.scope(), after.as_ref(), SCAN_ROWS)
    };
    service.store.read(task).await.map_err(ApiError::from)
}

/// A list that has nothing.
fn nothing(context: &Context) -> Result<Reply, ApiError> {
    Selection::read(context)?;
    Ok(Reply::json(StatusCode::OK, &context.page(Vec::<EventSubscription>::new(), None::<&()>)))
}

pub(crate) async fn event_subscriptions_list_by_resource(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Reader).await?;
    list(&service, &context, Range::Home(Box::new(home))).await
}

pub(crate) async fn system_topic_event_subscriptions_list_by_system_topic(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Reader).await?;
    list(&service, &context, Range::Home(Box::new(home))).await
}

/// The lists over many resources, which differ in what stands in their path: the group, a location (resources
/// are in none but `global`), a topic type (there is one).
pub(crate) async fn event_subscriptions_list_of_many(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    subscription(&service, &context).await?;
    let has = |name| context.operation.path_parameters().any(|known| known == name);
    let named = |name| has(name).then(|| context.path(name));
    let is_elsewhere = named("location").is_some_and(|location| !location.eq_ignore_ascii_case("global"));
    let is_other = named("topicTypeName")
        .is_some_and(|kind| !kind.eq_ignore_ascii_case(trunkline_catalogue::TOPIC_TYPE));
    if is_elsewhere || is_other {
        return nothing(&context);
    }
    let group = named("resourceGroupName").map(str::to_owned);
    list(&service, &context, Range::Resources { group }).await
}
