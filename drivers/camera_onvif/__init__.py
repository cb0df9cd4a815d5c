"""Plate cameras that tell what they recognised as ONVIF metadata beside their video (`driver.OnvifCamera`)."""
