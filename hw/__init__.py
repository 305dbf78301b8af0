"""The board and its radios, as Linux shows them. Knows neither links nor packets."""
