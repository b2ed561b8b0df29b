//! The plugins that are installed: a database that scans fill, searches read and references are looked up in. Never loads
//! a plugin into this process.
//!
//! ```no_run
//! use crosspoint::plugins::{PluginDatabase, PluginQuery, ScanRequest};
//! use std::ops::ControlFlow;
//!
//! # fn main() -> Result<(), crosspoint::plugins::DatabaseError> {
//! // First thing in `main`: a scan starts this program again, as its worker.
//! crosspoint::formats::scan::serve_if_worker();
//! let mut database = PluginDatabase::open_default()?;
//! database.scan(&ScanRequest::installed()?, |_| ControlFlow::Continue(()))?;
//! let reverbs = PluginQuery { category: Some("reverb".to_owned()), ..PluginQuery::default() };
//! for plugin in database.search(&reverbs) {
//!     println!("{} in {}", plugin.facts.descriptor.name, plugin.path.display());
//! }
//! # Ok(())
//! # }
//! ```

mod database;
mod preset_name;
mod query;
mod reference;
mod scan;
mod stamp;

pub use database::{DatabaseError, KnownPlugin, PluginDatabase};
pub use preset_name::{PresetNameError, choose_preset};
pub use query::PluginQuery;
pub use reference::{PluginReference, ReferenceError};
pub use scan::{ScanProgress, ScanRequest, ScanSummary};
