//! From files to objects. A file with a mistake stops its own objects and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use slipway_crds::{names, reasons};

use super::kind;
use super::kinds::Kinds;
use crate::object::{Object, ObjectKey};
use crate::yaml::{self, Document, YamlError};

/// A file of the revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the root of the repository.
    pub path: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It has this many bytes and was not read.
    TooLarge(usize),
}

/// Whether a file of this path is read at all.
pub fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    extension.is_some_and(|(_, extension)| ["yaml", "yml", "json"].contains(&extension))
}

/// Whose files they are.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// Namespace of the `GitSync`: the only one it writes to.
    pub namespace: &'a str,
    /// Name of the `GitSync`.
    pub name: &'a str,
    /// UID of the `GitSync`.
    pub uid: &'a str,
    /// The kinds that it may apply.
    pub kinds: &'a Kinds,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// One word of [`reasons`].
    pub reason: &'static str,
    /// Where and what.
    pub error: YamlError,
}

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Objects of the files without a mistake, in the order in which they are applied.
    pub objects: Vec<Object>,
    /// Objects of the files with one: they stay as they are.
    pub held: BTreeSet<ObjectKey>,
    /// The mistakes, by file and line.
    pub mistakes: Vec<Mistake>,
    /// The files with a mistake.
    pub bad_files: BTreeSet<String>,
    /// Which file declares which object.
    pub origins: BTreeMap<ObjectKey, String>,
    /// In which line of it.
    pub lines: BTreeMap<ObjectKey, u64>,
    /// Whether it is known of every file which objects it declares.
    pub is_complete: bool,
}

impl Reading {
    /// Whether the files declare nothing at all.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.held.is_empty()
    }
}

/// Reads all files of a revision; their order does not matter.
pub fn read(files: &[File], home: &Home<'_>) -> Reading {
    let mut parsed: Vec<Parsed> = files.iter().map(|file| Parsed::of(file, home)).collect();
    parsed.sort_by(|left, right| left.path.cmp(&right.path));
    refuse_twice(&mut parsed);
    let mut reading = Reading { is_complete: true, ..Reading::default() };
    for file in parsed {
        reading.is_complete &= file.is_complete;
        reading.lines.extend(file.entries.iter().map(|entry| (entry.key.clone(), entry.line)));
        reading.origins.extend(file.entries.iter().map(|entry| (entry.key.clone(), entry.file.clone())));
        if file.mistakes.is_empty() {
            reading.objects.extend(file.entries.into_iter().filter_map(|entry| entry.object));
        } else {
            reading.held.extend(file.entries.into_iter().map(|entry| entry.key));
            reading.bad_files.insert(file.path);
            reading.mistakes.extend(file.mistakes);
        }
    }
    in_order(&mut reading.objects);
    reading.mistakes.sort_by(|left, right| left.error.cmp(&right.error));
    reading
}

/// What the files say after a commit that changed some of them: the same as [`read`] says of all files, without reading those
/// that are as they were. None when one file's mistake may be another one's: then all files have to be read.
pub fn read_changes(before: Reading, changed: &[File], gone: &[String], home: &Home<'_>) -> Option<Reading> {
    let news = read(changed, home);
    if !before.mistakes.is_empty() || !news.mistakes.is_empty() {
        return None;
    }
    let outdated: BTreeSet<&String> = gone.iter().chain(changed.iter().map(|file| &file.path)).collect();
    let is_left = |file: &String| !outdated.contains(file);
    let mut reading = before;
    let origins = &reading.origins;
    reading.objects.retain(|object| origins.get(&object.key).is_some_and(is_left));
    reading.origins.retain(|_, file| is_left(file));
    let origins = &reading.origins;
    reading.lines.retain(|key, _| origins.contains_key(key));
    if news.origins.keys().any(|key| reading.origins.contains_key(key)) {
        return None;
    }
    reading.origins.extend(news.origins);
    reading.lines.extend(news.lines);
    reading.objects.extend(news.objects);
    in_order(&mut reading.objects);
    Some(reading)
}

fn in_order(objects: &mut [Object]) {
    objects.sort_by_cached_key(|object| (kind::rank(&object.key), object.key.clone()));
}

/// A file, document by document.
struct Parsed {
    path: String,
    entries: Vec<Entry>,
    mistakes: Vec<Mistake>,
    is_complete: bool,
}

