"""Plate cameras that tell what they recognised in Hikvision ISAPI alerts (`driver.IsapiCamera`)."""
