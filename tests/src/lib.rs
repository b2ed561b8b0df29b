//! Tests across the crates: golden audio, conformance, fault injection.
