"""Figures: panels, heatmaps, line labels, colours and type."""
