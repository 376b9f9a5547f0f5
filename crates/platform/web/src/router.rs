//! From method and path to the operation.
//!
//! `matchit` knows a literal behind a parameter (`/jobs/{jobId}:cancel`) and one segment of its own
//! (`/{id}/:revokeAccessTokens`), which is how Azure writes actions.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::LaterFields;
use crate::operation::Operation;
use crate::reply::Reply;
use crate::signature::{is_well_encoded, percent_decode};

type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send>>;
type Handler = Arc<dyn Fn(Context) -> HandlerFuture + Send + Sync>;

/// The operations of one service with their handlers.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
}

/// An operation and what answers it.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) operation: &'static Operation,
    pub(crate) handler: Handler,
    pub(crate) later_fields: Arc<LaterFields>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.operations().map(|operation| operation.id)).finish()
    }
}

impl Routes {
    /// No operations yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an operation; `handler` gets `state` and the request.
    pub fn add<S, F, O>(mut self, operation: &'static Operation, state: &Arc<S>, handler: F) -> Self
    where
        S: Send + Sync + 'static,
        F: Fn(Arc<S>, Context) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        let state = Arc::clone(state);
        let handler: Handler = Arc::new(move |context| Box::pin(handler(Arc::clone(&state), context)));
        self.routes.push(Route { operation, handler, later_fields: Arc::new(LaterFields::of(operation)) });
        self
    }

    /// Joins the operations of two services.
    pub fn join(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// Every operation, in the order they were added.
    pub fn operations(&self) -> impl Iterator<Item = &'static Operation> {
        self.routes.iter().map(|route| route.operation)
    }
}

/// Finds the route of a request.
pub(crate) struct Router {
    paths: matchit::Router<Vec<Route>>,
    /// Paths whose literals may be written in any case, those with most literals first, behind their numbers of
    /// segments.
    case_insensitive: Vec<(usize, &'static str)>,
}

/// What [`Router::find`] found: the route and its decoded path parameters.
pub(crate) type Found<'a> = (&'a Route, Vec<(&'static str, String)>);

impl Router {
    /// Builds the table.
    ///
    /// Two operations with one method and path, or paths that cannot be told apart, are a mistake of the
    /// program and panic at start.
    pub(crate) fn new(routes: Routes) -> Self {
        let mut by_path: Vec<(&'static str, Vec<Route>)> = Vec::new();
        for route in routes.routes {
            let path = route.operation.path;
            match by_path.iter_mut().find(|(known, _)| *known == path) {
                Some((_, same)) => {
                    let is_new = same.iter().all(|other| other.operation.method != route.operation.method);
                    assert!(is_new, "two operations for {} {path}", route.operation.method.as_str());
                    same.push(route);
                }
                None => by_path.push((path, vec![route])),
            }
        }
        let is_any_case = |routes: &[Route]| routes.iter().any(|route| route.operation.is_case_insensitive);
        let any_case = by_path.iter().filter(|(_, routes)| is_any_case(routes));
        let mut case_insensitive: Vec<_> = any_case.map(|(path, _)| (segments_in(path), *path)).collect();
        case_insensitive.sort_by_key(|(_, path)| path.matches('{').count());
        let mut paths = matchit::Router::new();
        for (path, routes) in by_path {
            paths.insert(path, routes).unwrap_or_else(|cause| panic!("path {path}: {cause}"));
        }
        Self { paths, case_insensitive }
    }

    /// The route of `method` and `path` (as on the wire, one leading slash).
    ///
    /// **Errors**: 400 for bad percent-encoding, 404, 405 with the methods there are.
    pub(crate) fn find(&self, method: &http::Method, path: &str) -> Result<Found<'_>, ApiError> {
        if !is_well_encoded(path) {
            return Err(ApiError::invalid(
                "path",
                "The path has a '%' that is not followed by two hexadecimal digits.",
            ));
        }
        let path = self.in_known_case(path);
        let Ok(found) = self.paths.at(&path) else {
            return Err(ApiError::not_found(
                "There is no such operation at this path; check the address and the spelling.",
            ));
        };
        let Some(route) = found.value.iter().find(|route| route.operation.method.as_str() == method.as_str())
        else {
            let methods: Vec<&str> =
                found.value.iter().map(|route| route.operation.method.as_str()).collect();
            let mut error = ApiError::new(
                http::StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                format!("This path takes {} only.", methods.join(", ")),
            );
            error.allow = Some(methods.join(", ").into());
            return Err(error);
        };
        let mut parameters = Vec::with_capacity(found.params.len());
        for name in route.operation.path_parameters() {
            let raw = found.params.get(name).unwrap_or_default();
            let value = percent_decode(raw)
                .ok_or_else(|| ApiError::invalid(name, format!("The path parameter {name} is no UTF-8.")))?;
            parameters.push((name, value.into_owned()));
        }
        Ok((route, parameters))
    }
}

impl Router {
    /// `path` with its literals as they are registered, where their case is free.
    fn in_known_case<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let fits = |pattern: &str, segment: &str| {
            if pattern.starts_with('{') { !segment.is_empty() } else { pattern.eq_ignore_ascii_case(segment) }
        };
        // Every request comes by here: most patterns are left at their length.
        let length = segments_in(path);
        let known = self.case_insensitive.iter().find(|(known_length, known)| {
            *known_length == length
                && known.split('/').zip(path.split('/')).all(|(pattern, segment)| fits(pattern, segment))
        });
        let Some((_, known)) = known else { return Cow::Borrowed(path) };
        let segments = known.split('/').zip(path.split('/'));
        let segments = segments
            .map(|(pattern, segment)| if pattern.starts_with('{') { segment } else { pattern })
            .collect::<Vec<_>>();
        Cow::Owned(segments.join("/"))
    }
}

fn segments_in(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Allow, Method};

