"""The lab's scenarios as data: one TOML file each, plus the catalogue of updates they draw from."""
