//! The push protocols: remote write 1.0 and 2.0.
//!
//! From the wire to storage: [`body::Format::negotiate`] reads the headers, [`body::Inflater`] decompresses into a
//! reused buffer, [`Scratch::decode`] turns the bytes into a [`Request`], which is a
//! [`WriteBatch`](nightjar_model::storage::WriteBatch) that borrows from them, and [`response::reply`] says what to
//! answer. Everything outside is hostile: every decoder is total, declared sizes are checked before allocation.

pub mod alertmanager;
mod arena;
pub mod body;
mod decode;
pub mod encode;
mod error;
mod exemplar;
mod histogram;
mod limits;
mod metadata;
mod refusal;
mod request;
pub mod response;
mod sample;
mod symbols;
mod v1;
mod v2;
mod wire;

pub use body::{BodyError, Encoding, Format, Inflater, Protocol};
pub use error::DecodeError;
pub use limits::Limits;
pub use refusal::Refusals;
pub use request::{Request, Scratch};
pub use wire::WireError;
