//! What our own decoders cost, without a server around them.

use std::time::Instant;

use nightjar_model::storage::WriteBatch;
use nightjar_remote_write::body::{Encoding, Inflater, Protocol};
use nightjar_remote_write::{Limits, Scratch};

use crate::Outcome;
use crate::fleet::Fleet;

/// Decodes the load of a fleet, repeatedly, and prints the best round.
pub(crate) fn measure(fleet: &Fleet<'_>, batch: usize) -> Outcome<()> {
    println!("decode: {:.0} B of labels per series, {batch} samples per request", fleet.label_bytes());
    for protocol in [Protocol::V1, Protocol::V2] {
        let load = fleet.load(protocol, 1, batch, 0..fleet.scrapes())?;
        let bodies = &load.requests[0];
        let per_sample = |nanos: f64| nanos / load.samples as f64;
        let (limits, mut inflater, mut scratch) = (Limits::default(), Inflater::new(), Scratch::new());
        let (mut inflate, mut decode) = (f64::MAX, f64::MAX);
        let mut message = Vec::new();
        for _ in 0..9 {
            let (mut inflating, mut decoding) = (0, 0);
            for body in bodies {
                let start = Instant::now();
                inflater.inflate(Encoding::Snappy, body, &limits, &mut message).map_err(|e| e.to_string())?;
                let inflated = Instant::now();
                let request = scratch.decode(protocol, &message, &limits).map_err(|e| e.to_string())?;
                std::hint::black_box(request.len());
                decoding += inflated.elapsed().as_nanos();
                inflating += (inflated - start).as_nanos();
            }
            inflate = inflate.min(inflating as f64);
            decode = decode.min(decoding as f64);
        }
        println!(
            "  {protocol:?}: {:.1} B/sample on the wire, snappy {:.1} ns/sample, decode {:.1} ns/sample",
            load.bytes as f64 / load.samples as f64,
            per_sample(inflate),
            per_sample(decode)
        );
    }
    Ok(())
}
