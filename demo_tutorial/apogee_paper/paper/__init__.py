"""What the numbered scripts of this folder share: settings, cuts, recipes, scores, figures, the catalogue."""
