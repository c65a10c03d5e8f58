//! What is the node's own, and what stays the host's.

use slipway_cluster::Mode;

use crate::workload::{cluster, run};

#[tokio::test]
async fn a_command_runs_in_the_node_s_own_network() {
    let cluster = cluster(Mode::Full).await;
    let addresses = run(&cluster, &["ip", "-brief", "address", "show", "slipway0"]).await;
    assert!(addresses.contains("10.87.0.1/24"), "{addresses}");
    let names = run(&cluster, &["getent", "hosts", "registry.slipway.test", "any.slipway.test"]).await;
    assert_eq!(names.matches("10.87.0.1").count(), 2, "{names}");
}

#[tokio::test]
async fn the_host_s_kernel_settings_stay_as_they_are() {
    let setting = "/proc/sys/kernel/panic";
    let before = std::fs::read_to_string(setting).unwrap();
    let cluster = cluster(Mode::Full).await;
    assert_eq!(std::fs::read_to_string(setting).unwrap(), before);
    let mounts = run(&cluster, &["cat", "/proc/self/mountinfo"]).await;
    assert!(mounts.contains(setting), "the kubelet writes to a file of its own: {mounts}");
}
