//! The image of a build, as environments see it, and how they ask for one.

use kube::api::PostParams;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};
use slipway_crds::v1alpha1::{BuildInputs, ServiceBuild, ServiceBuildSpec};
use slipway_crds::{names, reasons};
use slipway_plan::build::stale::Fresh;
use slipway_plan::build::{inputs, seen};
use slipway_plan::environment::resolve::{FoundDigest, Resolved, ResolvedService, Unavailable};
use slipway_plan::service_name::ServiceName;
use tracing::info;

use crate::context::Context;
use crate::error::Error;

/// The image that the build of this name made, or how far it is.
pub fn built(context: &Context, namespace: &str, name: &str) -> FoundDigest {
    let Some(build) = context.stores.builds.get(&ObjectRef::new(name).within(namespace)) else {
        let message = format!("build {name} is being asked for");
        return FoundDigest::NotBuilt(Unavailable { reason: reasons::IMAGE_BUILDING, message });
    };
    seen::image(name, build.status.as_ref())
}

/// Asks for the builds that an environment waits for, or whose lack costs it too much time, and that nobody has asked for:
/// their names make many asking one.
pub async fn ask(
    context: &Context,
    namespace: &str,
    resolved: &Resolved,
    stale: &[Fresh],
) -> Result<(), Error> {
    for service in resolved.services.iter().chain(&resolved.under_test) {
        if let Some((name, inputs)) = missing(context, namespace, service, stale) {
            create(context, namespace, &name, spec(&service.name, inputs), None).await?;
        }
    }
    Ok(())
}

fn missing<'a>(
    context: &Context,
    namespace: &str,
    service: &'a ResolvedService,
    stale: &[Fresh],
) -> Option<(String, &'a BuildInputs)> {
    let inputs = service.inputs.as_ref()?;
    let is_stale = stale.iter().any(|fresh| fresh.service == service.name.as_str());
    if !matches!(service.image, FoundDigest::NotBuilt(_)) && !service.stands_in && !is_stale {
        return None;
    }
    let name = inputs::name(&service.name, inputs);
    let is_there = context.stores.builds.get(&ObjectRef::new(&name).within(namespace)).is_some();
    (!is_there).then_some((name, inputs))
}

fn spec(service: &ServiceName, inputs: &BuildInputs) -> ServiceBuildSpec {
    ServiceBuildSpec {
        service: service.to_string(),
        commit: inputs.commit.clone(),
        ops_commit: Some(inputs.ops_commit.clone()),
    }
}

/// Makes a build, unless somebody else made it. It may carry one more label.
pub(super) async fn create(
    context: &Context,
    namespace: &str,
    name: &str,
    spec: ServiceBuildSpec,
    label: Option<(String, String)>,
) -> Result<(), Error> {
    let mut build = ServiceBuild::new(name, spec);
    build.labels_mut().insert(names::BUILDS.to_owned(), namespace.to_owned());
    build.labels_mut().extend(label);
    let api: Api<ServiceBuild> = Api::namespaced(context.client.clone(), namespace);
    let params = PostParams { field_manager: Some(names::BUILD_MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, &build).await {
        Ok(_) => {
            info!(build = name, namespace, "asked for a build");
            Ok(())
        }
        // Another environment was first, or our cache is old.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(source) => Err(Error::Write { verb: "create", what: format!("ServiceBuild {name}"), source }),
    }
}
