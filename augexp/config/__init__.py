"""What a run is told: read from YAML and `key=value`, checked, shown, compared. The door: `load.experiment`."""