struct Entry {
    key: ObjectKey,
    file: String,
    line: u64,
    /// None when the document has a mistake.
    object: Option<Object>,
}

impl Parsed {
    fn of(file: &File, home: &Home<'_>) -> Self {
        let path = file.path.clone();
        let mut parsed = Self { path, entries: Vec::new(), mistakes: Vec::new(), is_complete: true };
        match documents(file) {
            Ok(documents) => documents.iter().for_each(|document| parsed.take(document, home)),
            Err(error) => parsed.unreadable(error),
        }
        parsed
    }

    fn unreadable(&mut self, error: YamlError) {
        self.is_complete = false;
        self.mistakes.push(Mistake { reason: reasons::INVALID_MANIFEST, error });
    }

    fn take(&mut self, document: &Document<'_>, home: &Home<'_>) {
        let key = match identify(document, home) {
            Ok(key) => key,
            Err(error) => return self.unreadable(error),
        };
        let object = match object(document, &key, home) {
            Ok(object) => Some(object),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        };
        self.entries.push(Entry { key, file: document.file.to_owned(), line: document.line, object });
    }
}

fn documents(file: &File) -> Result<Vec<Document<'_>>, YamlError> {
    match &file.content {
        Content::Bytes(bytes) => yaml::parse_documents(&file.path, bytes),
        Content::TooLarge(size) => {
            let limit = yaml::FILE_LIMIT;
            Err(YamlError::of_file(&file.path, format!("has {size} bytes, more than {limit}")))
        }
    }
}

/// Which object a document is about; without a namespace, the `GitSync`'s is meant.
fn identify(document: &Document<'_>, home: &Home<'_>) -> Result<ObjectKey, YamlError> {
    let text = |value: &Value, field: &str| match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(document.error(format!("`{field}` is missing or no text"))),
    };
    let value = &document.value;
    let namespace = value["metadata"]["namespace"].as_str().unwrap_or(home.namespace).to_owned();
    Ok(ObjectKey {
        api_version: text(&value["apiVersion"], "apiVersion")?,
        kind: text(&value["kind"], "kind")?,
        namespace: Some(namespace),
        name: text(&value["metadata"]["name"], "metadata.name")?,
    })
}

fn object(document: &Document<'_>, key: &ObjectKey, home: &Home<'_>) -> Result<Object, Mistake> {
    if let Some(why) = home.kinds.refusal(&key.into()) {
        return Err(Mistake { reason: reasons::KIND_NOT_ALLOWED, error: document.error(why) });
    }
    let invalid = |error| Mistake { reason: reasons::INVALID_MANIFEST, error };
    if key.namespace.as_deref() != Some(home.namespace) {
        let other = key.namespace.as_deref().unwrap_or_default();
        let message =
            format!("namespace {other} is another one; a GitSync writes only to its own, {}", home.namespace);
        return Err(invalid(document.error(message)));
    }
    let mut body = kind::checked(document, &key.into()).map_err(invalid)?;
    body["metadata"]["namespace"] = home.namespace.into();
    let mut object = Object { key: key.clone(), body: body.into() };
    object.mark("labels", names::OWNER_UID, home.uid);
    object.mark("labels", names::GITSYNC, home.name);
    object.unmark("annotations", names::DECLARED);
    Ok(object.stamped().packed())
}

/// An object that is declared twice is a mistake in both places.
fn refuse_twice(parsed: &mut [Parsed]) {
    let mut places: BTreeMap<ObjectKey, BTreeSet<(String, u64)>> = BTreeMap::new();
    for entry in parsed.iter().flat_map(|file| &file.entries) {
        places.entry(entry.key.clone()).or_default().insert((entry.file.clone(), entry.line));
    }
    for file in parsed.iter_mut() {
        let mistakes = file.entries.iter().filter_map(|entry| {
            let here = (entry.file.clone(), entry.line);
            let (other, line) = places.get(&entry.key)?.iter().find(|place| **place != here)?;
            let message = format!("{} is also declared in {other}:{line}; keep one of them", entry.key);
            let error = YamlError { file: entry.file.clone(), line: entry.line, column: 1, message };
            Some(Mistake { reason: reasons::INVALID_MANIFEST, error })
        });
        let mistakes: Vec<Mistake> = mistakes.collect();
        file.mistakes.extend(mistakes);
    }
}
