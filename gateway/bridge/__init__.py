"""What may cross between islands, and what never comes back."""
