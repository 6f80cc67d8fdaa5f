"""The YAML files of the configuration groups."""
