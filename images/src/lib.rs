//! OCI images without Docker: a [`Layer`] is made from files, an [`Image`] from layers, and a [`Registry`] takes it.
//! The same files make the same digest, on every machine and on every day.

mod agent;
mod candidate;
mod error;
mod image;
mod layer;
mod layer_file;
mod libraries;
mod operator;
mod registry;

pub use agent::agent_image;
pub use candidate::push_candidate;
pub use error::ImageError;
pub use image::{Execution, Image, InheritedImage, Origin};
pub use layer::{ImageLayer, Layer, LayerBuilder};
pub use layer_file::LayerFile;
pub use libraries::shared_libraries;
pub use oci_client::Reference;
pub use operator::operator_image;
pub use registry::{Credentials, Registry};
