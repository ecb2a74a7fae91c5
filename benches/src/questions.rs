//! The questions.
use crate::{Outcome, capture::Capture, fleet::Fleet, options::Options};
pub(crate) fn answer(options: &Options) -> Outcome<()> {
    let capture = Capture::read(&options.capture, 4)?;
    let fleet = Fleet::new(&capture, 40, 10, 1_700_000_000_000);
    crate::decode::measure(&fleet, options.batch)
}
