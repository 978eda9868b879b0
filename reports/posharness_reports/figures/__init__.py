"""Drawing: panels, heat maps, line labels, and how each encoding looks."""
