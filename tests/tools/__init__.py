"""Programs for those who develop augexp: benchmarks, kills, simulated studies. No tests."""
