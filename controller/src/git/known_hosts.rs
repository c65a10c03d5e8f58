//! Whether an ssh server is the one that was meant: by lines of `known_hosts`, and never by trust at first sight.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One line: for which hosts, and which key.
struct Line<'a> {
    is_revoked: bool,
    hosts: &'a str,
    kind: &'a str,
    key: Vec<u8>,
}

/// Checks the key that a host showed, in the form in which it goes over the wire.
pub(super) fn check(known: &str, host: &str, port: u16, shown: &[u8]) -> Result<(), String> {
    let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
    let lines: Vec<Line<'_>> = known.lines().filter_map(parse).collect();
    let about: Vec<&Line<'_>> = lines.iter().filter(|line| is_about(line.hosts, &name)).collect();
    if shown.is_empty() || about.iter().any(|line| line.is_revoked && line.key == shown) {
        return Err(format!("the key that {name} showed is revoked"));
    }
    if about.iter().any(|line| !line.is_revoked && line.key == shown) {
        return Ok(());
    }
    let kinds: Vec<&str> = about.iter().map(|line| line.kind).collect();
    Err(match (kinds.is_empty(), lines.iter().any(|line| line.hosts.starts_with("|1|"))) {
        (false, _) => {
            format!("{name} showed another key ({}) than those known ({})", kind(shown), kinds.join(", "))
        }
        (true, true) => {
            format!("{name} is not known; hashed names are not read: use `ssh-keyscan` without `-H`")
        }
        (true, false) => format!("{name} is not known"),
    })
}

fn parse(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    let mut words = line.split_ascii_whitespace();
    let first = words.next().filter(|word| !word.starts_with('#'))?;
    let (is_revoked, hosts) = match first {
        "@revoked" => (true, words.next()?),
        // A certificate authority's key is no host's.
        marker if marker.starts_with('@') => return None,
        hosts => (false, hosts),
    };
    let kind = words.next()?;
    Some(Line { is_revoked, hosts, kind, key: STANDARD.decode(words.next()?).ok()? })
}

fn is_about(hosts: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in hosts.split(',') {
        match pattern.strip_prefix('!') {
            Some(other) if matches(other.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `*` stands for any text, `?` for one character. Linear but for the last star, which is enough: names are short.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&text[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((star_at, star_seen)) = star else { return false };
                star = Some((star_at, star_seen + 1));
                at = star_at + 1;
                seen = star_seen + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The name of a key's kind, which the key itself starts with.
fn kind(key: &[u8]) -> String {
    let length = key.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)) as usize;
    let name = key.get(4..4_usize.saturating_add(length)).and_then(|name| std::str::from_utf8(name).ok());
    name.filter(|name| name.len() < 64 && name.is_ascii()).unwrap_or("of no known kind").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIH1uAIMsfHb8W/6jGYcvOQ9ODw+1UXyF2xH3YcHvyXYm";

    fn key() -> Vec<u8> {
        STANDARD.decode(KEY).unwrap()
    }

    fn checked(hosts: &str, name: &str, port: u16) -> Result<(), String> {
        check(&format!("# a comment\n\n{hosts} ssh-ed25519 {KEY} somebody\n"), name, port, &key())
    }

    #[test]
    fn a_host_is_known_by_its_name_its_port_and_patterns() {
        for (hosts, port) in [
            ("git.example.com", 22),
            ("other,git.example.com", 22),
            ("GIT.example.com", 22),
            ("*.example.com", 22),
            ("g?t.*", 22),
            ("[git.example.com]:2222", 2222),
        ] {
            assert_eq!(checked(hosts, "git.example.com", port), Ok(()), "{hosts}");
        }
    }

    #[test]
    fn any_other_host_is_not() {
        for (hosts, port) in [
            ("git.example.com", 2222),
            ("[git.example.com]:2222", 22),
            ("example.com", 22),
            ("*.example.com,!git.example.com", 22),
            ("@cert-authority *", 22),
            ("@revoked *", 22),
            ("|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", 22),
        ] {
            assert!(checked(hosts, "git.example.com", port).is_err(), "{hosts}");
        }
        assert!(check("", "git.example.com", 22, &key()).is_err());
        assert!(check("git.example.com ssh-ed25519 ", "git.example.com", 22, &[]).is_err());
    }

    #[test]
    fn another_key_is_named_by_its_kind() {
        let other = "git.example.com ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ==";
        assert_eq!(
            check(other, "git.example.com", 22, &key()).unwrap_err(),
            "git.example.com showed another key (ssh-ed25519) than those known (ssh-rsa)"
        );
    }
}
