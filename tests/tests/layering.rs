//! Dependencies point one way, and each library stays in its own crate.

use serde_json::Value;
use std::process::Command;

/// Who may depend on whom among our crates, build and tests left out.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("crosspoint-graph", &[]),
    ("crosspoint-devices", &[]),
    ("crosspoint-formats", &["crosspoint-graph"]),
    ("crosspoint", &["crosspoint-graph", "crosspoint-devices", "crosspoint-formats"]),
    ("crosspoint-fixtures", &[]),
    ("crosspoint-fixture-file", &["crosspoint-fixtures"]),
];

/// Where alone a library may be used.
const HOMES: [(&str, &[&str]); 9] = [
    ("petgraph", &["crosspoint-graph"]),
    ("cpal", &["crosspoint-devices"]),
    ("jack", &["crosspoint-devices"]),
    ("clack-host", &["crosspoint-formats"]),
    ("clack-plugin", &["crosspoint-fixtures"]),
    ("nice-plug", &["crosspoint-rack"]),
    // Types for files, and for the pipes of a scan and of a probe.
    ("serde", &["crosspoint-devices", "crosspoint-formats", "crosspoint", "crosspoint-app"]),
    ("json5", &["crosspoint-formats"]),
    ("vst3", &["crosspoint-formats", "crosspoint-fixtures", "crosspoint-fixture-file"]),
];

fn normal_dependencies(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().expect("cargo lists dependencies");
    let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
    normal.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
}

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let mut checked = 0;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = normal_dependencies(package);
        if let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) {
            checked += 1;
            let ours = dependencies.iter().filter(|dependency| dependency.starts_with("crosspoint"));
            for dependency in ours {
                assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
            }
        }
        for (library, homes) in HOMES {
            let used = dependencies.iter().any(|dependency| dependency == library);
            assert!(!used || homes.contains(&name), "{library} is used in {name}; it belongs in {homes:?}");
        }
    }
    assert_eq!(checked, ALLOWED.len(), "a crate of the table is gone");
}
