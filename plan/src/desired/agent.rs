//! The agent in a pod: how it gets there, and with which token it asks and tells.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, ProjectedVolumeSource, ResourceRequirements,
    SeccompProfile, SecurityContext, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};

use super::integration::AgentSettings;
use super::pod;

/// Where the agent is in a pod's containers.
pub const PROGRAM: &str = "/slipway/agent";
/// File with the token.
pub const TOKEN_FILE: &str = "/var/run/secrets/slipway.dev/token";
/// Volume with the agent, and where it is mounted.
const AGENT: &str = "agent";
const AGENT_FOLDER: &str = "/slipway";
/// Volume with the token, and where it is mounted.
const TOKEN: &str = "token";
const TOKEN_FOLDER: &str = "/var/run/secrets/slipway.dev";
/// Life of one token; the kubelet renews it in time.
const TOKEN_SECONDS: i64 = 3_600;
/// The agent's own image runs as this user.
const AGENT_USER: i64 = 65_532;

/// The agent runs a shell command, and delivers its result and the reports that the glob names.
pub fn run(url: &str, glob: Option<&str>, shell: &str) -> Vec<String> {
    let mut command = vec![PROGRAM.to_owned(), "run".to_owned()];
    command.extend(["--url", url, "--token-file", TOKEN_FILE].map(str::to_owned));
    command.extend(glob.into_iter().flat_map(|glob| ["--glob".to_owned(), pod::literal(glob)]));
    command.push("--".to_owned());
    command.extend(pod::shell(shell));
    command
}

/// Copies the agent, a static program, to where the other containers find it.
pub fn build_installer(agent: &AgentSettings, resources: Option<ResourceRequirements>) -> Container {
    Container {
        name: "install-agent".to_owned(),
        image: Some(agent.image.clone()),
        command: Some(["/slipway-agent", "install", PROGRAM].map(str::to_owned).into()),
        volume_mounts: Some(vec![mount(AGENT, AGENT_FOLDER, false)]),
        resources,
        security_context: Some(restricted()),
        ..Container::default()
    }
}

/// What pod security *restricted* asks of a container.
pub fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        run_as_user: Some(AGENT_USER),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..SecurityContext::default()
    }
}

/// The runtime's default capabilities but for raw sockets, and no way to more.
pub fn root_inside() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["NET_RAW".to_owned()]) }),
        run_as_user: Some(0),
        run_as_group: Some(0),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..SecurityContext::default()
    }
}

/// A volume in a container.
pub fn mount(volume: &str, folder: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: folder.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// The agent in a container.
pub fn program_mount() -> VolumeMount {
    mount(AGENT, AGENT_FOLDER, true)
}

/// The token in a container.
pub fn token_mount() -> VolumeMount {
    mount(TOKEN, TOKEN_FOLDER, true)
}

/// The volume that the agent is copied to.
pub fn build_program_volume() -> Volume {
    build_empty_volume(AGENT)
}

/// An empty volume that lives as long as its pod.
pub fn build_empty_volume(name: &str) -> Volume {
    let empty_dir = Some(EmptyDirVolumeSource::default());
    Volume { name: name.to_owned(), empty_dir, ..Volume::default() }
}

/// A token for one audience: it is refused by everything else, the API server included.
pub fn build_token_volume(audience: &str) -> Volume {
    let token = ServiceAccountTokenProjection {
        audience: Some(audience.to_owned()),
        expiration_seconds: Some(TOKEN_SECONDS),
        path: TOKEN.to_owned(),
    };
    let source = VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() };
    let projected = ProjectedVolumeSource { sources: Some(vec![source]), default_mode: None };
    Volume { name: TOKEN.to_owned(), projected: Some(projected), ..Volume::default() }
}
