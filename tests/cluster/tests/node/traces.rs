//! What a cluster could leave on the machine.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that belongs to the cluster with this id: processes by their command line, control group or mounts; control
/// groups; files; and links of the host that only a node makes.
pub(crate) fn of(id: &str) -> Vec<String> {
    let mut traces = processes(id);
    traces.extend(cgroups(id).into_iter().chain(files(id)).map(|path| path.display().to_string()));
    traces.extend(links());
    traces
}

fn processes(id: &str) -> Vec<String> {
    let numbered = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        Some(path)
    });
    numbered
        .filter(|path| !path.ends_with(std::process::id().to_string()))
        .filter(|path| {
            ["cmdline", "cgroup", "mountinfo"]
                .iter()
                .any(|file| fs::read(path.join(file)).is_ok_and(|text| contains(&text, id)))
        })
        .map(|path| format!("process {}", path.display()))
        .collect()
}

fn contains(text: &[u8], id: &str) -> bool {
    text.windows(id.len()).any(|window| window == id.as_bytes())
}

fn cgroups(id: &str) -> Vec<PathBuf> {
    let name = format!("slipway-{id}");
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
    hierarchies
        .map(|hierarchy| hierarchy.join(&name))
        .chain([PathBuf::from("/sys/fs/cgroup").join(&name)])
        .filter(|group| group.exists())
        .collect()
}

fn files(id: &str) -> Option<PathBuf> {
    let home = std::env::var("HOME").unwrap();
    Some(PathBuf::from(home).join(".cache/slipway/clusters").join(id)).filter(|folder| folder.exists())
}

fn links() -> Vec<String> {
    let names = fs::read_dir("/sys/class/net").unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("slipway")).map(|name| format!("link {name}")).collect()
}

/// Waits until nothing is left, and says what is when that never comes.
pub(crate) async fn are_gone(id: &str) {
    let gone = async {
        while !of(id).is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), gone).await.is_ok();
    assert!(in_time, "left behind: {:?}", of(id));
}
