//! Reasons of conditions: one `CamelCase` word each, never formatted.

/// Everything declared is applied.
pub const APPLIED: &str = "Applied";
/// Every service is ready.
pub const READY: &str = "EnvironmentReady";
/// Work is under way.
pub const PROGRESSING: &str = "Progressing";
/// A person paused it.
pub const SUSPENDED: &str = "Suspended";
/// The environment reached its `ttl`.
pub const EXPIRED: &str = "Expired";
/// A person stopped the environment.
pub const STOPPED: &str = "Stopped";
/// The integration run ended and its environment was removed.
pub const FINISHED: &str = "Finished";
/// The tests of an integration run failed, or could not say.
pub const INTEGRATION_FAILED: &str = "IntegrationFailed";
/// The object is being deleted.
pub const TERMINATING: &str = "Terminating";
/// The namespace does not go away.
pub const NAMESPACE_HANGS: &str = "NamespaceHangs";

/// The repository was read.
pub const FETCHED: &str = "Fetched";
/// The branch, tag or commit does not exist.
pub const REFERENCE_NOT_FOUND: &str = "ReferenceNotFound";
/// The git server refused the credentials.
pub const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
/// The git server could not be reached or answered nonsense.
pub const FETCH_FAILED: &str = "FetchFailed";
/// The branch no longer contains the last applied commit.
pub const HISTORY_REWRITTEN: &str = "HistoryRewritten";
/// The path does not exist in the revision.
pub const PATH_NOT_FOUND: &str = "PathNotFound";
/// The repository has no commits.
pub const REPOSITORY_EMPTY: &str = "RepositoryEmpty";
/// The repository exceeds a limit.
pub const TOO_LARGE: &str = "TooLarge";
/// The commit holds names that no repository may have.
pub const TREE_REFUSED: &str = "TreeRefused";
/// The URL's scheme is not allowed.
pub const URL_REFUSED: &str = "UrlRefused";
/// The commit is not signed as is asked for.
pub const SIGNATURE_REFUSED: &str = "SignatureRefused";
/// A file is not valid.
pub const INVALID_MANIFEST: &str = "InvalidManifest";
/// A kind is not allowed here.
pub const KIND_NOT_ALLOWED: &str = "KindNotAllowed";
/// The service account may not do what is asked of it, or the operator may not act for it.
pub const ACCOUNT_FORBIDDEN: &str = "AccountForbidden";
/// An object of that name exists and is not ours.
pub const CONFLICT: &str = "Conflict";
/// The API server refused an object.
pub const APPLY_FAILED: &str = "ApplyFailed";
/// Some objects could not be deleted.
pub const PRUNE_FAILED: &str = "PruneFailed";
/// The revision removes too much at once.
pub const PRUNE_HELD: &str = "PruneHeld";

/// There is no Fleet in the namespace.
pub const FLEET_NOT_FOUND: &str = "FleetNotFound";
/// There is more than one Fleet in the namespace.
pub const FLEET_AMBIGUOUS: &str = "FleetAmbiguous";
/// A profile is not in the Fleet.
pub const UNKNOWN_PROFILE: &str = "UnknownProfile";
/// A service has no `ServiceRepo`.
pub const UNKNOWN_SERVICE: &str = "UnknownService";
/// A machine or label is not in the Fleet.
pub const UNKNOWN_MACHINE: &str = "UnknownMachine";
/// Services depend on each other in a circle.
pub const DEPENDENCY_CYCLE: &str = "DependencyCycle";
/// The spec contradicts itself or the Fleet.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// The Fleet's pull Secret does not exist.
pub const PULL_SECRET_NOT_FOUND: &str = "PullSecretNotFound";
/// The Fleet's pull Secret cannot be read or understood.
pub const PULL_SECRET_INVALID: &str = "PullSecretInvalid";
/// The image does not exist yet.
pub const IMAGE_NOT_FOUND: &str = "ImageNotFound";
/// The image is built.
pub const IMAGE_BUILT: &str = "ImageBuilt";
/// The image is being built.
pub const IMAGE_BUILDING: &str = "ImageBuilding";
/// The image could not be built.
pub const BUILD_FAILED: &str = "BuildFailed";
/// The build was cancelled.
pub const CANCELLED: &str = "Cancelled";
/// The Fleet does not say what images are built of.
pub const NO_BASE: &str = "NoBase";
/// A newer commit of the ops repository is tried with every service.
pub const OPS_TRIAL: &str = "OpsTrial";
/// A service cannot be built with the newest commit of the ops repository.
pub const OPS_TRIAL_FAILED: &str = "OpsTrialFailed";
/// The registry could not be asked.
pub const REGISTRY_FAILED: &str = "RegistryFailed";
/// A pod is not ready.
pub const POD_NOT_READY: &str = "PodNotReady";
/// No free address block is left.
pub const ADDRESSES_EXHAUSTED: &str = "AddressesExhausted";
/// The operator failed; it tries again by itself.
pub const INTERNAL_ERROR: &str = "InternalError";
