"""What the gateway tells the outside about itself: health, metrics, logs, and MQTT."""
