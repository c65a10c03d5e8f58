//! What a new service begins with. The files are in `cli/scaffold`, under the name `new-service`.

use slipway_plan::service_name::ServiceName;

/// The folder of the ops repository, beside that of the service.
pub const OPS: &str = "ops";
/// The folder of the fleet's repository.
pub const FLEET: &str = "fleet";
/// The name that the files have for it.
const NAME: &str = "new-service";
/// Where the files say that the repository is.
const REPOSITORY: &str = "https://git.example.com/team/new-service.git";

/// By path, relative to the folder of the service's repository.
const OF_SERVICE: [(&str, &str); 4] = [
    (".gitignore", include_str!("../../../scaffold/service/.gitignore")),
    ("manifest.yaml", include_str!("../../../scaffold/service/manifest.yaml")),
    ("server.py", include_str!("../../../scaffold/service/server.py")),
    ("test_server.py", include_str!("../../../scaffold/service/test_server.py")),
];
const STATES: &str = include_str!("../../../scaffold/ops/states/new-service/init.sls");
const TOP: &str = include_str!("../../../scaffold/ops/states/top.sls");
const OBJECT: &str = include_str!("../../../scaffold/fleet/services/new-service.yaml");

/// The files of one new service.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its name.
    pub service: ServiceName,
    /// Where its repository is, or will be.
    pub repository: String,
    /// Files by path.
    pub files: Vec<(String, String)>,
    /// The file that says which states make which service. One that is there already is somebody's.
    pub top: (String, String),
}

impl Seed {
    /// The files of a service whose repository is there; an error says what is wrong with the URL.
    pub fn of(service: &ServiceName, repository: Option<&str>) -> Result<Self, String> {
        let named = |text: &str| text.replace(NAME, service.as_str());
        let repository = match repository {
            Some(url) if is_url(url) => url.to_owned(),
            Some(url) => {
                return Err(format!(
                    "`{url}` is not where a repository is: write https://HOST/PATH without a user, or ssh://USER@HOST/PATH"
                ));
            }
            None => named(REPOSITORY),
        };
        let mut files: Vec<_> =
            OF_SERVICE.iter().map(|(path, text)| (format!("{service}/{path}"), named(text))).collect();
        files.push((format!("{OPS}/states/{service}/init.sls"), named(STATES)));
        files.push((
            format!("{FLEET}/services/{service}.yaml"),
            OBJECT.replace(REPOSITORY, &repository).replace(NAME, service.as_str()),
        ));
        let top = (format!("{OPS}/states/top.sls"), named(TOP));
        Ok(Self { service: service.clone(), repository, files, top })
    }
}

/// In the words of a `ServiceRepo`'s schema, and safe to write into a file.
fn is_url(url: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"\"'`\\<>{}|^".contains(c);
    let (host, user_allowed) = match url.split_once("://") {
        Some(("http" | "https", rest)) => (rest, false),
        Some(("ssh", rest)) => (rest, true),
        _ => return false,
    };
    let Some((host, path)) = host.split_once('/') else { return false };
    let has_user = host.contains('@');
    url.chars().all(plain) && !host.is_empty() && !path.is_empty() && (user_allowed || !has_user)
}

#[cfg(test)]
mod tests {
    use slipway_crds::v1alpha1::ServiceRepo;
    use slipway_plan::{manifest, yaml};

    use super::*;

    fn seed(repository: Option<&str>) -> Result<Seed, String> {
        Seed::of(&ServiceName::parse("greeter").unwrap(), repository)
    }

    fn file(seed: &Seed, path: &str) -> String {
        seed.files.iter().find(|(name, _)| name == path).unwrap().1.clone()
    }

    #[test]
    fn the_operator_reads_what_was_made() {
        let seed = seed(Some("ssh://git@git.example.com/team/greeter.git")).unwrap();
        let text = file(&seed, "greeter/manifest.yaml");
        let parsed = manifest::parse(&seed.service, text.as_bytes()).unwrap();
        assert!(parsed.image.is_none() && parsed.unit.is_some(), "{text}");
        let text = file(&seed, "fleet/services/greeter.yaml");
        let object: ServiceRepo = yaml::parse_typed("greeter.yaml", text.as_bytes()).unwrap();
        assert_eq!(object.metadata.name.as_deref(), Some("greeter"));
        assert_eq!(object.spec.url, "ssh://git@git.example.com/team/greeter.git");
    }

    #[test]
    fn no_file_is_of_another_service() {
        let seed = seed(None).unwrap();
        for (path, text) in seed.files.iter().chain([&seed.top]) {
            assert!(!path.contains(NAME) && !text.contains(NAME), "{path}: {text}");
        }
    }

    #[test]
    fn only_urls_of_repositories_are_taken() {
        for good in ["http://git.test/a.git", "https://h/p", "ssh://git@h:22/p.git", "ssh://h/p"] {
            assert!(is_url(good), "{good}");
        }
        let bad = [
            "",
            "greeter",
            "git@h:p.git",
            "https://u:p@h/p",
            "https://h",
            "https:///p",
            "file:///srv/git",
            "https://h/p\n- a",
        ];
        for bad in bad {
            assert!(!is_url(bad), "{bad}");
        }
        assert!(seed(Some("greeter")).unwrap_err().starts_with("`greeter` is not where"));
    }
}
