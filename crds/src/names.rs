//! Labels, annotations, finalizers and field managers. Changing one orphans what carries it.

/// Label: UID of the Slipway object that made this one, set by the request that created it.
pub const OWNER_UID: &str = "slipway.dev/owner-uid";
/// Label: name of the `GitSync` an object came from.
pub const GITSYNC: &str = "slipway.dev/gitsync";
/// Label: name of the `DevEnvironment` an object belongs to.
pub const ENVIRONMENT: &str = "slipway.dev/environment";
/// Label: namespace of that `DevEnvironment`, where its Fleet is.
pub const FLEET_NAMESPACE: &str = "slipway.dev/fleet-namespace";
/// Label: the service a workload runs.
pub const SERVICE: &str = "slipway.dev/service";
/// Label: the role of the service (`web`, `worker`, …).
pub const ROLE: &str = "slipway.dev/role";

/// Label on all that is made for builds: the fleet's namespace.
pub const BUILDS: &str = "slipway.dev/builds";
/// Label on the Jobs, pods and record of a build: the name of the `ServiceBuild`.
pub const BUILD: &str = "slipway.dev/build";

/// Label on a `ServiceBuild` that the operator made to try a commit of the ops repository: that commit.
pub const TRIAL: &str = "slipway.dev/trial";

/// Label on the Job and pod in which a person looks into a build that failed: the name of the `ServiceBuild`. The operator
/// leaves them alone.
pub const FAILED_BUILD: &str = "slipway.dev/failed-build";

/// Label on the Job, pods and result of an integration run: the generation it belongs to.
pub const RUN_GENERATION: &str = "slipway.dev/run-generation";

/// Label on pods that answer on the service's ports: the service's name.
pub const SERVES: &str = "slipway.dev/serves";

/// Label on pods that the agent brings up: the service whose image is built. They may ask the operator for sources.
pub const BUILT: &str = "slipway.dev/built";

/// Annotation: any new value asks for a reconcile now; answered by `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "slipway.dev/requestedAt";
/// Annotation: digest of what was declared when the object was last applied.
pub const DECLARED: &str = "slipway.dev/declared";
/// Annotation: the commit a workload runs.
pub const COMMIT: &str = "slipway.dev/commit";
/// Annotation: the commit of the ops repository that a workload, or a build, was made of.
pub const OPS_COMMIT: &str = "slipway.dev/ops-commit";
/// Annotation: the revision whose prune, held back by the mass-delete guard, is confirmed.
pub const CONFIRM_PRUNE: &str = "slipway.dev/confirm-prune";
/// Annotation on what a `GitSync` applies: `disabled` lets it stay when it is no longer declared.
pub const PRUNE: &str = "slipway.dev/prune";
/// Annotation on what a `GitSync` applies: `disabled` lets it alone, whatever is declared.
pub const RECONCILE: &str = "slipway.dev/reconcile";
/// The value of [`PRUNE`] and [`RECONCILE`] that means something.
pub const DISABLED: &str = "disabled";
/// Annotation on a `DevEnvironment`: RFC 3339 time until which its `ttl` does not end it.
pub const KEEP_UNTIL: &str = "slipway.dev/keep-until";
/// Annotation on a `DevEnvironment`: RFC 3339 time at which a person asked to stop it.
pub const STOPPED_AT: &str = "slipway.dev/stopped-at";
/// Start of an annotation on a `DevEnvironment`, the name of a service follows: RFC 3339 time at which a person asked to
/// restart the service's pods.
pub const RESTARTED_AT_PREFIX: &str = "slipway.dev/restarted-at.";
/// Annotation on pods: when a person last asked to restart them.
pub const RESTARTED_AT: &str = "slipway.dev/restarted-at";
/// Annotation on a `ServiceBuild`: RFC 3339 time at which a person asked to cancel it.
pub const CANCELLED_AT: &str = "slipway.dev/cancelled-at";
/// Annotation on a `DevEnvironment`: the command line tool made it (`start`, `test`).
pub const MADE_BY: &str = "slipway.dev/made-by";

/// Annotation on a `DevEnvironment`: the user who made it, as the API server knew them.
pub const REQUESTED_BY: &str = "slipway.dev/requested-by";

/// Finalizer of a `DevEnvironment`: its namespace is removed first.
pub const ENVIRONMENT_FINALIZER: &str = "slipway.dev/environment";
/// Finalizer of a `GitSync`: what it applied is pruned first.
pub const GITSYNC_FINALIZER: &str = "slipway.dev/gitsync";

/// Finalizer of a `ServiceBuild`: its Jobs are removed first.
pub const BUILD_FINALIZER: &str = "slipway.dev/build";

/// Field manager of what a `GitSync` applies.
pub const GITSYNC_MANAGER: &str = "slipway.dev/gitsync";
/// Field manager of what a `DevEnvironment` applies.
pub const ENVIRONMENT_MANAGER: &str = "slipway.dev/environment";
/// Field manager of what a `ServiceBuild` applies, and of `ServiceBuild`s that the operator makes.
pub const BUILD_MANAGER: &str = "slipway.dev/build";
/// Field manager of what the command line tool applies.
pub const CLI_MANAGER: &str = "slipway.dev/cli";
/// Field manager of every status.
pub const STATUS_MANAGER: &str = "slipway.dev/status";

/// Name of the copy of the Fleet's pull Secret in an environment's namespace.
pub const PULL_SECRET: &str = "slipway-pull";
/// Name of the copy of the Fleet's push Secret in the namespace of its builds.
pub const PUSH_SECRET: &str = "slipway-push";
/// Name of the operator's Deployment, Service and account, and what its pods are labelled with.
pub const OPERATOR: &str = "slipway-controller";

/// Name of the stateful pod, as a service others depend on.
pub const LOCAL: &str = "local";

/// Audience of the one-run token with which the agent delivers an integration result.
pub const RUN_AUDIENCE: &str = "slipway.dev/run";

/// Audience of the token with which the pods of a build, and those of a built service, read sources and tell how it went.
pub const BUILD_AUDIENCE: &str = "slipway.dev/builds";

/// Audience of the token with which a person shows that a plan of a namespace may be told to them.
pub const PLAN_AUDIENCE: &str = "slipway.dev/plan";
/// Service account of the namespace that the token is issued for.
pub const PLAN_ACCOUNT: &str = "default";
/// Header with that token: the API server keeps `Authorization` to itself.
pub const PLAN_HEADER: &str = "slipway-plan-token";
