//! What instances say to each other; see `docs/format/peers.md`.

use nightjar_alertmanager::machine::Shared;
use serde::{Deserialize, Serialize};

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Unique name; their order decides who tells first.
    pub name: String,
    /// Host and port.
    pub address: String,
}

/// A question, and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// 1.
    pub version: u32,
    /// Who speaks.
    pub from: Member,
    /// Whom the speaker knows to live, itself included.
    pub members: Vec<Member>,
    /// Whether `changes` is everything, and everything is asked for.
    pub full: bool,
    /// Silences, and what was told.
    pub changes: Vec<Shared>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_of_this_version_stays_readable() {
        let text = include_str!("../../../testdata/alertmanager/exchange-v1.json");
        let exchange: Exchange = serde_json::from_str(text).unwrap();
        assert_eq!((exchange.version, exchange.members.len(), exchange.changes.len()), (1, 2, 2));
        assert_eq!(serde_json::to_string(&exchange).unwrap(), text.trim());
    }
}
