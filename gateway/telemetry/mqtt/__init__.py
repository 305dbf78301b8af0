"""MQTT: state, events and commands over a broker, and Home Assistant's discovery of them."""