    const fn operation(id: &'static str, method: Method, path: &'static str) -> Operation {
        Operation::own(id, method, path, &[Allow::Anyone])
    }

    static GET: Operation = operation("Get", Method::Get, "/jobs/{jobId}");
    static PATCH: Operation = operation("Patch", Method::Patch, "/jobs/{jobId}");
    static CANCEL: Operation = operation("Cancel", Method::Post, "/jobs/{jobId}:cancel");
    static ISSUE: Operation = operation("Issue", Method::Post, "/identities/{id}/:issueAccessToken");
    static SEND: Operation = operation("Send", Method::Post, "/emails:send");

    static GROUP: Operation = Operation {
        is_case_insensitive: true,
        ..operation("Group", Method::Get, "/subscriptions/{id}/resourceGroups/{group}")
    };
    static PROVIDERS: Operation = Operation {
        is_case_insensitive: true,
        ..operation("Providers", Method::Get, "/subscriptions/{id}/providers/{namespace}")
    };
    static CHECK: Operation = Operation {
        is_case_insensitive: true,
        ..operation("Check", Method::Get, "/subscriptions/{id}/providers/Microsoft.Communication")
    };

    type Parameters = Vec<(&'static str, String)>;

    fn find(method: Method, path: &str) -> Result<(&'static str, Parameters), u16> {
        async fn answer(_: Arc<()>, _: Context) -> Result<Reply, ApiError> {
            Ok(Reply::empty(http::StatusCode::OK))
        }
        let mut routes = Routes::new();
        for operation in [&GET, &PATCH, &CANCEL, &ISSUE, &SEND, &GROUP, &PROVIDERS, &CHECK] {
            routes = routes.add(operation, &Arc::new(()), answer);
        }
        let router = Router::new(routes);
        router
            .find(&method.as_str().parse().expect("a method"), path)
            .map(|(route, parameters)| (route.operation.id, parameters))
            .map_err(|error| error.status.as_u16())
    }

    #[test]
    fn literals_behind_a_parameter_are_told_apart() {
        let job = |value: &str| vec![("jobId", value.to_owned())];
        assert_eq!(find(Method::Get, "/jobs/7"), Ok(("Get", job("7"))));
        assert_eq!(find(Method::Get, "/jobs/a%3Ab%40c"), Ok(("Get", job("a:b@c"))));
        assert_eq!(find(Method::Patch, "/jobs/7"), Ok(("Patch", job("7"))));
        assert_eq!(find(Method::Post, "/jobs/7:cancel"), Ok(("Cancel", job("7"))));
        assert_eq!(find(Method::Post, "/jobs/a:b:cancel"), Ok(("Cancel", job("a:b"))));
        assert_eq!(find(Method::Post, "/emails:send"), Ok(("Send", vec![])));
        let issue = find(Method::Post, "/identities/8:acs:x_y/:issueAccessToken");
        assert_eq!(issue, Ok(("Issue", vec![("id", "8:acs:x_y".to_owned())])));
    }

    #[test]
    fn literals_of_arm_are_found_in_any_case_and_values_keep_theirs() {
        let pairs = |pairs: &[(&'static str, &str)]| -> Parameters {
            pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        let group = pairs(&[("id", "S"), ("group", "resourcegroups")]);
        assert_eq!(find(Method::Get, "/Subscriptions/S/resourcegroups/resourcegroups"), Ok(("Group", group)));
        let check = find(Method::Get, "/subscriptions/S/PROVIDERS/microsoft.communication");
        assert_eq!(check, Ok(("Check", pairs(&[("id", "S")]))));
        let other = find(Method::Get, "/subscriptions/S/providers/Microsoft.Other");
        assert_eq!(other, Ok(("Providers", pairs(&[("id", "S"), ("namespace", "Microsoft.Other")]))));
        assert_eq!(find(Method::Get, "/JOBS/7"), Err(404));
    }

    #[test]
    fn unknown_paths_methods_and_encodings_are_refused() {
        assert_eq!(find(Method::Get, "/nothing"), Err(404));
        assert_eq!(find(Method::Delete, "/jobs/7"), Err(405));
        assert_eq!(find(Method::Get, "/jobs/7:cancel"), Err(405));
        assert_eq!(find(Method::Get, "/jobs/%zz"), Err(400));
        assert_eq!(find(Method::Get, "/jobs/%ff"), Err(400));
        assert_eq!(find(Method::Get, "/jobs/%"), Err(400));
    }
}
