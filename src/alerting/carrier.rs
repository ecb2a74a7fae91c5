//! The seam between deciding and sending: a message in, its fate out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nightjar_alertmanager::config::Settings;
use nightjar_alertmanager::machine::Outcome;
use nightjar_alertmanager::notify::Delivery;
use nightjar_alertmanager::outbound::Outbound;
use nightjar_platform::Clock;
use nightjar_platform::net::guard::Guard;
use tokio::runtime::Handle;

/// The version of Alertmanager whose API this server speaks, and as which it shows itself to services.
pub const ALERTMANAGER_VERSION: &str = "0.34.0";

/// Carries messages to their services.
pub trait Carrier: Send + Sync + 'static {
    /// Carries one message and answers what became of it. It is called on a thread of its own and may block, but not
    /// much longer than [`Parcel::timeout`].
    fn carry(&self, parcel: Parcel<'_>) -> Outcome;
}

/// A message on its way.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// The integration that tells it.
    pub settings: &'a Settings,
    /// What relative paths in the settings are relative to.
    pub directory: &'a Path,
    /// What is to be sent.
    pub delivery: Delivery,
    /// How long it may take; never zero.
    pub timeout: Duration,
}

/// The network: HTTP and mail, on the connections of a tokio runtime.
#[derive(Debug)]
pub struct Network {
    outbound: Outbound,
    runtime: Handle,
}

impl Network {
    /// The way out of this machine, where `guard` judges foreign destinations; must be called inside of the runtime that
    /// is used.
    pub fn new(guard: Guard, clock: Arc<dyn Clock>) -> Network {
        let user_agent = format!("Alertmanager/{ALERTMANAGER_VERSION}");
        Network { outbound: Outbound::new(user_agent, guard, clock), runtime: Handle::current() }
    }
}

impl Carrier for Network {
    fn carry(&self, parcel: Parcel<'_>) -> Outcome {
        let Parcel { settings, directory, delivery, timeout } = parcel;
        self.runtime.block_on(self.outbound.carry(settings, directory, delivery, timeout))
    }
}
