"""Measures the falling-object analyzer on clips whose falls are known: `labels` → `measure` → `scoring` → `report`."""
