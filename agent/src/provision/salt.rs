//! Masterless salt.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::salt_result::understand;
use super::{Context, Ended, Invocation, Outcome, ProvisionError, Provisioner, inside};
use crate::order::Salt;

impl Provisioner for Salt {
    fn invocation(&self, context: &Context<'_>) -> Result<Invocation, ProvisionError> {
        let scratch = context.folders.scratch.join("salt");
        let file = scratch.join("minion");
        let text = configuration(self, context, &scratch).to_string();
        fs::create_dir_all(&scratch)
            .and_then(|()| fs::write(&file, text))
            .map_err(|source| ProvisionError::Configuration { path: file, source })?;
        let scratch = scratch.display().to_string();
        let mut words = vec![self.program.clone(), "--local".to_owned()];
        words.extend(["--config-dir".to_owned(), scratch]);
        let fixed = ["--out=json", "--out-indent=-1", "--retcode-passthrough", "--log-level=warning"];
        words.extend(fixed.map(str::to_owned));
        words.push("state.apply".to_owned());
        if !self.apply.is_empty() {
            words.push(self.apply.join(","));
        }
        let environment = vec![("LANG".to_owned(), "C.UTF-8".to_owned())];
        Ok(Invocation { words, folder: context.folders.ops.clone(), environment, keeps_output: true })
    }

    fn understand(&self, ended: &Ended) -> Outcome {
        understand(ended)
    }
}

/// JSON is YAML. All that salt writes for itself goes to the scratch folder.
fn configuration(salt: &Salt, context: &Context<'_>, scratch: &Path) -> serde_json::Value {
    let (identity, ops) = (context.identity, &context.folders.ops);
    let own = |name: &str| scratch.join(name);
    json!({
        "id": identity.service,
        "master_type": "disable",
        "file_client": "local",
        "file_roots": { "base": [inside(ops, &salt.states)] },
        "pillar_roots": { "base": [inside(ops, &salt.pillar)] },
        "grains": {
            "role": identity.service,
            "service": identity.service,
            "service_sha": identity.service_sha,
            "ops_sha": identity.ops_sha,
            "service_folder": context.folders.service,
        },
        "cachedir": own("cache"),
        "pki_dir": own("pki"),
        "sock_dir": own("run"),
        "extension_modules": own("modules"),
        "log_file": own("log"),
        "log_level_logfile": "quiet",
        "enable_fqdns_grains": false,
        "enable_gpu_grains": false,
    })
}
