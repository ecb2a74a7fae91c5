//! Queries as trees, so that a failing one can be made smaller.

use std::fmt;

/// What a part of a query is; a part can stand for another of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scalar,
    Vector,
    Matrix,
}

/// A part of a query.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    pub pieces: Vec<Piece>,
}

/// What a part is made of.
#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    /// Text that may be left out: a modifier, a matcher.
    Extra(String),
    Part(Node),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) | Piece::Extra(text) => f.write_str(text),
            Piece::Part(node) => node.fmt(f),
        })
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Piece {
        Piece::Text(text)
    }
}

impl From<Node> for Piece {
    fn from(node: Node) -> Piece {
        Piece::Part(node)
    }
}

impl Node {
    pub fn new(kind: Kind, pieces: Vec<Piece>) -> Node {
        Node { kind, pieces }
    }

    /// Everything one step simpler, the most simplified first.
    fn simpler(&self) -> Vec<Node> {
        let mut found: Vec<Node> = Vec::new();
        self.inner(self.kind, &mut found);
        for (i, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(_) => {}
                Piece::Extra(_) => {
                    let mut shorter = self.clone();
                    shorter.pieces.remove(i);
                    found.push(shorter);
                }
                Piece::Part(part) => found.extend(part.simpler().into_iter().map(|part| {
                    let mut simpler = self.clone();
                    simpler.pieces[i] = Piece::Part(part);
                    simpler
                })),
            }
        }
        found
    }

    /// The parts below, at any depth, that could stand for the whole.
    fn inner(&self, kind: Kind, found: &mut Vec<Node>) {
        for piece in &self.pieces {
            if let Piece::Part(part) = piece {
                if part.kind == kind {
                    found.push(part.clone());
                }
                part.inner(kind, found);
            }
        }
    }

    /// The smallest tree found that still fails, asking at most `limit` times.
    pub fn shrink(&self, mut limit: usize, mut fails: impl FnMut(&Node) -> bool) -> Node {
        let mut smallest = self.clone();
        while let Some(next) = smallest.simpler().into_iter().find(|candidate| {
            limit = limit.saturating_sub(1);
            limit > 0 && fails(candidate)
        }) {
            smallest = next;
        }
        smallest
    }
}

#[test]
fn a_failing_query_becomes_small() {
    let vector = |pieces| Node::new(Kind::Vector, pieces);
    let leaf = |name: &str| vector(vec![name.into(), Piece::Extra(" offset 5m".into())]);
    let sum = vector(vec!["sum".into(), Piece::Extra(" by (x)".into()), "(".into(), leaf("bad").into(), ")".into()]);
    let whole = vector(vec!["abs(".into(), leaf("good").into(), " + ".into(), sum.into(), ")".into()]);
    assert_eq!(whole.to_string(), "abs(good offset 5m + sum by (x)(bad offset 5m))");
    assert_eq!(whole.shrink(100, |n| n.to_string().contains("bad")).to_string(), "bad");
    assert_eq!(whole.shrink(100, |n| n.to_string().contains("sum")).to_string(), "sum(bad)");
}
