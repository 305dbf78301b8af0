"""Updates of an appliance: signed bundles, versions side by side, and the way back."""
