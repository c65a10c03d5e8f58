//! A container as a runtime makes one: files over an image, namespaces for mounts and processes, and the default capabilities.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ground::{bind, mount_new};

/// What containerd gives to a root that asks for nothing: `a80425fb`.
const CAPABILITIES: &str = "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,\
    +net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap";
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Files of a container, and its volume.
pub struct Container {
    folder: PathBuf,
}

impl Container {
    /// A new one over the files of an image, which stay as they are. `agent` is put on its volume.
    pub fn over(image: &Path, folder: &Path, agent: &[u8]) -> Self {
        let container = Self { folder: folder.to_owned() };
        for name in ["upper", "work", "root", "volume"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let at = |name: &str| folder.join(name).display().to_string();
        let options = format!("lowerdir={},upperdir={},workdir={}", image.display(), at("upper"), at("work"));
        mount_new("overlay", &container.root(), &options);
        fs::write(container.volume("slipway-agent"), agent).unwrap();
        fs::set_permissions(container.volume("slipway-agent"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(container.volume("token"), "secret\n").unwrap();
        fs::write(container.volume("hosts"), "127.0.0.1 localhost api local\n").unwrap();
        container
    }

    /// Its files as the image and all layers make them.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// A file of the volume, which is `/slipway` inside.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.folder.join("volume").join(name)
    }

    /// What the kubelet and the runtime add to the files. To be called once, when no layer comes any more.
    pub fn furnish(&self) {
        let root = self.root();
        mount_new("tmpfs", &root.join("dev"), "mode=0755");
        for device in DEVICES {
            bind(&Path::new("/dev").join(device), &root.join("dev").join(device));
        }
        symlink("/proc/self/fd", root.join("dev/fd")).unwrap();
        for (number, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
            symlink(format!("/proc/self/fd/{number}"), root.join("dev").join(name)).unwrap();
        }
        bind(&self.folder.join("volume"), &root.join("slipway"));
        bind(&self.volume("hosts"), &root.join("etc/hosts"));
    }

    /// A command as its first process.
    pub fn command(&self, words: &[&str]) -> Command {
        contained(&self.root(), words)
    }
}

/// A command as the first process of namespaces for mounts and processes, with these files. It ends with the thread that
/// starts it, and all that it started ends with it.
pub fn contained(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
    command.arg(format!("--mount-proc={}", root.join("proc").display()));
    command.args(["setpriv", "--inh-caps=-all", "--bounding-set", CAPABILITIES, "chroot"]).arg(root);
    command.args(words).env_clear().current_dir("/");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("LANG", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
