//! With whose rights a `GitSync` applies and prunes.

use slipway_crds::reasons;
use slipway_crds::v1alpha1::GitSync;

use super::kinds;
use super::source::Failure;

/// The longest name of a service account.
const NAME_LIMIT: usize = 253;

/// With whose rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// The operator's own: for Slipway's kinds only.
    Operator,
    /// Those of a service account.
    Service {
        /// Its namespace: the `GitSync`'s own.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Account {
    /// Whose rights count. A name that is none, and kinds for which the operator's rights must not be used, are a failure:
    /// nothing is done with the operator's rights instead.
    pub fn of(sync: &GitSync) -> Result<Self, Failure> {
        let namespace = sync.metadata.namespace.clone().unwrap_or_default();
        match &sync.spec.service_account_name {
            Some(name) if is_name(name) => Ok(Self::Service { namespace, name: name.clone() }),
            Some(name) => Err(invalid(format!(
                "serviceAccountName `{}` is no name of a service account in {namespace}: nothing is applied",
                name.escape_debug()
            ))),
            None => match kinds::concerned(sync).first() {
                None => Ok(Self::Operator),
                Some(kind) => Err(invalid(format!(
                    "{kind} is not Slipway's and is applied with the rights of a service account only: set serviceAccountName"
                ))),
            },
        }
    }

    /// The user that the API server knows it by; none for the operator itself.
    pub fn user(&self) -> Option<String> {
        match self {
            Self::Operator => None,
            Self::Service { namespace, name } => Some(format!("system:serviceaccount:{namespace}:{name}")),
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure { reason: reasons::INVALID_SPEC, message, needs_a_person: true }
}

/// Whether it is a DNS subdomain: no colon can name another namespace, no slash another path.
fn is_name(name: &str) -> bool {
    let is_plain = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    name.len() <= NAME_LIMIT && name.split('.').all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(name: &Value, kinds: &Value) -> Result<Account, Failure> {
        let mut sync = json!({"metadata": {"name": "fleet", "namespace": "platform"}, "spec": {"url": "http://git/fleet.git"}});
        sync["spec"]["serviceAccountName"] = name.clone();
        sync["spec"]["allowedKinds"] = kinds.clone();
        Account::of(&serde_json::from_value(sync).unwrap())
    }

    #[test]
    fn the_account_is_one_of_the_same_namespace() {
        let account = of(&json!("fleet.deployer-1"), &Value::Null).unwrap();
        assert_eq!(account.user().as_deref(), Some("system:serviceaccount:platform:fleet.deployer-1"));
    }

    #[test]
    fn an_odd_name_never_means_the_operators_rights() {
        let odd = [
            "",
            " ",
            "kube-system:admin",
            "kube-system/admin",
            "../a",
            "A",
            "-a",
            "a-",
            "a..b",
            ".",
            "ä",
            "a\n",
            "a b",
        ];
        for name in odd.into_iter().chain([&*"a".repeat(254)]) {
            let failure = of(&json!(name), &Value::Null).unwrap_err();
            assert_eq!(failure.reason, reasons::INVALID_SPEC, "{name}");
            assert!(failure.needs_a_person, "{name}");
        }
    }

    #[test]
    fn other_kinds_want_an_account() {
        let kinds = json!([{"apiVersion": "v1", "kind": "ConfigMap"}]);
        let failure = of(&Value::Null, &kinds).unwrap_err();
        assert!(failure.message.starts_with("ConfigMap of v1 is not Slipway's"), "{}", failure.message);
        assert!(of(&json!("deployer"), &kinds).is_ok());
        assert_eq!(of(&Value::Null, &Value::Null), Ok(Account::Operator));
    }

    #[test]
    fn objects_of_other_kinds_want_an_account_when_none_may_be_made_any_more() {
        let sync = json!({
            "metadata": {"name": "fleet", "namespace": "platform"},
            "spec": {"url": "http://git/fleet.git"},
            "status": {"inventory": [{"apiVersion": "v1", "kind": "Secret", "name": "a", "uid": "u"}]},
        });
        assert!(Account::of(&serde_json::from_value(sync).unwrap()).is_err());
    }
}
