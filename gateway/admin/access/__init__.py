"""Who may use the admin page and the API over a network, and how they prove it."""
