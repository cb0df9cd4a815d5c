"""MQTT for the whole product: one link is one connection to one broker, kept up for ever.

`MqttLink` is what others use. Only `edge.mqtt.connection` names paho.
"""

from edge.mqtt.link import MqttLink
from edge.mqtt.values import (
    MAX_PAYLOAD_BYTES,
    LinkCounters,
    Message,
    MqttDown,
    MqttSettings,
    ProtocolVersion,
    TlsSettings,
)

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "LinkCounters",
    "Message",
    "MqttDown",
    "MqttLink",
    "MqttSettings",
    "ProtocolVersion",
    "TlsSettings",
]
