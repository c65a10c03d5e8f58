//! What a bad server or a bad line does to answers.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header;
use axum::response::Response;
use futures::stream;

/// One way to answer badly.
#[derive(Clone, Debug)]
pub enum Tamper {
    /// A pack ends after this many thousandths of it.
    Cut(usize),
    /// One bit of a pack is another, so many thousandths into it.
    Flip(usize),
    /// The list of references never ends.
    EndlessReferences,
    /// The list of references comes one byte at a time.
    SlowReferences,
    /// A pack comes one byte at a time.
    SlowPack,
    /// Answers are of another type.
    ContentType(&'static str),
    /// This is the whole answer.
    Text(&'static str),
    /// The first commit is called by the name of the second, which does not exist.
    Lie(String, String),
}

impl Tamper {
    /// The request as it reaches the repository.
    pub fn request(&self, body: &Bytes) -> Bytes {
        match self {
            Self::Lie(is, said) => replaced(body, said, is),
            _ => body.clone(),
        }
    }

    /// The answer as it leaves.
    pub async fn answer(self, is_pack: bool, answer: Response) -> Response {
        let (mut parts, body) = answer.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = match (self, is_pack) {
            (Self::Cut(at), true) => Body::from(bytes.slice(..bytes.len() * at / 1000)),
            (Self::Flip(at), true) => {
                let mut bytes = bytes.to_vec();
                let at = bytes.len() * at / 1000;
                bytes[at] ^= 0x10;
                Body::from(bytes)
            }
            (Self::EndlessReferences, false) => endless(),
            (Self::SlowReferences, false) | (Self::SlowPack, true) => slowly(bytes),
            (Self::ContentType(kind), _) => {
                parts.headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
                Body::from(bytes)
            }
            (Self::Text(text), _) => Body::from(text),
            (Self::Lie(is, said), false) => Body::from(replaced(&bytes, &is, &said)),
            _ => Body::from(bytes),
        };
        Response::from_parts(parts, body)
    }
}

fn replaced(bytes: &Bytes, from: &str, to: &str) -> Bytes {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes.into()
}

fn endless() -> Body {
    let lines = stream::unfold(0_u64, |count| async move {
        let line = |count: u64| {
            let text = format!("{count:040x} refs/heads/branch-{count:020}\n");
            format!("{:04x}{text}", text.len() + 4)
        };
        let many: String = (count..count + 1000).map(line).collect();
        Some((
            if count == 0 { format!("001e# service=git-upload-pack\n0000{many}") } else { many },
            count + 1000,
        ))
    });
    Body::from_stream(futures::StreamExt::map(lines, Ok::<_, Infallible>))
}

fn slowly(bytes: Bytes) -> Body {
    let bytes = stream::unfold((bytes, 0), |(bytes, at)| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        (at < bytes.len()).then(|| (Ok::<_, Infallible>(bytes.slice(at..=at)), (bytes.clone(), at + 1)))
    });
    Body::from_stream(bytes)
}
