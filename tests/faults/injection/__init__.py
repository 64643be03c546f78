"""What the fault tests share: running programs under faults, damaged files, hostile inputs."""
